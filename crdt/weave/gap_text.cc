#include "crdt/weave/gap_text.h"

#include <algorithm>
#include <bit>

#include "crdt/base/assert.h"
#include "crdt/base/utf8.h"

namespace weft {
namespace {

constexpr std::uint32_t kFirstCapacity = 32;

std::uint32_t narrow(std::uint64_t value) { return static_cast<std::uint32_t>(value); }

}  // namespace

std::uint32_t GapText::byte_of_slow(std::uint32_t scalar) const {
  const std::uint32_t before_gap = narrow(count_scalars(head()));
  if (scalar < before_gap) return narrow(utf8_offset_of_scalar(head(), scalar));
  return gap_begin_ + narrow(utf8_offset_of_scalar(tail(), scalar - before_gap));
}

std::uint32_t GapText::scalar_of_slow(std::uint32_t byte) const {
  if (byte <= gap_begin_) return narrow(count_scalars(head().substr(0, byte)));
  return narrow(count_scalars(head()) + count_scalars(tail().substr(0, byte - gap_begin_)));
}

void GapText::backspace_wide() {
  std::uint32_t size = 1;
  for (; is_continuation(text_[gap_begin_]); ++size) --gap_begin_;
  inner_ -= size - 1;
  astral_ -= size == 4 ? 1 : 0;
}

void GapText::delete_forward_wide() {
  std::uint32_t size = 1;
  for (; gap_end_ != capacity_ && is_continuation(text_[gap_end_]); ++size) ++gap_end_;
  inner_ -= size - 1;
  astral_ -= size == 4 ? 1 : 0;
}

void GapText::move_gap(std::uint32_t byte) {
  if (byte < gap_begin_) {
    const std::uint32_t moved = gap_begin_ - byte;
    gap_begin_ = byte;
    gap_end_ -= moved;
    std::memmove(text_.get() + gap_end_, text_.get() + gap_begin_, moved);
  } else if (byte > gap_begin_) {
    const std::uint32_t moved = byte - gap_begin_;
    std::memmove(text_.get() + gap_begin_, text_.get() + gap_end_, moved);
    gap_begin_ = byte;
    gap_end_ += moved;
  }
}

void GapText::reserve(std::uint32_t bytes, std::uint32_t capacity_max) {
  if (bytes <= gap_end_ - gap_begin_) return;
  const std::uint32_t needed = size() + bytes;
  WEFT_ASSERT(needed <= capacity_max);
  const std::uint32_t capacity =
      std::min(capacity_max, std::max(kFirstCapacity, std::bit_ceil(needed)));
  auto text = std::make_unique_for_overwrite<char[]>(capacity);
  const std::uint32_t tail_size = capacity_ - gap_end_;
  if (gap_begin_ != 0) std::memcpy(text.get(), text_.get(), gap_begin_);
  if (tail_size != 0)
    std::memcpy(text.get() + capacity - tail_size, text_.get() + gap_end_, tail_size);
  text_ = std::move(text);
  capacity_ = capacity;
  gap_end_ = capacity - tail_size;
}

void GapText::count(const TextMetrics& metrics, bool added) {
  const std::uint32_t sign = added ? 1 : ~std::uint32_t{0};  // times this, modulo 2^32
  inner_ += sign * narrow(metrics.utf8 - metrics.scalars);
  astral_ += sign * narrow(metrics.utf16 - metrics.scalars);
  newlines_ += sign * narrow(metrics.newlines);
}

void GapText::insert(std::uint32_t byte, std::string_view text, std::uint32_t capacity_max) {
  if (text.empty()) return;
  move_gap(byte);
  put(text, measure(text), capacity_max);
}

void GapText::put(std::string_view text, const TextMetrics& metrics, std::uint32_t capacity_max) {
  reserve(narrow(text.size()), capacity_max);
  std::memcpy(text_.get() + gap_begin_, text.data(), text.size());
  gap_begin_ += narrow(text.size());
  count(metrics, true);
}

void GapText::erase(std::uint32_t begin, std::uint32_t end) {
  if (begin == end) return;
  if (begin > gap_begin_ || end < gap_begin_) move_gap(begin);
  const std::uint32_t before = gap_begin_ - begin;  // erased from the head; the rest from the tail
  const std::uint32_t after = end - gap_begin_;
  if (before != 0) count(measure({text_.get() + begin, before}), false);
  if (after != 0) count(measure({text_.get() + gap_end_, after}), false);
  gap_begin_ = begin;
  gap_end_ += after;
}

void GapText::erase_scalars(std::uint32_t byte, std::uint32_t scalars) {
  if (ascii()) return erase(byte, byte + scalars);
  move_gap(byte);
  erase(byte, byte + narrow(utf8_offset_of_scalar(tail(), scalars)));
}

void GapText::move_tail(std::uint32_t byte, GapText& to, std::uint32_t capacity_max) {
  move_gap(byte);
  const std::string_view moved = tail();
  if (moved.empty()) return;
  const TextMetrics metrics = measure(moved);
  to.move_gap(to.size());
  to.put(moved, metrics, capacity_max);
  count(metrics, false);
  gap_end_ = capacity_;
}

GapText GapText::clone() const {
  GapText copy;
  copy.insert(0, head(), capacity_);
  copy.insert(copy.size(), tail(), capacity_);
  return copy;
}

void GapText::check_invariants() const {
  WEFT_ASSERT(gap_begin_ <= gap_end_ && gap_end_ <= capacity_);
  WEFT_ASSERT(valid_utf8(head()) && valid_utf8(tail()));
  TextMetrics metrics_found = measure(head());
  metrics_found += measure(tail());
  WEFT_ASSERT(metrics_found == metrics());  // (I1)
}

}  // namespace weft
