// Plans as data.

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <vector>

#include "tests/sim/plan.h"

namespace weft::sim {
namespace {

TEST_CASE("a plan keeps its other steps when some are left out, switched off or cut off") {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    PlanOptions all;
    all.with.set();
    const Plan whole = make_plan(seed, all);
    PlanOptions fewer = all;
    fewer.with.reset(static_cast<std::size_t>(Trait::kUndo));
    fewer.without.set(static_cast<std::size_t>(Trait::kUndo));
    fewer.step_count = whole.step_count / 2;
    for (const Step& step : make_plan(seed, fewer).steps) {
      CHECK(step.number < *fewer.step_count);
      CHECK(step.kind != StepKind::kUndo);
      auto same = std::find_if(whole.steps.begin(), whole.steps.end(),
                               [&](const Step& other) { return other.number == step.number; });
      REQUIRE(same != whole.steps.end());
      CHECK(same->at_ms == step.at_ms);
      CHECK(same->kind == step.kind);
      CHECK(same->picks == step.picks);
    }
    PlanOptions only = all;
    only.only = std::vector<std::uint32_t>{3, 7};
    const std::vector<Step> two = make_plan(seed, only).steps;
    REQUIRE(two.size() == 2);
    CHECK(two[0].number == 3);
    CHECK(two[1].number == 7);
  }
}

TEST_CASE("seeds differ in what can go wrong, and each kind of step is common") {
  std::array<int, kTraits> traits{};
  std::array<int, kStepKinds> steps{};
  int calm = 0;
  for (std::uint64_t seed = 1; seed <= 1'000; ++seed) {
    const Plan plan = make_plan(seed, {});
    CHECK(plan.peers >= 3);
    CHECK(plan.peers <= 8);
    if (plan.traits.none()) ++calm;
    for (std::size_t i = 0; i < kTraits; ++i) traits[i] += plan.traits[i] ? 1 : 0;
    for (const Step& step : plan.steps) ++steps[static_cast<std::size_t>(step.kind)];
  }
  CHECK(calm > 20);
  for (std::size_t i = 0; i < kTraits; ++i) {
    CAPTURE(trait_name(static_cast<Trait>(i)));
    CHECK(traits[i] > 80);
    CHECK(traits[i] < 700);
  }
  for (std::size_t i = 0; i < kStepKinds; ++i) {
    CAPTURE(step_name(static_cast<StepKind>(i)));
    CHECK(steps[i] > 50);
  }
}

TEST_CASE("numbers of steps are printed and read back") {
  const std::vector<std::vector<std::uint32_t>> lists = {
      {}, {3}, {3, 4}, {0, 1, 2, 5, 7, 8}, {9, 11, 13}};
  for (const std::vector<std::uint32_t>& numbers : lists)
    CHECK(parse_numbers(print_numbers(numbers)).value() == numbers);
  CHECK(print_numbers({0, 1, 2, 5, 7, 8}) == "0-2,5,7-8");
  for (const char* bad : {"", "x", "1,", "1-", "-2", "1 2", "3,,4"})
    CHECK_FALSE(parse_numbers(bad).ok());
}

TEST_CASE("a command says all that differs from the seed's own plan") {
  PlanOptions options;
  CHECK(command_of(7, options) == "weft simulate --seed 7");
  options.peers = 3;
  options.step_count = 40;
  options.without.set(static_cast<std::size_t>(Trait::kLoss));
  options.with.set(static_cast<std::size_t>(Trait::kClones));
  options.only = std::vector<std::uint32_t>{1, 2, 3};
  CHECK(command_of(7, options) ==
        "weft simulate --seed 7 --peers 3 --steps 40 --with-clones --no-loss --only 1-3");
}

}  // namespace
}  // namespace weft::sim
