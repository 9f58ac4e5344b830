#pragma once
// Weight: the time by which writes that did not know of each other are compared (docs/adr/0014).
//
//   w(d) = max(t, w(p) for each direct parent p of d with w(p) <= t + 24 h)
//
// t is the time that the delta's author committed it at; its direct parents are its author's delta before it
// and its named dependencies. A delta of unknown time (t = 0) takes the largest weight of its parents. So w is
// a function of the causal past alone, and nobody's clock moves somebody else's write by more than a day.
//
// Writes are compared as (weight, replica), the weight in the units of the hlc: the hlc itself where its
// milliseconds are w, so that documents without a clock keep the order of their logical counter; else w << 16.
// Rows of version 1, written before there were weights, weigh their hlc, as they always did.
//
// Invariants
//   I1  w <= hlc >> 16.
//   I2  t != 0: t <= w <= t + 24 h.

#include <algorithm>
#include <cstdint>

#include "crdt/clock/ids.h"

namespace weft {

/// How far the weight of what a delta has seen may lie after its own time.
inline constexpr std::uint64_t kWeightReachMs = std::uint64_t{24} * 3'600'000;

/// What concurrent writes are compared by.
struct Weight {
  Hlc value = 0;
  ReplicaId replica;
  friend auto operator<=>(const Weight&, const Weight&) = default;
};

/// Takes the parents of one delta, gives its weight.
class WeightRule {
 public:
  explicit WeightRule(std::uint64_t time_ms) : time_ms_(time_ms), weight_ms_(time_ms) {}
  void parent(std::uint64_t weight_ms) {
    if (time_ms_ == 0 || weight_ms <= time_ms_ + kWeightReachMs)
      weight_ms_ = std::max(weight_ms_, weight_ms);
  }
  std::uint64_t weight_ms() const { return weight_ms_; }

 private:
  std::uint64_t time_ms_;
  std::uint64_t weight_ms_;
};

/// The clocks of a delta: the hlc of its first unit, and its weight.
struct DeltaClock {
  /// Of rows of version 1: every unit weighs its hlc.
  static constexpr std::uint64_t kAsHlc = ~std::uint64_t{0};

  Hlc hlc = 0;
  std::uint64_t weight_ms = kAsHlc;

  /// The weight of a unit whose hlc is `unit_hlc`.
  static constexpr Hlc weigh(Hlc unit_hlc, std::uint64_t weight_ms) {
    return weight_ms == kAsHlc || unit_hlc >> 16 == weight_ms ? unit_hlc : weight_ms << 16;
  }
};

}  // namespace weft
