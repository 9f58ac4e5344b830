// UTF-8: crdt/base/utf8.cc, against the definition, byte by byte.

#include "crdt/base/utf8.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/support/random.h"

using namespace weft;
using test::Random;

namespace {

std::string encode(unsigned scalar) {
  std::string text;
  auto put = [&text](unsigned byte) { text.push_back(static_cast<char>(byte)); };
  if (scalar < 0x80) {
    put(scalar);
  } else if (scalar < 0x800) {
    put(0xc0 | scalar >> 6);
    put(0x80 | (scalar & 0x3f));
  } else if (scalar < 0x10000) {
    put(0xe0 | scalar >> 12);
    put(0x80 | (scalar >> 6 & 0x3f));
    put(0x80 | (scalar & 0x3f));
  } else {
    put(0xf0 | scalar >> 18);
    put(0x80 | (scalar >> 12 & 0x3f));
    put(0x80 | (scalar >> 6 & 0x3f));
    put(0x80 | (scalar & 0x3f));
  }
  return text;
}

bool is_scalar(unsigned value) { return value < 0xd800 || (value > 0xdfff && value <= 0x10ffff); }

unsigned random_scalar(Random& random) {
  static const unsigned kEnds[] = {0x80, 0x800, 0x10000, 0x110000};
  unsigned scalar;
  do {
    scalar = static_cast<unsigned>(random.below(kEnds[random.below(4)]));
  } while (!is_scalar(scalar));
  return scalar;
}

}  // namespace

TEST_CASE("every scalar value is valid, every other code is not") {
  for (unsigned value = 0; value < 0x120000; ++value) {
    std::string text = encode(value);
    REQUIRE(valid_utf8(text) == is_scalar(value));
    if (!is_scalar(value)) continue;
    REQUIRE(utf8_size_from_lead(static_cast<unsigned char>(text[0])) == text.size());
    REQUIRE(count_scalars(text) == 1);
    REQUIRE(count_utf16(text) == (value >= 0x10000 ? 2u : 1u));
  }
}

TEST_CASE(
    "every pair of bytes is valid exactly if it is two ASCII characters or one of two bytes") {
  for (unsigned first = 0; first < 256; ++first) {
    for (unsigned second = 0; second < 256; ++second) {
      std::string text = {static_cast<char>(first), static_cast<char>(second)};
      bool valid = (first < 0x80 && second < 0x80) ||
                   (first >= 0xc2 && first < 0xe0 && second >= 0x80 && second < 0xc0);
      REQUIRE(valid_utf8(text) == valid);
    }
  }
}

TEST_CASE("overlong forms and cut-off scalars are refused") {
  for (const char* text :
       {"\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80", "\xe2\x82", "\xf0\x9f\x99", "aaaaaaaaaaaa\xe2\x82"})
    CHECK_FALSE(valid_utf8(text));
}

TEST_CASE("counts and offsets are those that going from scalar to scalar gives") {
  Random random(1);
  for (int round = 0; round < 2000; ++round) {
    std::string text;
    std::vector<std::size_t> offsets;
    std::size_t utf16 = 0;
    bool ascii = true;
    std::uint64_t scalars = random.below(60);
    bool plain = random.chance(1, 3);
    for (std::uint64_t i = 0; i < scalars; ++i) {
      unsigned scalar = plain ? 'a' : random_scalar(random);
      offsets.push_back(text.size());
      text += encode(scalar);
      utf16 += scalar >= 0x10000 ? 2 : 1;
      ascii = ascii && scalar < 0x80;
    }
    offsets.push_back(text.size());
    REQUIRE(valid_scalar_count(text) == scalars);
    REQUIRE(count_scalars(text) == scalars);
    REQUIRE(count_utf16(text) == utf16);
    REQUIRE(is_ascii(text) == ascii);
    for (std::size_t n = 0; n <= scalars; ++n) {
      REQUIRE(utf8_offset_of_scalar(text, n) == offsets[n]);
      REQUIRE(utf8_offset_from_end(text, scalars - n) == offsets[n]);
    }
    REQUIRE(utf8_offset_of_scalar(text, scalars + 3) == text.size());
    REQUIRE(utf8_offset_from_end(text, scalars + 3) == 0);
  }
}
