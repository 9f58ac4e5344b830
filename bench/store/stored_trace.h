#pragma once
// Traces into a store, as an editor does it: a delta for each edit (of a concurrent trace: for each transaction),
// saved some at a time.

#include <cstdint>

#include "bench/trace/trace.h"
#include "storage/documents.h"

namespace weft::bench {

struct StoredTraceOptions {
  std::uint64_t seed = 1;  ///< document and replicas come from it
  std::uint32_t deltas_a_save = 100;
  const Compressor* compressor = nullptr;  ///< outlives the document; null: histories stay stored
};

/// The document that store_trace() makes of every trace with this seed.
DocumentId stored_trace_id(std::uint64_t seed);

/// @param store  must outlive the result; has nothing of the document
/// @return  everything is saved; its text is what the trace ends with
/// @errors those of editing and of saving; kCorrupt: a wrong text
Result<StoredDocument> store_trace(Store& store, const trace::Trace& trace,
                                   const StoredTraceOptions& options);

}  // namespace weft::bench
