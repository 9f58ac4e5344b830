#pragma once
// Reads prepared input once before the clock starts, so that what is timed is the work and not the
// streaming of, say, 5 MB of decoded edits from memory. That would raise `gap` by half.

#include <cstddef>
#include <cstdint>
#include <span>

#include "bench/trace/trace.h"

namespace weft::bench {

inline void warm(std::span<const std::byte> bytes) {
  constexpr std::size_t kCacheLine = 64;
  unsigned sum = 0;
  for (std::size_t i = 0; i < bytes.size(); i += kCacheLine) sum += static_cast<unsigned>(bytes[i]);
  volatile unsigned sink = sum;  // the reads count as used
  static_cast<void>(sink);
}

inline void warm(const trace::Trace& trace) {
  warm(std::as_bytes(std::span(trace.edits)));
  warm(std::as_bytes(std::span(trace.arena)));
}

}  // namespace weft::bench
