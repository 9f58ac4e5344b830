#pragma once
// Catching up: a peer that has nothing connects to one that has a document of a whole trace, an operation a delta.
//
// Case <trace>-<what the sender has>:
//   history     the document is open, with its history: it was typed since the sender started
//   state       it was opened from the state that its store keeps; the deltas lie in the log one by one
//   sealed      the same, the log was compacted and has one sealed bundle
// The receiver is new each time; so is the sender, but for `history`.
// Figures:
//   catch_up           ms from connecting until the receiver's store has everything on the disk
//   catch_up_cpu_sender, catch_up_cpu_receiver   ms of CPU time, all threads
//   catch_up_bytes     on the wire, towards the receiver

#include <string>

#include "bench/harness/sampler.h"
#include "bench/trace/trace.h"

namespace weft::bench {

struct CatchUpOptions {
  std::string folder = ".";
  const trace::Trace* trace = nullptr;
  std::string trace_file;  ///< the same; empty: it is typed_session(trace->edits.size())
};
/// Makes the senders' stores; they go with the sampler. @pre this process has one thread
Status add_catch_up(const CatchUpOptions& options, Sampler& sampler);

}  // namespace weft::bench
