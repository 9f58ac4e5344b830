#pragma once
// Patch: what changed in the visible state, for an application to apply to its own copy.
//
// One Patch per container that a transaction, an applied delta or an undo changed. Its steps are
// *sequential*: each step's position counts in the state that the steps before it left. Applying the
// steps of every patch, in order, to the state before gives the state after.

#include <cstdint>
#include <string>
#include <vector>

#include "crdt/base/position.h"
#include "crdt/clock/ids.h"
#include "crdt/map/value.h"

namespace weft {

/// retain `retain` units, erase `erased` units there, then insert.
struct SequenceStep {
  std::size_t retain = 0;  ///< unit: the observer's for text, elements for lists
  std::size_t erased = 0;
  std::string inserted_text;           ///< text only
  std::vector<Value> inserted_values;  ///< lists only
  std::vector<Json> inserted_json;     ///< lists only: the same, with the content of new children
  friend bool operator==(const SequenceStep&, const SequenceStep&) = default;
};

struct KeyChange {
  std::string key;
  bool erased = false;
  Value value;  ///< the new winner, where not erased
  Json json;    ///< the same, with the content of a child
  friend bool operator==(const KeyChange&, const KeyChange&) = default;
};

struct Patch {
  std::uint32_t container = 0;  ///< index within this Document object
  ContainerKind kind = ContainerKind::kMap;
  std::string path;                 ///< JSON pointer of the container; "" is the root
  std::vector<SequenceStep> steps;  ///< list, text
  std::vector<KeyChange> keys;      ///< map
  std::int64_t counter_delta = 0;   ///< counter: what is shown minus what was, modulo 2^64
  bool local = false;               ///< made by this Document, not by a delta applied to it
  std::string origin;               ///< origin tag of the local transaction
};

}  // namespace weft
