#pragma once
// Bytes in and out: LEB128 varints (at most 10 bytes), zigzag, little-endian fixed integers.
//
// ByteWriter appends to a Bytes buffer. ByteReader reads a borrowed span; it is *sticky*: the first
// fault puts it in the failed state with the fault's offset, every later read returns 0 or an empty
// span, and the caller checks ok() once per loop. No read is ever out of bounds.
//
// Varints are canonical: a longer encoding of the same number (a last byte of 0) is a fault, so that
// equal content has equal bytes.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

#include "crdt/base/result.h"

namespace weft {

using Bytes = std::vector<std::byte>;
using ByteSpan = std::span<const std::byte>;

inline ByteSpan as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}
inline std::string_view as_text(ByteSpan bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

constexpr std::uint64_t zigzag(std::int64_t value) {
  return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}
constexpr std::int64_t unzigzag(std::uint64_t value) {
  return static_cast<std::int64_t>(value >> 1) ^ -static_cast<std::int64_t>(value & 1);
}

/// Writes `value` at `out` (room for 10 bytes) and returns the end of what was written.
inline std::byte* write_varint(std::byte* out, std::uint64_t value) {
  while (value >= 0x80) {
    *out++ = static_cast<std::byte>(value | 0x80);
    value >>= 7;
  }
  *out++ = static_cast<std::byte>(value);
  return out;
}

class ByteWriter {
 public:
  explicit ByteWriter(Bytes& out) : out_(out) {}

  void u8(std::uint8_t value) { out_.push_back(static_cast<std::byte>(value)); }
  void u32(std::uint32_t value) { fixed(&value, sizeof value); }
  void u64(std::uint64_t value) { fixed(&value, sizeof value); }
  void varint(std::uint64_t value) {
    if (value < 0x80) {
      out_.push_back(static_cast<std::byte>(value));
      return;
    }
    std::byte buffer[10];
    out_.insert(out_.end(), buffer, write_varint(buffer, value));
  }
  void svarint(std::int64_t value) { varint(zigzag(value)); }
  void bytes(ByteSpan data) { out_.insert(out_.end(), data.begin(), data.end()); }
  void text(std::string_view data) { bytes(as_bytes(data)); }
  /// Length as a varint, then the bytes.
  void sized(ByteSpan data) {
    varint(data.size());
    bytes(data);
  }
  std::size_t size() const { return out_.size(); }
  Bytes& out() { return out_; }

 private:
  void fixed(const void* data, std::size_t size) {
    static_assert(std::endian::native == std::endian::little);
    const auto* begin = static_cast<const std::byte*>(data);
    out_.insert(out_.end(), begin, begin + size);
  }
  Bytes& out_;
};

class ByteReader {
 public:
  /// @param base_offset  what the reported byte offsets count from: the offset of `data` in its file
  explicit ByteReader(ByteSpan data, std::uint64_t base_offset = 0)
      : at_(data.data()),
        begin_(data.data()),
        end_(data.data() + data.size()),
        base_(base_offset) {}

  bool ok() const { return fault_ == nullptr; }
  bool at_end() const { return at_ == end_; }
  std::size_t remaining() const { return static_cast<std::size_t>(end_ - at_); }
  std::uint64_t offset() const { return base_ + static_cast<std::uint64_t>(at_ - begin_); }

  std::uint8_t u8() {
    if (at_ == end_) [[unlikely]] {
      fail("ends too early");
      return 0;
    }
    return static_cast<std::uint8_t>(*at_++);
  }
  std::uint32_t u32() { return fixed<std::uint32_t>(); }
  std::uint64_t u64() { return fixed<std::uint64_t>(); }
  std::uint64_t varint() {
    if (at_ != end_ && static_cast<std::uint8_t>(*at_) < 0x80) [[likely]]
      return static_cast<std::uint8_t>(*at_++);
    return varint_slow();
  }
  std::int64_t svarint() { return unzigzag(varint()); }
  /// A varint that must be at most `max`; a greater one is a fault.
  std::uint64_t varint_up_to(std::uint64_t max, const char* what = "number over its limit") {
    const std::byte* before = at_;
    std::uint64_t value = varint();
    if (value > max) [[unlikely]] {
      at_ = before;
      fail(what);
      return 0;
    }
    return value;
  }
  ByteSpan bytes(std::uint64_t size) {
    if (size > remaining()) [[unlikely]] {
      fail("ends too early");
      return {};
    }
    ByteSpan result(at_, static_cast<std::size_t>(size));
    at_ += size;
    return result;
  }
  ByteSpan sized() { return bytes(varint()); }

  /// Enters the failed state at the current offset; the first fault wins. `what` is a literal.
  void fail(const char* what) { fail(ErrorCode::kCorrupt, what); }
  void fail(ErrorCode code, const char* what) {
    if (fault_ == nullptr) {
      fault_ = what;
      code_ = code;
      fault_offset_ = offset();
    }
    at_ = end_;
  }
  /// The fault as an Error; call only when !ok().
  Error error(const char* where) const;

 private:
  template <typename T>
  T fixed() {
    if (remaining() < sizeof(T)) [[unlikely]] {
      fail("ends too early");
      return 0;
    }
    T value;
    std::memcpy(&value, at_, sizeof value);
    at_ += sizeof value;
    return value;
  }
  std::uint64_t varint_slow();

  const std::byte* at_;
  const std::byte* begin_;
  const std::byte* end_;
  std::uint64_t base_;
  const char* fault_ = nullptr;
  ErrorCode code_ = ErrorCode::kOk;
  std::uint64_t fault_offset_ = 0;
};

}  // namespace weft
