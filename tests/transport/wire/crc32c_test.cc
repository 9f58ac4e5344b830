// transport/wire/crc32c.h, against the vectors of RFC 3720, appendix B.4.

#include <doctest/doctest.h>

#include <string_view>

#include "tests/support/random.h"
#include "transport/wire/crc32c.h"

using namespace weft;
using wire::crc32c;
using wire::crc32c_by_table;

namespace {

void check(const Bytes& bytes, std::uint32_t expected) {
  CHECK(crc32c(bytes) == expected);
  CHECK(crc32c_by_table(bytes) == expected);
}

Bytes random_bytes(std::size_t size) {
  test::Random random(7);
  Bytes bytes(size);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random.next());
  return bytes;
}

}  // namespace

TEST_CASE("a CRC32C is that of RFC 3720") {
  Bytes ascending, descending;
  for (int i = 0; i < 32; ++i) ascending.push_back(static_cast<std::byte>(i));
  for (int i = 31; i >= 0; --i) descending.push_back(static_cast<std::byte>(i));
  check(Bytes(32, std::byte{0}), 0x8a91'36aa);
  check(Bytes(32, std::byte{0xff}), 0x62a8'ab43);
  check(ascending, 0x46dd'794e);
  check(descending, 0x113f'db5c);
  const ByteSpan digits = as_bytes("123456789");
  check(Bytes(digits.begin(), digits.end()), 0xe306'9283);
  check({}, 0);
}

TEST_CASE("instruction and table agree at every size and every place") {
  const Bytes bytes = random_bytes(400);
  for (std::size_t begin = 0; begin < 16; ++begin)
    for (std::size_t size = 0; begin + size <= 300; ++size) {
      const ByteSpan part = ByteSpan(bytes).subspan(begin, size);
      REQUIRE(crc32c(part) == crc32c_by_table(part));
    }
}

TEST_CASE("the CRC32C of two parts is that of the whole, wherever it is cut") {
  const Bytes bytes = random_bytes(100);
  const std::uint32_t whole = crc32c(bytes);
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    const ByteSpan first = ByteSpan(bytes).first(cut);
    const ByteSpan rest = ByteSpan(bytes).subspan(cut);
    REQUIRE(crc32c(rest, crc32c(first)) == whole);
    REQUIRE(crc32c_by_table(rest, crc32c_by_table(first)) == whole);
  }
}
