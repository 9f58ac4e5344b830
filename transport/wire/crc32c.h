#pragma once
// CRC32C (Castagnoli): the checksum of a frame. It notices every burst of up to 32 bits, and every change of up to
// three bits in a frame (five where it has at most 655 bytes). It is no defence against an attacker; TLS is.
//
// Not xxh3, as in stores: a browser's or another language's peer has a CRC32C at hand, and processors have an
// instruction for it.
//
// Source: RFC 3720, section 12.1 and appendix B.4 (test vectors); tables: Kounavis and Berry 2005 ("slicing by 8").

#include <cstdint>

#include "crdt/base/bytes.h"

namespace weft::wire {

/// The CRC32C of `bytes`, or, if `before` is that of some bytes, that of both together.
/// @cost  8 bytes in 3 cycles with the instruction of SSE4.2, else about 8 in 15
[[nodiscard]] std::uint32_t crc32c(ByteSpan bytes, std::uint32_t before = 0);

/// The same without the instruction, on every machine: for tests.
[[nodiscard]] std::uint32_t crc32c_by_table(ByteSpan bytes, std::uint32_t before = 0);

}  // namespace weft::wire
