#include "crdt/weave/text_metrics.h"

#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "crdt/base/utf8.h"
#include "crdt/base/words.h"

namespace weft {
namespace {

/// Fewer than eight bytes, but at least one, and zeros above: most of what is typed is as short as
/// this. Loads that overlap put the same byte twice in the same place.
std::uint64_t load_short(const char* at, std::size_t size) {
  if (size >= 4) {
    std::uint32_t low;
    std::uint32_t high;
    std::memcpy(&low, at, 4);
    std::memcpy(&high, at + size - 4, 4);
    return low | std::uint64_t{high} << (8 * (size - 4));
  }
  const auto byte = [at](std::size_t i) {
    return std::uint64_t{static_cast<unsigned char>(at[i])} << (8 * i);
  };
  return byte(0) | byte(size / 2) | byte(size - 1);
}
/// 1 in every byte that is a newline: such a byte is 0 after the exclusive or, and only a byte of 0
/// neither is nor becomes, by adding 0x7f to its lower bits, one with the high bit.
std::uint64_t newlines_in(std::uint64_t word) {
  const std::uint64_t x = word ^ (kOnes * '\n');
  return (~(((x & ~kHighs) + ~kHighs) | x) & kHighs) >> 7;
}

#if defined(__SSE2__)
/// @return false: not ASCII, nothing was counted
bool measure_ascii(const char* at, std::size_t size, std::size_t& lines) {
  constexpr std::size_t kVector = sizeof(__m128i);
  const __m128i newline = _mm_set1_epi8('\n');
  const __m128i zero = _mm_setzero_si128();
  __m128i seen = zero;
  __m128i total = zero;  // two sums of 64 bits
  const auto load = [](const char* from) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
  };
  while (size >= kVector) {
    __m128i sums = zero;  // one for each place, which stays below 256
    std::size_t vectors = size / kVector < 255 ? size / kVector : 255;
    size -= vectors * kVector;
    for (; vectors != 0; --vectors, at += kVector) {
      const __m128i bytes = load(at);
      seen = _mm_or_si128(seen, bytes);
      sums = _mm_sub_epi8(sums, _mm_cmpeq_epi8(bytes, newline));
    }
    total = _mm_add_epi64(total, _mm_sad_epu8(sums, zero));
  }
  unsigned tail = 0;
  std::size_t newlines = 0;
  for (; size >= 8; size -= 8, at += 8) {
    const std::uint64_t word = load_word(at);
    tail |= (word & kHighs) != 0 ? 0x80U : 0U;
    newlines += sum_bytes(newlines_in(word));
  }
  if (size != 0) {
    const std::uint64_t word = load_short(at, size);
    tail |= (word & kHighs) != 0 ? 0x80U : 0U;
    newlines += sum_bytes(newlines_in(word));
  }
  if (_mm_movemask_epi8(seen) != 0 || tail != 0) return false;
  alignas(16) std::uint64_t halves[2];
  _mm_store_si128(reinterpret_cast<__m128i*>(halves), total);
  lines = static_cast<std::size_t>(halves[0] + halves[1]) + newlines;
  return true;
}
#else
bool measure_ascii(const char*, std::size_t, std::size_t&) { return false; }
#endif

}  // namespace

TextMetrics measure(std::string_view text) {
  const char* at = text.data();
  std::size_t left = text.size();
  if (std::size_t newlines = 0; left >= 32 && measure_ascii(at, left, newlines))
    return {left, left, left, newlines};
  std::size_t inner = 0;  // continuations
  std::size_t pairs = 0;  // scalars of four bytes, which take a surrogate pair
  std::size_t lines = 0;
  const auto add = [&](std::uint64_t word) {
    lines += sum_bytes(newlines_in(word));
    if ((word & kHighs) == 0) return;
    inner += sum_bytes((word >> 7) & ~(word >> 6) & kOnes);
    pairs += sum_bytes((word >> 7) & (word >> 6) & (word >> 5) & (word >> 4) & kOnes);
  };
  for (; left >= 8; left -= 8, at += 8) add(load_word(at));
  if (left != 0) add(load_short(at, left));
  const std::size_t scalars = text.size() - inner;
  return {scalars, text.size(), scalars + pairs, lines};
}

std::size_t count_newlines(std::string_view text) {
  const char* at = text.data();
  std::size_t left = text.size();
  std::size_t lines = 0;
  for (; left >= 8; left -= 8, at += 8) lines += sum_bytes(newlines_in(load_word(at)));
  for (; left != 0; --left, ++at) lines += *at == '\n' ? 1 : 0;
  return lines;
}

std::size_t floor_boundary(std::string_view text, std::size_t limit) {
  if (limit >= text.size()) return text.size();
  while (limit > 0 && is_continuation(text[limit])) --limit;
  return limit;
}

std::size_t bytes_to_newline(std::string_view text, std::size_t nth) {
  std::size_t at = 0;
  for (; text.size() - at >= 8; at += 8) {
    const std::size_t lines = sum_bytes(newlines_in(load_word(text.data() + at)));
    if (lines >= nth) break;
    nth -= lines;
  }
  for (; at < text.size(); ++at)
    if (text[at] == '\n' && --nth == 0) return at + 1;
  return std::string_view::npos;
}

Utf16Step scalars_of_utf16(std::string_view text, std::size_t units) {
  std::size_t scalars = 0;
  for (std::size_t at = 0; at < text.size() && units != 0; ++scalars) {
    const unsigned size = utf8_size_from_lead(static_cast<unsigned char>(text[at]));
    const std::size_t width = size == 4 ? 2 : 1;
    if (width > units) return {scalars, units, true};
    units -= width;
    at += size;
  }
  return {scalars, units, false};
}

}  // namespace weft
