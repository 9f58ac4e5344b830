#pragma once
// What weft-bench measures of maps.
//
//   map_set_txn         ns per set, each in a transaction of its own, so with an encoded delta
//   map_set             ns per set, all in one transaction, its commit included
//   std_map             ns per set of a std::unordered_map<std::string, int64>, the floor
//   map_snapshot_bytes, map_history_bytes
//   small_maps_load     ms to load a snapshot of many small maps
//   small_maps_load_read  the same and reading every value
//   small_maps_bytes
//
// The document's clock goes on by 1 ms a transaction.

#include <cstdint>

#include "bench/harness/report.h"
#include "bench/harness/sampler.h"
#include "crdt/base/result.h"
#include "crdt/delta/codec.h"

namespace weft::bench {

/// @param compressor  must outlive the sampler's run
Status add_map_sets(std::uint32_t set_count, std::uint32_t key_count, const Compressor& compressor,
                    Sampler& sampler, Report& report);

Status add_small_maps(std::uint32_t map_count, const Compressor& compressor, Sampler& sampler,
                      Report& report);

}  // namespace weft::bench
