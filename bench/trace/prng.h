#pragma once
// Prng: splitmix64 (Steele, Lea & Flood 2014). std's distributions give other numbers on other
// standard libraries; this gives the same trace and the same benchmark everywhere.

#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

namespace weft::trace {

class Prng {
 public:
  explicit Prng(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() {
    std::uint64_t z = (state_ += 0x9e37'79b9'7f4a'7c15);
    z = (z ^ (z >> 30)) * 0xbf58'476d'1ce4'e5b9;
    z = (z ^ (z >> 27)) * 0x94d0'49bb'1331'11eb;
    return z ^ (z >> 31);
  }
  /// In [0, bound); bound > 0. The bias of the multiplication is below 2^-32.
  std::uint32_t below(std::uint32_t bound) {
    return static_cast<std::uint32_t>(((next() >> 32) * bound) >> 32);
  }
  bool percent(std::uint32_t chance) { return below(100) < chance; }
  /// Heavy-tailed: 2^e .. 2^(e+1) - 1 with e uniform in [0, exponent_max].
  std::uint32_t log_uniform(std::uint32_t exponent_max) {
    const std::uint32_t power = 1u << below(exponent_max + 1);
    return power + below(power);
  }
  template <typename T>
  void shuffle(std::vector<T>& items) {
    for (std::size_t i = items.size(); i > 1; --i) {
      std::swap(items[i - 1], items[below(static_cast<std::uint32_t>(i))]);
    }
  }

 private:
  std::uint64_t state_;
};

}  // namespace weft::trace
