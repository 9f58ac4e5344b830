#pragma once
// Compacting: deltas that lie one by one in a store become sealed bundles. It changes nothing that any
// version shows: every bundle is opened again and compared, delta by delta, with what it replaces.
//
// Works while others append; what they append meanwhile stays as it is. Each replacement is a short
// transaction: long histories are sealed in stretches first, and these then into one.

#include <cstdint>
#include <functional>

#include "crdt/document/document.h"
#include "storage/store.h"

namespace weft {

struct CompactProgress {
  std::uint64_t documents = 0;  ///< done
  std::uint64_t document_count = 0;
  std::uint64_t before_bytes = 0;  ///< of the history of those done
  std::uint64_t after_bytes = 0;
};

struct CompactOptions {
  /// Must outlive the call.
  const Compressor* compressor = nullptr;
  /// Called after each document; false stops, and what is done stays done.
  std::function<bool(const CompactProgress&)> progress;
};

/// Seals what can be sealed of all live documents.
/// @errors those of Store::seal; a document that can't be read is passed over, and counted as it was
Result<CompactProgress> compact(Store& store, const CompactOptions& options);

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
