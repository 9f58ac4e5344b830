#pragma once
// ServiceManager: what a process tells who started it as a service, by systemd's protocol (sd_notify(3)): a datagram to
// $NOTIFY_SOCKET. Without that, nothing.
//
//   READY=1   STOPPING=1   RELOADING=1 MONOTONIC_USEC=...   WATCHDOG=1   STATUS=...

#include <cstdint>
#include <string>
#include <string_view>

namespace weft {

class ServiceManager {
 public:
  /// As the environment says.
  ServiceManager();

  /// Tells, without waiting; what can't be told is not told.
  void tell(std::string_view state) const;
  void tell_reloading() const;

  /// It wants WATCHDOG=1 at least that often; 0: never.
  std::uint64_t watchdog_ms() const { return watchdog_ms_; }

 private:
  std::string socket_;
  std::uint64_t watchdog_ms_ = 0;
};

}  // namespace weft
