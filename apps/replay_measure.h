#pragma once
// The figures of one editing trace, for people. weft-bench measures the same and more, for machines.

#include <cstddef>
#include <functional>
#include <optional>
#include <string>

#include "bench/trace/trace.h"
#include "crdt/base/result.h"
#include "crdt/delta/codec.h"

namespace weft::cli {

/// Times are medians in milliseconds; those that a concurrent trace does not have are missing.
struct TraceFigures {
  std::string name;
  std::size_t edits = 0;
  std::optional<double> gap_ms;           ///< the same edits on one plain gap buffer: the floor
  std::optional<double> local_replay_ms;  ///< in one open transaction
  double local_replay_txn_ms = 0;         ///< a committed, encoded delta each
  double merge_history_ms = 0;            ///< encoded history in, text out
  double apply_deltas_ms = 0;             ///< the single deltas, one apply each
  double load_snapshot_ms = 0;            ///< snapshot in, text out
  std::size_t history_bytes = 0;
  std::size_t snapshot_bytes = 0;
  double keystroke_bytes = 0;  ///< mean of the deltas that insert one character; 0: there is none
};

/// Replays `trace` in every way and checks the final text each time.
/// @param samples   rounds that count; one more goes before them to warm up
/// @param progress  called before each round, from 0 to samples
/// @errors those of the engine; kCorrupt: a final text is not the trace's
Result<TraceFigures> measure_trace(const trace::Trace& trace, const Compressor& compressor,
                                   std::size_t samples,
                                   const std::function<void(std::size_t)>& progress);

}  // namespace weft::cli
