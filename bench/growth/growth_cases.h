#pragma once
// What weft-bench measures of costs that must not grow faster than what causes them. Each row stands at two sizes; beside
// them `..._growth` is the exponent that leads from one to the other (1: linear, 2: quadratic, 0: no growth), with a bar
// in harness/bars.cc. Everything is exact and the same in each run but the milliseconds.
//
//   siblings_heap         bytes of heap that n insertions in one gap add to a document, each by a replica that knows all
//                         n others; of the case `n`
//   mesh_first_deliveries how often a delta of one of the first two edits of each device is sent in a mesh of n devices with a link a pair
//   mesh_deliveries       the same of an edit behind these; n - 1 would do
//   mesh_bytes            bytes of all frames for one edit in that mesh, without what the same time costs when idle
//   memory_held           bytes of heap that a node with 4 MiB for open documents holds beyond what its store does, of
//                         documents of n bytes together: "made-n" made by edits, "received-n" another's deltas
//   compact_flushes       flushes of the log while n documents of four deltas each are compacted
//   compact_ms            the time that takes; no growth is checked of it, a virtual machine's flush takes as it likes
//   back_after_outage     virtual ms from the end of an outage of n s until the slowest of 8 followers is live again, the
//                         worst of several seeds; with the pauses between calls that links have (transport/links)

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "bench/harness/report.h"
#include "crdt/base/result.h"

namespace CLI {
class App;
}

namespace weft::bench {

struct GrowthSizes {
  std::string folder = ".";
  std::set<std::string> cases = all_cases();
  std::vector<std::uint32_t> siblings = {500, 1000};  ///< two of each, ascending
  std::vector<std::uint32_t> mesh = {10, 30};
  std::uint32_t mesh_edits = 20;
  std::vector<std::uint32_t> held_documents = {16, 64};  ///< of 1 MiB
  std::uint32_t held_document_bytes = 1u << 20;
  std::vector<std::uint32_t> compacted = {500, 2000};
  std::vector<std::uint32_t> outages_s = {5, 50};
  std::uint32_t outage_seeds = 5;

  static std::set<std::string> all_cases();
  static GrowthSizes smallest();
};
void add_growth_options(CLI::App& command, GrowthSizes& sizes);

/// Measures at once, in this process.
Status add_growth(const GrowthSizes& sizes, Report& report);

/// The exponent between two sizes, as a line of its own. 0 values count as 1.
Line growth_of(const std::string& name, const std::string& case_name, double small_size,
               double small_value, double large_size, double large_value);

// One for each case.
Status add_sibling_heap(const GrowthSizes& sizes, Report& report);
Status add_mesh(const GrowthSizes& sizes, Report& report);
Status add_memory_held(const GrowthSizes& sizes, Report& report);
Status add_compacted(const GrowthSizes& sizes, Report& report);
Status add_outages(const GrowthSizes& sizes, Report& report);

}  // namespace weft::bench
