#pragma once
// Plan: what a seed makes of a simulation, as data, before anything runs: how many devices, what can go wrong, and the
// steps of the phase of faults.
//
// Each seed has some of the traits and not others: rare mixtures are found sooner than with all of everything at
// once. Every step has numbers of its own, so that a plan stays what it is when steps are left out or traits are
// switched off, which is how a failing one is shrunk.

#include <array>
#include <bitset>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crdt/base/result.h"

namespace weft::sim {

/// What can go wrong, and what devices do beyond plain editing.
enum class Trait : std::uint8_t {
  kLoss,           ///< single envelopes vanish
  kDuplicates,     ///< or come twice
  kReordering,     ///< or too late
  kGarbage,        ///< or as something that is no message
  kResets,         ///< links are closed
  kPartitions,     ///< nothing gets through between two halves for a while
  kOneWay,         ///< or in one direction
  kSlowLinks,      ///< some kilobytes a second, some 100 ms away
  kCrashes,        ///< power cuts
  kShutdowns,      ///< devices go away cleanly for a while
  kSlowFlushes,    ///< now and then a flush takes 2 s
  kFullDisks,      ///< nothing can be stored for a while
  kRollbacks,      ///< a disk is put back to an older copy of it
  kRudeRollbacks,  ///< and its device meets first whoever may not know better
  kClones,         ///< a copy of a disk starts beside the original
  kClocks,         ///< clocks jump, one starts in 1970
  kUndo,
  kTrim,
  kSeal,    ///< deltas become bundles
  kEvict,   ///< documents are given up at one device, and taken back
  kDelete,  ///< or deleted everywhere
  kPresence,
  kLargeEdits,   ///< too large for one message
  kSmallCaches,  ///< one or two open documents, little credit
};
inline constexpr std::size_t kTraits = 24;
using Traits = std::bitset<kTraits>;
/// As the command line writes them: "rude-rollbacks".
std::string_view trait_name(Trait trait);
/// What it does, for people.
std::string_view trait_help(Trait trait);

enum class StepKind : std::uint8_t {
  kEdit,   ///< one to four transactions
  kBurst,  ///< many, over a second
  kLargeEdit,
  kUndo,
  kPresence,
  kTrim,
  kSeal,
  kEvict,
  kKeep,
  kDelete,
  kPowerCut,
  kShutDown,
  kReset,
  kPartition,
  kOneWay,
  kFullDisk,
  kBackup,
  kRollback,
  kClone,
  kClockJump,
  kLook,  ///< asks for everything that can be looked at
};
inline constexpr std::size_t kStepKinds = 21;
std::string_view step_name(StepKind kind);

struct Step {
  std::uint32_t number = 0;
  StepKind kind = StepKind::kEdit;
  std::uint64_t at_ms = 0;
  /// Raw: who uses one takes it modulo what there is then.
  std::array<std::uint32_t, 5> picks{};
};

struct Plan {
  std::uint64_t seed = 1;
  std::uint32_t peers = 3;
  std::uint32_t documents = 3;
  std::uint32_t step_count = 60;
  Traits traits;
  std::vector<Step> steps;

  bool has(Trait trait) const { return traits[static_cast<std::size_t>(trait)]; }
};

/// What is not left to the seed.
struct PlanOptions {
  std::uint32_t peers_min = 3;
  std::uint32_t peers_max = 8;
  std::optional<std::uint32_t> peers;
  std::optional<std::uint32_t> documents;
  std::optional<std::uint32_t> step_count;
  Traits without;  ///< switched off
  Traits with;     ///< switched on
  /// The numbers of the only steps to run; nullopt: all of step_count.
  std::optional<std::vector<std::uint32_t>> only;
  friend bool operator==(const PlanOptions&, const PlanOptions&) = default;
};

Plan make_plan(std::uint64_t seed, const PlanOptions& options);

/// The command that runs this again.
std::string command_of(std::uint64_t seed, const PlanOptions& options);
/// "3,7-9,12"
std::string print_numbers(const std::vector<std::uint32_t>& numbers);
/// @errors kInvalidArgument
Result<std::vector<std::uint32_t>> parse_numbers(std::string_view text);

}  // namespace weft::sim
