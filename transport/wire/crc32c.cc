#include "transport/wire/crc32c.h"

#include <array>
#include <cstddef>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace weft::wire {
namespace {

constexpr std::uint32_t kPolynomial = 0x82f6'3b78;  // 0x1edc6f41, bits reversed

using Table = std::array<std::uint32_t, 256>;

/// tables[k][b]: what byte b does to the remainder when k bytes follow it.
constexpr std::array<Table, 8> make_tables() {
  std::array<Table, 8> tables{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t rest = byte;
    for (int bit = 0; bit < 8; ++bit) rest = rest >> 1 ^ (rest & 1 ? kPolynomial : 0);
    tables[0][byte] = rest;
  }
  for (std::size_t k = 1; k < 8; ++k)
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const std::uint32_t before = tables[k - 1][byte];
      tables[k][byte] = before >> 8 ^ tables[0][before & 0xff];
    }
  return tables;
}
constexpr std::array<Table, 8> kTables = make_tables();

/// Eight bytes as a little-endian number, whatever the machine's order is.
std::uint64_t load64(const std::byte* at) {
  std::uint64_t value = 0;
  for (unsigned i = 0; i < 8; ++i) value |= std::to_integer<std::uint64_t>(at[i]) << (8 * i);
  return value;
}

std::uint32_t by_table(const std::byte* at, std::size_t size, std::uint32_t rest) {
  for (; size >= 8; at += 8, size -= 8) {
    const std::uint64_t word = load64(at) ^ rest;
    rest = 0;
    for (unsigned k = 0; k < 8; ++k) rest ^= kTables[7 - k][(word >> (8 * k)) & 0xff];
  }
  for (; size > 0; ++at, --size)
    rest = rest >> 8 ^ kTables[0][(rest ^ std::to_integer<std::uint32_t>(*at)) & 0xff];
  return rest;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) std::uint32_t by_instruction(const std::byte* at,
                                                               std::size_t size,
                                                               std::uint32_t rest) {
  std::uint64_t wide = rest;
  for (; size >= 8; at += 8, size -= 8) wide = _mm_crc32_u64(wide, load64(at));
  rest = static_cast<std::uint32_t>(wide);
  for (; size > 0; ++at, --size) rest = _mm_crc32_u8(rest, std::to_integer<std::uint8_t>(*at));
  return rest;
}
#endif

using Update = std::uint32_t (*)(const std::byte*, std::size_t, std::uint32_t);

Update fastest() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("sse4.2")) return by_instruction;
#endif
  return by_table;
}

}  // namespace

std::uint32_t crc32c(ByteSpan bytes, std::uint32_t before) {
  static const Update update = fastest();
  return ~update(bytes.data(), bytes.size(), ~before);
}

std::uint32_t crc32c_by_table(ByteSpan bytes, std::uint32_t before) {
  return ~by_table(bytes.data(), bytes.size(), ~before);
}

}  // namespace weft::wire
