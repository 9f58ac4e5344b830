#pragma once
// What weft-bench measures where other engines fall off a cliff. Each replica's id is random, its
// time stands still, so ties go by id.
//
//   offline_merge         ms: r replicas' n random edits of one character each, made apart on a text
//                         of 10,000 characters, applied as r bundles to a document that holds that
//                         text, until the merged text is there
//   offline_merge_deltas  the same as r x n single deltas
//   insert_at_zero        ms: n replicas' insertions at index 0 of an empty text or list, applied one
//                         by one in random order
//   insert_at_zero_growth what the largest n takes against the smallest, divided by what n log n would
//   typing_round          ns: two replicas type a character each, commit, and apply the other's; mean.
//                         "apart": at two places; "together": both at the text's end
//   typing_round_first    of the first eighth of the rounds, at most 500
//   typing_round_last     of as many last ones
//   typing_flatness       last / first
//   backward_merge        ms: two replicas' runs typed backward at one place, the second applied to
//                         the first as a bundle. Fails if they interleave
//   overwrite             ns per set, n sets of 10 keys, a transaction each
//   overwrite_snapshot_bytes, overwrite_history_bytes

#include <cstdint>
#include <vector>

#include "bench/harness/report.h"
#include "bench/harness/sampler.h"
#include "crdt/base/result.h"
#include "crdt/delta/codec.h"

namespace weft::bench {

// Each prepares what its probes start from and adds them. `compressor` must outlive the sampler's
// run.

Status add_offline_merge(std::uint32_t replica_count, std::uint32_t edit_count,
                         const Compressor& compressor, Sampler& sampler);

enum class Sequence : std::uint8_t { kText, kList };
/// @param replica_counts  ascending
Status add_insert_at_zero(Sequence sequence, const std::vector<std::uint32_t>& replica_counts,
                          const Compressor& compressor, Sampler& sampler);
/// After the sampler's run. @param smallest, largest  of replica_counts
void add_insert_at_zero_growth(Sequence sequence, std::uint32_t smallest, std::uint32_t largest,
                               Report& report);

enum class Typing : std::uint8_t { kApart, kTogether };
void add_typing_exchange(Typing typing, std::uint32_t round_count, const Compressor& compressor,
                         Sampler& sampler);

Status add_backward_merge(std::uint32_t length, const Compressor& compressor, Sampler& sampler);

/// @param set_count  at least 10
Status add_overwrites(std::uint32_t set_count, const Compressor& compressor, Sampler& sampler,
                      Report& report);

}  // namespace weft::bench
