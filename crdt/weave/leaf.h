#pragma once
// Leaf: one leaf of the weave's tree: some runs, and the visible text of exactly these runs.
//
// Runs are structure-of-arrays: first dot (packed: replica above seq), extent (count, with the hidden
// flag in the top bit). A leaf knows nothing of the tree and does not check for room: the tree splits first.
//
// Invariants
//   I1  run_count <= kLeafRuns; every run has count >= 1.
//   I2  scalars = the sum of the visible counts (which fits: each visible element is held in memory).
//   I3  With text, the text is that of the visible elements, in order; without, it is empty. The run
//       operations don't touch the text; whoever calls them does.

#include <cstdint>
#include <cstring>

#include "crdt/clock/ids.h"
#include "crdt/weave/gap_text.h"

namespace weft {

/// Node sizes. Tests take tiny ones, so that everything splits at once.
template <std::uint32_t runs, std::uint32_t bytes, std::uint32_t children>
struct TreeShape {
  static constexpr std::uint32_t kLeafRuns = runs;
  static constexpr std::uint32_t kLeafBytes = bytes;  // enough for two pieces of two characters
  static constexpr std::uint32_t kFanout = children;
  static_assert(runs >= 4 && bytes >= 16 && children >= 3);
};

template <class Shape>
struct InnerNode;

template <class Shape>
struct TreeNode {
  InnerNode<Shape>* parent = nullptr;
  mutable std::uint32_t slot_hint = 0;  ///< where in the parent it was last seen
};

/// A place between elements of a leaf: after the first `offset` elements of run `run`. An offset of
/// 0 stands only for the begin of the leaf (run 0).
struct Spot {
  std::uint32_t run = 0;
  std::uint32_t offset = 0;
};

template <class Shape>
struct Leaf : TreeNode<Shape> {
  static constexpr std::uint32_t kRuns = Shape::kLeafRuns;
  static constexpr std::uint32_t kHidden = 0x8000'0000;
  static constexpr std::uint32_t kStep = kRuns < 8 ? kRuns : 8;

  Leaf* previous = nullptr;
  Leaf* next = nullptr;
  std::uint32_t id = 0;  ///< stays the same for the life of the tree; what the dot index names
  std::uint32_t run_count = 0;
  std::uint32_t scalars = 0;
  GapText text;
  std::uint32_t extent[kRuns];
  std::uint64_t first[kRuns];

  Seq count(std::uint32_t run) const { return extent[run] & ~kHidden; }
  bool hidden(std::uint32_t run) const { return (extent[run] & kHidden) != 0; }
  Seq visible_count(std::uint32_t run) const {  // without a branch: tombstones come at random
    return extent[run] & ((extent[run] >> 31) - 1);
  }
  LocalDot dot(std::uint32_t run, std::uint32_t offset) const {
    return {static_cast<ReplicaIndex>(first[run] >> 32), static_cast<Seq>(first[run]) + offset};
  }
  /// One comparison decides: dots of other replicas are at least 2^31 away, no count is (kMaxSeq).
  bool holds(std::uint32_t run, std::uint64_t packed) const {
    return packed - first[run] < count(run);
  }
  bool holds(std::uint32_t run, LocalDot dot) const { return holds(run, dot.packed()); }
  bool ends_before(std::uint32_t run, LocalDot dot, bool is_hidden) const {
    return first[run] + count(run) == dot.packed() && hidden(run) == is_hidden;
  }
  bool begins_at(std::uint32_t run, LocalDot dot, bool is_hidden) const {
    return first[run] == dot.packed() && hidden(run) == is_hidden;
  }
  bool has_slots() const { return run_count + 2 <= kRuns; }  ///< a run can be cut into three
  bool is_end(Spot at) const {
    return run_count == 0 || (at.run + 1 == run_count && at.offset == count(at.run));
  }
  TextMetrics metrics() const {
    return {scalars, text.size(), std::uint64_t{scalars} + text.astral(), text.newlines()};
  }

  /// The run that holds `dot`, or run_count.
  std::uint32_t find(LocalDot dot) const {
    const std::uint64_t packed = dot.packed();
    std::uint32_t run = 0;
    while (run < run_count && !holds(run, packed)) ++run;
    return run;
  }
  std::uint32_t visible_before(std::uint32_t run, std::uint32_t offset) const {
    std::uint32_t sum = 0;
    for (std::uint32_t i = 0; i < run; ++i) sum += visible_count(i);
    return run < run_count && !hidden(run) ? sum + offset : sum;
  }
  /// The place right after the n-th visible element, n <= scalars; the leaf's begin for n = 0.
  Spot after_visible(std::uint32_t n) const {
    if (n == 0) return {};
    std::uint32_t run = 0;
    for (; run + kStep <= run_count; run += kStep) {  // whole steps at once: no branch for each run
      std::uint32_t sum = 0;
      for (std::uint32_t i = 0; i < kStep; ++i) sum += visible_count(run + i);
      if (sum >= n) break;
      n -= sum;
    }
    for (std::uint32_t here; (here = visible_count(run)) < n; ++run) n -= here;
    return {run, n};
  }
  /// The first visible run at or after `run`, or run_count.
  std::uint32_t next_visible(std::uint32_t run) const {
    while (run < run_count && hidden(run)) ++run;
    return run;
  }

  // The four operations on runs. All keep I2.

