// Who may not have a link, and who loses it: limits of time and number.
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "tests/support/folder.h"
#include "tests/support/skip.h"
#include "tests/transport/links/raw_peer.h"
#include "tests/transport/links/toy_device.h"
#include "transport/links/link_hub.h"

using namespace weft;
using namespace weft::links;
using namespace weft::test;

TEST_CASE("who connects and says nothing is cut off, who said hello is not") {
  EventLoop loop;
  LinkHub::Options options;
  options.greeting_timeout_ms = 50;
  ToyDevice device(loop, std::move(options));
  const Address address = device.listen("tcp:127.0.0.1:0");
  RawPeer good(address);
  good.send_hello();
  RawPeer silent(address);
  REQUIRE(loop.run_until([&] { return silent.is_closed(); }, kPatienceMs));
  REQUIRE(loop.run_until([&] { return device.down_count == 1; }, kPatienceMs));
  bool later = false;
  const EventLoop::Timer other = loop.after(100, [&] { later = true; });
  REQUIRE(loop.run_until([&] { return later; }, kPatienceMs));
  CHECK(device.down_count == 1);
  CHECK_FALSE(good.is_closed());
  for (const auto& [id, link] : device.links) {
    if (link.received.empty())
      CHECK(link.down.value_or("") == "no message within 50 ms of connecting");
    else
      CHECK_FALSE(link.down.has_value());
  }
}

TEST_CASE("a message that comes byte by byte is cut off at the limit, greeting or not") {
  for (const bool greets : {true, false}) {
    CAPTURE(greets);
    EventLoop loop;
    LinkHub::Options options;
    options.frame_timeout_ms = 300;
    options.greeting_timeout_ms = greets ? 60'000 : 300;
    ToyDevice device(loop, std::move(options));
    RawPeer peer(device.listen("tcp:127.0.0.1:0"));
    if (greets) peer.send_hello();
    Random random(1);
    Bytes frame;
    wire::encode_frame(part(1, 5000, random), frame);
    std::size_t sent = 0;
    const EventLoop::Timer drip = loop.every(50, [&] {
      if (sent < frame.size() && !peer.is_broken())
        sent += peer.send(ByteSpan(frame).subspan(sent, 1));
    });
    REQUIRE(loop.run_until([&] { return device.down_count == 1; }, kPatienceMs));
    CHECK(peer.is_closed());
    CHECK(sent < 100);
    CHECK(device.links.at(1).down->find("within 300 ms") != std::string::npos);
  }
}

TEST_CASE("messages that come slowly one after the other, each in two pieces, are not cut off") {
  EventLoop loop;
  LinkHub::Options options;
  options.frame_timeout_ms = 2'000;
  ToyDevice device(loop, std::move(options));
  RawPeer peer(device.listen("tcp:127.0.0.1:0"));
  Random random(2);
  Bytes bytes;
  for (std::uint32_t i = 0; i < 21; ++i) wire::encode_frame(part(i, 100, random), bytes);
  // Always a piece of a frame is here, for longer than the limit altogether.
  const std::size_t frame_bytes = bytes.size() / 21;
  std::size_t sent = peer.send(ByteSpan(bytes).first(frame_bytes / 2));
  std::uint64_t last_ms = loop.now_ms();
  std::uint64_t gap_ms_max = 0;
  const EventLoop::Timer drip = loop.every(150, [&] {
    gap_ms_max = std::max(gap_ms_max, loop.now_ms() - std::exchange(last_ms, loop.now_ms()));
    if (sent + frame_bytes <= bytes.size())
      sent += peer.send(ByteSpan(bytes).subspan(sent, frame_bytes));
  });
  REQUIRE(loop.run_until(
      [&] {
        return device.up_count == 1 &&
               (device.down_count == 1 || device.links.at(1).received.size() == 20);
      },
      kPatienceMs));
  if (gap_ms_max < 1'500) {  // else the machine stood still, and it was this test that was slow
    CHECK(device.down_count == 0);
  }
}

