#pragma once
// DotIndex: which leaf holds a dot. Per replica an interval map from seq to leaf id, kept as sorted
// starts in chunks:
//
//     chunks_   | 0>L4 17>L2 18>L4 ... | 930>L7 931>L2 ... | ... |        end_ = 1204
//
// An interval reaches to the next start, the last one to end_. It says where the elements in it *are*,
// not that every seq in it is an element: the seqs of erasures and of other containers lie in between
// and keep whatever the neighbour had, which may be a leaf that is dead or holds other things by now.
// So a leaf that is found must still be searched, and leaf memory must outlive the index.
//
// That is also why typing costs nothing here: a run that grows stays in its leaf, and its interval
// has no end of its own.
//
// Invariants
//   I1  Starts ascend strictly; no chunk is empty.
//   I2  For every dot d that was assigned and not assigned elsewhere since, find(d) is its leaf.
//
// Cost: find O(log n); assign O(log n + chunk), at the end of a log (where new operations go) O(1).

#include <cstddef>
#include <cstdint>
#include <vector>

#include "crdt/clock/ids.h"

namespace weft {

/// The interval map of one replica.
class SeqMap {
 public:
  using LeafId = std::uint32_t;
  static constexpr LeafId kNoLeaf = 0xffff'ffff;

  LeafId find(Seq seq) const;
  /// [begin, end) lies in `leaf` from now on.
  void assign(Seq begin, Seq end, LeafId leaf) {
    if (begin >= end_ && end_ != 0) [[likely]] {  // new operations
      if (chunks_.back().back().leaf != leaf) push_back({begin, leaf});
      end_ = end;
      return;
    }
    assign_inside(begin, end, leaf);
  }
  std::size_t size() const;
  void check_invariants() const;

 private:
  struct Start {
    Seq seq;
    LeafId leaf;
  };
  using Chunk = std::vector<Start>;
  struct Place {
    std::size_t chunk;
    std::size_t slot;
  };
  static constexpr std::size_t kChunkMax = 128;

  void push_back(Start start);
  bool find_place(Seq seq, Place& place) const;
  bool assign_in_chunk(Place place, Seq begin, Seq end, LeafId leaf);
  void assign_inside(Seq begin, Seq end, LeafId leaf);
  void set_start(Seq seq, LeafId leaf);
  void erase_starts(Seq after, Seq end);

  std::vector<Chunk> chunks_;
  std::vector<Seq> chunk_first_;  // of each chunk, side by side for the search
  Seq end_ = 0;
};

class DotIndex {
 public:
  using LeafId = SeqMap::LeafId;
  static constexpr LeafId kNoLeaf = SeqMap::kNoLeaf;

  bool built() const { return built_; }
  LeafId find(LocalDot dot) const {
    return dot.replica < replicas_.size() ? replicas_[dot.replica].find(dot.seq) : kNoLeaf;
  }
  void assign(LocalDot first, Seq count, LeafId leaf) {
    if (first.replica >= replicas_.size()) replicas_.resize(first.replica + 1);
    replicas_[first.replica].assign(first.seq, first.seq + count, leaf);
  }

  struct Entry {
    LocalDot first;
    Seq count;
    LeafId leaf;
  };
  /// Starts over with these, which come in any order.
  void build(std::vector<Entry> entries);
  std::size_t size() const;
  void check_invariants() const;

 private:
  std::vector<SeqMap> replicas_;
  bool built_ = false;
};

/// Assigns many runs of one leaf, given in weave order. What the weave has cut by runs of others comes
/// together again first, so that a run with a hundred insertions in it moves at once.
class IndexMove {
 public:
  IndexMove(DotIndex& index, DotIndex::LeafId to) : index_(index), to_(to) {}
  IndexMove(const IndexMove&) = delete;
  IndexMove& operator=(const IndexMove&) = delete;
  ~IndexMove() {
    for (const Pending& pending : pending_)
      if (pending.count != 0) index_.assign(pending.first, pending.count, to_);
  }
  void add(LocalDot first, Seq count) {
    for (Pending& pending : pending_)
      if (pending.first.plus(pending.count) == first && pending.count != 0) {
        pending.count += count;
        return;
      }
    Pending& oldest = pending_[next_++ % kPending];
    if (oldest.count != 0) index_.assign(oldest.first, oldest.count, to_);
    oldest = {first, count};
  }

 private:
  struct Pending {
    LocalDot first;
    Seq count = 0;
  };
  static constexpr std::size_t kPending = 4;
  DotIndex& index_;
  DotIndex::LeafId to_;
  Pending pending_[kPending];
  std::size_t next_ = 0;
};

}  // namespace weft
