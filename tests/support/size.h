#pragma once
// Size: how much randomized tests do.
//
//   WEFT_SIZE   smoke, ci (default) or full. scripts/test.sh runs `ci` with the optimized build and `smoke` with the
//               sanitizers' one, which is some thirty times as slow.

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace weft::test {

enum class Size { kSmoke, kCi, kFull };

inline Size size() {
  const char* text = std::getenv("WEFT_SIZE");
  const std::string_view name = text == nullptr ? "" : text;
  return name == "smoke" ? Size::kSmoke : name == "full" ? Size::kFull : Size::kCi;
}

/// `ci_count`, or a tenth of it (smoke, at least one), or thirty times it (full).
inline std::uint64_t scaled_count(std::uint64_t ci_count) {
  switch (size()) {
    case Size::kSmoke:
      return std::max<std::uint64_t>(ci_count / 10, 1);
    case Size::kFull:
      return ci_count * 30;
    case Size::kCi:
      break;
  }
  return ci_count;
}

/// `count`, or a tenth of it where tests are smoke tests: what `ci` does is all there is to do.
inline std::uint64_t count_or_tenth(std::uint64_t count) {
  return size() == Size::kSmoke ? std::max<std::uint64_t>(count / 10, 1) : count;
}

}  // namespace weft::test
