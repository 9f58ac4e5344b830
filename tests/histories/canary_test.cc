// Canaries: the fuzzer is worth something only if it notices a fault. Here the oracle is the faulty one.

#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <string>

#include "tests/histories/check_history.h"
#include "tests/histories/failure.h"
#include "tests/histories/harness.h"
#include "tests/histories/isolate.h"

namespace weft::test {
namespace {

ScriptCheck check_with(SiblingRule rule) {
  return [rule](const Script& script) { check_history(script, {.rule = rule}); };
}

/// The seed of the first history that disagrees; 0 if none of `count` does.
std::uint64_t first_disagreement(SiblingRule rule, std::uint64_t count) {
  Outcome outcome = run_isolated([&](Progress& progress) {
    for (std::uint64_t seed = 1; seed <= count; ++seed) {
      progress.store(seed);
      try {
        check_with(rule)(random_script(seed));
      } catch (const Failure&) {
        return std::string("disagrees");
      }
    }
    return std::string();
  });
  return outcome.ok ? 0 : outcome.progress;
}

TEST_CASE("an oracle with a wrong sibling rule disagrees with the engine soon") {
  CHECK(first_disagreement(SiblingRule::kFugueMax, 300) == 0);
  CHECK(first_disagreement(SiblingRule::kNoLeftChildren, 300) != 0);
  CHECK(first_disagreement(SiblingRule::kLeftAscending, 300) != 0);
  // These take three replicas that type behind the same character with different knowledge.
  CHECK(first_disagreement(SiblingRule::kRightStampOnly, 3'000) != 0);
  CHECK(first_disagreement(SiblingRule::kRightNearFirst, 3'000) != 0);
}

TEST_CASE("a failing history shrinks to few actions and still fails") {
  ScriptCheck check = check_with(SiblingRule::kLeftAscending);
  std::uint64_t seed = first_disagreement(SiblingRule::kLeftAscending, 300);
  REQUIRE(seed != 0);
  Script script = random_script(seed);
  Script small = shrink(script, check);
  CHECK(small.actions.size() <= 8);
  CHECK_THROWS_AS(check(small), Failure);
}

TEST_CASE("a check that dies or hangs is a failure with its last words") {
  Outcome dead = run_isolated([](Progress& progress) {
    progress.store(42);
    std::abort();
    return std::string();
  });
  CHECK_FALSE(dead.ok);
  CHECK(dead.progress == 42);
  Outcome hanging = run_isolated(
      [](Progress&) {
        for (;;) pause();
        return std::string();
      },
      1);
  CHECK_FALSE(hanging.ok);
  CHECK(hanging.report.find("too long") != std::string::npos);
}

}  // namespace
}  // namespace weft::test
