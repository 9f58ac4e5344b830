#include <malloc.h>

#include <memory>
#include <string>
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

namespace {

/// Connects so many raw peers, all talking at once, and checks that each gets its own echoes.
void talk_to_many(const std::string& address_text, std::size_t count) {
  if (raise_open_files(2 * count + 300) < 2 * count + 300) {
    skip("this process may not open " + std::to_string(2 * count + 300) + " files (ulimit -Hn)");
    return;
  }
  EventLoop loop;
  LinkHub::Options options;
  options.links_max = count + 16;  // some places are the own user's
  options.links_per_address_max = count;
  options.greeting_timeout_ms = 10 * kPatienceMs;
  ToyDevice device(loop, std::move(options));
  device.echoes = true;
  device.says_hello = false;
  const Address address = device.listen(address_text);
  std::vector<std::unique_ptr<RawPeer>> peers;
  Random random(9);
  std::vector<std::vector<sync::Envelope>> sent(count);
  for (std::size_t i = 0; i < count; ++i) {
    peers.push_back(std::make_unique<RawPeer>(address));
    for (std::uint32_t k = 0; k < 3; ++k) {
      sent[i].push_back(part(k, random.below(300), random));
      peers[i]->send(sent[i].back());
    }
    // A Unix socket's queue of those who wait is shorter than this many.
    REQUIRE(loop.run_until([&] { return device.up_count + 100 > i; }, kPatienceMs));
  }
  REQUIRE(loop.run_until([&] { return device.up_count == count; }, kPatienceMs));
  CHECK(device.hub.link_count() == count);
  REQUIRE(loop.run_until(
      [&] {
        for (const auto& [id, link] : device.links)
          if (link.received.size() < 3 || !link.outbox.empty()) return false;
        return true;
      },
      kPatienceMs));
  std::size_t next = 0;
  REQUIRE(loop.run_until(
      [&] {
        for (; next < count; ++next) {
          peers[next]->read();
          if (peers[next]->envelopes().size() < 3) return false;
        }
        return true;
      },
      kPatienceMs));
  for (std::size_t i = 0; i < count; ++i) CHECK(peers[i]->envelopes() == sent[i]);
  peers.clear();
  REQUIRE(loop.run_until([&] { return device.down_count == count; }, kPatienceMs));
  CHECK(device.hub.link_count() == 0);
}

}  // namespace

TEST_CASE("two hundred links at once, TCP") { talk_to_many("tcp:127.0.0.1:0", 200); }

TEST_CASE("a thousand links at once, TCP") { talk_to_many("tcp:127.0.0.1:0", 1000); }

TEST_CASE("two hundred links at once, Unix") {
  const Folder folder;
  talk_to_many("unix:" + folder.path() + "/s", 200);
}

TEST_CASE("an idle link holds next to nothing, however much came and went before") {
  constexpr std::size_t kLinks = 100;
  constexpr std::size_t kBytesMax = 8 << 10;  // of each link; a link that kept a buffer has 100 kB
  EventLoop loop;
  ToyDevice device(loop);
  device.echoes = true;
  const Address address = device.listen("tcp:127.0.0.1:0");
  std::vector<std::unique_ptr<RawPeer>> peers;
  for (std::size_t i = 0; i < kLinks; ++i) peers.push_back(std::make_unique<RawPeer>(address));
  const std::size_t before = ::mallinfo2().uordblks;  // 0 under the sanitizers
  Random random(10);
  Bytes frame;
  wire::encode_frame(part(0, 100'000, random), frame);
  for (std::size_t i = 0; i < kLinks; ++i) {
    std::size_t sent = 0;
    std::size_t came = 0;
    REQUIRE(loop.run_until(
        [&] {
          if (sent < frame.size()) sent += peers[i]->send(ByteSpan(frame).subspan(sent));
          came += peers[i]->discard();
          loop.post([] {});  // the peer is looked after by nobody else
          return came > frame.size();
        },
        kPatienceMs));
  }
  for (auto& [id, link] : device.links) {
    link.received = {};
    link.outbox = {};
  }
  const std::size_t after = ::mallinfo2().uordblks;
  CHECK(device.hub.link_count() == kLinks);
  CHECK(after < before + kLinks * kBytesMax);
}

TEST_CASE("a hub dials fifty others") {
  EventLoop loop;
  ToyDevice middle(loop);
  std::vector<std::unique_ptr<ToyDevice>> others;
  for (int i = 0; i < 50; ++i) {
    others.push_back(std::make_unique<ToyDevice>(loop));
    REQUIRE(middle.hub.dial(others.back()->listen("tcp:127.0.0.1:0")).ok());
  }
  REQUIRE(loop.run_until(
      [&] {
        for (const auto& other : others)
          if (other->links.empty() || other->links.at(1).received.empty()) return false;
        return middle.up_count == 50;
      },
      kPatienceMs));
  bool stopped = false;
  middle.hub.stop([&] { stopped = true; });
  REQUIRE(loop.run_until([&] { return stopped; }, kPatienceMs));
}
