#pragma once
// Campaign: runs many seeds, in child processes so that one that dies is a failure like any other, and makes a failing
// one small.
//
//   WEFT_SEED         the first seed (default 1)
//   WEFT_SIMULATIONS  how many
//   WEFT_SIZE         smoke, ci (default) or full: how many, where WEFT_SIMULATIONS does not say it

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "tests/sim/plan.h"
#include "tests/sim/simulation.h"

namespace weft::sim {

/// Sums over the seeds that were run.
struct Totals {
  std::uint64_t seeds = 0;
  std::uint64_t failed = 0;
  std::uint64_t seeds_with_forks = 0;
  std::uint64_t repeated = 0;  ///< seeds that were run twice
  std::uint64_t converge_ms_max = 0;
  Report sum;
  void add(const Report& report);
};

struct FailedSeed {
  std::uint64_t seed = 0;
  PlanOptions options;
  FailureKind kind = FailureKind::kNone;
  std::string what;
  std::uint64_t runs = 0;  ///< that shrinking took
};

struct CampaignOptions {
  std::uint64_t first_seed = 1;
  std::uint64_t count = 100;
  PlanOptions plan;
  std::uint64_t repeat_every =
      50;  ///< so many seeds are run once more, and the traces compared; 0: none
  bool shrinks = true;
  std::uint64_t failures_max = 1;  ///< stops after so many
  /// After each batch of seeds.
  std::function<void(const Totals&)> progress;
  std::function<void(const FailedSeed&)> failed;
  /// As SimulationHooks::prepare.
  std::function<void(World&)> prepare;
};

Totals run_campaign(const CampaignOptions& options);

/// Runs one plan in a child process.
Outcome run_isolated_plan(std::uint64_t seed, const PlanOptions& options,
                          const std::function<void(World&)>& prepare = nullptr);
/// Runs it twice and compares the traces.
Outcome run_twice(std::uint64_t seed, const PlanOptions& options,
                  const std::function<void(World&)>& prepare = nullptr);

/// Fewer devices, documents, traits and steps, as long as it fails in the same way.
FailedSeed shrink(FailedSeed failed, const std::function<void(World&)>& prepare = nullptr);

/// What went wrong, and the command that shows it.
std::string print(const FailedSeed& failed);

std::uint64_t first_seed();
/// Smoke: 20; ci: 10,000; full: 100,000.
std::uint64_t seed_count();

}  // namespace weft::sim
