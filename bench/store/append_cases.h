#pragma once
// What appending costs weft's store, SQLite and RocksDB; the same deltas for all, in batches.
//
// Cases <engine>-<deltas a batch>; figures over all appends and, but for the first two, finishing:
//   log_flushes_per_batch    flushes that append() waits for, while batches are appended
//   commits_per_batch
//   other_flushes_per_batch  flushes of other files, which run beside the appends, and while finishing
//   finish_flushes           flushes of all files after the last append
//   device_bytes_per_delta   of dirty pages, by the kernel's count (meter.h)
//   written_bytes_per_delta  handed to write() and its like; exact
//   append_wall              us per delta
//   append_outside           us per delta, without the time that was spent waiting for flushes
//   append_cpu               us per delta, of all threads
//   finish                   ms, part of the three before it
//   outside_vs_<engine>, cpu_vs_<engine>  of weft: its append_outside or append_cpu by that of the other
// Medians of times are over the whole run; min and max are those of one turn of appending.
// Case <n>-writers:
//   commits_per_delta        n threads that append one delta each and wait for it, again and again
//
// Each engine runs in a process of its own, so that its background threads are counted where they belong, and the
// processes take turns, so that slow spells of the disk hit all alike. Every engine gives back what it was given:
// all records are read through the index after it was finished.

#include <cstdint>
#include <string>
#include <vector>

#include "bench/harness/report.h"
#include "bench/store/engines.h"
#include "bench/store/workload.h"
#include "crdt/base/result.h"

namespace weft::bench {

struct AppendOptions {
  std::string folder = ".";  ///< on the disk that is measured
  std::vector<EngineKind> engines = {std::begin(kEngineKinds), std::end(kEngineKinds)};
  WorkloadOptions workload;
  std::uint32_t delta_count = 600'000;
};

/// @pre  this process has one thread
Status add_appends(const AppendOptions& options, std::uint32_t batch_size, Report& report);

struct WriterOptions {
  std::string folder = ".";
  std::uint32_t writer_count = 64;
  std::uint32_t deltas_per_writer = 200;
};
Status add_writers(const WriterOptions& options, Report& report);

}  // namespace weft::bench
