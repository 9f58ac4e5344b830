#pragma once
// RunTree: the resident weave. Every element a sequence ever had, hidden ones included, as runs in a
// B+tree (leaf_tree.h) whose leaves hold the visible text of their runs (leaf.h).
//
// It does no integrate logic and knows no origins: it is told where an element goes, by visible
// position or by the dot before it, and answers where things are.
//
// A *cursor* remembers the place of the last local edit, so that typing and backspacing touch one
// leaf and no inner node. By-dot writes drop it. A *dot index* (dot_index.h) finds the leaf of a dot;
// it is built by the first by-dot call once there is more than one leaf, and kept up to date then.
//
// Runs are consecutive dots of one replica, side by side, with one hidden flag. Neighbours inside a
// leaf are joined where an edit makes them fit; what is stored need not be maximal.
//
// Invariants
//   I1  The cursor, if there is one, stands right after the visible element pos-1 (at 0: at the begin
//       of the weave); its leaf's gap is there, and its leaf is the tree's touched one. Or, after
//       erasing onwards into another leaf, it stands at that leaf's begin, spot {0, 0}: good for erasing
//       more, but an insertion goes further left, before the tombstones in between.
//   I2  cursor_.next, if any, is the dot after the element before the cursor; that element ends its
//       run, was the last one inserted, and nothing but hiding has happened since.
//   I3  If the index is built it knows the leaf of every element.
//
// Threads: none. Const functions settle sums, build the index and remember what they found: two of
// them at the same time need a lock like any two others.
//
// Preconditions (ranges of positions, dots that are contained, valid UTF-8 whose scalars match the
// count) are the caller's to check; the dots that matter are asserted.
//
// Cost: extend_at, erase_one at the cursor O(1); everything else O(log n + leaf).
// Source: runs of a replicated sequence: Yu 2012, Yjs; a B-tree with a cached cursor: diamond-types.

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "crdt/base/position.h"
#include "crdt/base/result.h"
#include "crdt/base/utf8.h"
#include "crdt/weave/dot_index.h"
#include "crdt/weave/leaf_tree.h"

namespace weft {

struct Run {
  LocalDot first;
  Seq count = 0;
  bool hidden = false;
  friend bool operator==(const Run&, const Run&) = default;
};
struct Neighbours {
  LocalDot lo;  ///< the visible element before; kNoDot: the begin
  LocalDot ro;  ///< the element after `lo` in the weave, hidden ones included; kNoDot: the end
};
/// What erase_at tells: consecutive dots that are now hidden.
struct Erased {
  LocalDot first;
  Seq count = 0;
};
/// A sink for hide and show that does not want to know: saves finding the positions.
struct NoSink {
  void operator()(std::size_t, Seq) const {}
};

template <class Shape>
class BasicRunTree {
 public:
  struct Location {
    std::size_t pos;  ///< visible scalars before the element
    bool hidden;
  };
  class RunAt;

  /// Without text (lists) every element has width 1 and no bytes.
  explicit BasicRunTree(bool with_text) : with_text_(with_text) {}
  BasicRunTree(BasicRunTree&&) noexcept =
      default;  // a tree moved from can only be assigned or destroyed
  BasicRunTree& operator=(BasicRunTree&&) noexcept = default;
  BasicRunTree clone() const;
  /// The runs in weave order, and the text of the visible ones.
  static BasicRunTree build(bool with_text, std::span<const Run> runs,
                            std::string_view visible_text);

  TextMetrics visible() const { return tree_.total(); }
  /// Elements, hidden ones included.
  std::uint64_t element_count() const { return element_count_; }
  /// Resident pieces. @cost O(leaves)
  std::uint64_t run_count() const;

  // -- local edits; positions in visible scalars -----------------------------------------------------

