#pragma once
// Stopwatch: steady time since it was made.

#include <chrono>

namespace weft::bench {

class Stopwatch {
 public:
  double ns() const {
    return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - begin_)
        .count();
  }
  double ms() const { return ns() / 1e6; }

 private:
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

}  // namespace weft::bench
