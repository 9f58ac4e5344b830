#pragma once
// Register: a last-writer-wins cell that keeps its concurrent losers: a map key or a list element.
//
// A new write first drops every held write (winner and losers) that lies in its causal past; of what
// remains and itself the largest weight wins (clock/weight.h), the others are losers: causality decides where it can,
// time only between writes that did not know of each other. A write names the winner that it
// overwrote; where that is still the winner and there are no losers, the overwrite is clean and costs
// nothing more.
//
// Invariants
//   I1  No held write is in the causal past of another.
//   I2  The winner has the largest weight of the held writes; with I1 it is a function of the set of writes.
// Losers are few: they lie in a side table of the container, sorted by falling weight.

#include <cstdint>
#include <vector>

#include "crdt/clock/ids.h"
#include "crdt/map/value.h"

namespace weft {

struct Write {
  Value value;
  LocalDot dot;  ///< its weight is the graph's to tell
  bool erased = false;
  bool has_losers = false;  ///< of a register's winner: the side table has an entry
};

struct Register {
  Write winner;  ///< dot none: never written
  std::uint32_t generations =
      0;                      ///< 1 + the largest generation an ensure here carried; 0: none did
  std::uint32_t touched = 0;  ///< the document's journal epoch that has backed it up

  bool visible() const { return !winner.dot.is_none() && !winner.erased; }
};

using Losers = std::vector<Write>;

}  // namespace weft
