#pragma once
// Fabric: what carries the hosts' bytes to this process and on. There are two, and the event loop in netlab.cc drives
// either. And what both need: file descriptors that close themselves, and system errors with words.

#include <poll.h>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "tests/netlab/link_model.h"

namespace weft::netlab {

/// This machine, or this user's rights, have no such fabric; the message says what is missing.
class Unavailable : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// "what: No such file or directory"
std::string error_text(const std::string& what, int error);
/// Throws std::runtime_error for errno where `result` is negative; returns it.
int checked(int result, const std::string& what);

class Fd {
 public:
  explicit Fd(int fd = -1) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Fd();
  int get() const { return fd_; }

 private:
  int fd_;
};

/// A time that never comes.
inline constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();

class Fabric {
 public:
  Fabric() = default;
  Fabric(const Fabric&) = delete;
  Fabric& operator=(const Fabric&) = delete;
  virtual ~Fabric() = default;

  /// How a host is described to whoever started this process: see README.md.
  virtual std::string host_line(std::size_t host) const = 0;
  /// Where a process of host `from` reaches host `to`: ADDRESS:PORT.
  virtual std::string path(std::size_t from, std::size_t to) const = 0;

  /// Adds what it waits for.
  virtual void add_waits(std::vector<pollfd>& waits) const = 0;
  /// Takes in what hosts sent. @param waits  its own, with what is ready
  virtual void receive(const pollfd* waits, std::size_t count, std::uint64_t now_us) = 0;
  /// Hands over what has arrived by now. @return when there is more to do
  virtual std::uint64_t deliver(std::uint64_t now_us) = 0;
};

/// Hosts are network namespaces. @errors Unavailable
std::unique_ptr<Fabric> make_namespaces(LinkModel& model, std::uint16_t port);
/// Hosts are addresses of the loopback network, with a relay between each two.
std::unique_ptr<Fabric> make_relays(LinkModel& model, std::uint16_t port);

}  // namespace weft::netlab
