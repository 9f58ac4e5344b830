#include "transport/links/dialler.h"

#include <memory>
#include <string>

#include <doctest/doctest.h>

#include "tests/support/folder.h"
#include "tests/transport/links/toy_device.h"
#include "transport/links/sockets.h"

using namespace weft;
using namespace weft::links;
using namespace weft::test;

namespace {

LinkHub::Options quick() {
  LinkHub::Options options;
  options.backoff_min_ms = 1;
  options.backoff_max_ms = 8;
  return options;
}

/// A TCP port of this machine on which nobody listens, as long as this lives.
struct ClosedPort {
  ClosedPort() {
    Endpoint endpoint = direct_endpoints(Address::parse("tcp:127.0.0.1:0").value()).front();
    socket = make_socket(AF_INET, "").value();
    REQUIRE(::bind(socket.get(), endpoint.data(), endpoint.size) == 0);
    REQUIRE(::getsockname(socket.get(), endpoint.data(), &endpoint.size) == 0);
    address = Address::parse(endpoint.print()).value();
  }
  Fd socket;
  Address address;
};

DialStatus only_status(const ToyDevice& device) {
  const std::vector<DialStatus> all = device.hub.dialled();
  REQUIRE(all.size() == 1);
  return all[0];
}

}  // namespace

TEST_CASE("a dialler tries again and again, and connects when somebody listens") {
  const Folder folder;
  const std::string text = "unix:" + folder.path() + "/s";
  EventLoop loop;
  ToyDevice b(loop, quick());
  REQUIRE(b.hub.dial(Address::parse(text).value()).ok());
  CHECK(only_status(b).state == "connecting");
  REQUIRE(loop.run_until([&] { return only_status(b).attempts > 5; }, kPatienceMs));
  for (std::size_t round = 1; round <= 3; ++round) {
    auto a = std::make_unique<ToyDevice>(loop);
    a->listen(text);
    REQUIRE(loop.run_until([&] { return b.up_count == round; }, kPatienceMs));
    CHECK(only_status(b).state.starts_with("connected for "));
    CHECK(only_status(b).link == round);
    a.reset();
    REQUIRE(loop.run_until([&] { return b.down_count == round; }, kPatienceMs));
    CHECK_FALSE(only_status(b).link.has_value());
    REQUIRE(loop.run_until([&] { return only_status(b).attempts > 6; }, kPatienceMs));
  }
  for (const auto& [id, link] : b.links) CHECK(link.dialled);
}

TEST_CASE("waits are random up to a bound that doubles and has a cap") {
  const ClosedPort closed;
  EventLoop loop;
  LinkHub::Options options;
  std::uint64_t asked = 0;
  options.backoff_min_ms = 4;
  options.backoff_max_ms = 20;
  options.random = [&asked] {
    ++asked;
    return std::uint64_t{18};
  };
  ToyDevice device(loop, std::move(options));
  REQUIRE(device.hub.dial(closed.address).ok());
  // Bounds 4, 8, 16, 20, 20, ...: waits 18 % 5 = 3, 18 % 9 = 0, 18 % 17 = 1, 18, 18, ...
  const std::uint64_t begin_ms = loop.now_ms();
  REQUIRE(loop.run_until([&] { return asked == 6; }, kPatienceMs));
  CHECK(loop.now_ms() - begin_ms >= 3 + 0 + 1 + 18 + 18);
}

TEST_CASE("the status of a dialled address says when the next try is, and why") {
  const ClosedPort closed;
  EventLoop loop;
  LinkHub::Options options;
  options.backoff_min_ms = 3'600'000;
  options.backoff_max_ms = 3'600'000;
  options.random = [] { return std::uint64_t{3'300'000}; };
  ToyDevice device(loop, std::move(options));
  REQUIRE(device.hub.dial(closed.address).ok());
  REQUIRE(loop.run_until([&] { return only_status(device).state != "connecting"; }, kPatienceMs));
  INFO(only_status(device).state);
  CHECK(only_status(device).state.starts_with("next try in 5"));
  CHECK(only_status(device).state.ends_with(" min: connection refused: nobody listens there"));
  CHECK(only_status(device).attempts == 1);
}

TEST_CASE("a link that lasted resets the waits, a short one does not") {
  EventLoop loop;
  ToyDevice a(loop);
  LinkHub::Options options = quick();
  SUBCASE("short") { options.settled_ms = 3'600'000; }
  SUBCASE("long") { options.settled_ms = 0; }
  const bool resets = options.settled_ms == 0;
  ToyDevice b(loop, std::move(options));
  REQUIRE(b.hub.dial(a.listen("tcp:127.0.0.1:0")).ok());
  for (std::size_t round = 1; round <= 4; ++round) {
    REQUIRE(
        loop.run_until([&] { return b.up_count == round && a.up_count == round; }, kPatienceMs));
    CHECK(only_status(b).attempts == (resets ? 1 : round));
    a.end(static_cast<std::uint32_t>(round), {});
    REQUIRE(loop.run_until([&] { return b.down_count == round; }, kPatienceMs));
  }
}

