#pragma once
// OperationLog: every operation of every replica that is held, as runs, by replica and seq. It is what deltas
// are encoded from, where origins and erase targets are looked up, and what time travel replays.
//
// A replica's log is a list of chunks. A bundle that was imported is one chunk as it was unpacked;
// edits and single deltas are appended to the newest chunk while that is open.
//
//   replica 0:  [chunk: bundle 0..41999][chunk: open 42000..42107]
//   replica 1:  [skeleton 0..800][chunk: open 801..]
//
// A *skeleton* chunk comes from a snapshot: the operations of sequences without their content, and
// nothing of registers: enough to integrate what comes next, not to show what was.
//
// Invariants
//   I1  Chunks of a replica are adjacent and in order; within one, ops are sorted by seq.
//   I2  Only a skeleton has gaps; only the first chunk of a replica can be one.
//   I3  Indices (replica, container name, key) are the document's.
// Cost: find O(log chunks + log ops); append amortised O(1).

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "crdt/base/bytes.h"
#include "crdt/delta/batch.h"
#include "crdt/delta/op.h"
#include "crdt/delta/slice.h"

namespace weft {

struct LogChunk {
  Seq begin = 0;
  Seq end = 0;
  bool skeleton = false;
  bool sealed = false;  ///< imported; nothing is appended
  std::vector<Op> ops;
  std::vector<DeltaRun> deltas;
  std::vector<Dependency> dependencies;
  std::string messages;
  std::string text;  ///< content of an open chunk
  Bytes owned;       ///< content of a sealed one lies in here
  std::string_view borrowed;

  std::string_view content() const { return sealed ? borrowed : std::string_view(text); }
  std::string_view content(const Op& op) const {
    return content().substr(op.content_begin, op.content_size);
  }
  std::span<const Dependency> deps(const DeltaRun& run) const {
    return std::span(dependencies).subspan(run.dependency_begin, run.dependency_count);
  }
  std::string_view message(const DeltaRun& run) const {
    return std::string_view(messages).substr(run.message_begin, run.message_size);
  }
  /// Index of the op that contains `seq`, or of the first one after it.
  std::size_t op_at(Seq seq) const;
  /// Index of the delta run that contains `seq`.
  std::size_t delta_at(Seq seq) const;
};

/// An op and where its content is.
struct LoggedOp {
  const Op* op = nullptr;
  const LogChunk* chunk = nullptr;
};

struct Neighbour {
  LocalDot lo;
  LocalDot ro;
};

class OperationLog {
 public:
  using Chunks = std::vector<std::unique_ptr<LogChunk>>;

  void add_replica() { replicas_.emplace_back(); }
  void forget_newest_replica() { replicas_.pop_back(); }
  std::uint32_t replica_count() const { return static_cast<std::uint32_t>(replicas_.size()); }
  const Chunks& chunks(ReplicaIndex replica) const { return replicas_[replica]; }

  /// The chunk that operations from `begin` on are appended to; made where there is none.
  LogChunk& open_chunk(ReplicaIndex replica, Seq begin);
  void add_chunk(ReplicaIndex replica, std::unique_ptr<LogChunk> chunk);
  /// Ends the log of `replica` at `end`: takes back what a failed transaction or delta appended.
  void truncate(ReplicaIndex replica, Seq end, std::size_t text_size);

  std::optional<LoggedOp> find(LocalDot dot) const;
  /// The neighbours that the insertion or move of `dot` was made between.
  std::optional<Neighbour> origin(LocalDot dot) const;
  /// The first seq of `replica` whose content is held.
  Seq base(ReplicaIndex replica) const;
  std::unique_ptr<LogChunk> clone_chunk(const LogChunk& chunk) const;
  OperationLog clone() const;

 private:
  std::vector<Chunks> replicas_;
};

/// Appends a delta's header, run-length coded with the one before where they are alike.
void append_delta_run(std::vector<DeltaRun>& runs, const DeltaRun& run);

}  // namespace weft
