#pragma once
// What weft-bench measures of an editing trace.
//
//   gap                 the same edits on one gap buffer, the floor (sequential traces)
//   local_replay        every edit by TextEdit in one open transaction (sequential traces)
//   local_replay_commit the commit of that transaction, that is, encoding its delta
//   local_replay_txn    a committed, encoded delta for each edit; of a concurrent trace, for each
//                       transaction, on a document per replica, all deltas exchanged
//   merge_history       history file in, text out, into an empty replica
//   merge_history_txn   the same where each edit is a delta
//   apply_deltas        single deltas in row form, one apply each, in causal order
//   load_snapshot       snapshot in, text out
//   encode_history      the history as a file; encode_history_txn
//   history_bytes       history_txn_bytes, snapshot_bytes
//   single_delta_bytes  deltas that insert one character and depend on nothing but their author's
//                       log
//   resident_bytes      heap in use after load_snapshot; _history: after merge_history; _edit: after
//                       load_snapshot and one edit
//
// Of a concurrent trace the history is the merged one, a delta for each transaction.

#include <memory>

#include "bench/harness/report.h"
#include "bench/harness/sampler.h"
#include "bench/trace/trace.h"
#include "crdt/base/result.h"
#include "crdt/delta/codec.h"

namespace weft::bench {

class TraceCases {
 public:
  virtual ~TraceCases() = default;
  /// Figures that need no sampling.
  virtual Status add_exact(Report& report) = 0;
  virtual void add_probes(Sampler& sampler) = 0;

  /// Replays the trace in every way, checks the texts, and keeps what the probes start from.
  /// @errors those of the engine; kCorrupt: a wrong final text
  /// @param compressor  must outlive it
  static Result<std::unique_ptr<TraceCases>> prepare(trace::Trace trace,
                                                     const Compressor& compressor);
};

}  // namespace weft::bench