  /// Is the cursor at `pos`? Then `pos` is in range.
  bool stands_at(std::size_t pos) const { return pos == cursor_.pos; }
  /// One key: extend_at for one ASCII character, where nothing but counters change; false where more
  /// has to be done.
  bool type_at(std::size_t pos, LocalDot dot, char ascii) {
    if (pos != cursor_.pos || dot != cursor_.next) return false;
    Leaf<Shape>& leaf = *cursor_.leaf;
    if (!leaf.text.has_gap() || index_.built()) [[unlikely]]
      return false;
    leaf.text.type_ascii(ascii);
    ++leaf.scalars;
    ++leaf.extent[cursor_.spot.run];
    ++cursor_.spot.offset;
    ++cursor_.pos;
    ++cursor_.next.seq;
    ++element_count_;
    return true;
  }
  /// Grows the run at the cursor. True iff the cursor stands at `pos`, right after the element with
  /// the dot before `first`, and nothing was inserted there since: then `ro` is still the same.
  bool extend_at(std::size_t pos, LocalDot first, Seq count, std::string_view utf8) {
    if (pos != cursor_.pos || first != cursor_.next) return false;
    insert_at_cursor(first, count, utf8);
    return true;
  }
  /// Inserts right after the visible element pos-1, before any tombstones that follow it.
  /// @return  what it was inserted between
  Neighbours insert_at(std::size_t pos, LocalDot first, Seq count, std::string_view utf8);

  /// Hides the element at `pos` and returns its dot.
  LocalDot erase_one(std::size_t pos) {
    if (pos + 1 == cursor_.pos) return backspace();
    if (pos == cursor_.pos) return delete_forward();
    return erase_forward(pos);
  }
  /// Hides `n` visible elements. sink(LocalDot first, Seq count) per maximal run of them, in order.
  template <class Sink>
  void erase_at(std::size_t pos, std::size_t n, Sink&& sink);

  // -- reading by position ---------------------------------------------------------------------------

  LocalDot dot_at(std::size_t pos) const;
  std::string text() const;
  /// visit(std::string_view) for the pieces of [begin, end), each of whole characters.
  template <class Visit>
  void for_each_text(std::size_t begin, std::size_t end, Visit&& visit) const;
  /// visit(Run) for all runs in weave order, maximal ones.
  template <class Visit>
  void for_each_run(Visit&& visit) const;
  /// visit(Run) for the visible elements of [begin, end): maximal runs of consecutive dots, whatever
  /// is hidden between them.
  template <class Visit>
  void for_each_visible_run(std::size_t begin, std::size_t end, Visit&& visit) const;

  /// @errors  kOutOfRange; kSplitsCharacter: inside a UTF-8 sequence or a surrogate pair
  Result<std::size_t> scalar_of(Unit unit, std::size_t value) const;
  std::size_t unit_of(Unit unit, std::size_t pos) const;
  /// Newlines before `pos`.
  std::size_t line_of(std::size_t pos) const;
  /// @return  the scalar position after the line-th newline; 0 for line 0
  /// @errors  kOutOfRange
  Result<std::size_t> line_start(std::size_t line) const;

  // -- by dot; all but `contains` and `locate` want contained dots ------------------------------------

  bool contains(LocalDot dot) const;
  bool contains_all(LocalDot first, Seq count) const;
  bool hidden(LocalDot dot) const;
  /// The element after `dot` in the weave; after kNoDot the first one; kNoDot at the end.
  LocalDot next(LocalDot dot) const;
  /// The element before `dot`; before kNoDot the last one; kNoDot at the begin.
  LocalDot previous(LocalDot dot) const;
  /// Weave order: negative, 0 or positive.
  int compare(LocalDot a, LocalDot b) const;
  std::optional<Location> locate(LocalDot dot) const;

  /// The resident run that holds `dot`; then `step` to the next one, as long as it says true.
  RunAt run_at(LocalDot dot) const;
  bool step(RunAt& at) const;

  /// Inserts physically right after `where`; kNoDot: at the very begin. Hidden runs bring no text.
  void insert_after(LocalDot where, LocalDot first, Seq count, std::string_view utf8,
                    bool hidden = false);
  /// Hides those elements that are visible. sink(size_t pos, Seq count) per piece as it goes.
  template <class Sink>
  void hide(LocalDot first, Seq count, Sink&& sink);
  /// Shows those that are hidden. `utf8` is the text of all of them; sink as for hide.
  template <class Sink>
  void show(LocalDot first, Seq count, std::string_view utf8, Sink&& sink);
  /// Takes elements out of the weave, as if they had never been: rolls an insertion back.
  void remove(LocalDot first, Seq count);

