#pragma once
// When this weft was released: a clock that says an earlier time was never set, and edits are then of unknown time.
// Programs hand it in (DocumentOptions::clock_floor_ms); nothing that is stored depends on it.

#include <cstdint>

namespace weft {

/// The first of the release's month; raised with each release.
inline constexpr std::uint64_t kReleasedMs = 1'793'491'200'000;  // 2026-11-01

}  // namespace weft
