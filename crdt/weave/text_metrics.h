#pragma once
// Text measured in the four units that positions come in; what base/utf8.h does not count already.
//
// Everything here takes valid UTF-8, cut at character boundaries; whoever let the text in has
// checked it. Nothing allocates.

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace weft {

struct TextMetrics {
  std::uint64_t scalars = 0;
  std::uint64_t utf8 = 0;   ///< bytes
  std::uint64_t utf16 = 0;  ///< code units
  std::uint64_t newlines = 0;

  TextMetrics& operator+=(const TextMetrics& other) {
    scalars += other.scalars;
    utf8 += other.utf8;
    utf16 += other.utf16;
    newlines += other.newlines;
    return *this;
  }
  TextMetrics& operator-=(const TextMetrics& other) {
    scalars -= other.scalars;
    utf8 -= other.utf8;
    utf16 -= other.utf16;
    newlines -= other.newlines;
    return *this;
  }
  friend TextMetrics operator+(TextMetrics a, const TextMetrics& b) { return a += b; }
  friend TextMetrics operator-(TextMetrics a, const TextMetrics& b) { return a -= b; }
  friend bool operator==(const TextMetrics&, const TextMetrics&) = default;
};

constexpr bool is_continuation(char byte) {
  return (static_cast<unsigned char>(byte) & 0xc0) == 0x80;
}

/// All four at once. @cost about 1 ns per 8 bytes
TextMetrics measure(std::string_view text);
std::size_t count_newlines(std::string_view text);

/// The largest place <= `limit` where `text` can be cut.
std::size_t floor_boundary(std::string_view text, std::size_t limit);
/// Bytes up to and with the `nth` newline, counted from 1; npos if there are fewer.
std::size_t bytes_to_newline(std::string_view text, std::size_t nth);

struct Utf16Step {
  std::size_t scalars;     ///< whole characters within the asked units
  std::size_t units_left;  ///< not 0: the units end inside a surrogate pair, or beyond the text
  bool splits;             ///< the units end inside a surrogate pair
};
Utf16Step scalars_of_utf16(std::string_view text, std::size_t units);

}  // namespace weft
