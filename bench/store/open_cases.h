#pragma once
// What opening weft's store costs, each time in a new process, the files in the page cache.
//
// Case <n>-documents, a store that was closed:
//   store_open        ms
//   store_list        ms to list the documents then
//   store_open_bytes  how much memory both took at most, mapped pages of the files included
//
// Each figure is measured by a child, which is this program again with the subcommand kOpenCommand.

#include <cstdint>
#include <string>

#include "bench/harness/sampler.h"
#include "bench/store/workload.h"
#include "crdt/base/result.h"

namespace weft::bench {

struct OpenOptions {
  std::string folder = ".";
  WorkloadOptions workload;
  std::uint32_t delta_count = 600'000;
};

/// Makes the store; it goes with the sampler.
Status add_open(const OpenOptions& options, Sampler& sampler);

inline constexpr const char* kOpenCommand = "open-store";
/// What the child does: opens the store, lists it and tells its parent.
/// @return  exit code
int run_open_command(const std::string& folder);

}  // namespace weft::bench
