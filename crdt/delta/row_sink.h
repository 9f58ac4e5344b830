#pragma once
// Where an encoder's bytes go: to the end of a buffer (AppendSink), or into a comparison with bytes that
// are already there (CompareSink), which is how a decoder proves that its input is canonical.
//
// Small writes collect in a buffer on the stack, without a check each: reserve(n) makes room for n bytes
// of u8, fixed and varint. bytes() needs none.

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "crdt/base/bytes.h"

namespace weft {

template <typename Target>
class RowSink {
 public:
  explicit RowSink(Target target) : target_(target) {}
  RowSink(const RowSink&) = delete;
  RowSink& operator=(const RowSink&) = delete;

  void reserve(std::size_t size) {
    if (static_cast<std::size_t>(buffer_ + sizeof buffer_ - at_) < size) [[unlikely]]
      flush();
  }
  void u8(std::uint32_t value) { *at_++ = static_cast<std::byte>(value); }
  void varint(std::uint64_t value) { at_ = write_varint(at_, value); }
  /// The low `size` bytes of `value`, little-endian; takes room for 8.
  void fixed(std::uint64_t value, std::size_t size) {
    std::memcpy(at_, &value, sizeof value);
    at_ += size;
  }
  void bytes(ByteSpan data) {
    if (static_cast<std::size_t>(buffer_ + sizeof buffer_ - at_) >= data.size()) [[likely]] {
      if (data.size() == 1) {
        *at_++ = data[0];
      } else if (!data.empty()) {
        std::memcpy(at_, data.data(), data.size());
        at_ += data.size();
      }
      return;
    }
    flush();
    target_.take(data);
  }
  void flush() {
    target_.take({buffer_, static_cast<std::size_t>(at_ - buffer_)});
    at_ = buffer_;
  }
  const Target& target() const { return target_; }

 private:
  Target target_;
  std::byte* at_ = buffer_;
  std::byte buffer_[256];
};

class AppendTarget {
 public:
  explicit AppendTarget(Bytes& out) : out_(out) {}
  void take(ByteSpan data) { out_.insert(out_.end(), data.begin(), data.end()); }

 private:
  Bytes& out_;
};

class AppendSink : public RowSink<AppendTarget> {
 public:
  explicit AppendSink(Bytes& out) : RowSink(AppendTarget(out)) {}
};

class CompareTarget {
 public:
  static constexpr std::size_t kEqual = ~std::size_t{0};

  explicit CompareTarget(ByteSpan expected) : expected_(expected) {}
  void take(ByteSpan data) {
    if (difference_ != kEqual) return;
    std::size_t left = expected_.size() - at_;
    bool same_bytes = data.data() == expected_.data() + at_;  // content that the op borrows
    if (data.size() > left ||
        (!same_bytes && !data.empty() &&
         std::memcmp(data.data(), expected_.data() + at_, data.size()) != 0)) {
      std::size_t i = 0;
      while (i < left && i < data.size() && data[i] == expected_[at_ + i]) ++i;
      difference_ = at_ + i;
    }
    at_ += data.size();
  }
  /// Where the first difference lies; kEqual if all was written and is equal.
  std::size_t difference() const {
    if (difference_ == kEqual && at_ != expected_.size()) return at_;
    return difference_;
  }

 private:
  ByteSpan expected_;
  std::size_t at_ = 0;
  std::size_t difference_ = kEqual;
};

class CompareSink : public RowSink<CompareTarget> {
 public:
  explicit CompareSink(ByteSpan expected) : RowSink(CompareTarget(expected)) {}
};

}  // namespace weft
