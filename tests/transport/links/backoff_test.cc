// Outages in virtual time: when addresses that can't be reached are dialled again.
#include "transport/links/backoff.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "tests/support/random.h"

using namespace weft;
using links::Backoff;

namespace {

/// When a dialler whose address is gone from 0 to `outage_ms` is back, after that.
/// @param sign_ms  when it sees a sign of life; 0: never
std::uint64_t back_after(const Backoff::Options& options, std::uint64_t outage_ms,
                         std::uint64_t sign_ms, test::Random& random) {
  Backoff backoff(options);
  std::uint64_t now = 0;
  while (now < outage_ms) {
    backoff.begin_attempt();
    std::uint64_t next = backoff.next_try_ms(now, random.next());
    if (sign_ms != 0 && now <= sign_ms && sign_ms < next && backoff.take_sign(sign_ms))
      next = std::min(next, backoff.next_try_by_sign_ms(sign_ms, random.next()));
    now = std::max(next, now + 1);
  }
  return now - outage_ms;
}

struct Back {
  std::uint64_t mean_ms = 0;
  std::uint64_t last_ms = 0;
};

Back back_of(const Backoff::Options& options, std::uint64_t sign_ms,
             std::vector<std::uint64_t>* all = nullptr) {
  constexpr std::uint64_t kOutageMs = 50'000;
  constexpr std::size_t kDiallers = 2'000;
  test::Random random(7);
  Back back;
  for (std::size_t i = 0; i < kDiallers; ++i) {
    const std::uint64_t ms = back_after(options, kOutageMs, sign_ms, random);
    back.mean_ms += ms;
    back.last_ms = std::max(back.last_ms, ms);
    if (all != nullptr) all->push_back(ms);
  }
  back.mean_ms /= kDiallers;
  return back;
}

}  // namespace

TEST_CASE("after an outage of 50 s everybody is back within 5 s, and at once with a sign of life") {
  const Back capped = back_of({}, 0);
  MESSAGE("without a sign: mean " << capped.mean_ms << " ms, last " << capped.last_ms << " ms");
  CHECK(capped.last_ms <= 5'000);
  CHECK(capped.mean_ms <= 2'500);
  const Back signed_back = back_of({}, 50'000);
  MESSAGE("with a sign: mean " << signed_back.mean_ms << " ms, last " << signed_back.last_ms
                               << " ms");
  CHECK(signed_back.last_ms <= 500);
  // As it was: a cap of 30 s, and nobody looked for signs.
  const Back before = back_of({.max_ms = 30'000}, 0);
  MESSAGE("with a cap of 30 s: mean " << before.mean_ms << " ms, last " << before.last_ms << " ms");
  CHECK(before.last_ms > 20'000);
}

TEST_CASE("those who lost the same peer don't come back all at once") {
  for (const std::uint64_t sign_ms : {std::uint64_t{0}, std::uint64_t{50'000}}) {
    std::vector<std::uint64_t> all;
    const std::uint64_t last_ms = back_of({}, sign_ms, &all).last_ms;
    // In no tenth of the time more than a quarter of them.
    std::vector<std::size_t> tenths(11);
    for (std::uint64_t ms : all) ++tenths[ms * 10 / (last_ms + 1)];
    CHECK(*std::max_element(tenths.begin(), tenths.end()) < all.size() / 4);
  }
}

TEST_CASE("signs that come all the time make nobody dial all the time") {
  test::Random random(3);
  Backoff backoff({});
  std::size_t counted = 0;
  for (std::uint64_t now = 0; now < 60'000; now += 10) counted += backoff.take_sign(now) ? 1U : 0U;
  CHECK(counted == 60);
}

TEST_CASE("a sign of life lets the waits begin anew with the shortest") {
  Backoff backoff({});
  for (int i = 0; i < 10; ++i) backoff.begin_attempt();
  CHECK(backoff.next_try_ms(0, 4'999) == 4'999);
  CHECK(backoff.take_sign(1'000));
  backoff.begin_attempt();
  CHECK(backoff.next_try_ms(0, 4'999) <= 200);
}
