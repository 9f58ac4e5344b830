#pragma once
// ReplicaPlan: which replica makes each transaction of a concurrent trace, and what it has to be
// given before.
//
// A transaction's positions count in the merge of its parents' versions, so its replica must know
// exactly its causal past. An agent gets one replica as long as its transactions follow on from
// each other; where an agent is concurrent with itself (two branches of one author), each branch
// gets a replica of its own.
//
// Invariants
//   I1  Before transaction t, replica_of[t] knows t's causal past and nothing else, if every
//       transaction was made where it says and after the deliveries that it lists.
//   I2  Deliveries are listed in causal order, none twice to one replica, none of its own.
//   I3  After its last deliveries every replica knows every transaction.

#include <cstdint>
#include <span>
#include <vector>

#include "bench/trace/trace.h"

namespace weft::trace {

struct ReplicaPlan {
  std::uint32_t replica_count = 0;
  std::vector<std::uint32_t> replica_of;  ///< by transaction
  std::vector<std::uint32_t> agent_of;    ///< by replica
  std::vector<std::uint32_t> deliver;     ///< transactions
  /// Into deliver: by transaction, then by replica (its last deliveries), and one more.
  std::vector<std::uint32_t> deliver_begin;

  std::span<const std::uint32_t> deliveries_before(std::size_t transaction) const {
    const std::uint32_t begin = deliver_begin[transaction];
    return std::span(deliver).subspan(begin, deliver_begin[transaction + 1] - begin);
  }
  /// What `replica` still lacks when all transactions were made.
  std::span<const std::uint32_t> last_deliveries(std::size_t replica) const {
    return deliveries_before(replica_of.size() + replica);
  }
};

/// @cost O(n r + deliveries log r), n transactions, r replicas; memory r per transaction that still
///       waits for a child
ReplicaPlan plan_replicas(const Trace& trace);

}  // namespace weft::trace
