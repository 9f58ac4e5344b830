// Devices that do everything at random: whatever happens, each link_up() has its link_down(), and nothing is called
// before or behind them (ToyDevice checks that).
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "tests/support/folder.h"
#include "tests/support/random.h"
#include "tests/transport/links/raw_peer.h"
#include "tests/transport/links/toy_device.h"

using namespace weft;
using namespace weft::links;
using namespace weft::test;

namespace {

constexpr std::size_t kDevices = 5;
constexpr int kSteps = 1500;

std::uint64_t seed_of_run() {
  const char* given = std::getenv("WEFT_SEED");
  return given == nullptr ? 1 : std::strtoull(given, nullptr, 10);
}

class Chaos {
 public:
  explicit Chaos(std::uint64_t seed) : random_(seed) {
    for (std::size_t i = 0; i < kDevices; ++i) start(i);
  }

  void step() {
    const std::size_t which = random_.below(kDevices);
    ToyDevice& device = *devices_[which];
    switch (random_.below(12)) {
      case 0:
      case 1:
        static_cast<void>(device.hub.dial(address_of(random_.below(kDevices))).ok());
        break;
      case 2:
        device.hub.forget(address_of(random_.below(kDevices)));
        break;
      case 3:
        if (random_.chance(1, 4)) restart(which);
        break;
      case 4:
        strangers_.push_back(std::make_unique<RawPeer>(address_of(which)));
        break;
      case 5:
        disturb();
        break;
      default:
        use_link(device);
    }
    std::size_t turns = random_.below(8);
    loop_.run_until([&] { return turns-- == 0; }, 1);
  }

  void finish() {
    for (const auto& device : devices_) device->hub.stop([this] { ++stopped_; });
    REQUIRE(loop_.run_until([&] { return stopped_ == kDevices + restarts_; }, kPatienceMs));
    for (const auto& device : devices_) {
      CHECK(device->hub.link_count() == 0);
      CHECK(device->up_count == device->down_count);
      up_count_ += device->up_count;
    }
    CHECK(up_count_ > 100);
  }

 private:
  Address address_of(std::size_t which) const {
    return Address::parse("unix:" + folder_.path() + "/" + std::to_string(which)).value();
  }

  void start(std::size_t which) {
    LinkHub::Options options;
    options.backoff_min_ms = 1;
    options.backoff_max_ms = 4;
    options.ending_timeout_ms = 20;
    options.frame_timeout_ms = 30;
    options.write_timeout_ms = 30;
    options.greeting_timeout_ms = 30;
    if (devices_.size() <= which) devices_.resize(which + 1);
    devices_[which] = std::make_unique<ToyDevice>(loop_, std::move(options));
    devices_[which]->listen(address_of(which).print());
  }

  /// As a process that stops, or one that is killed.
  void restart(std::size_t which) {
    std::unique_ptr<ToyDevice>& device = devices_[which];
    if (random_.chance(1, 2)) {
      bool stopped = false;
      device->hub.stop([&] {
        stopped = true;
        ++stopped_;
      });
      ++restarts_;
      REQUIRE(loop_.run_until([&] { return stopped; }, kPatienceMs));
      CHECK(device->up_count == device->down_count);
    }
    up_count_ += device->up_count;
    device.reset();
    start(which);
  }

  void use_link(ToyDevice& device) {
    if (device.links.empty()) return;
    auto at = device.links.begin();
    std::advance(at, random_.below(device.links.size()));
    const std::uint32_t id = at->first;
    if (at->second.down) return;
    const std::uint64_t what = random_.below(20);
    if (what == 0) {
      device.end(id, {sync::ByeReason::kDone, "enough"});
    } else if (what == 1) {
      for (std::uint32_t i = 0; i < 20; ++i) device.send(id, part(i, 100'000, random_));
    } else {
      device.send(id, part(1, random_.below(2000), random_));
    }
  }

  void disturb() {
    if (strangers_.empty()) return;
    const std::size_t which = random_.below(strangers_.size());
    RawPeer& stranger = *strangers_[which];
    Bytes bytes;
    wire::encode_frame(part(1, random_.below(20'000), random_), bytes);
    switch (random_.below(4)) {
      case 0:
        stranger.send(bytes);
        break;
      case 1:
        stranger.send(ByteSpan(bytes).first(random_.below(bytes.size())));
        break;
      case 2:
        bytes[random_.below(bytes.size())] ^= std::byte{1};
        stranger.send(bytes);
        break;
      default:
        strangers_.erase(strangers_.begin() + static_cast<std::ptrdiff_t>(which));
    }
  }

  Folder folder_;
  Random random_;
  EventLoop loop_;
  std::vector<std::unique_ptr<ToyDevice>> devices_;
  std::vector<std::unique_ptr<RawPeer>> strangers_;
  std::size_t stopped_ = 0;
  std::size_t restarts_ = 0;
  std::size_t up_count_ = 0;
};

}  // namespace

TEST_CASE("each link that came up goes down once, whatever devices and strangers do") {
  const std::uint64_t seed = seed_of_run();
  INFO("WEFT_SEED=" << seed << " build/dev/weft_links_tests -sf='*link_chaos*'");
  Chaos chaos(seed);
  for (int i = 0; i < kSteps; ++i) chaos.step();
  chaos.finish();
}
