#pragma once
// Time travel and causality against the oracle: checkouts, diffs, the log, what happened before what.

#include "crdt/document/document.h"
#include "tests/histories/world.h"
#include "tests/support/random.h"

namespace weft::test {

/// @param full  holds the whole history; throws Failure
void check_time(const World& world, const Document& full, Random& random);

}  // namespace weft::test
