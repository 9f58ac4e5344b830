#pragma once
// The operations of a bundle's body, from its columns into a batch (bundle_format.h).

#include "crdt/delta/batch.h"
#include "crdt/delta/token_reader.h"

namespace weft {

/// Fills in `batch`'s containers, keys and ops; its replicas, deltas and content are there already. A fault
/// is left in `in`.
/// @cost O(bytes + ops log keys)
void read_ops(BodyColumns& in, const BodyCounts& counts, const DecodeLimits& limits, Batch& batch);

}  // namespace weft
