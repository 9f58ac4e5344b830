#pragma once
// Listener: accepts connections on an address, of the own user only if it is a Unix socket. Out of file descriptors it
// says so and stops accepting for a while; connections wait in the system's queue meanwhile.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "crdt/base/result.h"
#include "transport/links/address.h"
#include "transport/links/event_loop.h"
#include "transport/links/fd.h"

namespace weft::links {

/// A connection that came.
struct Accepted {
  Fd socket;
  std::string name;   ///< "tcp:10.0.0.7:51234", "unix:boards.sock (process 4711)"
  std::string group;  ///< whom a limit per address counts together; empty for a Unix socket
};

class Listener {
 public:
  struct Options {
    std::uint64_t pause_ms = 1'000;
    std::function<void(Accepted)> accepted;
    std::function<void(std::string)> report;
  };

  /// @errors as LinkHub::listen
  static Result<std::unique_ptr<Listener>> open(EventLoop& loop, const Address& address,
                                                Options options);
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  ~Listener();

  const Address& address() const;  ///< with the port that it got
  std::string state() const;       ///< as ListenStatus

 private:
  struct Impl;
  explicit Listener(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

}  // namespace weft::links