TEST_CASE("a forgotten address is dialled no more, and its link ends") {
  EventLoop loop;
  ToyDevice a(loop);
  ToyDevice b(loop, quick());
  const Address address = a.listen("tcp:127.0.0.1:0");
  CHECK_FALSE(b.hub.forget(address));
  REQUIRE(b.hub.dial(address).ok());
  REQUIRE(b.hub.dial(address).ok());  // changes nothing
  REQUIRE(loop.run_until([&] { return b.up_count == 1 && a.up_count == 1; }, kPatienceMs));
  b.links.at(1).outbox.push_back({1, sync::Bye{sync::ByeReason::kDone, "forgotten"}});
  CHECK(b.hub.forget(address));
  CHECK(b.hub.dialled().empty());
  REQUIRE(loop.run_until([&] { return b.down_count == 1 && a.down_count == 1; }, kPatienceMs));
  CHECK(a.links.at(1).down->find("forgotten") != std::string::npos);
  CHECK(*b.links.at(1).down == "the address is dialled no more");
  bool later = false;
  const EventLoop::Timer other = loop.after(30, [&] { later = true; });
  REQUIRE(loop.run_until([&] { return later; }, kPatienceMs));
  CHECK(b.up_count == 1);
  REQUIRE(b.hub.dial(address).ok());
  REQUIRE(loop.run_until([&] { return b.up_count == 2; }, kPatienceMs));
}

TEST_CASE("forgetting while it connects or waits ends that, too") {
  const ClosedPort closed;
  EventLoop loop;
  ToyDevice device(loop, quick());
  for (std::uint64_t attempts = 0; attempts < 4; ++attempts) {
    REQUIRE(device.hub.dial(closed.address).ok());
    REQUIRE(loop.run_until([&] { return only_status(device).attempts >= attempts; }, kPatienceMs));
    CHECK(device.hub.forget(closed.address));
  }
  bool later = false;
  const EventLoop::Timer other = loop.after(5, [&] { later = true; });
  REQUIRE(loop.run_until([&] { return later; }, kPatienceMs));
  CHECK(device.hub.dialled().empty());
}

TEST_CASE("localhost stands for both numbers: the one that answers is taken") {
  EventLoop loop;
  ToyDevice a(loop);
  ToyDevice b(loop, quick());
  const Address listened = a.listen("tcp:[::1]:0");
  const Address named = Address::parse("tcp:localhost:" + std::to_string(listened.port)).value();
  REQUIRE(b.hub.dial(named).ok());
  REQUIRE(loop.run_until([&] { return b.up_count == 1; }, kPatienceMs));
  CHECK(b.links.at(1).name == named.print());
}

TEST_CASE("with as many links as there may be, dialling waits") {
  EventLoop loop;
  ToyDevice a(loop);
  LinkHub::Options options = quick();
  options.links_max = 1;
  ToyDevice b(loop, std::move(options));
  const Address first = a.listen("tcp:127.0.0.1:0");
  const Address second = a.listen("tcp:127.0.0.1:0");
  REQUIRE(b.hub.dial(first).ok());
  REQUIRE(loop.run_until([&] { return b.up_count == 1; }, kPatienceMs));
  REQUIRE(b.hub.dial(second).ok());
  REQUIRE(loop.run_until(
      [&] {
        for (const DialStatus& status : b.hub.dialled())
          if (status.address == second && status.attempts > 3) return true;
        return false;
      },
      kPatienceMs));
  CHECK(b.up_count == 1);
  CHECK(b.hub.forget(first));
  REQUIRE(loop.run_until([&] { return b.up_count == 2; }, kPatienceMs));
}

TEST_CASE("port 0 can't be dialled") {
  EventLoop loop;
  ToyDevice device(loop);
  const Status dialled = device.hub.dial(Address::parse("tcp:127.0.0.1:0").value());
  REQUIRE_FALSE(dialled.ok());
  CHECK(dialled.error().code() == ErrorCode::kInvalidArgument);
}

TEST_CASE(
    "a link that comes up lets the others be dialled soon, and so does a network that has "
    "changed") {
  const Folder folder;
  EventLoop loop;
  LinkHub::Options options;
  options.backoff_min_ms = options.backoff_max_ms = 3'600'000;
  std::uint64_t drawn = 3'000'000;
  options.random = [&drawn] { return drawn; };
  ToyDevice b(loop, std::move(options));
  const auto address = [&](const char* name) { return "unix:" + folder.path() + name; };
  const auto is_up = [&](const std::string& name) {
    for (const DialStatus& each : b.hub.dialled())
      if (each.address.print() == name) return each.link.has_value();
    return false;
  };
  for (const char* name : {"/one", "/two", "/three"})
    REQUIRE(b.hub.dial(Address::parse(address(name)).value()).ok());
  const auto all_wait = [&] {
    for (const DialStatus& each : b.hub.dialled())
      if (!each.link && !each.state.starts_with("next try in ")) return false;
    return true;
  };
  REQUIRE(loop.run_until(all_wait, kPatienceMs));
  drawn = 3;
  ToyDevice a(loop);
  a.listen(address("/one"));
  a.listen(address("/two"));
  const Address own = b.listen(address("/own"));
  ToyDevice caller(loop);
  REQUIRE(caller.hub.dial(own).ok());  // a link that comes in
  REQUIRE(loop.run_until([&] { return is_up(address("/one")) && is_up(address("/two")); },
                         kPatienceMs));
  REQUIRE(loop.run_until(all_wait, kPatienceMs));
  CHECK_FALSE(is_up(address("/three")));
  a.listen(address("/three"));
  bool is_over = false;
  const EventLoop::Timer pause = loop.after(1'100, [&] { is_over = true; });  // Backoff's pause_ms
  drawn = 3'000'000;
  REQUIRE(loop.run_until([&] { return is_over; }, kPatienceMs));
  drawn = 3;
  b.hub.network_changed();
  REQUIRE(loop.run_until([&] { return is_up(address("/three")); }, kPatienceMs));
}
