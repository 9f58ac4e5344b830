#pragma once
// CausalGraph: who had seen what. A DAG of operations held as runs: every replica's log is one chain,
// cut into *entries* only where a delta has explicit dependencies, so 260,000 keystrokes of one writer
// are one entry.
//
//   a:  [0 ........ 41][42 ..... 99]        entry at 42 depends on (b, 7)
//   b:  [0 .. 7][8 .......... 30]           entry at 8 depends on (a, 20)
//
// Replicas are interned in arrival order. The hybrid logical clock of every operation is kept as runs
// (hlc = base + seq - begin): it is derived, never sent. So is the weight (clock/weight.h), kept where it is not
// the hlc: honest clocks leave nothing to keep.
//
// Invariants
//   I1  A dot named as a parent is known: parents' seq < end of their replica.
//   I2  hlc strictly grows along causality.
//   I3  frontier() is the antichain of maximal dots, at most one per replica.
//   I4  Of a log's operations those of rows of version 1 come first: [0, legacy_end).
//   I5  Weight runs are cut only where they have to be: they are a function of the set of operations.
//
// Along each log the chain hash is kept at places about kChainStep operations apart.
//
// Cost: append O(dependencies); hlc_of O(log runs); past_after amortised O(new entries).
// Source: runs as in Gentle & Kleppmann 2024 (Eg-walker), section 3; hlc: Kulkarni et al. 2014.

#include <boost/container/small_vector.hpp>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "crdt/clock/ids.h"
#include "crdt/clock/version_vector.h"
#include "crdt/clock/weight.h"
#include "crdt/delta/batch.h"

namespace weft {

/// A version by replica index; sorted, sparse.
class LocalVersion {
 public:
  struct Entry {
    ReplicaIndex replica;
    Seq end;
  };
  Seq end(ReplicaIndex replica) const;
  bool contains(LocalDot dot) const { return dot.seq < end(dot.replica); }
  /// @return the end before
  Seq raise(ReplicaIndex replica, Seq end);
  std::span<const Entry> entries() const { return entries_; }

 private:
  std::vector<Entry> entries_;
};

class CausalGraph {
 public:
  struct Entry {
    Seq begin;
    std::uint32_t parents_begin;
    std::uint32_t parents_count;
  };
  struct HlcRun {
    Seq begin;
    Hlc base;
  };
  struct WeightRun {
    Seq begin;
    std::uint64_t weight_ms;  ///< DeltaClock::kAsHlc: as the hlc
  };

  // --- replicas ---
  ReplicaIndex intern(ReplicaId replica);
  std::optional<ReplicaIndex> find(ReplicaId replica) const;
  ReplicaId id(ReplicaIndex replica) const { return replicas_[replica].id; }
  std::uint32_t replica_count() const { return static_cast<std::uint32_t>(replicas_.size()); }
  /// Takes back the intern of the newest replica, which has no operations.
  void forget_newest(ReplicaIndex replica);
  Dot dot(LocalDot local) const { return {replicas_[local.replica].id, local.seq}; }
  std::optional<LocalDot> local(const Dot& dot) const;

  // --- the known prefix of every log ---
  Seq end(ReplicaIndex replica) const { return replicas_[replica].end; }
  bool knows(LocalDot dot) const {
    return dot.replica < replicas_.size() && dot.seq < replicas_[dot.replica].end;
  }
  std::uint64_t chain(ReplicaIndex replica) const { return replicas_[replica].chain; }
  /// The chain hash that is held counts up to here; behind `end` while a bundle is replayed.
  Seq chain_end(ReplicaIndex replica) const { return replicas_[replica].chain_end; }
  /// Forgets it: whoever needs it computes it from the log.
  void forget_chain(ReplicaIndex replica) {
    replicas_[replica].chain = replicas_[replica].chain_end = 0;
    replicas_[replica].marks.clear();
  }
  /// At the end of what is known now.
  void set_chain(ReplicaIndex replica, std::uint64_t chain) {
    replicas_[replica].chain = chain;
    replicas_[replica].chain_end = replicas_[replica].end;
    mark_chain(replica, {replicas_[replica].end, chain});
  }
  /// A place in a log and the chain hash there.
  struct ChainMark {
    Seq end = 0;
    std::uint64_t chain = 0;
  };
  /// Keeps a mark about every kChainStep operations, so that no place is far from one.
  void mark_chain(ReplicaIndex replica, ChainMark mark) {
    const std::vector<ChainMark>& marks = replicas_[replica].marks;
    if (mark.end >= (marks.empty() ? 0 : marks.back().end) + kChainStep)
      replicas_[replica].marks.push_back(mark);
  }
  /// The last place up to `end` whose chain hash is held.
  ChainMark chain_before(ReplicaIndex replica, Seq end) const;
  /// Does a dependency name another history than the one held? Only the end of a log can tell.
  bool names_other_history(LocalDot dot, std::uint64_t chain) const {
    const Replica& replica = replicas_[dot.replica];
    return dot.seq + 1 == replica.end && replica.chain_end == replica.end && replica.chain != chain;
  }
  /// In no particular order (I3).
  const std::vector<LocalDot>& frontier() const { return frontier_; }
  VersionVector version() const;

