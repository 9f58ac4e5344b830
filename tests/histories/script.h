#pragma once
// Script: a random history as data, before anything runs.
//
// Every number that picks something (a container, an index, a key) is raw: whoever runs the script
// takes it modulo what there is at that moment. So a script stays valid when actions are deleted from
// it, which is how a failing one is shrunk.
//
// A script can be printed and read back: WEFT_SCRIPT=file runs that one history.

#include <cstdint>
#include <string>
#include <vector>

#include "crdt/base/result.h"

namespace weft::test {

enum class EditKind : std::uint8_t {
  kMapSet,  ///< a scalar
  kMapSetRecord,
  kMapSetChild,  ///< a distinct child
  kMapErase,
  kMapEnsure,
  kListInsert,  ///< up to three values at once
  kListInsertChild,
  kListErase,
  kListSet,
  kListMove,
  kTextPaste,      ///< one insertion of up to six scalars
  kTextForward,    ///< keystroke by keystroke, each behind the last
  kTextBackward,   ///< keystroke by keystroke, each before the last
  kTextErase,      ///< a range
  kTextBackspace,  ///< keystroke by keystroke, backward
  kCounterAdd,
  kHiddenText,  ///< typing in a child whose key is erased in the same transaction
};
inline constexpr std::size_t kEditKinds = 17;

/// One edit inside a transaction.
struct Edit {
  EditKind kind = EditKind::kMapSet;
  std::uint32_t container = 0;  ///< which of the reachable containers of the kind
  std::uint32_t at = 0;         ///< index or key
  std::uint32_t count = 0;      ///< how many; where to for a move; kind of a child
  std::uint32_t value = 0;
  friend bool operator==(const Edit&, const Edit&) = default;
};

enum class ActionKind : std::uint8_t {
  kEdit,      ///< one transaction with all edits
  kEditEach,  ///< a transaction for each edit and each keystroke
  kAbandon,   ///< a transaction with all edits that is taken back
  kUndo,
  kRedo,
  kRestore,  ///< of a child whose key was erased or lost
  kSync,     ///< `from` gives to `replica` what that lacks
  kReload,   ///< the replica goes on from its own snapshot
};

enum class SyncMode : std::uint8_t {
  kAll,       ///< one by one, dependencies first
  kPrefix,    ///< of those, some first ones
  kShuffled,  ///< in any order, some twice
  kBundles,
};

struct Action {
  ActionKind kind = ActionKind::kEdit;
  std::uint32_t replica = 0;
  std::uint32_t pause_ms = 0;  ///< passes before
  std::uint32_t from = 0;      ///< sync: the giver; undo, redo: unused
  SyncMode mode = SyncMode::kAll;
  std::uint32_t amount = 0;  ///< sync: of a prefix; restore: which key
  std::vector<Edit> edits;
  friend bool operator==(const Action&, const Action&) = default;
};

enum class ClockMode : std::uint8_t {
  kNone,        ///< plain Lamport order
  kIncreasing,  ///< one true time
  kSkewed,      ///< a replica's clock is off by seconds, each by another amount
  kJumping,     ///< a replica's clock goes forward and backward
  kWrong,       ///< a replica's clock is off by hours to years at times, or unknown
};

struct Script {
  std::uint64_t seed = 0;  ///< also of what checks choose at random
  std::uint32_t replicas = 2;
  ClockMode clock = ClockMode::kNone;
  std::vector<Action> actions;
  friend bool operator==(const Script&, const Script&) = default;
};

/// 10 to 40 actions over 2 to 5 replicas, mostly 2 or 3; every 64th seed makes a long one, every
/// 8th one with transactions of many edits.
Script random_script(std::uint64_t seed);

std::string print(const Script& script);
/// @errors kCorrupt, with the number of the line
Result<Script> parse_script(const std::string& text);

}  // namespace weft::test
