#pragma once
// GapBuffer: the floor that text editing is measured against: one array with a gap at the cursor.
//
// It starts small and doubles; an edit elsewhere moves the gap with one memmove. Units are plain
// characters: bytes for ASCII text, char32_t for any other, so positions need no conversion.

#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>
#include <type_traits>

namespace weft::bench {

template <typename Char>
class GapBuffer {
  static_assert(std::is_trivially_copyable_v<Char>);

 public:
  GapBuffer() : data_(new Char[kCapacity]), capacity_(kCapacity), gap_end_(kCapacity) {}

  std::size_t size() const { return capacity_ - (gap_end_ - gap_begin_); }

  void insert(std::size_t at, const Char* text, std::size_t count) {
    if (gap_end_ - gap_begin_ < count) [[unlikely]]
      grow(count);
    move_gap(at);
    if (count == 1) [[likely]] {
      data_[gap_begin_] = *text;
    } else {
      std::memcpy(&data_[gap_begin_], text, count * sizeof(Char));
    }
    gap_begin_ += count;
  }

  void erase(std::size_t at, std::size_t count) {
    if (at + count == gap_begin_) {  // backspace: the gap swallows what lies before it
      gap_begin_ = at;
      return;
    }
    move_gap(at);
    gap_end_ += count;
  }

  /// The text, in two parts.
  std::basic_string_view<Char> before_gap() const { return {data_.get(), gap_begin_}; }
  std::basic_string_view<Char> after_gap() const {
    return {data_.get() + gap_end_, capacity_ - gap_end_};
  }

 private:
  static constexpr std::size_t kCapacity = 64;

  void move_gap(std::size_t at) {
    if (at == gap_begin_) [[likely]]
      return;
    if (at < gap_begin_) {
      const std::size_t count = gap_begin_ - at;
      gap_end_ -= count;
      std::memmove(&data_[gap_end_], &data_[at], count * sizeof(Char));
    } else {
      const std::size_t count = at - gap_begin_;
      std::memmove(&data_[gap_begin_], &data_[gap_end_], count * sizeof(Char));
      gap_end_ += count;
    }
    gap_begin_ = at;
  }

  void grow(std::size_t room) {
    std::size_t capacity = capacity_ * 2;
    while (capacity - size() < room) capacity *= 2;
    std::unique_ptr<Char[]> data(new Char[capacity]);
    const std::size_t tail = capacity_ - gap_end_;
    std::memcpy(data.get(), data_.get(), gap_begin_ * sizeof(Char));
    if (tail != 0) {
      std::memcpy(&data[capacity - tail], &data_[gap_end_], tail * sizeof(Char));
    }
    data_ = std::move(data);
    gap_end_ = capacity - tail;
    capacity_ = capacity;
  }

  std::unique_ptr<Char[]> data_;
  std::size_t capacity_;
  std::size_t gap_begin_ = 0;
  std::size_t gap_end_;
};

}  // namespace weft::bench
