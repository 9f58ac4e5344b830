#include "peer/service_manager.h"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <string>

#include "tests/support/folder.h"

using namespace weft;

namespace {

/// What systemd has for a service: a socket for datagrams.
class Listener {
 public:
  explicit Listener(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    if (path.front() == '@') address.sun_path[0] = '\0';
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
    REQUIRE(::bind(socket_, reinterpret_cast<const sockaddr*>(&address), size) == 0);
  }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  ~Listener() { ::close(socket_); }
  /// "": nothing came.
  std::string next() const {
    char text[200];
    const ssize_t size = ::recv(socket_, text, sizeof text, MSG_DONTWAIT);
    return size < 0 ? std::string() : std::string(text, static_cast<std::size_t>(size));
  }

 private:
  int socket_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
};

struct Environment {
  ~Environment() {
    for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}) ::unsetenv(name);
  }
  void set(const char* name, const std::string& value) { ::setenv(name, value.c_str(), 1); }
};

}  // namespace

TEST_CASE("a service manager is told what happens, by a datagram") {
  const test::Folder folder;
  Environment environment;
  for (const std::string& path :
       {folder.path() + "/notify", "@weft-test-" + std::to_string(::getpid())}) {
    const Listener listener(path);
    environment.set("NOTIFY_SOCKET", path);
    const ServiceManager manager;
    manager.tell("READY=1");
    CHECK(listener.next() == "READY=1");
    manager.tell_reloading();
    CHECK(listener.next().starts_with("RELOADING=1\nMONOTONIC_USEC="));
    CHECK(listener.next().empty());
  }
}

TEST_CASE("who is no service, or whose manager is gone, tells nobody and goes on") {
  ServiceManager().tell("READY=1");
  const test::Folder folder;
  Environment environment;
  environment.set("NOTIFY_SOCKET", folder.path() + "/gone");
  ServiceManager().tell("READY=1");
  environment.set("NOTIFY_SOCKET", std::string(300, 'x'));
  ServiceManager().tell("READY=1");
}

TEST_CASE("a watchdog is told of where it asks this process") {
  Environment environment;
  CHECK(ServiceManager().watchdog_ms() == 0);
  environment.set("NOTIFY_SOCKET", "@nobody");
  environment.set("WATCHDOG_USEC", "30000000");
  CHECK(ServiceManager().watchdog_ms() == 30'000);
  environment.set("WATCHDOG_PID", std::to_string(::getpid()));
  CHECK(ServiceManager().watchdog_ms() == 30'000);
  environment.set("WATCHDOG_PID", "1");
  CHECK(ServiceManager().watchdog_ms() == 0);
  environment.set("WATCHDOG_PID", std::to_string(::getpid()));
  environment.set("WATCHDOG_USEC", "soon");
  CHECK(ServiceManager().watchdog_ms() == 0);
}