  // --- growing ---
  /// Appends one delta of `author`. Its dependencies must be known (I1).
  void append(ReplicaIndex author, Seq count, std::span<const Dependency> dependencies,
              const DeltaClock& clock);
  /// Appends deltas without dependencies, right after others of `author`.
  void append_runs(ReplicaIndex author, std::span<const DeltaRun> runs);
  /// The clocks of the next delta of `author` with these dependencies.
  DeltaClock next_clock(ReplicaIndex author, std::span<const Dependency> dependencies,
                        std::uint64_t committed_at_ms, std::uint8_t row_version) const;
  /// The same of a delta that has seen everything.
  DeltaClock next_clock(ReplicaIndex author, std::uint64_t committed_at_ms,
                        std::uint8_t row_version) const;
  /// Behind the last operation of a row of version 1 (I4).
  Seq legacy_end(ReplicaIndex replica) const { return replicas_[replica].legacy_end; }

  // --- asking ---
  Hlc hlc_of(LocalDot dot) const;
  Stamp stamp_of(LocalDot dot) const { return {hlc_of(dot), replicas_[dot.replica].id}; }
  Weight weight_of(LocalDot dot) const { return {weight_value(dot), replicas_[dot.replica].id}; }
  /// Does the next delta of `author`, with these dependencies, have everything known in its past?
  bool covers_everything(ReplicaIndex author, std::span<const Dependency> dependencies) const;
  /// The causal past of the next delta of `author` with these dependencies; valid until the next call.
  const LocalVersion& past_after(ReplicaIndex author, std::span<const Dependency> dependencies);
  /// The same, for a caller that will append that delta next: the past is kept, not computed twice.
  const LocalVersion& advance_past(ReplicaIndex author, std::span<const Dependency> dependencies);
  /// Adds `dot` and its whole causal past to `version`.
  void add_past(LocalVersion& version, LocalDot dot) const;
  bool happened_before(LocalDot a, LocalDot b) const;
  /// The maximal ones among `dots` (their dominators): those in no other's past.
  std::vector<LocalDot> maximal(std::span<const LocalDot> dots) const;
  /// The frontier of a version, each entry of which ends within what is known.
  std::vector<LocalDot> frontier_of(const VersionVector& version) const;
  /// Is every operation's past inside the version too?
  bool is_closed(const VersionVector& version) const;

  std::span<const Entry> entries(ReplicaIndex replica) const { return replicas_[replica].entries; }
  std::span<const LocalDot> parents(const Entry& entry) const {
    return std::span(parents_).subspan(entry.parents_begin, entry.parents_count);
  }
  std::span<const HlcRun> hlc_runs(ReplicaIndex replica) const { return replicas_[replica].hlc; }
  std::span<const WeightRun> weight_runs(ReplicaIndex replica) const {
    return replicas_[replica].weights;
  }

  /// For a snapshot's reader: everything of one replica at once; parents are added later.
  void restore_replica(ReplicaIndex replica, Seq end, std::uint64_t chain, std::vector<HlcRun> hlc);
  void restore_weights(ReplicaIndex replica, Seq legacy_end, std::vector<WeightRun> weights);
  void restore_entry(ReplicaIndex replica, Seq begin, std::span<const LocalDot> parents);
  void restore_frontier(std::vector<LocalDot> frontier);

 private:
  struct Replica {
    ReplicaId id;
    Seq end = 0;
    std::uint64_t chain = 0;
    Seq chain_end = 0;
    std::vector<ChainMark> marks;  ///< ascending; the first is where a snapshot's log ends
    std::vector<Entry> entries;
    std::vector<HlcRun> hlc;
    std::vector<WeightRun> weights;  ///< before the first: as the hlc
    Seq legacy_end = 0;
    LocalVersion seen;  ///< causal past of the log up to seen_end; filled when asked for
    Seq seen_end = 0;
    std::uint32_t frontier_at = kNotInFrontier;
  };
  static constexpr std::uint32_t kNotInFrontier = 0xffff'ffff;
  static constexpr Seq kChainStep = 4096;
  void leave_frontier(Replica& replica);
  static void append_hlc(Replica& replica, Hlc first_hlc);
  static void append_weight(Replica& replica, Seq count, const DeltaClock& clock);
  static void begin_weight(Replica& replica, Seq begin, std::uint64_t weight_ms);
  static Hlc last_hlc(const Replica& replica) {
    return replica.hlc.back().base + (replica.end - 1 - replica.hlc.back().begin);
  }
  Hlc weight_value(LocalDot dot) const;
  void bring_up(Replica& replica, ReplicaIndex author);
  using DotStack = boost::container::small_vector<LocalDot, 16>;
  void add_parents(const Replica& replica, Seq from, Seq to, DotStack& stack) const;

  std::vector<Replica> replicas_;
  std::unordered_map<ReplicaId, ReplicaIndex> index_;
  std::vector<LocalDot> parents_;
  std::vector<LocalDot> frontier_;
  LocalVersion scratch_;
  std::uint32_t seen_count_ = 0;
};

}  // namespace weft
