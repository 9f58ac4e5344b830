#pragma once
// Batch: consecutive deltas of one replica, decoded. A single delta is a batch of one; a bundle is a
// batch of many. It stands on its own: replicas, containers and keys are named by tables of its own,
// so that it can be decoded and checked without a document.
//
// Invariants
//   I1  replicas[0] is the author. The others are in order of first use.
//   I2  deltas cover [first_seq, first_seq + op_count) without gaps, in order.
//   I3  ops cover the same range; every index into a table is inside it; every content range lies
//       inside `content`, and text is valid UTF-8 with exactly `count` scalars.
//   I4  No delta of row version 1 stands behind one of version 2.
//   I5  Nothing here was compared with a document yet: dots may be lies.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "crdt/base/bytes.h"
#include "crdt/clock/ids.h"
#include "crdt/delta/limits.h"
#include "crdt/delta/op.h"

namespace weft {

/// A dependency of a delta on another replica's log: that log up to and including `dot`.
struct Dependency {
  LocalDot dot;             ///< of the batch's replica table, never the author's
  std::uint64_t chain = 0;  ///< chain hash of that log after the delta that ends with `dot`
};

/// Versions of the row form. They have the same bytes but for the version; a row of version 1 was written before
/// writes had weights (clock/weight.h), and weighs its hlc.
inline constexpr std::uint8_t kLegacyRowVersion = 1;
inline constexpr std::uint8_t kRowVersion = 2;
/// What `author` writes. A seed's bytes follow from its content: they stay what they were.
constexpr std::uint8_t row_version_of(ReplicaId author) {
  return is_seed_replica(author) ? kLegacyRowVersion : kRowVersion;
}

/// `delta_count` consecutive deltas of `ops_each` units each, alike in everything but their seq.
/// delta_count > 1 only where there is no dependency and no message.
struct DeltaRun {
  Seq first_seq = 0;
  Seq ops_each = 0;
  std::uint32_t delta_count = 1;
  std::uint32_t dependency_begin = 0;  ///< into Batch::dependencies
  std::uint32_t dependency_count = 0;
  std::uint32_t message_begin = 0;  ///< into Batch::messages
  std::uint32_t message_size = 0;   ///< 0 = no message
  std::uint8_t row_version = kRowVersion;
  std::uint64_t committed_at_ms = 0;

  Seq end() const { return first_seq + ops_each * delta_count; }
  /// Without dependencies and message, of the same size, time and version: one run, if adjacent.
  bool is_alike(const DeltaRun& other) const {
    return ops_each == other.ops_each && committed_at_ms == other.committed_at_ms &&
           row_version == other.row_version && dependency_count == 0 &&
           other.dependency_count == 0 && message_size == 0 && other.message_size == 0;
  }
};

struct Batch {
  Seq first_seq = 0;
  Seq op_count = 0;
  std::vector<ReplicaId> replicas;
  /// A container is named by the dot of a write that made it; kNoDot is the root map.
  std::vector<LocalDot> containers;
  std::vector<std::string_view> keys;  ///< into `content`'s owner or the input; valid with it
  std::vector<DeltaRun> deltas;
  std::vector<Dependency> dependencies;
  std::string messages;
  std::vector<Op> ops;
  std::string_view content;  ///< into `owned` or the caller's input, which must outlive the batch
  Bytes owned;               ///< what a compressed bundle was unpacked into; else empty

  ReplicaId author() const { return replicas[0]; }
  Seq end() const { return first_seq + op_count; }
  /// Empties every table and keeps its memory.
  void clear();
};

inline void Batch::clear() {
  first_seq = op_count = 0;
  replicas.clear();
  containers.clear();
  keys.clear();
  deltas.clear();
  dependencies.clear();
  messages.clear();
  ops.clear();
  content = {};
  owned.clear();
}

}  // namespace weft
