#pragma once
// What a delta says of itself before its operations.

#include "crdt/base/bytes.h"
#include "crdt/base/result.h"
#include "crdt/delta/batch.h"
#include "crdt/document/document.h"

namespace weft {

/// Decodes all of the delta, so one with an info is whole; the stamp, which hangs on other deltas, stays 0.
/// @param scratch  its memory is used again by the next call
/// @errors those of decode_delta
Result<DeltaInfo> read_delta_info(ByteSpan delta, Batch& scratch);

}  // namespace weft
