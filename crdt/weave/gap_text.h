#pragma once
// GapText: the visible text of one leaf, a gap buffer of a few hundred bytes that counts what it holds.
//
//     |head......|  gap  |tail............|        size() = capacity - gap
//     0      gap_begin gap_end         capacity
//
// Its buffer grows in powers of two, so that short texts stay small. Offsets are bytes of the text
// without the gap; all of them, and the gap, lie between characters.
//
// Invariant
//   I1  inner, astral and newlines are what the text holds of continuation bytes, of characters that
//       take two UTF-16 units, and of '\n'. inner == 0 says ASCII: byte offsets are scalar offsets.

#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>

#include "crdt/weave/text_metrics.h"

namespace weft {

class GapText {
 public:
  std::uint32_t size() const { return capacity_ - (gap_end_ - gap_begin_); }
  std::uint32_t gap() const { return gap_begin_; }
  bool ascii() const { return inner_ == 0; }
  std::uint32_t astral() const { return astral_; }
  std::uint32_t newlines() const { return newlines_; }
  TextMetrics metrics() const {
    return {size() - inner_, size(), std::uint64_t{size()} - inner_ + astral_, newlines_};
  }
  std::string_view head() const { return {text_.get(), gap_begin_}; }
  std::string_view tail() const { return {text_.get() + gap_end_, capacity_ - gap_end_}; }

  /// visit(std::string_view) for each of the at most two pieces of [begin, end).
  template <class Visit>
  void for_each(std::uint32_t begin, std::uint32_t end, Visit&& visit) const {
    if (begin < gap_begin_ && begin < end)
      visit(head().substr(begin, (end < gap_begin_ ? end : gap_begin_) - begin));
    if (end > gap_begin_ && begin < end) {
      const std::uint32_t from = begin > gap_begin_ ? begin - gap_begin_ : 0;
      visit(tail().substr(from, end - gap_begin_ - from));
    }
  }

  /// The byte where the n-th scalar begins; size() where there are n or fewer.
  std::uint32_t byte_of(std::uint32_t scalar) const {
    return ascii() ? scalar : byte_of_slow(scalar);
  }
  /// How many scalars begin before `byte`.
  std::uint32_t scalar_of(std::uint32_t byte) const {
    return ascii() ? byte : scalar_of_slow(byte);
  }
  bool is_boundary(std::uint32_t byte) const { return ascii() || !is_continuation(at(byte)); }
  char at(std::uint32_t byte) const {
    return text_[byte < gap_begin_ ? byte : byte + (gap_end_ - gap_begin_)];
  }

  // -- writing at the gap, inline: typing and backspacing ------------------------------------------

  bool has_gap() const { return gap_begin_ != gap_end_; }
  /// Needs has_gap().
  void type_ascii(char byte) {
    text_[gap_begin_++] = byte;
    newlines_ += byte == '\n' ? 1 : 0;
  }
  /// Takes out the one character that ends at the gap.
  void backspace() {
    const char byte = text_[--gap_begin_];
    newlines_ -= byte == '\n' ? 1 : 0;
    if (static_cast<unsigned char>(byte) >= 0x80) [[unlikely]]
      backspace_wide();
  }

  /// Takes out the one character that begins at the gap.
  void delete_forward() {
    const char byte = text_[gap_end_++];
    newlines_ -= byte == '\n' ? 1 : 0;
    if (static_cast<unsigned char>(byte) >= 0x80) [[unlikely]]
      delete_forward_wide();
  }

  // -- writing anywhere: afterwards the gap is there ------------------------------------------------

  void move_gap(std::uint32_t byte);
  void insert(std::uint32_t byte, std::string_view text, std::uint32_t capacity_max);
  void erase(std::uint32_t begin, std::uint32_t end);
  /// Erases the `scalars` characters from `byte` on.
  void erase_scalars(std::uint32_t byte, std::uint32_t scalars);
  /// Moves everything from `byte` on to the end of `to`.
  void move_tail(std::uint32_t byte, GapText& to, std::uint32_t capacity_max);
  void clear() { *this = GapText(); }
  GapText clone() const;
  void check_invariants() const;

 private:
  std::uint32_t byte_of_slow(std::uint32_t scalar) const;
  std::uint32_t scalar_of_slow(std::uint32_t byte) const;
  void backspace_wide();
  void delete_forward_wide();
  void put(std::string_view text, const TextMetrics& metrics, std::uint32_t capacity_max);
  void reserve(std::uint32_t bytes, std::uint32_t capacity_max);
  void count(const TextMetrics& metrics, bool added);

  std::unique_ptr<char[]> text_;
  std::uint32_t gap_begin_ = 0;
  std::uint32_t gap_end_ = 0;
  std::uint32_t capacity_ = 0;
  std::uint32_t inner_ = 0;
  std::uint32_t astral_ = 0;
  std::uint32_t newlines_ = 0;
};

}  // namespace weft
