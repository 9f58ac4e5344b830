#pragma once
// What a process has used so far: CPU time, memory, and what went through its sockets.

#include <array>
#include <cstddef>
#include <cstdint>
#include <variant>

#include "crdt/sync/message.h"

namespace weft::bench {

/// Since the process began, all threads.
struct Usage {
  double user_us = 0;  ///< of samples that the kernel takes at its ticks: exact over seconds only
  double system_us = 0;
  double cpu_us = 0;  ///< both, exact
  std::uint64_t resident_bytes = 0;
  // Of the TCP sockets that are open, without headers of TCP and IP:
  std::uint64_t socket_bytes_out = 0;
  std::uint64_t socket_bytes_in = 0;
};

Usage usage_now();

/// Frames by what they carry.
struct Traffic {
  static constexpr std::size_t kTypes = std::variant_size_v<sync::Message> + 1;
  std::array<std::uint64_t, kTypes> frames{};  ///< by sync::type_of
  std::array<std::uint64_t, kTypes> bytes{};   ///< 0 where only frames are counted

  template <typename T>
  static constexpr std::size_t type() {
    return sync::type_of(sync::Message(std::in_place_type<T>));
  }
  template <typename T>
  std::uint64_t frames_of() const {
    return frames[type<T>()];
  }
  template <typename... T>
  std::uint64_t bytes_of() const {
    return (bytes[type<T>()] + ...);
  }
  std::uint64_t bytes_in_all() const;
  /// What came since `before`.
  Traffic since(const Traffic& before) const;
};

}  // namespace weft::bench
