#pragma once
// Lives: random document lives (new, edit, delete, restore, evict, trash, import, restart, links that come and go) on
// two to four devices with slow flushes, power cuts and lost links, against the model of docs/adr/0013:
//
//   An acknowledged operation is reachable, live, contested or in the trash, on some device, or a person has deleted
//   the document having seen it, and the time in the trash has run.
//
// And: no dot is used twice, no fork is reported, all devices end with the same, and no import that says nothing new
// brings a deleted document back.
//
// A life is data, drawn from its seed: so it can be cut down to the steps that matter.

#include <cstdint>
#include <string>
#include <vector>

namespace weft::sim {

enum class LifeStep : std::uint8_t {
  kEdit,
  kImport,
  kDelete,
  kRestore,
  kEvict,
  kAge,  ///< a device is alone with its trash for `amount` days
  kPowerCut,
  kShutDown,
  kStart,
  kLink,
  kUnlink,
  kWait,
};
const char* step_name(LifeStep step);

struct LifeAction {
  LifeStep step = LifeStep::kWait;
  std::uint32_t peer = 0;
  std::uint32_t other = 0;  ///< a peer, or which document
  std::uint32_t amount = 0;
};

struct Life {
  std::uint64_t seed = 0;
  std::uint32_t peers = 2;
  std::vector<LifeAction> actions;
};
Life draw_life(std::uint64_t seed);
std::string print(const Life& life);

struct LifeOutcome {
  std::string what;  ///< what went wrong; empty: nothing
  std::uint64_t edits = 0;
  std::uint64_t deletions = 0;
  std::uint64_t contested = 0;  ///< documents that ended so
  std::uint64_t purges = 0;
  std::uint64_t evictions = 0;
};
LifeOutcome live(const Life& life);
/// The same failure with fewer actions.
Life shrink(Life life);

}  // namespace weft::sim
