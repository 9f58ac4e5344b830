// What the network between the peers of tests/e2e does to packets, and what the lines say that change it.

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/netlab/control.h"
#include "tests/netlab/link_model.h"

namespace weft::netlab {
namespace {

constexpr std::size_t kPackets = 20'000;
constexpr std::size_t kBytes = 1'000;

Rules some_rules() {
  Rules rules;
  rules.loss_ppm = 20'000;
  rules.duplicate_ppm = 10'000;
  rules.delay_us = 20'000;
  rules.jitter_us = 10'000;
  return rules;
}

/// Arrivals of packets that are sent 1 ms apart; a lost one arrives at 0.
std::vector<std::uint64_t> arrivals(LinkModel& model, std::size_t from, std::size_t to) {
  std::vector<std::uint64_t> result;
  for (std::size_t i = 0; i < kPackets; ++i) {
    const Fate fate = model.send(from, to, kBytes, 1'000'000 + i * 1'000);
    result.push_back(fate.copies == 0 ? 0 : fate.at_us[0]);
    if (fate.copies == 2) result.push_back(fate.at_us[1]);
  }
  return result;
}

bool is_near(std::uint64_t value, double wanted) {
  return static_cast<double>(value) > wanted * 0.8 && static_cast<double>(value) < wanted * 1.2;
}

TEST_CASE("a link has the same luck for the same seed, whatever the other links carry") {
  LinkModel one(3, 7, some_rules());
  LinkModel other(3, 7, some_rules());
  (void)arrivals(other, 1, 0);
  (void)arrivals(other, 0, 2);
  CHECK(arrivals(one, 0, 1) == arrivals(other, 0, 1));
  LinkModel another_seed(3, 8, some_rules());
  CHECK(arrivals(one, 0, 1) != arrivals(another_seed, 0, 1));
}

TEST_CASE("packets get lost and doubled as often as the rules say") {
  LinkModel model(2, 1, some_rules());
  (void)arrivals(model, 0, 1);
  CHECK(model.counts().packets == kPackets);
  CHECK(model.counts().bytes == kPackets * kBytes);
  CHECK(is_near(model.counts().lost, kPackets * 0.02));
  CHECK(is_near(model.counts().duplicated, kPackets * 0.0098));  // of those that are not lost
}

TEST_CASE("a packet takes from delay to delay and jitter") {
  Rules rules = some_rules();
  rules.loss_ppm = rules.duplicate_ppm = 0;
  LinkModel model(2, 1, rules);
  for (std::uint64_t now = 0; now < 1'000; ++now) {
    const std::uint64_t took = model.send(0, 1, kBytes, now).at_us[0] - now;
    CHECK(took >= 20'000);
    CHECK(took <= 30'000);
  }
}

TEST_CASE("a stream's bytes are late but arrive all and in order") {
  LinkModel model(2, 1, some_rules());
  std::uint64_t last = 0;
  for (std::uint64_t now = 0; now < 1'000; ++now) {
    const std::uint64_t at = model.send_in_order(0, 1, kBytes, now);
    CHECK(at >= now + 20'000);
    CHECK(at >= last);
    last = at;
  }
}

TEST_CASE("a slow link spaces packets out and drops what does not fit before it") {
  Rules rules;
  rules.rate_bytes_per_s = 100'000;  // 10 ms a packet, so 20 wait at most
  LinkModel model(2, 1, rules);
  CHECK(model.send(0, 1, kBytes, 0).at_us[0] == 10'000);
  CHECK(model.send(0, 1, kBytes, 0).at_us[0] == 20'000);
  CHECK(model.send(1, 0, kBytes, 0).at_us[0] == 10'000);  // each direction by itself
  for (int i = 0; i < 30; ++i) (void)model.send(0, 1, kBytes, 0);
  CHECK(model.counts().overrun == 12);
  CHECK(model.send(0, 1, kBytes, 1'000'000).at_us[0] == 1'010'000);
}

TEST_CASE("a split cuts between groups and leaves links inside of them") {
  LinkModel model(5, 1, Rules{});
  CHECK(obey(model, "split 0 1 / 2") == "ok split 0 1 / 2");
  CHECK(model.is_up(0, 1));
  CHECK(model.is_up(3, 4));  // not named: a group too
  CHECK_FALSE(model.is_up(1, 2));
  CHECK_FALSE(model.is_up(2, 4));
  CHECK_FALSE(model.is_up(4, 0));
  CHECK(model.send(1, 2, kBytes, 0).copies == 0);
  CHECK(model.counts().cut == 1);
  CHECK(obey(model, "heal") == "ok heal");
  CHECK(model.is_up(1, 2));
  CHECK(obey(model, "oneway 3 4") == "ok oneway 3 4");
  CHECK_FALSE(model.is_up(3, 4));
  CHECK(model.is_up(4, 3));
  CHECK(obey(model, "cut 0 4") == "ok cut 0 4");
  CHECK_FALSE(model.is_up(4, 0));
}

TEST_CASE("a line that makes no sense changes nothing and says so") {
  LinkModel model(2, 1, some_rules());
  for (const char* line : {"", "los 0.1", "loss", "loss 1.5", "loss -1", "loss nan", "delay fast",
                           "delay 1 x", "cut 0", "cut 0 2", "cut 0 1x", "split 0 / 7", "rate"})
    CHECK_MESSAGE(obey(model, line).starts_with("error "), line);
  CHECK(model.is_up(0, 1));
  CHECK(model.rules().loss_ppm == some_rules().loss_ppm);
  CHECK(model.rules().delay_us == some_rules().delay_us);
}

}  // namespace
}  // namespace weft::netlab
