#include "transport/wire/header.h"

#include <cstring>
#include <string>
#include <variant>

#include "crdt/sync/message.h"
#include "transport/wire/crc32c.h"

namespace weft::wire {
namespace {

constexpr std::size_t kTypeOffset = 4;
constexpr std::size_t kReservedOffset = 6;
constexpr std::size_t kChecksumOffset = 8;
constexpr std::size_t kSequenceOffset = 12;

template <typename T>
T load(const std::byte* at) {
  T value = 0;
  for (std::size_t i = 0; i < sizeof value; ++i)
    value = static_cast<T>(value | static_cast<T>(std::to_integer<T>(at[i]) << (8 * i)));
  return value;
}

template <typename T>
void store(T value, std::byte* at) {
  for (std::size_t i = 0; i < sizeof value; ++i) at[i] = static_cast<std::byte>(value >> (8 * i));
}

}  // namespace

FrameHeader read_header(ByteSpan bytes) {
  FrameHeader header;
  header.body_bytes = load<std::uint32_t>(bytes.data());
  header.type = load<std::uint16_t>(bytes.data() + kTypeOffset);
  header.reserved = load<std::uint16_t>(bytes.data() + kReservedOffset);
  header.checksum = load<std::uint32_t>(bytes.data() + kChecksumOffset);
  header.sequence = load<std::uint32_t>(bytes.data() + kSequenceOffset);
  return header;
}

Status check_header(const FrameHeader& header, std::size_t frame_bytes_max, std::uint64_t offset) {
  // Attack: a length that makes the receiver wait for, and keep, gigabytes.
  if (header.frame_bytes() > frame_bytes_max) [[unlikely]]
    return Error(ErrorCode::kLimit,
                 "a frame of " + std::to_string(header.frame_bytes()) + " bytes; at most " +
                     std::to_string(frame_bytes_max) + " are taken",
                 offset);
  if (header.body_bytes == 0 || header.body_bytes % 8 != 0) [[unlikely]]
    return Error(ErrorCode::kCorrupt,
                 "a body of " + std::to_string(header.body_bytes) + " bytes is no segment", offset);
  if (header.reserved != 0) [[unlikely]]
    return Error(ErrorCode::kUnknownVersion, "the frame header's reserved field is not 0",
                 offset + kReservedOffset);
  if (header.type == 0 || header.type > std::variant_size_v<sync::Message>) [[unlikely]]
    return Error(ErrorCode::kUnknownKind, "a message of type " + std::to_string(header.type),
                 offset + kTypeOffset);
  return {};
}

namespace {

std::uint32_t checksum_of(ByteSpan frame) {
  std::byte head[kHeaderBytes];
  std::memcpy(head, frame.data(), kHeaderBytes);
  store(std::uint32_t{0}, head + kChecksumOffset);
  return crc32c(frame.subspan(kHeaderBytes), crc32c(head));
}

}  // namespace

Status check_checksum(const FrameHeader& header, ByteSpan frame, std::uint64_t offset) {
  if (checksum_of(frame) != header.checksum) [[unlikely]]
    return Error(ErrorCode::kCorrupt, "the frame's checksum is wrong", offset + kChecksumOffset);
  return {};
}

void write_header(FrameHeader header, std::span<std::byte> frame) {
  std::byte* at = frame.data();
  store(header.body_bytes, at);
  store(header.type, at + kTypeOffset);
  store(header.reserved, at + kReservedOffset);
  store(header.sequence, at + kSequenceOffset);
  store(checksum_of(frame), at + kChecksumOffset);
}

}  // namespace weft::wire
