#pragma once
// Positions in text say their unit; a number without one is never guessed. Lists count elements
// (Unit::kScalar).

#include <cstddef>
#include <cstdint>

namespace weft {

enum class Unit : std::uint8_t {
  kScalar,  ///< Unicode scalar values: what an element of text is
  kUtf8,    ///< bytes
  kUtf16,   ///< code units, as JavaScript and LSP count
};

struct Position {
  std::size_t value = 0;
  Unit unit = Unit::kScalar;
};

constexpr Position scalar(std::size_t value) { return {value, Unit::kScalar}; }
constexpr Position utf8(std::size_t value) { return {value, Unit::kUtf8}; }
constexpr Position utf16(std::size_t value) { return {value, Unit::kUtf16}; }

/// Zero-based; the column counts from the line's start in the unit asked for.
struct LineColumn {
  std::size_t line = 0;
  std::size_t column = 0;
};

}  // namespace weft
