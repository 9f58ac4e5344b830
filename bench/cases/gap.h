#pragma once
// `gap`: a sequential trace's edits on one plain gap buffer: the floor for replaying, and how fast
// this machine is.

#include "bench/harness/sampler.h"
#include "bench/trace/trace.h"

namespace weft::bench {

/// @param trace  must outlive the sampler's run
void add_gap(const trace::Trace& trace, Sampler& sampler);

}  // namespace weft::bench
