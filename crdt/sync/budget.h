#pragma once
// Budget: what one who asks may cost: so much at once, and so much more a minute. A token bucket that is told the time.
//
// Every kind of message that makes this end work, remember or answer without credit draws on one (docs/adr/0019). An
// honest device stays far below all of them; whoever goes beyond is cut off, or waits, as its kind says.
//
// Invariants
//   B1  In any t minutes at most burst + t * per_minute is taken.

#include <algorithm>
#include <cstdint>

namespace weft::sync {

class Budget {
 public:
  constexpr Budget(std::uint64_t burst, std::uint64_t per_minute)
      : burst_(burst * kMinuteMs), per_minute_(per_minute), left_(burst * kMinuteMs) {}

  /// @return  false: there is not so much left, and nothing was taken
  bool take(std::uint64_t amount, std::uint64_t now_ms) {
    refill(now_ms);
    if (amount > left_ / kMinuteMs) return false;
    left_ -= amount * kMinuteMs;
    return true;
  }
  std::uint64_t left(std::uint64_t now_ms) {
    refill(now_ms);
    return left_ / kMinuteMs;
  }

 private:
  static constexpr std::uint64_t kMinuteMs = 60'000;

  void refill(std::uint64_t now_ms) {
    if (now_ms <= since_ms_) return;
    const std::uint64_t ms = std::min(now_ms - since_ms_, std::uint64_t{24} * 60 * kMinuteMs);
    left_ = std::min(burst_, left_ + ms * per_minute_);
    since_ms_ = now_ms;
  }

  std::uint64_t burst_;
  std::uint64_t per_minute_;
  std::uint64_t left_;
  std::uint64_t since_ms_ = 0;
};

/// What another device may ask for. They belong to the device, not to the link: else it would just connect again.
struct PeerBudgets {
  /// @param share  so many times what one device may
  explicit constexpr PeerBudgets(std::uint64_t share = 1)
      : symbols(8 * kRow * share, 2 * kRow * share),
        everything(4 * share, share),
        names(65'536 * share, 16'384 * share),
        logs(16'384 * share, 1'024 * share) {}

  static constexpr std::uint64_t kRow = 8'192;  ///< symbols of one comparison, at most
  Budget symbols;
  Budget everything;  ///< the names of all documents
  Budget names;
  Budget logs;
};

}  // namespace weft::sync
