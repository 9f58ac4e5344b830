#include "transport/links/network_watch.h"

#include <doctest/doctest.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <thread>

#include "tests/transport/links/toy_device.h"

using namespace weft;
using namespace weft::links;

namespace {

/// In the network namespace of this thread.
bool set_loopback_up(bool up) {
  const int socket = ::socket(AF_INET, SOCK_DGRAM, 0);
  ifreq request{};
  std::strcpy(request.ifr_name, "lo");
  request.ifr_flags = static_cast<short>(up ? IFF_UP : 0);
  const bool done = ::ioctl(socket, SIOCSIFFLAGS, &request) == 0;
  ::close(socket);
  return done;
}

}  // namespace

TEST_CASE("a network that comes up is told, for all that is new of it once or a few times") {
  bool could_try = false;
  std::size_t told = 0;
  std::size_t before = 0;
  std::thread([&] {
    // A thread of its own, whose namespace goes with it.
    could_try = ::unshare(CLONE_NEWNET) == 0 || ::unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0;
    if (!could_try) return;
    EventLoop loop;
    auto watch = NetworkWatch::open(loop, [&] { ++told; });
    REQUIRE(watch.ok());
    loop.run_until([] { return false; }, 50);
    before = told;
    could_try = set_loopback_up(true);
    loop.run_until([&] { return told > before; }, test::kPatienceMs);
    watch->reset();
    loop.run_until([] { return false; }, 10);
  }).join();
  if (!could_try) {
    MESSAGE("skipped: no network namespace can be made here");
    return;
  }
  CHECK(before == 0);
  CHECK(told >= 1);
}

TEST_CASE("a watch may go at any time") {
  EventLoop loop;
  auto watch = NetworkWatch::open(loop, [] {});
  if (watch.ok()) watch->reset();
  loop.run_until([] { return false; }, 5);
}
