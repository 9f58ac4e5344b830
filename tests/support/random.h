#pragma once
// Random: the tests' own random numbers. Standard distributions give other numbers on other libraries;
// these are the same everywhere.
//
// Source: xoshiro256** and splitmix64, Blackman & Vigna 2018.

#include <bit>
#include <cstdint>

namespace weft::test {

class Random {
 public:
  explicit Random(std::uint64_t seed) {
    for (std::uint64_t& word : state_) {
      seed += 0x9e37'79b9'7f4a'7c15;
      std::uint64_t z = seed;
      z = (z ^ (z >> 30)) * 0xbf58'476d'1ce4'e5b9;
      z = (z ^ (z >> 27)) * 0x94d0'49bb'1331'11eb;
      word = z ^ (z >> 31);
    }
  }

  std::uint64_t next() {
    std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
    std::uint64_t shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = std::rotl(state_[3], 45);
    return result;
  }
  /// In [0, n); n >= 1. The bias is below n / 2^64.
  std::uint64_t below(std::uint64_t n) { return next() % n; }
  /// True `num` times in `den`.
  bool chance(std::uint64_t num, std::uint64_t den) { return below(den) < num; }

 private:
  std::uint64_t state_[4];
};

}  // namespace weft::test
