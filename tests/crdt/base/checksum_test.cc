#include "crdt/base/checksum.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <doctest/doctest.h>

namespace {

// The input and the seed of xxHash's own sanity check.
constexpr std::uint64_t kSeed = 11400714785074694797ULL;

std::vector<std::byte> sanity_buffer(std::size_t size_bytes) {
  std::vector<std::byte> buffer(size_bytes);
  std::uint64_t state = 2654435761U;
  for (std::byte& byte : buffer) {
    byte = static_cast<std::byte>(state >> 56);
    state *= kSeed;
  }
  return buffer;
}

}  // namespace

TEST_CASE("xxh3_64 gives the published values for every input class") {
  struct Vector {
    std::size_t size_bytes;
    std::uint64_t seed;
    std::uint64_t expected;
  };
  // At least one length for each branch of the algorithm: 0, 1-3, 4-8, 9-16, 17-128, 129-240 and
  // longer.
  const Vector vectors[] = {
      {0, 0, 0x2D06800538D394C2},    {0, kSeed, 0xA8A6B918B2F0364A},
      {1, 0, 0xC44BDFF4074EECDB},    {1, kSeed, 0x032BE332DD766EF8},
      {6, 0, 0x27B56A84CD2D7325},    {6, kSeed, 0x84589C116AB59AB9},
      {12, 0, 0xA713DAF0DFBB77E7},   {12, kSeed, 0xE7303E1B2336DE0E},
      {24, 0, 0xA3FE70BF9D3510EB},   {24, kSeed, 0x850E80FC35BDD690},
      {48, 0, 0x397DA259ECBA1F11},   {48, kSeed, 0xADC2CBAA44ACC616},
      {80, 0, 0xBCDEFBBB2C47C90A},   {80, kSeed, 0xC6DD0CB699532E73},
      {195, 0, 0xCD94217EE362EC3A},  {195, kSeed, 0xBA68003D370CB3D9},
      {403, 0, 0xCDEB804D65C6DEA4},  {403, kSeed, 0x6259F6ECFD6443FD},
      {2048, 0, 0xDD59E2C3A5F038E0}, {2048, kSeed, 0x66F81670669ABABC},
  };
  for (const Vector& vector : vectors) {
    CAPTURE(vector.size_bytes);
    CAPTURE(vector.seed);
    CHECK(weft::xxh3_64(sanity_buffer(vector.size_bytes), vector.seed) == vector.expected);
  }
}

TEST_CASE("xxh3_64 does not depend on where the bytes lie") {
  const std::vector<std::byte> bytes = sanity_buffer(300);
  for (std::size_t offset = 0; offset < 16; ++offset) {
    std::vector<std::byte> shifted(offset);
    shifted.insert(shifted.end(), bytes.begin(), bytes.end());
    CHECK(weft::xxh3_64(std::span(shifted).subspan(offset)) == weft::xxh3_64(bytes));
  }
}

TEST_CASE("xxh3_64 changes when one bit of the bytes changes") {
  std::vector<std::byte> bytes = sanity_buffer(40);
  const std::uint64_t whole = weft::xxh3_64(bytes);
  for (std::byte& byte : bytes) {
    for (int bit = 0; bit < 8; ++bit) {
      byte ^= std::byte{1} << bit;
      CHECK(weft::xxh3_64(bytes) != whole);
      byte ^= std::byte{1} << bit;
    }
  }
}
