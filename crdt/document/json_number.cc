#include "crdt/document/json_number.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <limits>
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

namespace {

/// A decimal number as 0.DIGITS x 10^exponent, so that equal numbers have equal parts.
struct Decimal {
  bool is_negative = false;
  std::string digits;  ///< neither the first nor the last is 0; none: zero
  std::int64_t exponent = 0;
  friend bool operator==(const Decimal&, const Decimal&) = default;
};

constexpr std::int64_t kExponentMax = std::int64_t{1} << 40;  // far beyond what a double has

std::int64_t read_exponent(std::string_view digits) {
  if (digits.starts_with('+')) digits.remove_prefix(1);
  std::int64_t exponent = 0;
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), exponent);
  if (read.ec == std::errc()) return std::clamp(exponent, -kExponentMax, kExponentMax);
  return digits.starts_with('-') ? -kExponentMax : kExponentMax;
}

Decimal decimal_of(std::string_view number) {
  Decimal result;
  if (number.starts_with('-')) {
    result.is_negative = true;
    number.remove_prefix(1);
  }
  const std::size_t e = std::min(number.find_first_of("eE"), number.size());
  const std::string_view mantissa = number.substr(0, e);
  const std::size_t point = std::min(mantissa.find('.'), mantissa.size());
  result.digits = mantissa.substr(0, point);
  if (point < mantissa.size()) result.digits += mantissa.substr(point + 1);
  const std::size_t first = result.digits.find_first_not_of('0');
  if (first == std::string::npos) return {result.is_negative, {}, 0};
  result.digits.resize(result.digits.find_last_not_of('0') + 1);
  result.digits.erase(0, first);
  result.exponent = static_cast<std::int64_t>(point) - static_cast<std::int64_t>(first);
  if (e < number.size()) result.exponent += read_exponent(number.substr(e + 1));
  return result;
}

bool prints_as(double value, const Decimal& wanted) {
  // Numbers of so few digits have a double each, where doubles are not thinned out near 0.
  if (wanted.digits.size() <= std::numeric_limits<double>::digits10 &&
      std::fabs(value) >= std::numeric_limits<double>::min())
    return true;
  char buffer[64];
  const auto printed =
      std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific);
  return decimal_of({buffer, static_cast<std::size_t>(printed.ptr - buffer)}) == wanted;
}

}  // namespace

Json json_number(std::string_view number) {
  if (number.find_first_of(".eE") == std::string_view::npos) {
    std::int64_t exact = 0;
    const auto read = std::from_chars(number.data(), number.data() + number.size(), exact);
    if (read.ec == std::errc() && number != "-0") return exact;
    return NumberText{std::string(number)};
  }
  const std::optional<double> value = nearest_double(number);
  if (value && prints_as(*value, decimal_of(number))) return *value;
  return NumberText{std::string(number)};
}

}  // namespace weft
