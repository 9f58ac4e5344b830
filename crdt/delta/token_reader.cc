#include "crdt/delta/token_reader.h"

#include <algorithm>

namespace weft {

bool NumberColumn::refill() {
  // Only a block that is used up is replaced: next_if asks for one number at a time.
  auto count = static_cast<std::uint32_t>(std::min<std::ptrdiff_t>(end_ - at_, kBlock));
  next_ = filled_ = 0;
  if (count == 0) {
    fault_->set(ErrorCode::kCorrupt, "a column ends too early",
                static_cast<std::uint64_t>(at_ - body_));
    return false;
  }
  const std::byte* bits = bits_;
  std::uint64_t bit_at = bit_at_;
  const std::uint64_t last_byte =
      bit_end_ / 8;  // from here on the 8 bytes behind the bits are loaded
  for (std::uint32_t i = 0; i < count; ++i) {
    auto token = static_cast<std::uint8_t>(at_[i]);
    std::uint64_t word;
    std::memcpy(&word, bits + std::min(bit_at >> 3, last_byte), sizeof word);
    block_[i] = kTokens.base[token] + (word >> (bit_at & 7) & kTokens.mask[token]);
    bit_at += kTokens.bits[token];
  }
  bit_at_ = bit_at;
  at_ += count;
  filled_ = count;
  if (bit_at_ <= bit_end_) return true;
  fault_->set(ErrorCode::kCorrupt, "the bits of a column end too early",
              static_cast<std::uint64_t>(bits_ - body_) + bit_end_ / 8);
  at_ = end_;
  filled_ = 0;
  return false;
}

bool NumberColumn::at_end() const {
  std::uint64_t left = bit_end_ - bit_at_;
  if (next_ != filled_ || at_ != end_ || left >= 8) return false;
  return left == 0 || static_cast<unsigned>(bits_[bit_at_ >> 3]) >> (bit_at_ & 7) == 0;
}

BodyColumns::BodyColumns(ByteSpan columns, const BodyCounts& counts, const std::byte* body)
    : body_(body) {
  std::size_t bits_begin = 0;
  for (std::size_t size : counts.sizes) bits_begin += size;
  ByteSpan bits = columns.subspan(bits_begin);
  for (std::size_t i = 0; i < kColumnCount; ++i) {
    ByteSpan own = columns.first(counts.sizes[i]);
    columns = columns.subspan(counts.sizes[i]);
    if (i >= kNumberColumns) {
      bytes_[i - kNumberColumns].open(own);
      continue;
    }
    numbers_[i].open(own, bits.first(counts.bit_sizes[i]), body, &fault_);
    bits = bits.subspan(counts.bit_sizes[i]);
  }
}

std::uint64_t BodyColumns::u64(Column which) {
  if (bytes(which).rest().size() < 8) {
    fail(ErrorCode::kCorrupt, "a column ends too early", offset_of(bytes(which).rest().data()));
    return 0;
  }
  std::uint64_t value;
  std::memcpy(&value, bytes(which).take(sizeof value).data(), sizeof value);
  return value;
}

bool BodyColumns::all_read() const {
  for (const NumberColumn& column : numbers_)
    if (!column.at_end()) return false;
  for (const ByteColumn& column : bytes_)
    if (!column.at_end()) return false;
  return true;
}

}  // namespace weft
