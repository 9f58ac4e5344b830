// Whose clock is wrong: when a device believes the others, and when it does not.

#include <doctest/doctest.h>

#include "peer/clock_agreement.h"

using namespace weft;

namespace {

constexpr std::int64_t kHour = 3'600'000;
constexpr std::int64_t kYear = 8'766 * kHour;

}  // namespace

TEST_CASE("one other device never sets the clock") {
  CHECK(agreed_offset_ms({}) == std::nullopt);
  CHECK(agreed_offset_ms({-12 * kYear}) == std::nullopt);
  CHECK(agreed_offset_ms({-12 * kYear, 3 * kHour}) == std::nullopt);  // they don't agree
}

TEST_CASE("two that agree are believed where nobody agrees with this clock") {
  CHECK(agreed_offset_ms({-12 * kYear, -12 * kYear + 5'000}) == -12 * kYear);
  CHECK(agreed_offset_ms({9 * kYear, 2 * kHour, 2 * kHour + 10'000}) == 2 * kHour);
  CHECK(agreed_offset_ms({kHour, kHour + kClockAgreementMs + 1}) == std::nullopt);
}

TEST_CASE("a clock that as many agree with is right, and so is one that is off by minutes") {
  CHECK(agreed_offset_ms({4'000, 9'000}) == 0);
  CHECK(agreed_offset_ms({5 * 60'000, 5 * 60'000}) == 0);
  CHECK(agreed_offset_ms({kYear, kYear, 1'000}) == 0);
  CHECK(agreed_offset_ms({kYear, kYear, kYear, 1'000}) == kYear);
}

TEST_CASE("an offset outlives its links, and ends when somebody sets the clock") {
  ClockCorrection clock;
  CHECK(clock.update({-kYear, -kYear}, 1'000, 50 * kYear));
  CHECK(clock.correct(50 * kYear) == static_cast<std::uint64_t>(49 * kYear));
  CHECK_FALSE(clock.update({}, 2'000, 50 * kYear + 1'000));
  CHECK(clock.offset_ms() == -kYear);
  CHECK(clock.update({}, 3'000, 49 * kYear + 2'000));
  CHECK(clock.offset_ms() == 0);
  CHECK(clock.correct(7) == 7);
  CHECK(clock.update({-kYear, -kYear}, 4'000, 49 * kYear + 3'000));
  CHECK(clock.correct(1'000) == 0);  // before 1970
}
