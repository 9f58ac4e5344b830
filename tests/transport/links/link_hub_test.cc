// Messages between two hubs, and the ways in which a link ends.
#include "transport/links/link_hub.h"

#include <memory>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "tests/support/folder.h"
#include "tests/transport/links/raw_peer.h"
#include "tests/transport/links/toy_device.h"

using namespace weft;
using namespace weft::links;
using namespace weft::test;

namespace {

struct Kind {
  const char* name;
  std::string address;
};

std::vector<Kind> kinds(const Folder& folder) {
  return {{"TCP", "tcp:127.0.0.1:0"},
          {"TCP over IPv6", "tcp:[::1]:0"},
          {"Unix", "unix:" + folder.path() + "/s"}};
}

/// Do all links of the device have as many messages as that?
bool each_received(const ToyDevice& device, std::size_t count) {
  for (const auto& [id, link] : device.links)
    if (link.received.size() < count) return false;
  return !device.links.empty();
}

}  // namespace

TEST_CASE("messages of all sizes arrive whole and in order, both ways at once") {
  const Folder folder;
  for (const Kind& kind : kinds(folder)) {
    CAPTURE(kind.name);
    EventLoop loop;
    ToyDevice a(loop);
    ToyDevice b(loop);
    REQUIRE(b.hub.dial(a.listen(kind.address)).ok());
    REQUIRE(loop.run_until([&] { return a.up_count == 1 && b.up_count == 1; }, kPatienceMs));
    CHECK_FALSE(a.links.at(1).dialled);
    CHECK(b.links.at(1).dialled);

    Random random(4);
    std::vector<sync::Envelope> sent = {{0, sync::AllAnnounced{}}};
    for (std::uint32_t i = 1; i < 60; ++i) {
      const std::size_t sizes[] = {random.below(200), random.below(5000),
                                   sync::Limits::kPartBytes - random.below(9)};
      sent.push_back(part(i, sizes[random.below(3)], random));
      a.links.at(1).outbox.push_back(sent.back());
      b.links.at(1).outbox.push_back(sent.back());
    }
    a.hub.wake(1);
    b.hub.wake(1);
    REQUIRE(loop.run_until(
        [&] { return each_received(a, sent.size()) && each_received(b, sent.size()); },
        kPatienceMs));
    CHECK(a.links.at(1).received == sent);
    CHECK(b.links.at(1).received == sent);
  }
}

