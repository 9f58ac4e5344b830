// Hosts as network namespaces, each with one TUN device, whose other end this process holds: it reads the packets that
// a host sends and writes those that arrive.
//
// No namespace has a name in the file system: it lives as long as this process holds it open or a process runs in it,
// and its device as long as this process. However this process ends, nothing stays behind, and no two runs can meet.

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <queue>

#include "tests/netlab/fabric.h"

namespace weft::netlab {
namespace {

constexpr const char* kDevice = "weft0";
/// Hosts are 10.77.0.1 and up; within their namespaces nobody else has an address.
constexpr std::uint32_t kNetwork = 0x0a'4d'00'00;
constexpr std::uint32_t kMask = 0xff'ff'ff'00;
constexpr std::size_t kPacketBytes = 65'536;
/// Read from one host at once, so that a busy one does not silence the others.
constexpr int kPacketsAtOnce = 64;
/// Of an IPv4 packet.
constexpr std::size_t kHeaderBytes = 20;
constexpr std::size_t kDestinationOffset = 16;

struct Host {
  Fd space;
  Fd device;
};

struct Packet {
  std::uint64_t at_us;
  std::uint64_t order;  ///< among those that arrive at once
  std::size_t to;
  std::vector<std::uint8_t> bytes;
};
struct ArrivesLater {
  bool operator()(const Packet& a, const Packet& b) const {
    return a.at_us != b.at_us ? a.at_us > b.at_us : a.order > b.order;
  }
};

std::uint32_t address_of(std::size_t host) {
  return kNetwork + static_cast<std::uint32_t>(host) + 1;
}

std::string address_text(std::size_t host) {
  const in_addr address{htonl(address_of(host))};
  std::array<char, INET_ADDRSTRLEN> text{};
  inet_ntop(AF_INET, &address, text.data(), text.size());
  return text.data();
}

ifreq request_for(const char* device) {
  ifreq request{};
  std::strncpy(request.ifr_name, device, IFNAMSIZ - 1);
  return request;
}

void set_address(const Fd& control, unsigned long what, std::uint32_t value) {
  ifreq request = request_for(kDevice);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(value);
  std::memcpy(&request.ifr_addr, &address, sizeof address);
  checked(ioctl(control.get(), what, &request), "addressing a TUN device");
}

void set_up(const Fd& control, const char* device) {
  ifreq request = request_for(device);
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  checked(ioctl(control.get(), SIOCSIFFLAGS, &request), std::string("starting device ") + device);
}

int open_or_unavailable(const char* path, int flags) {
  const int fd = open(path, flags | O_CLOEXEC);
  if (fd < 0) throw Unavailable(error_text(path, errno));
  return fd;
}

/// In the namespace where this thread is.
Fd make_device() {
  Fd device(open_or_unavailable("/dev/net/tun", O_RDWR | O_NONBLOCK));
  ifreq request = request_for(kDevice);
  request.ifr_flags = IFF_TUN | IFF_NO_PI;
  if (ioctl(device.get(), TUNSETIFF, &request) != 0)
    throw Unavailable(error_text("making a TUN device", errno));
  return device;
}

/// Leaves this thread in the new namespace.
Host make_host(std::size_t index) {
  if (unshare(CLONE_NEWNET) != 0)
    throw Unavailable(error_text("making a network namespace", errno));
  Host host;
  host.space = Fd(open_or_unavailable("/proc/thread-self/ns/net", O_RDONLY));
  host.device = make_device();
  const Fd control(checked(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket in a namespace"));
  set_address(control, SIOCSIFADDR, address_of(index));
  set_address(control, SIOCSIFNETMASK, kMask);
  set_up(control, kDevice);
  set_up(control, "lo");
  return host;
}

class Namespaces final : public Fabric {
 public:
  Namespaces(LinkModel& model, std::uint16_t port) : model_(model), port_(port) {
    const Fd home(open_or_unavailable("/proc/thread-self/ns/net", O_RDONLY));
    for (std::size_t i = 0; i < model.host_count(); ++i) hosts_.push_back(make_host(i));
    checked(setns(home.get(), CLONE_NEWNET), "going back to the first namespace");
  }

  std::string host_line(std::size_t host) const override {
    return address_text(host) + " /proc/" + std::to_string(getpid()) + "/fd/" +
           std::to_string(hosts_[host].space.get());
  }

  std::string path(std::size_t /*from*/, std::size_t to) const override {
    return address_text(to) + ":" + std::to_string(port_);
  }

  void add_waits(std::vector<pollfd>& waits) const override {
    for (const Host& each : hosts_) waits.push_back({each.device.get(), POLLIN, 0});
  }

  void receive(const pollfd* waits, std::size_t count, std::uint64_t now_us) override {
    for (std::size_t host = 0; host < count; ++host)
      if (waits[host].revents != 0) receive_from(host, now_us);
  }

  std::uint64_t deliver(std::uint64_t now_us) override {
    while (!on_the_way_.empty() && on_the_way_.top().at_us <= now_us) {
      const Packet& packet = on_the_way_.top();
      // One that the host's queue has no room for is lost, as in any network.
      [[maybe_unused]] const ssize_t written =
          write(hosts_[packet.to].device.get(), packet.bytes.data(), packet.bytes.size());
      on_the_way_.pop();
    }
    return on_the_way_.empty() ? kNever : on_the_way_.top().at_us;
  }

 private:
  void receive_from(std::size_t from, std::uint64_t now_us) {
    for (int i = 0; i < kPacketsAtOnce; ++i) {
      const ssize_t size = read(hosts_[from].device.get(), buffer_.data(), buffer_.size());
      if (size < 0) return;
      forward(from, static_cast<std::size_t>(size), now_us);
    }
  }

  /// What is in the buffer. Packets that are not IPv4, as kernels send some by themselves, and those to nobody here go
  /// nowhere.
  void forward(std::size_t from, std::size_t size, std::uint64_t now_us) {
    if (size < kHeaderBytes || buffer_[0] >> 4 != 4) return;
    std::uint32_t destination = 0;
    std::memcpy(&destination, &buffer_[kDestinationOffset], sizeof destination);
    const std::size_t to = ntohl(destination) - address_of(0);
    if (to >= hosts_.size() || to == from) return;
    const Fate fate = model_.send(from, to, size, now_us);
    for (std::size_t i = 0; i < fate.copies; ++i)
      on_the_way_.push({fate.at_us[i],
                        next_order_++,
                        to,
                        {buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(size)}});
  }

  LinkModel& model_;
  std::uint16_t port_;
  std::vector<Host> hosts_;
  std::priority_queue<Packet, std::vector<Packet>, ArrivesLater> on_the_way_;
  std::uint64_t next_order_ = 0;
  std::vector<std::uint8_t> buffer_ = std::vector<std::uint8_t>(kPacketBytes);
};

}  // namespace

std::unique_ptr<Fabric> make_namespaces(LinkModel& model, std::uint16_t port) {
  return std::make_unique<Namespaces>(model, port);
}

}  // namespace weft::netlab
