#pragma once
// The bars that weft set itself, beside what a run measured.
//
// Times hold for the machine on which a gap buffer takes 0.66 ms for automerge-paper. A run that
// measured `gap` gives two verdicts: raw, and with the bar scaled by its own gap. Bytes and ratios
// have one.

#include <iosfwd>

#include "bench/harness/report.h"

namespace weft::bench {

/// How much slower this machine is than the one the bars are for, by `gap`; 0 where the run has
/// none.
double machine_scale(const Report& report);

/// A table of every bar whose figure the run has.
void write_bars(const Report& report, std::ostream& out);

}  // namespace weft::bench