  /// Aborts with a message where an invariant is broken.
  void check_invariants() const;

 private:
  using LeafType = Leaf<Shape>;
  using Tree = LeafTree<Shape>;
  static constexpr std::size_t kNoPosition = ~std::size_t{0};
  static constexpr std::uint32_t kNoByte = ~std::uint32_t{0};
  /// What goes into a leaf at once; longer text is cut, so that splitting always makes room.
  static constexpr std::size_t kPieceBytes = Shape::kLeafBytes / 2;
  /// How far bulk insertions fill a leaf: some room is left for later edits.
  static constexpr std::uint32_t kFillBytes = Shape::kLeafBytes - Shape::kLeafBytes / 8;
  static constexpr std::uint32_t kFillRuns = Shape::kLeafRuns - (Shape::kLeafRuns + 7) / 8;

  struct Cursor {
    LeafType* leaf = nullptr;
    Spot spot;
    std::size_t pos = kNoPosition;
    std::size_t leaf_begin = 0;  ///< visible scalars before the leaf
    LocalDot next;               ///< see I2
  };
  /// Where something goes in.
  struct Place {
    LeafType* leaf;
    Spot spot;
    std::uint32_t before;  ///< visible scalars before it in the leaf
    std::uint32_t byte;    ///< bytes before it in the leaf, or kNoByte
  };
  struct Held {
    LeafType* leaf;
    std::uint32_t run;
    std::uint32_t offset;
  };
  struct Change {
    Seq count;
    bool changed;
    std::size_t pos;
  };
  struct Memo {
    LeafType* leaf = nullptr;
    std::uint32_t run = 0;
  };

  // run_tree_edit.h
  void seek(std::size_t pos);
  void drop_cursor() { cursor_ = Cursor(); }
  void insert_at_cursor(LocalDot first, Seq count, std::string_view utf8);
  void insert(Place& at, LocalDot first, Seq count, std::string_view utf8, bool hidden);
  void insert_piece(Place& at, LocalDot first, Seq count, std::string_view utf8, bool hidden);
  void insert_long(Place& at, LocalDot first, std::string_view utf8);
  LocalDot backspace();
  LocalDot backspace_slow();
  LocalDot delete_forward();
  LocalDot erase_forward(std::size_t pos);
  Erased erase_next(std::size_t pos, std::size_t max);
  void finish_erase();
  Change set_hidden(LocalDot first, Seq count, bool hide, std::string_view utf8,
                    bool wants_position);

  // run_tree_shape.h
  void make_room(Place& at);
  LeafType* split(LeafType* leaf, Spot cut, Place* relocate);
  void split_half(LeafType* leaf);
  static bool is_sparse(const LeafType& leaf);
  void join_if_sparse(LeafType* leaf);
  void build_index() const;

  // run_tree_read.h
  bool find(LocalDot dot, Held& held) const;
  Held held(LocalDot dot) const;

  bool with_text_;
  Cursor cursor_;
  std::uint64_t element_count_ = 0;
  mutable Tree tree_;
  mutable DotIndex index_;
  mutable Memo memo_;  ///< where the last dot was found; checked before it is believed
};

template <class Shape>
class BasicRunTree<Shape>::RunAt {
 public:
  Run run;  ///< the whole resident piece

 private:
  friend class BasicRunTree;
  RunAt(const LeafType* leaf, std::uint32_t index) : leaf_(leaf), index_(index) { read(); }
  void read() { run = {leaf_->dot(index_, 0), leaf_->count(index_), leaf_->hidden(index_)}; }
  const LeafType* leaf_;
  std::uint32_t index_;
};

/// Larger leaves make the scans inside them longer, smaller ones the splits more frequent.
using ProductionShape = TreeShape<64, 1024, 16>;
using RunTree = BasicRunTree<ProductionShape>;
extern template class LeafTree<ProductionShape>;
extern template class BasicRunTree<ProductionShape>;

}  // namespace weft

#include "crdt/weave/run_tree_inline.h"  // IWYU pragma: export
