#pragma once
// What has to hold for a history once it has run: every way of bringing its deltas to a replica gives
// the oracle's state and the same snapshot bytes, and every version can be looked at again.

#include "tests/histories/world.h"

namespace weft::test {

/// Runs the script and checks it; throws Failure. Not thorough: the replicas themselves and one fresh
/// one, their JSON, conflicts and snapshots.
void check_history(const Script& script, WorldOptions options);

/// Histories whose seed ends in 0 are checked thoroughly.
inline bool thorough_seed(std::uint64_t seed) { return seed % 10 == 0; }

}  // namespace weft::test
