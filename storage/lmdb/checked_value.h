#pragma once
// Values that are no records, which LMDB does not check: a checksum, seeded with what the value
// belongs to, and a size in front.
//
//   0   u64  checksum: XXH3-64 of what follows
//   8   u32  payload size; 12 u32 layout, 1
//   16       payload, then zeros up to a multiple of 8

#include <cstring>

#include "crdt/base/bytes.h"
#include "crdt/base/checksum.h"

namespace weft::lmdb {

inline constexpr std::size_t kCheckedHeadBytes = 16;
inline constexpr std::uint32_t kCheckedLayout = 1;

constexpr std::size_t checked_size(std::size_t payload_bytes) {
  return (kCheckedHeadBytes + payload_bytes + 7) / 8 * 8;
}

/// Writes checked_size(payload.size()) bytes.
inline void write_checked(std::uint64_t seed, ByteSpan payload, std::byte* out) {
  const std::size_t size = checked_size(payload.size());
  const auto payload_bytes = static_cast<std::uint32_t>(payload.size());
  std::memcpy(out + 8, &payload_bytes, 4);
  std::memcpy(out + 12, &kCheckedLayout, 4);
  if (!payload.empty()) std::memcpy(out + kCheckedHeadBytes, payload.data(), payload.size());
  std::memset(out + kCheckedHeadBytes + payload.size(), 0,
              size - kCheckedHeadBytes - payload.size());
  const std::uint64_t checksum = xxh3_64({out + 8, size - 8}, seed);
  std::memcpy(out, &checksum, 8);
}

inline Bytes checked_value(std::uint64_t seed, ByteSpan payload) {
  Bytes value(checked_size(payload.size()));
  write_checked(seed, payload, value.data());
  return value;
}

/// @return  the payload, inside `value`
inline Result<ByteSpan> read_checked(std::uint64_t seed, ByteSpan value) {
  ByteReader in(value);
  const std::uint64_t checksum = in.u64();
  const std::uint32_t size = in.u32();
  const std::uint32_t layout = in.u32();
  if (!in.ok() || checked_size(size) != value.size() || checksum != xxh3_64(value.subspan(8), seed))
    return Error(ErrorCode::kCorrupt, "a derived value's checksum is wrong");
  if (layout != kCheckedLayout)
    return Error(ErrorCode::kUnknownVersion, "a derived value of a newer weft");
  return value.subspan(kCheckedHeadBytes, size);
}

}  // namespace weft::lmdb
