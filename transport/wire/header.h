#pragma once
// FrameHeader: the 16 bytes before a message's segment. All numbers are little-endian.
//
//    0        4     6        8        12       16
//   +--------+-----+--------+--------+--------+--- ... ---+
//   | length | type| zero   | CRC32C |sequence|   body    |
//   +--------+-----+--------+--------+--------+--- ... ---+
//
// `length` is the body's, a multiple of 8 and at least 8. The CRC32C is that of the frame with 0 in its own place.

#include <cstddef>
#include <cstdint>
#include <span>

#include "crdt/base/bytes.h"
#include "crdt/base/result.h"

namespace weft::wire {

inline constexpr std::size_t kHeaderBytes = 16;

struct FrameHeader {
  std::uint32_t body_bytes = 0;
  std::uint16_t type = 0;
  std::uint16_t reserved = 0;
  std::uint32_t checksum = 0;
  std::uint32_t sequence = 0;

  std::size_t frame_bytes() const { return kHeaderBytes + body_bytes; }
};

/// @param bytes  at least kHeaderBytes
FrameHeader read_header(ByteSpan bytes);

/// What can be told without the body: type, zero, length.
/// @errors  kUnknownKind, kUnknownVersion, kCorrupt, kLimit: the frame is larger than `frame_bytes_max`
/// @param offset  of the frame in its stream
Status check_header(const FrameHeader& header, std::size_t frame_bytes_max, std::uint64_t offset);

/// @errors  kCorrupt
Status check_checksum(const FrameHeader& header, ByteSpan frame, std::uint64_t offset);

/// Writes the header and its checksum before a body that is there already. header.checksum is ignored.
/// @param frame  header and body
void write_header(FrameHeader header, std::span<std::byte> frame);

}  // namespace weft::wire
