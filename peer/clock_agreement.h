#pragma once
// What the clocks of linked devices say of this device's own (docs/adr/0014).
//
// Two or more that agree with each other, and outnumber those that agree with this one and itself, are believed:
// their middle is the offset by which this device stamps its edits. One alone never is, or a liar would set the
// clock of whoever links with it.

#include <cstdint>
#include <optional>
#include <vector>

namespace weft {

/// Clocks that differ by no more agree.
inline constexpr std::int64_t kClockAgreementMs = 600'000;

/// @param skews_ms  each linked device's clock minus this one's, one a device
/// @return          what to add to this device's clock; 0: it is right, as far as the others tell; nullopt: too few
///                  to tell
std::optional<std::int64_t> agreed_offset_ms(std::vector<std::int64_t> skews_ms);

/// This device's offset over time. It outlives the links that told it, until the clock is set.
class ClockCorrection {
 public:
  /// @param monotonic_ms, wall_ms  now; when they disagree with the last time, the clock was set
  /// @return  whether the offset changed by more than clocks may differ
  bool update(std::vector<std::int64_t> skews_ms, std::uint64_t monotonic_ms,
              std::uint64_t wall_ms);
  std::int64_t offset_ms() const { return offset_ms_; }
  std::uint64_t correct(std::uint64_t wall_ms) const;

 private:
  std::int64_t offset_ms_ = 0;
  std::optional<std::int64_t> wall_minus_monotonic_ms_;
};

}  // namespace weft
