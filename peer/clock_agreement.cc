#include "peer/clock_agreement.h"

#include <algorithm>

namespace weft {

std::optional<std::int64_t> agreed_offset_ms(std::vector<std::int64_t> skews_ms) {
  if (skews_ms.size() < 2) return std::nullopt;
  std::sort(skews_ms.begin(), skews_ms.end());
  std::size_t best_begin = 0;
  std::size_t best_count = 0;
  for (std::size_t begin = 0, end = 0; begin < skews_ms.size(); ++begin) {
    while (end < skews_ms.size() && skews_ms[end] - skews_ms[begin] <= kClockAgreementMs) ++end;
    if (end - begin > best_count) {
      best_begin = begin;
      best_count = end - begin;
    }
  }
  if (best_count < 2) return std::nullopt;
  const auto like_here = static_cast<std::size_t>(std::count_if(
      skews_ms.begin(), skews_ms.end(),
      [](std::int64_t skew) { return skew >= -kClockAgreementMs && skew <= kClockAgreementMs; }));
  const std::int64_t middle = skews_ms[best_begin + (best_count - 1) / 2];
  const bool is_off = middle > kClockAgreementMs || middle < -kClockAgreementMs;
  return is_off && best_count > like_here + 1 ? middle : 0;
}

bool ClockCorrection::update(std::vector<std::int64_t> skews_ms, std::uint64_t monotonic_ms,
                             std::uint64_t wall_ms) {
  const std::int64_t before = offset_ms_;
  const std::int64_t drift =
      static_cast<std::int64_t>(wall_ms) - static_cast<std::int64_t>(monotonic_ms);
  if (wall_minus_monotonic_ms_ && (drift - *wall_minus_monotonic_ms_ > kClockAgreementMs ||
                                   *wall_minus_monotonic_ms_ - drift > kClockAgreementMs))
    offset_ms_ = 0;  // somebody has set the clock
  wall_minus_monotonic_ms_ = drift;
  if (const std::optional<std::int64_t> agreed = agreed_offset_ms(std::move(skews_ms)))
    offset_ms_ = *agreed;
  return offset_ms_ - before > kClockAgreementMs || before - offset_ms_ > kClockAgreementMs;
}

std::uint64_t ClockCorrection::correct(std::uint64_t wall_ms) const {
  const std::int64_t corrected = static_cast<std::int64_t>(wall_ms) + offset_ms_;
  return corrected < 0 ? 0 : static_cast<std::uint64_t>(corrected);
}

}  // namespace weft
