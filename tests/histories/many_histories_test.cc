// random_history_test over 100,000 other seeds; ctest's label for it is `slow`.

#include <doctest/doctest.h>

#include <string>

#include "tests/histories/check_history.h"
#include "tests/histories/harness.h"

namespace weft::test {
namespace {

TEST_CASE("a hundred thousand histories agree with the oracle") {
  std::string report = check_scripts(
      "replicas that have the same deltas agree with the oracle", first_seed() + 1'000'000'000,
      test::size() == test::Size::kSmoke ? 1'000 : scaled_count(100'000), [](const Script& script) {
        check_history(script, {.thorough = thorough_seed(script.seed)});
      });
  if (!report.empty()) FAIL(report);
}

}  // namespace
}  // namespace weft::test
