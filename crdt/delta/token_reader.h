#pragma once
// BodyColumns: the columns of a bundle's body, to be read (bundle_format.h). Sticky like ByteReader: the
// first fault is kept, every later read gives 0 or nothing, and no read is out of bounds.
//
// Numbers are decoded a block of tokens at a time, in a loop without a branch that depends on them; taking
// one is then a load. Where a field is present in only some operations, next_if takes it or leaves it,
// again without a branch: which operation follows which is what a file tells, and mispredicting it took
// three quarters of the time.
//
// Source: blocks of decoded integers: Lemire & Boytsov 2015; the split into token and bits: zstd's own
// (RFC 8878, 3.1.1.3.2.1.1).

#include <array>
#include <cstring>

#include "crdt/base/bytes.h"
#include "crdt/delta/bundle_format.h"

namespace weft {

/// The first fault of a body.
class BodyFault {
 public:
  bool ok() const { return what_ == nullptr; }
  void set(ErrorCode code, const char* what, std::uint64_t offset) {
    if (what_ != nullptr) return;
    what_ = what;
    code_ = code;
    offset_ = offset;
  }
  Error error() const { return Error(code_, std::string("bundle, unpacked: ") + what_, offset_); }

 private:
  const char* what_ = nullptr;
  ErrorCode code_ = ErrorCode::kOk;
  std::uint64_t offset_ = 0;
};

class NumberColumn {
 public:
  /// @param bits  followed by at least 8 bytes that may be read
  void open(ByteSpan tokens, ByteSpan bits, const std::byte* body, BodyFault* fault) {
    at_ = tokens.data();
    end_ = at_ + tokens.size();
    bits_ = bits.data();
    bit_end_ = bits.size() * 8;
    body_ = body;
    fault_ = fault;
  }

  std::uint64_t next() { return next_if(1); }
  std::int64_t next_signed() { return unzigzag(next()); }
  /// The next number if `present` is 1; 0 if it is 0, and the number stays.
  std::uint64_t next_if(std::uint32_t present) {
    if (next_ + present > filled_) [[unlikely]] {
      if (!refill()) return 0;
    }
    std::uint64_t value = block_[next_];
    next_ += present;
    return value & -std::uint64_t{present};
  }
  /// Everything is read, and the bits that fill the last byte are 0.
  bool at_end() const;

 private:
  static constexpr std::uint32_t kBlock = 64;

  bool refill();

  const std::byte* at_ = nullptr;
  const std::byte* end_ = nullptr;
  const std::byte* bits_ = nullptr;
  std::uint64_t bit_at_ = 0;
  std::uint64_t bit_end_ = 0;
  const std::byte* body_ = nullptr;
  BodyFault* fault_ = nullptr;
  std::uint32_t next_ = 0;
  std::uint32_t filled_ = 0;
  std::uint64_t block_[kBlock + 1] = {};  ///< one more, which next_if(0) may load
};

class ByteColumn {
 public:
  void open(ByteSpan bytes) { rest_ = bytes; }
  ByteSpan rest() const { return rest_; }
  /// The next `size` bytes, of which there must be so many.
  ByteSpan take(std::size_t size) {
    ByteSpan taken = rest_.first(size);
    rest_ = rest_.subspan(size);
    return taken;
  }
  bool at_end() const { return rest_.empty(); }

 private:
  ByteSpan rest_;
};

/// What a body announces in front of its columns.
struct BodyCounts {
  std::uint64_t replicas, containers, keys, registers, ops, deltas, dependencies;
  std::uint64_t legacy_deltas;  ///< delta runs whose rows are of version 1: the first ones
  std::array<std::size_t, kColumnCount> sizes;
  std::array<std::size_t, kNumberColumns> bit_sizes;

  std::size_t size_of(Column column) const { return sizes[static_cast<std::size_t>(column)]; }
};

class BodyColumns {
 public:
  /// `columns` are those that `counts` gives the sizes of, which must add up; 8 bytes behind them may be
  /// read. `body` is what offsets count from.
  BodyColumns(ByteSpan columns, const BodyCounts& counts, const std::byte* body);
  BodyColumns(const BodyColumns&) = delete;
  BodyColumns& operator=(const BodyColumns&) = delete;

  NumberColumn& numbers(Column which) { return numbers_[static_cast<std::size_t>(which)]; }
  ByteColumn& bytes(Column which) {
    return bytes_[static_cast<std::size_t>(which) - kNumberColumns];
  }
  std::uint64_t u64(Column which);
  std::uint64_t offset_of(const std::byte* at) const {
    return static_cast<std::uint64_t>(at - body_);
  }

  bool ok() const { return fault_.ok(); }
  void fail(const char* what) { fail(ErrorCode::kCorrupt, what, Error::kNoOffset); }
  void fail(ErrorCode code, const char* what, std::uint64_t offset) {
    fault_.set(code, what, offset);
  }
  Error error() const { return fault_.error(); }
  bool all_read() const;

 private:
  const std::byte* body_;
  BodyFault fault_;
  std::array<NumberColumn, kNumberColumns> numbers_;
  std::array<ByteColumn, kColumnCount - kNumberColumns> bytes_;
};

/// base + ahead, or a fault where that is no seq.
inline Seq checked_seq(BodyColumns& in, std::int64_t base, std::int64_t ahead) {
  // Tokens end below 2^58 and no base is near the ends of int64: the sum can't overflow.
  std::int64_t seq = base + ahead;
  if (static_cast<std::uint64_t>(seq) > kMaxSeq) [[unlikely]] {
    in.fail(ErrorCode::kLimit, "sequence number over its limit", Error::kNoOffset);
    return 0;
  }
  return static_cast<Seq>(seq);
}

}  // namespace weft
