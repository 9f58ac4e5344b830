#pragma once
// SyncSizes: what `weft-bench sync` measures and how much of it, and its options on the command line.

#include <cstdint>
#include <set>
#include <string>

#include "bench/harness/report.h"
#include "bench/harness/sampler.h"
#include "bench/store/store_sizes.h"
#include "bench/sync/agreement_cases.h"
#include "bench/sync/fan_out_cases.h"
#include "bench/sync/idle_link_cases.h"
#include "bench/sync/typing_cases.h"
#include "bench/trace/trace.h"

namespace CLI {
class App;
}

namespace weft::bench {

struct SyncSizes {
  std::string folder = ".";
  std::string data = StoreSizes::data_folder();  ///< recorded traces
  std::uint32_t generated_edits = 0;  ///< catching up on a session of so many; 0: on a recorded one
  KeystrokeOptions keystrokes;
  FanOutOptions fan_out;
  IdleLinkOptions idle_links;
  std::uint32_t frames = 192'000;
  WireOptions wire;
  AgreementOptions agreement;
  std::set<std::string> cases = all_cases();

  static std::set<std::string> all_cases();
  static SyncSizes smallest();
};

/// Options that write to `sizes`, which must outlive the parsing.
void add_sync_options(CLI::App& command, SyncSizes& sizes);

/// Measures what does not go through the sampler, and prepares what does.
/// @param trace  what a peer catches up with; made or read here, must outlive the sampling
Status add_sync(const SyncSizes& sizes, trace::Trace& trace, Sampler& sampler, Report& report);

}  // namespace weft::bench
