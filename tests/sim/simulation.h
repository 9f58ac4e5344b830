#pragma once
// Simulation: runs a plan: a phase of faults, then healing, then the checks.
//
//   steps of the plan, network and disks at their worst
//   --> everything is up, open, fast and linked; whoever gave a document up takes it back where others depend on it
//   --> until all hold the same, which must come soon
//   --> checks; nothing but heartbeats may be sent any more
//
// Checked at the end
//   - live documents have byte-identical snapshots on all devices that keep them
//   - every acknowledged edit is there (ledger.h)
//   - a document in which a replica was forked is exempt from both, if somebody has reported the fork, if it is one,
//     and if it could not be avoided
//   - a deletion reached all; edits that it had not seen were reported
//   - presence has expired, no data is sent any more
// and all the time what audit.h says.
//
// Threads: one.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "tests/sim/plan.h"
#include "tests/sim/world/failure.h"
#include "tests/sim/world/world.h"

namespace weft::sim {

struct Report {
  std::uint64_t trace_hash = 0;
  std::uint64_t peers = 0;      ///< clones included
  std::uint64_t documents = 0;  ///< that are live at the end
  std::uint64_t edits = 0;
  std::uint64_t acknowledged = 0;
  std::uint64_t crashes = 0;
  std::uint64_t rollbacks = 0;
  std::uint64_t clones = 0;
  std::uint64_t identity_changes = 0;
  std::uint64_t rewritten_operations = 0;
  std::uint64_t forked_documents = 0;
  std::uint64_t links = 0;
  std::uint64_t messages = 0;
  std::uint64_t bytes = 0;
  std::uint64_t charged_bytes = 0;
  std::uint64_t faults_ms = 0;    ///< virtual time of the phase of faults
  std::uint64_t converge_ms = 0;  ///< from healing on
  std::uint64_t heal_messages = 0;
  std::uint64_t events = 0;  ///< of the timeline
};

struct Outcome {
  FailureKind kind = FailureKind::kNone;
  std::string what;
  Report report;
  bool ok() const { return kind == FailureKind::kNone; }
};

struct SimulationHooks {
  /// May break the world before the plan begins, for canaries.
  std::function<void(World&)> prepare;
  /// Gets a line for each thing that happens.
  std::function<void(const std::string&)> trace;
};

/// Does not catch what aborts: run it in a child (tests/histories/isolate.h) where that matters.
Outcome run_plan(const Plan& plan, const SimulationHooks& hooks = {});

}  // namespace weft::sim
