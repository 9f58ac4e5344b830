#pragma once
// NetworkWatch: tells when the system's network has changed so that an address may be reachable which was not: an
// interface, an address, a route is there. (Linux: rtnetlink(7).)

#include <functional>
#include <memory>

#include "crdt/base/result.h"
#include "transport/links/event_loop.h"

namespace weft::links {

class NetworkWatch {
 public:
  /// @param changed  called once for all changes that came together; it may not destroy the watch
  /// @errors kIoError: the system does not tell
  static Result<std::unique_ptr<NetworkWatch>> open(EventLoop& loop, std::function<void()> changed);
  NetworkWatch(const NetworkWatch&) = delete;
  NetworkWatch& operator=(const NetworkWatch&) = delete;
  ~NetworkWatch();

 private:
  struct Impl;
  explicit NetworkWatch(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

}  // namespace weft::links