TEST_CASE("who takes nothing is cut off, and reading goes on until then") {
  EventLoop loop;
  LinkHub::Options options;
  options.write_timeout_ms = 1'000;
  ToyDevice device(loop, std::move(options));
  RawPeer peer(device.listen("tcp:127.0.0.1:0"));
  peer.send_hello();
  REQUIRE(loop.run_until([&] { return device.up_count == 1; }, kPatienceMs));
  Random random(3);
  for (std::uint32_t i = 1; i <= 400; ++i)
    device.links.at(1).outbox.push_back(part(i, 130'000, random));
  device.hub.wake(1);
  REQUIRE(loop.run_until([&] { return device.links.at(1).outbox.size() < 400; }, kPatienceMs));
  peer.send({1, sync::AllAnnounced{}});
  REQUIRE(loop.run_until([&] { return device.links.at(1).received.size() == 2; }, kPatienceMs));
  REQUIRE(loop.run_until([&] { return device.down_count == 1; }, kPatienceMs));
  CHECK(device.links.at(1).down->find("did not take") != std::string::npos);
  CHECK_FALSE(device.links.at(1).outbox.empty());  // no queue beside the session's
}

TEST_CASE("links beyond the number that may be are told so") {
  EventLoop loop;
  LinkHub::Options options;
  SUBCASE("in all") { options.links_max = 2; }
  SUBCASE("from one address") { options.links_per_address_max = 2; }
  ToyDevice device(loop, std::move(options));
  const Address address = device.listen("tcp:127.0.0.1:0");
  RawPeer first(address);
  RawPeer second(address);
  first.send_hello();
  second.send_hello();
  REQUIRE(loop.run_until(
      [&] {
        return device.up_count == 2 && device.links.at(1).received.size() == 1 &&
               device.links.at(2).received.size() == 1;
      },
      kPatienceMs));
  RawPeer third(address);
  REQUIRE(loop.run_until([&] { return third.is_closed(); }, kPatienceMs));
  CHECK(device.up_count == 2);
  const std::vector<sync::Envelope> told = third.envelopes();
  REQUIRE(told.size() == 1);
  CHECK(std::get<sync::Bye>(told[0].message).reason == sync::ByeReason::kOverloaded);
  REQUIRE(device.reports.size() == 1);
  CHECK(device.reports[0].find("turned away, 2 links") != std::string::npos);
  first.close();
  REQUIRE(loop.run_until([&] { return device.down_count == 1; }, kPatienceMs));
  RawPeer fourth(address);
  REQUIRE(loop.run_until([&] { return device.up_count == 3; }, kPatienceMs));
}

TEST_CASE("connections that say nothing keep nobody out") {
  EventLoop loop;
  LinkHub::Options options;
  options.links_max = 16;
  ToyDevice device(loop, std::move(options));
  ToyDevice other(loop);
  const Folder folder;
  const Address address = device.listen("tcp:127.0.0.1:0");
  const Address own = device.listen("unix:" + folder.path() + "/own.sock");
  const Address elsewhere = other.listen("tcp:127.0.0.1:0");
  std::vector<std::unique_ptr<RawPeer>> silent;
  for (int i = 0; i < 64; ++i) silent.push_back(std::make_unique<RawPeer>(address));
  REQUIRE(loop.run_until([&] { return device.up_count == 64; }, kPatienceMs));
  CHECK(device.hub.link_count() <= 14);  // an eighth is the own user's
  RawPeer stranger(address);
  stranger.send_hello();
  RawPeer user(own);
  user.send_hello();
  REQUIRE(device.hub.dial(elsewhere).ok());
  REQUIRE(
      loop.run_until([&] { return device.up_count == 67 && other.up_count == 1; }, kPatienceMs));
  for (int i = 0; i < 64; ++i) silent.push_back(std::make_unique<RawPeer>(address));
  REQUIRE(loop.run_until([&] { return device.up_count == 131; }, kPatienceMs));
  CHECK_FALSE(stranger.is_closed());
  CHECK_FALSE(user.is_closed());
  CHECK(device.hub.dialled()[0].link.has_value());
  CHECK(device.hub.link_count() <= 16);
}

TEST_CASE("TCP beyond this machine is refused unless it was allowed") {
  EventLoop loop;
  ToyDevice device(loop);
  for (const char* text :
       {"tcp:0.0.0.0:7400", "tcp:[::]:7400", "tcp:192.0.2.1:7400", "tcp:boards.example:7400"}) {
    CAPTURE(text);
    const Address address = Address::parse(text).value();
    const Result<Address> listened = device.hub.listen(address);
    REQUIRE_FALSE(listened.ok());
    CHECK(listened.error().code() == ErrorCode::kInvalidArgument);
    CHECK(listened.error().context().find("--insecure") != std::string::npos);
    const Status dialled = device.hub.dial(address);
    REQUIRE_FALSE(dialled.ok());
    CHECK(dialled.error().code() == ErrorCode::kInvalidArgument);
    CHECK(dialled.error().context().find("--insecure") != std::string::npos);
  }
  CHECK(device.hub.dialled().empty());
  CHECK(device.hub.listening().empty());
}

TEST_CASE("an address in use is refused, naming who has it") {
  EventLoop loop;
  ToyDevice device(loop);
  const Folder folder;
  for (const std::string& text : {std::string("tcp:127.0.0.1:0"), "unix:" + folder.path() + "/s"}) {
    CAPTURE(text);
    const Address address = device.listen(text);
    const Result<Address> again = device.hub.listen(address);
    REQUIRE_FALSE(again.ok());
    CHECK(again.error().code() == ErrorCode::kInUse);
    INFO(again.error().context());
    CHECK(again.error().context().find("process " + std::to_string(::getpid())) !=
          std::string::npos);
    CHECK(again.error().context().find("choose another") != std::string::npos);
  }
}

TEST_CASE("out of file descriptors, accepting pauses, says so, and goes on by itself") {
  EventLoop loop;
  LinkHub::Options options;
  options.accept_pause_ms = 20;
  ToyDevice device(loop, std::move(options));
  const Address address = device.listen("tcp:127.0.0.1:0");
  constexpr std::size_t kPeers = 6;
  std::vector<std::unique_ptr<RawPeer>> peers;
  for (std::size_t i = 0; i < kPeers; ++i) peers.push_back(std::make_unique<RawPeer>(address));
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
  rlimit low = before;
  low.rlim_cur = static_cast<rlim_t>(peers.back()->number()) + 3;
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &low) == 0);
  const bool paused = loop.run_until(
      [&] { return device.hub.listening().at(0).state != "listening"; }, kPatienceMs);
  const std::string state = device.hub.listening().at(0).state;
  const std::size_t accepted = device.up_count;
  // While it lasts, each pause is one try, and the log has one line.
  std::size_t steps = 0;
  loop.run_until([&] { return ++steps > 1000; }, 100);
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
  REQUIRE(paused);
  CHECK(steps < 200);
  CHECK(accepted < kPeers);
  CHECK(state ==
        "paused for 20 ms: this process has too many open files: raise the limit (ulimit -n)");
  CHECK(device.reports.size() == 1);
  REQUIRE(loop.run_until([&] { return device.up_count == kPeers; }, kPatienceMs));
  REQUIRE(loop.run_until([&] { return device.hub.listening().at(0).state == "listening"; },
                         kPatienceMs));
}

