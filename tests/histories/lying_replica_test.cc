// One replica lies. The others must agree on what to refuse, whatever order they meet the deltas in.

#include <doctest/doctest.h>

#include <string>

#include "tests/histories/check_lies.h"
#include "tests/histories/harness.h"
#include "tests/histories/isolate.h"

namespace weft::test {
namespace {

TEST_CASE("honest replicas refuse the same lies and end alike") {
  std::string report =
      check_scripts("honest replicas refuse the same lies and end alike", first_seed(),
                    history_count(3'000), [](const Script& script) { check_lies(script); });
  if (!report.empty()) FAIL(report);
}

TEST_CASE("a refused lie does not keep out the truth that follows it") {
  std::string report = check_scripts("a refused lie does not keep out the truth that follows it",
                                     first_seed(), history_count(2'000), [](const Script& script) {
                                       check_lies(script, AfterRefusal::kTellsTruth);
                                     });
  if (!report.empty()) FAIL(report);
}

TEST_CASE("a bundle with a lie in it leads where its deltas lead one by one") {
  std::string report = check_scripts(
      "a bundle with a lie in it leads where its deltas lead one by one", first_seed(),
      history_count(2'000), [](const Script& script) { check_lying_bundle(script); });
  if (!report.empty()) FAIL(report);
}

TEST_CASE("enough lies of every kind are told") {
  Outcome outcome = run_isolated([](Progress&) {
    LieCounts sum;
    const std::uint64_t seeds = size() == Size::kSmoke ? 60 : 300;
    for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
      LieCounts counts = check_lies(random_script(seed));
      sum.valid += counts.valid;
      sum.invalid += counts.invalid;
      sum.stranded += counts.stranded;
    }
    const bool enough =
        sum.valid >= seeds / 15 && sum.invalid >= seeds / 6 && sum.stranded >= seeds / 60;
    return enough ? std::string()
                  : std::to_string(sum.valid) + " valid, " + std::to_string(sum.invalid) +
                        " invalid, " + std::to_string(sum.stranded) + " stranded";
  });
  CHECK_MESSAGE(outcome.ok, outcome.report);
}

}  // namespace
}  // namespace weft::test
