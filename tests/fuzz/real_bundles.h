#pragma once
// Deltas sealed by author, as a sender or a compacted store has them.

#include <map>
#include <vector>

#include "crdt/base/checksum.h"
#include "crdt/delta/batch_builder.h"
#include "crdt/delta/codec.h"

namespace weft::test {

/// A batch for each stretch of one author's log, in whatever order they come; what does not decode is left out.
inline std::vector<Batch> batches_of(const std::vector<Bytes>& deltas) {
  std::vector<Batch> done;
  std::map<ReplicaId, BatchBuilder> logs;
  for (const Bytes& delta : deltas) {
    Result<Batch> batch = decode_delta(delta);
    if (!batch.ok()) continue;
    BatchBuilder& log = logs[batch->author()];
    if (log.append(*batch).ok()) continue;
    done.push_back(log.take());
    (void)log.append(*batch);
  }
  for (auto& [replica, log] : logs)
    if (!log.empty()) done.push_back(log.take());
  return done;
}

/// Sealed without compression, the chain hash right where the batch is the whole log.
inline Bytes seal_rows(const Batch& batch) {
  std::uint64_t chain = 0;
  DeltaWalk walk(batch);
  for (Bytes row; walk.next(row); row.clear()) chain = xxh3_64(row, chain);
  return seal_bundle(batch, batch.first_seq == 0 ? chain : 0, nullptr);
}

}  // namespace weft::test
