#pragma once
// XXH3-64: the checksum that guards stored and sent bytes against damage.
//
// Not a defence against an attacker: whoever can change the bytes can also change the checksum.
// What has to withstand one uses sha256.h.
//
// The result depends on the bytes and the seed alone: it is the same on every compiler, vector unit
// and byte order, so it may stand in files and messages.
//
// The implementation is the header xxhash.h, compiled into checksum.cc (XXH_INLINE_ALL): no library
// is linked, none of its symbols are exported, and this header does not include it.

#include <cstddef>
#include <cstdint>
#include <span>

namespace weft {

/// The 64-bit XXH3 of `bytes`; seed 0 is the unseeded XXH3.
/// @source  Collet, xxHash specification 0.2.0
[[nodiscard]] std::uint64_t xxh3_64(std::span<const std::byte> bytes, std::uint64_t seed = 0);

}  // namespace weft
