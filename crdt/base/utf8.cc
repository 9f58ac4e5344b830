#include "crdt/base/utf8.h"

#include <cstdint>
#include <cstring>

#include "crdt/base/words.h"

namespace weft {
namespace {

/// 1 in every byte that continues a scalar (10xxxxxx).
std::uint64_t continuations(std::uint64_t word) { return (word >> 7) & ~(word >> 6) & kOnes; }

bool is_continuation(char byte) { return (static_cast<unsigned char>(byte) & 0xc0) == 0x80; }

/// The size of the valid scalar at `at`, whose first byte is not ASCII; 0 where there is none.
std::size_t wide_scalar_size(const char* at, std::size_t room) {
  auto byte = [at](std::size_t i) { return static_cast<unsigned char>(at[i]); };
  unsigned size = utf8_size_from_lead(byte(0));
  if (size < 2 || size > room) return 0;
  for (std::size_t i = 1; i < size; ++i)
    if (!is_continuation(at[i])) return 0;
  // The second byte decides about overlong forms, surrogates and the end of the code space.
  switch (byte(0)) {
    case 0xe0:
      return byte(1) >= 0xa0 ? size : 0;
    case 0xed:
      return byte(1) <= 0x9f ? size : 0;
    case 0xf0:
      return byte(1) >= 0x90 ? size : 0;
    case 0xf4:
      return byte(1) <= 0x8f ? size : 0;
    default:
      return size;
  }
}

}  // namespace

std::optional<std::size_t> valid_scalar_count(std::string_view text) {
  const char* at = text.data();
  const char* end = at + text.size();
  std::size_t extra = 0;  // bytes beyond the first of each scalar
  while (at != end) {
    if (static_cast<unsigned char>(*at) >= 0x80) {
      std::size_t size = wide_scalar_size(at, static_cast<std::size_t>(end - at));
      if (size == 0) return std::nullopt;
      extra += size - 1;
      at += size;
      continue;
    }
    while (end - at >= 8 && (load_word(at) & kHighs) == 0) at += 8;
    while (at != end && static_cast<unsigned char>(*at) < 0x80) ++at;
  }
  return text.size() - extra;
}

bool valid_utf8(std::string_view text) { return valid_scalar_count(text).has_value(); }

bool is_ascii(std::string_view text) {
  const char* at = text.data();
  std::size_t size = text.size();
  std::uint64_t seen = 0;
  for (; size >= 32; size -= 32, at += 32)
    seen |= load_word(at) | load_word(at + 8) | load_word(at + 16) | load_word(at + 24);
  for (; size >= 8; size -= 8, at += 8) seen |= load_word(at);
  for (; size != 0; --size, ++at) seen |= static_cast<unsigned char>(*at);
  return (seen & kHighs) == 0;
}

std::size_t count_scalars(std::string_view text) {
  const char* at = text.data();
  std::size_t left = text.size();
  std::size_t extra = 0;
  for (; left >= 8; left -= 8, at += 8) extra += sum_bytes(continuations(load_word(at)));
  for (; left != 0; --left, ++at) extra += is_continuation(*at) ? 1U : 0U;
  return text.size() - extra;
}

std::size_t count_utf16(std::string_view text) {
  const char* at = text.data();
  std::size_t left = text.size();
  std::size_t extra = 0;  // continuations
  std::size_t pairs = 0;  // scalars of four bytes, which take a surrogate pair
  for (; left >= 8; left -= 8, at += 8) {
    std::uint64_t word = load_word(at);
    extra += sum_bytes(continuations(word));
    pairs += sum_bytes((word >> 7) & (word >> 6) & (word >> 5) & (word >> 4) & kOnes);
  }
  for (; left != 0; --left, ++at) {
    extra += is_continuation(*at) ? 1U : 0U;
    pairs += static_cast<unsigned char>(*at) >= 0xf0 ? 1U : 0U;
  }
  return text.size() - extra + pairs;
}

std::size_t utf8_offset_of_scalar(std::string_view text, std::size_t n) {
  const char* begin = text.data();
  const char* at = begin;
  const char* end = at + text.size();
  // Whole words are skipped while all scalars that begin in them lie before the n-th.
  while (end - at >= 8) {
    std::size_t starts = 8 - sum_bytes(continuations(load_word(at)));
    if (starts > n) break;
    n -= starts;
    at += 8;
  }
  // A word may end inside a scalar: what continues it belongs to scalars already passed.
  while (at != end && is_continuation(*at)) ++at;
  while (at != end && n != 0) {
    ++at;
    while (at != end && is_continuation(*at)) ++at;
    --n;
  }
  return static_cast<std::size_t>(at - begin);
}

std::size_t utf8_offset_from_end(std::string_view text, std::size_t n) {
  const char* begin = text.data();
  const char* at = begin + text.size();
  while (at - begin >= 8 && n >= 8) {
    std::size_t starts = 8 - sum_bytes(continuations(load_word(at - 8)));
    n -= starts;
    at -= 8;
  }
  while (at != begin && n != 0) {
    --at;
    if (!is_continuation(*at)) --n;
  }
  return static_cast<std::size_t>(at - begin);
}

}  // namespace weft
