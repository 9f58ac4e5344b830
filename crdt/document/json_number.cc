#include "crdt/document/json_number.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <string>
#include <system_error>

namespace weft {
#ifdef __cpp_lib_to_chars
namespace {

/// Did a number that no double is near go over the largest one? (Else it is too close to 0.) The
/// decimal exponent of its first digit that counts says so.
bool is_large(std::string_view number) {
  constexpr long kHuge = 1'000'000'000;
  long exponent = 0;
  std::size_t e = number.find_first_of("eE");
  if (e != std::string_view::npos) {
    std::string_view digits = number.substr(e + 1);
    bool negative = digits[0] == '-';
    if (negative || digits[0] == '+') digits.remove_prefix(1);
    auto result = std::from_chars(digits.data(), digits.data() + digits.size(), exponent);
    if (result.ec != std::errc()) exponent = kHuge;
    exponent = std::min(exponent, kHuge) * (negative ? -1 : 1);
  }
  std::string_view mantissa = number.substr(0, e);
  std::size_t point = std::min(mantissa.find('.'), mantissa.size());
  std::size_t first = std::min(mantissa.find_first_of("123456789"), mantissa.size());
  return exponent + static_cast<long>(point) - static_cast<long>(first) > 0;
}

}  // namespace

std::optional<double> nearest_double(std::string_view number) {
  double value = 0;
  auto result = std::from_chars(number.data(), number.data() + number.size(), value);
  if (result.ec != std::errc::result_out_of_range) return value;
  if (is_large(number)) return std::nullopt;
  return number[0] == '-' ? -0.0 : 0.0;
}
#else
// libc++ 19 has no from_chars for doubles. WASI's strtod rounds right and knows no locale but "C".
std::optional<double> nearest_double(std::string_view number) {
  double value = std::strtod(std::string(number).c_str(), nullptr);
  if (value - value != 0) return std::nullopt;
  return value;
}
#endif

}  // namespace weft
