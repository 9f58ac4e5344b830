#pragma once
// What compacting a store of many small documents costs: a few edits each, as dashboards that are hardly touched.
//
//   compact_small           ms: compact(), all documents
//   compact_small_flushes   of the log, meanwhile
//   compact_small_growth    ratio: time a document with the most documents, by that with the fewest
//   compact_small_flush_growth   the same of flushes: far below 1, since they are shared

#include <cstdint>
#include <string>
#include <vector>

#include "bench/harness/report.h"
#include "crdt/base/result.h"

namespace weft::bench {

struct SmallDocuments {
  std::string folder;
  std::vector<std::uint32_t> counts;  ///< ascending
};

Status add_compact_small(const SmallDocuments& options, Report& report);

}  // namespace weft::bench
