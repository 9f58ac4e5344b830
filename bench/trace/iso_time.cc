#include "bench/trace/iso_time.h"

#include <chrono>
#include <string>

namespace weft::trace {
namespace {

/// Reads fixed-width fields from the front; the first fault sticks.
class Fields {
 public:
  explicit Fields(std::string_view text) : rest_(text) {}

  int digits(std::size_t count) {
    int value = 0;
    if (rest_.size() < count) ok_ = false;
    for (std::size_t i = 0; ok_ && i < count; ++i) {
      if (!is_digit(rest_[i])) {
        ok_ = false;
      } else {
        value = value * 10 + (rest_[i] - '0');
      }
    }
    if (ok_) rest_.remove_prefix(count);
    return value;
  }
  /// Milliseconds of ".219" or ".219456"; 0 where no '.' follows.
  int fraction_ms() {
    if (!take('.')) return 0;
    int value = 0;
    int weight = 100;
    if (rest_.empty() || !is_digit(rest_[0])) ok_ = false;
    while (!rest_.empty() && is_digit(rest_[0])) {
      value += (rest_[0] - '0') * weight;
      weight /= 10;
      rest_.remove_prefix(1);
    }
    return value;
  }
  bool take(char c) {
    if (!ok_ || rest_.empty() || rest_[0] != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void expect(char c) {
    if (!take(c)) ok_ = false;
  }
  bool ok() const { return ok_; }
  bool at_end() const { return rest_.empty(); }

 private:
  static bool is_digit(char c) { return c >= '0' && c <= '9'; }
  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace

Result<std::uint64_t> parse_iso_time_ms(std::string_view text) {
  Fields in(text);
  const int year = in.digits(4);
  in.expect('-');
  const int month = in.digits(2);
  in.expect('-');
  const int day = in.digits(2);
  if (!in.take('T')) in.expect(' ');
  const int hour = in.digits(2);
  in.expect(':');
  const int minute = in.digits(2);
  in.expect(':');
  const int second = in.digits(2);
  const int fraction = in.fraction_ms();
  int offset_minutes = 0;
  const bool plus = in.take('+');
  if (plus || in.take('-')) {
    offset_minutes = in.digits(2) * 60;
    in.take(':');
    offset_minutes += in.digits(2);
    if (!plus) offset_minutes = -offset_minutes;
  } else {
    in.take('Z');
  }
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!in.ok() || !in.at_end() || !date.ok() || hour > 24 || minute > 59 || second > 60) {
    return Error(ErrorCode::kInvalidArgument, "'" + std::string(text) + "' is not ISO 8601");
  }
  const std::chrono::sys_days days(date);
  const std::int64_t minutes = (hour * 60) + minute - offset_minutes;
  const std::int64_t seconds =
      days.time_since_epoch().count() * std::int64_t{86'400} + minutes * 60 + second;
  if (seconds < 0) return std::uint64_t{0};
  return static_cast<std::uint64_t>(seconds * 1000 + fraction);
}

}  // namespace weft::trace
