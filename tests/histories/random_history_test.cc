// Random histories: the engine against the oracle, whatever way the deltas come.

#include <doctest/doctest.h>

#include <string>

#include "tests/histories/check_history.h"
#include "tests/histories/harness.h"

namespace weft::test {
namespace {

TEST_CASE("replicas that have the same deltas agree with the oracle") {
  std::string report =
      check_scripts("replicas that have the same deltas agree with the oracle", first_seed(),
                    history_count(3'000), [](const Script& script) {
                      check_history(script, {.thorough = thorough_seed(script.seed)});
                    });
  if (!report.empty()) FAIL(report);
}

TEST_CASE("a printed script reads back as the same script") {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    Script script = random_script(seed);
    CHECK(parse_script(print(script)).value() == script);
  }
  CHECK_FALSE(parse_script("script 1 replicas 2 clock none\nedit 7 pause 0 from 0 all 0\n").ok());
  CHECK_FALSE(parse_script("nonsense").ok());
}

}  // namespace
}  // namespace weft::test
