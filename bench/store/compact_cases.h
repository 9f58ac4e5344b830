#pragma once
// What compacting a store wins: traces with a delta for each edit, and the revisions of dashboards.
//
//   compact_vs_sealed       ratio: the log's file afterwards, by what the histories take as sealed bundles
//                           (Document::bundles_since({}), zstd, of the documents as they were edited)
//   sealed_bytes            that
//   log_bytes_before, log_bytes_after          the log's file
//   derived_bytes_before, derived_bytes_after  the derived file
//   compact_estimate        what estimate_compact() said, bytes
//   compact_result          what compact() left, bytes: the figure that the estimate is for
//   estimate_time, compact_time, shrink_time   ms
//   longest_append_compact, longest_append_shrink, longest_append_quiet
//                           ms that one small append took at most, by a thread that appends one each millisecond:
//                           while compact() runs, while shrink() runs, and in as long a time with neither
// All documents are opened again from the compacted store and compared with what they were.

#include <span>
#include <string>

#include "bench/harness/report.h"
#include "bench/store/histories.h"
#include "crdt/base/result.h"

namespace weft::bench {

struct CompactCase {
  std::string name;
  std::string folder = ".";
  std::span<const trace::Trace> traces;
  std::span<const DashboardRevisions> dashboards = {};
};

Status add_compact(const CompactCase& options, Report& report);

}  // namespace weft::bench