TEST_CASE("messages arrive whole whatever the cuts") {
  EventLoop loop;
  ToyDevice device(loop);
  RawPeer peer(device.listen("tcp:127.0.0.1:0"));
  Random random(5);
  std::vector<sync::Envelope> sent;
  Bytes bytes;
  for (std::uint32_t i = 0; i < 40; ++i) {
    sent.push_back(part(i, random.chance(1, 8) ? 30'000 : random.below(100), random));
    wire::encode_frame(sent.back(), bytes);
  }
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t most = random.chance(1, 2) ? 20 : 9000;
    const std::size_t size = std::min(bytes.size() - at, 1 + random.below(most));
    at += peer.send(ByteSpan(bytes).subspan(at, size));
    loop.run_until([] { return false; }, 1);
  }
  REQUIRE(loop.run_until([&] { return each_received(device, sent.size()); }, kPatienceMs));
  CHECK(device.links.at(1).received == sent);
}

TEST_CASE("a link ends when its session says so, after everything that was to be sent") {
  EventLoop loop;
  ToyDevice a(loop);
  ToyDevice b(loop);
  const Address address = a.listen("tcp:127.0.0.1:0");
  REQUIRE(b.hub.dial(address).ok());
  REQUIRE(loop.run_until([&] { return each_received(a, 1) && each_received(b, 1); }, kPatienceMs));
  Random random(6);
  for (std::uint32_t i = 1; i <= 30; ++i) a.links.at(1).outbox.push_back(part(i, 100'000, random));
  a.end(1, {sync::ByeReason::kIdentityChanged, "come back"});
  REQUIRE(loop.run_until([&] { return a.links.at(1).down && b.links.at(1).down; }, kPatienceMs));
  CHECK(b.links.at(1).received.size() == 32);
  CHECK(*a.links.at(1).down ==
        std::string(sync::reason_name(sync::ByeReason::kIdentityChanged)) + ": come back");
  CHECK(*b.links.at(1).down == *a.links.at(1).down);  // the Bye says more than the end of the bytes
  REQUIRE(loop.run_until([&] { return b.up_count == 2; }, kPatienceMs));  // and it comes back
}

TEST_CASE("garbage closes only its own link, after a Bye, with a reason") {
  EventLoop loop;
  ToyDevice device(loop);
  device.echoes = true;
  const Address address = device.listen("tcp:127.0.0.1:0");
  RawPeer good(address);
  good.send_hello();
  REQUIRE(loop.run_until([&] { return device.up_count == 1; }, kPatienceMs));
  RawPeer bad(address);
  bad.send(as_bytes("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"));
  REQUIRE(loop.run_until([&] { return bad.is_closed(); }, kPatienceMs));
  const std::vector<sync::Envelope> told = bad.envelopes();
  REQUIRE(told.size() == 2);
  CHECK(std::get<sync::Bye>(told[1].message).reason == sync::ByeReason::kGarbage);
  bad.close();
  REQUIRE(loop.run_until([&] { return device.down_count == 1; }, kPatienceMs));
  CHECK(device.links.at(2).garbage.size() == 1);
  CHECK(device.links.at(2).down->starts_with("garbage: "));
  CHECK_FALSE(device.links.at(1).down);

  good.send({1, sync::AllAnnounced{}});
  REQUIRE(loop.run_until([&] { return device.links.at(1).received.size() == 2; }, kPatienceMs));
}

TEST_CASE("garbage behind good messages, and more behind it, is told once") {
  EventLoop loop;
  ToyDevice device(loop);
  RawPeer peer(device.listen("tcp:127.0.0.1:0"));
  peer.send_hello();
  Bytes noise(100'000, std::byte{0x5a});
  peer.send(noise);
  REQUIRE(loop.run_until([&] { return peer.is_closed(); }, kPatienceMs));
  peer.send(noise);
  peer.close();
  REQUIRE(loop.run_until([&] { return device.down_count == 1; }, kPatienceMs));
  CHECK(device.links.at(1).received.size() == 1);
  CHECK(device.links.at(1).garbage.size() == 1);
}

TEST_CASE("what came before the other end broke off is delivered") {
  EventLoop loop;
  ToyDevice device(loop);
  RawPeer peer(device.listen("tcp:127.0.0.1:0"));
  REQUIRE(loop.run_until([&] { return device.up_count == 1; }, kPatienceMs));
  peer.send_hello();
  peer.send({1, sync::Bye{sync::ByeReason::kStore, "disk full"}});
  peer.close();  // without having read: the hub's writes fail from here on
  REQUIRE(loop.run_until([&] { return device.down_count == 1; }, kPatienceMs));
  CHECK(device.links.at(1).received.size() == 2);
  CHECK(device.links.at(1).down->find("disk full") != std::string::npos);
}

TEST_CASE("a hub that stops sends what its sessions have, closes all links, then says so") {
  EventLoop loop;
  ToyDevice a(loop);
  ToyDevice b(loop);
  ToyDevice c(loop);
  const Address address = a.listen("tcp:127.0.0.1:0");
  REQUIRE(b.hub.dial(address).ok());
  REQUIRE(a.hub.dial(c.listen("tcp:127.0.0.1:0")).ok());
  REQUIRE(loop.run_until([&] { return each_received(b, 1) && each_received(c, 1); }, kPatienceMs));
  Random random(7);
  for (auto& [id, link] : a.links) {
    for (std::uint32_t i = 1; i <= 10; ++i) link.outbox.push_back(part(i, 100'000, random));
    link.outbox.push_back({11, sync::Bye{sync::ByeReason::kDone, "good night"}});
  }
  bool stopped = false;
  a.hub.stop([&] { stopped = true; });
  CHECK_FALSE(stopped);  // no callback comes from inside a call
  REQUIRE(loop.run_until([&] { return stopped; }, kPatienceMs));
  CHECK(a.hub.link_count() == 0);
  CHECK(a.down_count == 2);
  REQUIRE(loop.run_until([&] { return b.down_count == 1 && c.down_count == 1; }, kPatienceMs));
  CHECK(b.links.at(1).received.size() == 12);
  CHECK(c.links.at(1).received.size() == 12);
  CHECK(b.links.at(1).down->find("good night") != std::string::npos);
  CHECK(a.hub.listening().empty());
  CHECK(a.hub.dialled().empty());
  CHECK(a.hub.listen(address).error().code() == ErrorCode::kReadOnly);
  CHECK(a.hub.dial(address).error().code() == ErrorCode::kReadOnly);
}

TEST_CASE("stopping is bounded in time where the other end reads nothing and closes nothing") {
  EventLoop loop;
  LinkHub::Options options;
  options.ending_timeout_ms = 50;
  ToyDevice device(loop, std::move(options));
  RawPeer peer(device.listen("tcp:127.0.0.1:0"));
  peer.send_hello();
  REQUIRE(loop.run_until([&] { return each_received(device, 1); }, kPatienceMs));
  Random random(8);
  for (std::uint32_t i = 1; i <= 200; ++i)
    device.links.at(1).outbox.push_back(part(i, 130'000, random));  // more than sockets hold
  bool stopped = false;
  device.hub.stop([&] { stopped = true; });
  REQUIRE(loop.run_until([&] { return stopped; }, kPatienceMs));
  CHECK(device.down_count == 1);
}

TEST_CASE("a hub without links says at once that it stopped") {
  EventLoop loop;
  ToyDevice device(loop);
  bool stopped = false;
  device.hub.stop([&] { stopped = true; });
  REQUIRE(loop.run_until([&] { return stopped; }, kPatienceMs));
}

TEST_CASE("a hub may go, and the loop after it, while links are busy") {
  EventLoop loop;
  auto a = std::make_unique<ToyDevice>(loop);
  auto b = std::make_unique<ToyDevice>(loop);
  a->echoes = b->echoes = true;  // the hellos go to and fro for ever
  REQUIRE(b->hub.dial(a->listen("tcp:127.0.0.1:0")).ok());
  REQUIRE(loop.run_until([&] { return each_received(*a, 20); }, kPatienceMs));
  a.reset();
  REQUIRE(loop.run_until([&] { return b->down_count == 1; }, kPatienceMs));
  SUBCASE("the loop goes on") {
    b.reset();
    bool later = false;
    const EventLoop::Timer other = loop.after(5, [&] { later = true; });
    REQUIRE(loop.run_until([&] { return later; }, kPatienceMs));
  }
  SUBCASE("the loop ends") { b.reset(); }
}

TEST_CASE("a handler may stop the hub, forget and dial from inside its callbacks") {
  struct Meddler final : LinkHandler {
    Meddler(EventLoop& loop, Address other_address)
        : other(std::move(other_address)), hub(loop, *this, options()) {}
    static LinkHub::Options options() {
      LinkHub::Options made;
      made.random = [] { return std::uint64_t{0}; };
      return made;
    }
    std::uint32_t link_up(bool, std::string) override {
      forgotten = hub.forget(other);
      if (stops_at_up) hub.stop([this] { stopped = true; });
      return ++up_count;
    }
    void received(std::uint32_t, sync::Envelope) override {
      hub.stop([this] { stopped = true; });
    }
    void garbage(std::uint32_t, const Error&) override {}
    std::optional<sync::Envelope> poll(std::uint32_t) override { return std::nullopt; }
    std::optional<sync::Bye> ended(std::uint32_t) override { return std::nullopt; }
    void link_down(std::uint32_t, std::string) override { ++down_count; }

    Address other;
    bool stops_at_up = false;
    bool forgotten = false;
    bool stopped = false;
    std::uint32_t up_count = 0;
    std::uint32_t down_count = 0;
    LinkHub hub;
  };
  EventLoop loop;
  ToyDevice device(loop);
  const Address address = device.listen("tcp:127.0.0.1:0");
  Meddler meddler(loop, address);
  SUBCASE("forget from inside link_up") {
    REQUIRE(meddler.hub.dial(address).ok());
    REQUIRE(loop.run_until([&] { return meddler.down_count == 1; }, kPatienceMs));
    CHECK(meddler.forgotten);
    CHECK(meddler.hub.dialled().empty());
  }
  SUBCASE("stop from inside the link_up of a dialled link") {
    meddler.stops_at_up = true;
    REQUIRE(meddler.hub.dial(address).ok());
    REQUIRE(loop.run_until([&] { return meddler.stopped; }, kPatienceMs));
    CHECK(meddler.down_count == 1);
  }
  SUBCASE("stop from inside received and link_up of an accepted link") {
    meddler.stops_at_up = true;
    const Address own = meddler.hub.listen(Address::parse("tcp:127.0.0.1:0").value()).value();
    REQUIRE(device.hub.dial(own).ok());
    REQUIRE(loop.run_until([&] { return meddler.stopped; }, kPatienceMs));
    CHECK(meddler.down_count == 1);
  }
  SUBCASE("stop from inside received") {
    const Address own = meddler.hub.listen(Address::parse("tcp:127.0.0.1:0").value()).value();
    REQUIRE(device.hub.dial(own).ok());
    REQUIRE(loop.run_until([&] { return meddler.stopped; }, kPatienceMs));
    CHECK(meddler.down_count == 1);
  }
}

TEST_CASE("other threads hand messages over by post") {
  constexpr std::uint32_t kCount = 300;
  EventLoop loop;
  ToyDevice a(loop);
  ToyDevice b(loop);
  REQUIRE(b.hub.dial(a.listen("tcp:127.0.0.1:0")).ok());
  REQUIRE(loop.run_until([&] { return each_received(a, 1) && each_received(b, 1); }, kPatienceMs));
  std::thread editor([&] {
    for (std::uint32_t i = 1; i <= kCount; ++i)
      loop.post([&, i] { b.send(1, {i, sync::Credit{i}}); });
  });
  CHECK(loop.run_until([&] { return each_received(a, kCount + 1); }, kPatienceMs));
  editor.join();
}

TEST_CASE("an unknown link may be woken") {
  EventLoop loop;
  ToyDevice device(loop);
  device.hub.wake(17);
}
