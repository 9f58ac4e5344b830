#pragma once
// Eight bytes of text at once: what counting and checking of UTF-8 build on.

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace weft {

inline constexpr std::uint64_t kOnes = 0x0101'0101'0101'0101;
inline constexpr std::uint64_t kHighs = 0x8080'8080'8080'8080;  ///< set in no byte of ASCII

inline std::uint64_t load_word(const char* at) {
  std::uint64_t word;
  std::memcpy(&word, at, sizeof word);
  return word;
}

/// Adds up eight bytes, each at most 31.
inline std::size_t sum_bytes(std::uint64_t bytes) {
  return static_cast<std::size_t>((bytes * kOnes) >> 56);
}

}  // namespace weft
