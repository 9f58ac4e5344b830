#pragma once
// Backoff: when an address that did not answer is tried again.
//
//   after the n-th try   random(0, min(max_ms, min_ms * 2^(n-1))): full jitter, so that diallers that lost the same peer
//                        at once don't come back at once
//   at a sign of life    random(0, spread_ms), where that is sooner, and the waits begin anew with the shortest; such
//                        signs count once in pause_ms, so that a link that comes and goes makes nobody dial all the time
//
// A sign of life is anything that makes it likely that the address answers by now: another link has come up, the
// system's network has changed.
//
// Threads: none. It knows no clock: times are handed in, milliseconds of any begin.

#include <algorithm>
#include <cstdint>

namespace weft::links {

class Backoff {
 public:
  struct Options {
    std::uint64_t min_ms = 200;
    std::uint64_t max_ms = 5'000;
    std::uint64_t spread_ms = 500;
    std::uint64_t pause_ms = 1'000;
  };

  explicit Backoff(const Options& options) : options_(options) {}

  /// Tries since the waits were the shortest.
  std::uint64_t attempts() const { return attempts_; }
  void begin_attempt() { ++attempts_; }
  /// What was reached lasted.
  void reset() { attempts_ = 0; }

  /// When to try again. @param random  uniform in 64 bits
  std::uint64_t next_try_ms(std::uint64_t now_ms, std::uint64_t random) const {
    const std::uint64_t doublings = std::clamp<std::uint64_t>(attempts_, 1, 31) - 1;
    const std::uint64_t bound = std::min(options_.max_ms, options_.min_ms << doublings);
    return now_ms + random % (bound + 1);
  }

  /// @return does it count?
  bool take_sign(std::uint64_t now_ms) {
    if (has_sign_ && now_ms < sign_ms_ + options_.pause_ms) return false;
    has_sign_ = true;
    sign_ms_ = now_ms;
    attempts_ = 0;
    return true;
  }
  std::uint64_t next_try_by_sign_ms(std::uint64_t now_ms, std::uint64_t random) const {
    return now_ms + random % (options_.spread_ms + 1);
  }

 private:
  Options options_;
  std::uint64_t attempts_ = 0;
  bool has_sign_ = false;
  std::uint64_t sign_ms_ = 0;
};

}  // namespace weft::links