  /// Puts a run at `at` and moves `at` to its end. Needs has_slots() unless it continues the run
  /// before `at`.
  void insert_run(Spot& at, LocalDot dot, Seq length, bool is_hidden);
  bool continues(Spot at, LocalDot dot, bool is_hidden) const {
    return at.offset != 0 && at.offset == count(at.run) && ends_before(at.run, dot, is_hidden);
  }
  /// Hides `n` visible elements of a run, or shows `n` hidden ones. Needs has_slots().
  void flip(std::uint32_t run, std::uint32_t offset, Seq n);
  /// Takes `n` elements of a run away. Needs a slot.
  void drop(std::uint32_t run, std::uint32_t offset, Seq n);
  /// Moves what lies after `at` to the end of `to`, which has room for it.
  void move_tail(Spot at, Leaf& to);

 private:
  void put(std::uint32_t run, LocalDot dot, std::uint32_t new_extent) {
    first[run] = dot.packed();
    extent[run] = new_extent;
  }
  template <class T>
  static void shift(T* array, std::uint32_t from, std::uint32_t to, std::uint32_t n) {
    std::memmove(array + to, array + from, n * sizeof(T));
  }
  void open(std::uint32_t run, std::uint32_t n) {
    shift(first, run, run + n, run_count - run);
    shift(extent, run, run + n, run_count - run);
    run_count += n;
  }
  void close(std::uint32_t run) {
    run_count -= 1;
    shift(first, run + 1, run, run_count - run);
    shift(extent, run + 1, run, run_count - run);
  }
  /// Joins a run with the one after it, where it can.
  void fuse(std::uint32_t run) {
    if (run + 1 >= run_count || !ends_before(run, dot(run + 1, 0), hidden(run + 1))) return;
    extent[run] += count(run + 1);
    close(run + 1);
  }
};

template <class Shape>
void Leaf<Shape>::insert_run(Spot& at, LocalDot dot, Seq length, bool is_hidden) {
  const std::uint32_t new_extent = length | (is_hidden ? kHidden : 0);
  if (!is_hidden) scalars += length;
  std::uint32_t run = 0;
  if (at.offset != 0) {
    if (at.offset != count(at.run)) {  // inside: cut it in three
      open(at.run + 1, 2);
      put(at.run + 2, this->dot(at.run, at.offset), extent[at.run] - at.offset);
      extent[at.run] -= count(at.run) - at.offset;
      put(at.run + 1, dot, new_extent);
      at = {at.run + 1, length};
      return;
    }
    if (ends_before(at.run, dot, is_hidden)) {
      extent[at.run] += length;
      at.offset += length;
      return;
    }
    run = at.run + 1;
  }
  if (run < run_count && begins_at(run, dot.plus(length), is_hidden)) {
    first[run] = dot.packed();
    extent[run] += length;
  } else {
    open(run, 1);
    put(run, dot, new_extent);
  }
  at = {run, length};
}

template <class Shape>
void Leaf<Shape>::flip(std::uint32_t run, std::uint32_t offset, Seq n) {
  const std::uint32_t old_flag = extent[run] & kHidden;
  const std::uint32_t new_flag = old_flag ^ kHidden;
  const bool hides = new_flag != 0;
  scalars += hides ? 0 - n : n;
  const Seq length = count(run);
  const LocalDot dot = this->dot(run, offset);
  if (n == length) {
    extent[run] ^= kHidden;
    fuse(run);
    if (run > 0) fuse(run - 1);
  } else if (offset == 0) {
    first[run] += n;
    extent[run] -= n;
    if (run > 0 && ends_before(run - 1, dot, hides)) {
      extent[run - 1] += n;
    } else {
      open(run, 1);
      put(run, dot, n | new_flag);
    }
  } else if (offset + n == length) {
    extent[run] -= n;
    if (run + 1 < run_count && begins_at(run + 1, dot.plus(n), hides)) {
      first[run + 1] = dot.packed();
      extent[run + 1] += n;
    } else {
      open(run + 1, 1);
      put(run + 1, dot, n | new_flag);
    }
  } else {
    open(run + 1, 2);
    put(run + 1, dot, n | new_flag);
    put(run + 2, dot.plus(n), (length - offset - n) | old_flag);
    extent[run] = offset | old_flag;
  }
}

template <class Shape>
void Leaf<Shape>::drop(std::uint32_t run, std::uint32_t offset, Seq n) {
  if (!hidden(run)) scalars -= n;
  const Seq length = count(run);
  if (n == length) {
    close(run);
    if (run > 0) fuse(run - 1);
  } else if (offset == 0) {
    first[run] += n;
    extent[run] -= n;
  } else if (offset + n == length) {
    extent[run] -= n;
  } else {
    open(run + 1, 1);
    put(run + 1, dot(run, offset + n), extent[run] - offset - n);
    extent[run] -= length - offset;
  }
}

template <class Shape>
void Leaf<Shape>::move_tail(Spot at, Leaf& to) {
  const std::uint32_t kept = visible_before(at.run, at.offset);
  const std::uint32_t moved = scalars - kept;
  if (text.size() != 0) text.move_tail(text.byte_of(kept), to.text, Shape::kLeafBytes);
  scalars -= moved;
  to.scalars += moved;
  const std::uint32_t seam = to.run_count;  // only there: whoever split counts on the other runs
  std::uint32_t run = at.run;
  if (at.offset != 0) {
    if (at.offset != count(run)) {
      to.put(to.run_count++, dot(run, at.offset), extent[run] - at.offset);
      extent[run] -= count(run) - at.offset;
    }
    ++run;
  }
  const std::uint32_t n = run_count - run;
  std::memcpy(to.first + to.run_count, first + run, n * sizeof *first);
  std::memcpy(to.extent + to.run_count, extent + run, n * sizeof *extent);
  to.run_count += n;
  run_count = run;
  if (seam != 0) to.fuse(seam - 1);
}

}  // namespace weft