TEST_CASE("a hub that needs more files than the process may open says so") {
  EventLoop loop;
  LinkHub::Options options;
  options.links_max = std::size_t{1} << 40;
  ToyDevice device(loop, std::move(options));
  REQUIRE(device.reports.size() == 1);
  CHECK(device.reports[0].find("ulimit -Hn") != std::string::npos);
}

TEST_CASE("another user is turned away, even where the file would let them in") {
  if (::geteuid() != 0) {
    skip("only root can become another user");
    return;
  }
  const Folder folder;
  REQUIRE(::chmod(folder.path().c_str(), 0755) == 0);
  EventLoop loop;
  ToyDevice device(loop);
  const Address address = device.listen("unix:" + folder.path() + "/s");
  REQUIRE(::chmod(address.path.c_str(), 0666) == 0);
  const Endpoint endpoint = direct_endpoints(address).front();
  const pid_t child = ::fork();
  if (child == 0) {
    char byte;
    const int socket = ::socket(AF_UNIX, SOCK_STREAM, 0);
    if (::setuid(65534) != 0 || ::connect(socket, endpoint.data(), endpoint.size) != 0) ::_exit(1);
    ::_exit(::recv(socket, &byte, 1, 0) == 0 ? 0 : 2);
  }
  REQUIRE(child > 0);
  REQUIRE(loop.run_until([&] { return !device.reports.empty(); }, kPatienceMs));
  int status = -1;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  CHECK(device.up_count == 0);
  CHECK(device.reports[0].find("of user 65534: turned away") != std::string::npos);
}
