#pragma once
// Compacting: deltas that lie one by one in a store become sealed bundles. It changes nothing that any
// version shows: every bundle is opened again and compared, delta by delta, with what it replaces.
//
// Works while others append; what they append meanwhile stays as it is. Replacements are gathered into transactions,
// bounded in bytes and time: of 4,000 small documents each would cost two flushes. Long histories are sealed in
// stretches first, and these then into bundles, none larger than a reader takes.

#include <cstdint>
#include <functional>
#include <vector>

#include "crdt/document/document.h"
#include "storage/store.h"

namespace weft {

/// A document that could not be sealed, and is as it was.
struct CompactFailure {
  DocumentId document;
  Error error;
};

struct CompactProgress {
  std::uint64_t documents = 0;  ///< done
  std::uint64_t document_count = 0;
  std::uint64_t before_bytes = 0;  ///< of the history of those done
  std::uint64_t after_bytes = 0;
  std::vector<CompactFailure> failed;
};

struct CompactOptions {
  /// Must outlive the call.
  const Compressor* compressor = nullptr;
  /// Called after each document; false stops, and what is done stays done.
  std::function<bool(const CompactProgress&)> progress;
};

/// Seals what can be sealed of all live documents.
/// @errors those of Store::seal that the disk is to blame for; a document that can't be read
///         or sealed is passed over, named in the result, and counted as it was
Result<CompactProgress> compact(Store& store, const CompactOptions& options);

/// The same for one document. @return  the bytes of history that went by it
/// @errors kNotFound; those of Store::seal; kCorrupt: it can't be read
Result<std::uint64_t> compact_document(Store& store, const DocumentId& id,
                                       const CompactOptions& options);

struct CompactEstimate {
  std::uint64_t history_bytes = 0;  ///< now
  std::uint64_t sealed_bytes = 0;   ///< afterwards, about
  std::uint64_t sampled_bytes = 0;  ///< what the ratio was measured on
};
/// What compact() would win, from sealing some of the documents and throwing the result away.
Result<CompactEstimate> estimate_compact(const Store& store, const CompactOptions& options);

/// Gives the history below `horizon` up: what lies there is kept as state alone.
/// @errors those of open_version and Store::trim
Status trim_document(Store& store, const DocumentId& id, const VersionVector& horizon,
                     const DocumentOptions& options);

}  // namespace weft
