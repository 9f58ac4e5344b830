#pragma once
// The constants of the row form, shared by its encoder and its decoder; docs/format.md has the layout.

#include <cstddef>
#include <cstdint>

namespace weft {

// Head byte: bits 0-1 are bits 40-41 of the time, bits 6-7 the version.
inline constexpr std::uint32_t kTimeHighBits = 0x03;
inline constexpr std::uint32_t kHasDependencies = 0x04;
inline constexpr std::uint32_t kHasMessage = 0x08;
inline constexpr std::uint32_t kHasReplicas = 0x10;
inline constexpr std::uint32_t kHasOpCount = 0x20;

// An operation's tag: bits 0-3 are its kind.
inline constexpr std::uint32_t kKindBits = 0x0f;
inline constexpr std::uint32_t kSameContainer = 0x10;
inline constexpr std::uint32_t kRoClassShift = 5;   // bits 5-6, insertions and moves
inline constexpr std::uint32_t kInsertsOne = 0x80;  // insertions
inline constexpr std::uint32_t kTargetsOne = 0x20;  // erase, revoke, reinstate
inline constexpr std::uint32_t kBackward = 0x40;    // erase

// How `ro` is told; the lowest that fits is written.
inline constexpr std::uint32_t kRoNextDot = 0;  // the dot after `lo`
inline constexpr std::uint32_t kRoEnd = 1;      // the end of the sequence
inline constexpr std::uint32_t kRoSame = 2;     // the `ro` of the previous insertion or move
inline constexpr std::uint32_t kRoExplicit = 3;

// Room for sinks: a varint of 64 bits; a head without tables; a row without key and content.
inline constexpr std::size_t kMaxVarintBytes = 10;
inline constexpr std::size_t kMaxHeadBytes = 1 + 8 + 5 + 4 * kMaxVarintBytes;
inline constexpr std::size_t kMaxRowBytes = 1 + 8 * kMaxVarintBytes;

}  // namespace weft
