#pragma once
// UTF-8: validation, counting, and finding a scalar's byte offset.
//
// An element of text is one Unicode scalar value; applications count in UTF-16 units or bytes. All
// counting looks at eight bytes at a time and needs no vector instructions, so that it costs the same
// in WebAssembly.
//
// Valid is what Unicode 15, table 3-7 calls well-formed: shortest form, no surrogates, at most U+10FFFF.

#include <cstddef>
#include <optional>
#include <string_view>

namespace weft {

/// @cost about 8 bytes a cycle for ASCII, 1 byte a cycle for other text
bool valid_utf8(std::string_view text);

/// The number of scalars, or nothing where `text` is not valid: one pass for both.
std::optional<std::size_t> valid_scalar_count(std::string_view text);

bool is_ascii(std::string_view text);

// From here on `text` must be valid.

std::size_t count_scalars(std::string_view text);
std::size_t count_utf16(std::string_view text);

/// The byte offset of the `n`-th scalar; text.size() where there are n or fewer.
std::size_t utf8_offset_of_scalar(std::string_view text, std::size_t n);

/// The byte offset of the n-th scalar before the end (n = 0 is the end); 0 where there are n or fewer.
std::size_t utf8_offset_from_end(std::string_view text, std::size_t n);

/// The size that a scalar's first byte announces: 1 to 4; 0 for a byte that starts none.
constexpr unsigned utf8_size_from_lead(unsigned char lead) {
  if (lead < 0x80) return 1;
  if (lead < 0xc2) return 0;
  if (lead < 0xe0) return 2;
  if (lead < 0xf0) return 3;
  return lead < 0xf5 ? 4 : 0;
}

}  // namespace weft
