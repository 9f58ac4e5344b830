#pragma once
// Digests of what a device holds: one for each document, and their sum, which equal sets share whatever
// the order in which they came about. Not keyed: two devices compare sums. Sets are compared with keyed
// hashes (set_sketch.h).

#include <span>

#include "crdt/sync/message.h"

namespace weft::sync {

/// Of what is held, with its chain hashes, and what deletions had seen; of a deleted document, in the trash or purged, of
/// the latter alone. @param log_ends  sorted by replica
Digest document_digest(const DocumentId& document, std::span<const LogEnd> log_ends,
                       const Deletion& deletion);

inline void add(Digest& sum, const Digest& digest) {
  sum.low += digest.low;
  sum.high += digest.high;
}
inline void subtract(Digest& sum, const Digest& digest) {
  sum.low -= digest.low;
  sum.high -= digest.high;
}

}  // namespace weft::sync
