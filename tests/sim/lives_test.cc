// Random document lives. WEFT_SEED is the first seed, WEFT_SIZE how many: smoke 10, ci 200, full 100,000; WEFT_LIVES says
// another number.

#include <doctest/doctest.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <string>

#include "tests/sim/lives.h"
#include "tests/support/size.h"

namespace weft::sim {
namespace {

std::uint64_t number_of(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

std::uint64_t count_of_lives() {
  const test::Size size = test::size();
  return number_of("WEFT_LIVES", size == test::Size::kFull    ? 100'000
                                 : size == test::Size::kSmoke ? 10
                                                              : 200);
}

/// An assertion ends the process: which life it was is said before.
std::uint64_t running_seed = 0;
void say_seed(int) {
  char text[] = "\nlife with WEFT_SEED=00000000000000000000\n";
  std::uint64_t left = running_seed;
  for (std::size_t at = sizeof text - 3; text[at] == '0'; --at, left /= 10)
    text[at] = static_cast<char>('0' + left % 10);
  (void)!write(2, text, sizeof text - 1);
}

TEST_CASE("no acknowledged edit is unreachable, whatever lives documents have") {
  std::signal(SIGABRT, say_seed);
  const std::uint64_t first = number_of("WEFT_SEED", 1);
  const std::uint64_t count = count_of_lives();
  LifeOutcome sum;
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    running_seed = seed;
    const Life life = draw_life(seed);
    const LifeOutcome outcome = live(life);
    if (!outcome.what.empty()) {
      const Life small = shrink(life);
      FAIL_CHECK(live(small).what, "\n", print(small), "again: WEFT_LIVES=1 WEFT_SEED=", seed,
                 " weft_lives_tests");
      break;
    }
    sum.edits += outcome.edits;
    sum.deletions += outcome.deletions;
    sum.contested += outcome.contested;
    sum.purges += outcome.purges;
    sum.evictions += outcome.evictions;
  }
  std::signal(SIGABRT, SIG_DFL);
  MESSAGE(count, " lives from seed ", first, " on: ", sum.edits, " edits, ", sum.deletions,
          " documents deleted, ", sum.contested, " contested at the end, ", sum.purges, " purges, ",
          sum.evictions, " evictions");
  // Lives in which nothing of it happens show nothing.
  if (count >= 100) {
    CHECK(sum.contested > 0);
    CHECK(sum.purges > 0);
    CHECK(sum.evictions > 0);
  }
}

// 34308: who asked twice for what was evicted and deleted elsewhere had a store that failed: by the second time the
// document was in the trash.
TEST_CASE("lives that failed once") {
  for (const std::uint64_t seed : {34'308u}) {
    CAPTURE(seed);
    CHECK(live(draw_life(seed)).what == "");
  }
}

}  // namespace
}  // namespace weft::sim
