#pragma once
// BasicRunTree: the edits, by position and by dot. Included by run_tree_impl.h.

#include "crdt/weave/run_tree.h"

namespace weft {

// -- local -------------------------------------------------------------------------------------------

/// Brings the cursor to `pos`.
template <class Shape>
void BasicRunTree<Shape>::seek(std::size_t pos) {
  if (pos == cursor_.pos) return;
  LeafType* leaf = cursor_.leaf;
  cursor_.next = kNoDot;
  if (leaf == nullptr || pos - cursor_.leaf_begin - 1 >= leaf->scalars) {  // not in (begin, end]
    cursor_.leaf = nullptr;
    if (tree_.touched() != nullptr) join_if_sparse(tree_.touched());
    tree_.settle();
    const auto found = tree_.find(Metric::kScalars, pos);
    leaf = found.leaf;
    tree_.touch(leaf);
    cursor_.leaf = leaf;
    cursor_.leaf_begin = static_cast<std::size_t>(found.before);
  }
  const auto before = static_cast<std::uint32_t>(pos - cursor_.leaf_begin);
  cursor_.spot = leaf->after_visible(before);
  cursor_.pos = pos;
  if (with_text_) leaf->text.move_gap(leaf->text.byte_of(before));
}

template <class Shape>
Neighbours BasicRunTree<Shape>::insert_at(std::size_t pos, LocalDot first, Seq count,
                                          std::string_view utf8) {
  if (cursor_.spot.offset == 0 && cursor_.leaf != nullptr && cursor_.leaf->previous != nullptr)
    drop_cursor();
  seek(pos);
  const LeafType& leaf = *cursor_.leaf;
  const Spot spot = cursor_.spot;
  Neighbours result;
  if (spot.offset != 0) result.lo = leaf.dot(spot.run, spot.offset - 1);
  const bool at_run_end = leaf.run_count == 0 || spot.offset == leaf.count(spot.run);
  if (!at_run_end)
    result.ro = leaf.dot(spot.run, spot.offset);
  else if (spot.run + 1 < leaf.run_count)
    result.ro = leaf.dot(spot.run + 1, 0);
  else if (leaf.next != nullptr)
    result.ro = leaf.next->dot(0, 0);
  insert_at_cursor(first, count, utf8);
  return result;
}

template <class Shape>
void BasicRunTree<Shape>::insert_at_cursor(LocalDot first, Seq count, std::string_view utf8) {
  const std::size_t pos = cursor_.pos;
  Place at{cursor_.leaf, cursor_.spot, static_cast<std::uint32_t>(pos - cursor_.leaf_begin),
           cursor_.leaf->text.gap()};
  insert(at, first, count, utf8, false);
  cursor_ = {at.leaf, at.spot, pos + count, pos + count - at.before, first.plus(count)};
}

template <class Shape>
LocalDot BasicRunTree<Shape>::backspace_slow() {
  if (cursor_.spot.offset == 0) {  // at a leaf's begin (I1)
    const std::size_t pos = cursor_.pos - 1;
    drop_cursor();
    return erase_forward(pos);
  }
  if (!cursor_.leaf->has_slots()) {
    split_half(cursor_.leaf);
    tree_.touch(cursor_.leaf);
  }
  LeafType& leaf = *cursor_.leaf;
  const Spot spot = cursor_.spot;
  const LocalDot dot = leaf.dot(spot.run, spot.offset - 1);
  if (with_text_) leaf.text.backspace();
  leaf.flip(spot.run, spot.offset - 1, 1);  // runs before `spot.run` stay, but for tombstones there
  --cursor_.pos;
  cursor_.next = kNoDot;
  if (spot.offset > 1) {
    --cursor_.spot.offset;
    return dot;
  }
  // The element before stands further left: in this leaf, or at the weave's begin, or we look again.
  std::uint32_t run = std::min(spot.run, leaf.run_count);
  while (run > 0 && leaf.hidden(run - 1)) --run;
  if (run > 0)
    cursor_.spot = {run - 1, leaf.count(run - 1)};
  else if (leaf.previous == nullptr)
    cursor_.spot = {};
  else
    drop_cursor();
  return dot;
}

template <class Shape>
LocalDot BasicRunTree<Shape>::erase_forward(std::size_t pos) {
  seek(pos);
  const LocalDot dot = erase_next(pos, 1).first;
  finish_erase();
  return dot;
}

/// Hides the visible elements from `pos` on, `max` at most and as many as one run has. The cursor, if
/// there is one, stands at `pos`.
template <class Shape>
Erased BasicRunTree<Shape>::erase_next(std::size_t pos, std::size_t max) {
  for (;;) {
    LeafType* leaf = cursor_.leaf;
    Spot from = cursor_.spot;
    std::uint32_t byte = 0;
    bool found_here = false;
    if (leaf != nullptr && leaf->run_count != 0) {
      byte = leaf->text.gap();
      if (from.offset == leaf->count(from.run)) from = {from.run + 1, 0};
      if (from.offset == 0) from.run = leaf->next_visible(from.run);
      found_here = from.run < leaf->run_count;
    }
    if (!found_here) {  // in a leaf further right; those in between show nothing
      drop_cursor();
      if (tree_.touched() != nullptr) join_if_sparse(tree_.touched());
      tree_.settle();
      const auto found = tree_.find(Metric::kScalars, pos + 1);
      leaf = found.leaf;
      const auto before = static_cast<std::uint32_t>(pos - found.before);
      from = leaf->after_visible(before + 1);
      --from.offset;
      byte = leaf->text.byte_of(before);
      if (before == 0) {
        tree_.touch(leaf);
        cursor_ = {leaf, {}, pos, pos, kNoDot};
        if (with_text_) leaf->text.move_gap(0);
      }
    }
    if (!leaf->has_slots()) {
      split_half(leaf);
      continue;
    }
    tree_.touch(leaf);
    const auto n =
        static_cast<Seq>(std::min<std::size_t>(max, leaf->count(from.run) - from.offset));
    const LocalDot first = leaf->dot(from.run, from.offset);
    if (with_text_) leaf->text.erase_scalars(byte, n);
    leaf->flip(from.run, from.offset, n);
    return {first, n};
  }
}

template <class Shape>
void BasicRunTree<Shape>::finish_erase() {
  LeafType* touched = tree_.touched();
  if (touched != nullptr && touched != cursor_.leaf) join_if_sparse(touched);
  cursor_.next = kNoDot;
  if (cursor_.leaf != nullptr) tree_.touch(cursor_.leaf);  // (I1)
}

// -- insertion ---------------------------------------------------------------------------------------

/// Inserts at `at` and moves `at` to the end of what was inserted; that leaf's gap is then there, and
/// that leaf is the touched one.
template <class Shape>
void BasicRunTree<Shape>::insert(Place& at, LocalDot first, Seq count, std::string_view utf8,
                                 bool hidden) {
  element_count_ += count;
  if (utf8.size() > kPieceBytes && !hidden)
    insert_long(at, first, utf8);
  else
    insert_piece(at, first, count, hidden ? std::string_view() : utf8, hidden);
}

template <class Shape>
void BasicRunTree<Shape>::insert_piece(Place& at, LocalDot first, Seq count, std::string_view utf8,
                                       bool hidden) {
  while (at.leaf->text.size() + utf8.size() > Shape::kLeafBytes ||
         !(at.leaf->has_slots() || at.leaf->continues(at.spot, first, hidden)))
    make_room(at);
  LeafType& leaf = *at.leaf;
  tree_.touch(&leaf);
  if (!utf8.empty()) {
    if (at.byte == kNoByte) at.byte = leaf.text.byte_of(at.before);
    leaf.text.insert(at.byte, utf8, Shape::kLeafBytes);
    at.byte = leaf.text.gap();
  }
  leaf.insert_run(at.spot, first, count, hidden);
  if (!hidden) at.before += count;
  if (index_.built()) index_.assign(first, count, leaf.id);
}

/// Long text goes into leaves of its own, which it fills one after the other.
template <class Shape>
void BasicRunTree<Shape>::insert_long(Place& at, LocalDot first, std::string_view utf8) {
  if (!at.leaf->is_end(at.spot)) split(at.leaf, at.spot, nullptr);
  at.byte = kNoByte;
  while (!utf8.empty()) {
    const std::uint32_t used = std::min(at.leaf->text.size(), kFillBytes);
    const std::size_t bytes = floor_boundary(utf8, kFillBytes - used);
    if (bytes == 0 || !at.leaf->has_slots()) {
      make_room(at);  // at its end: an empty leaf
      continue;
    }
    const std::string_view piece = utf8.substr(0, bytes);
    const auto count = static_cast<Seq>(count_scalars(piece));
    insert_piece(at, first, count, piece, false);
    first.seq += count;
    utf8.remove_prefix(bytes);
  }
}

template <class Shape>
void BasicRunTree<Shape>::insert_after(LocalDot where, LocalDot first, Seq count,
                                       std::string_view utf8, bool hidden) {
  drop_cursor();
  Place at{tree_.first(), {}, 0, kNoByte};
  if (!where.is_none()) {
    const Held left = held(where);
    at.leaf = left.leaf;
    at.spot = {left.run, left.offset + 1};
    at.before = left.leaf->visible_before(left.run, left.offset + 1);
  }
  insert(at, first, count, utf8, hidden);
  memo_ = {at.leaf, at.spot.run};
}

// -- hiding, showing, removing by dot ----------------------------------------------------------------

/// Hides or shows the first `count` elements from `first` on, or as many of them as lie together and
/// fit. For showing, `utf8` begins with their text.
template <class Shape>
auto BasicRunTree<Shape>::set_hidden(LocalDot first, Seq count, bool hide, std::string_view utf8,
                                     bool wants_position) -> Change {
  for (;;) {
    const Held at = held(first);
    LeafType& leaf = *at.leaf;
    Seq n = std::min(count, leaf.count(at.run) - at.offset);
    if (leaf.hidden(at.run) == hide) return {n, false, 0};
    if (!leaf.has_slots()) {
      split_half(&leaf);
      continue;
    }
    std::string_view shown;
    if (!hide && with_text_) {
      shown = utf8.substr(0, utf8_offset_of_scalar(utf8, n));
      if (shown.size() > kPieceBytes) {
        shown = shown.substr(0, floor_boundary(shown, kPieceBytes));
        n = static_cast<Seq>(count_scalars(shown));
      }
      if (leaf.text.size() + shown.size() > Shape::kLeafBytes) {
        split(&leaf, leaf.after_visible(leaf.scalars / 2), nullptr);
        continue;
      }
    }
    const std::uint32_t before = leaf.visible_before(at.run, at.offset);
    tree_.touch(&leaf);
    if (with_text_) {
      const std::uint32_t byte = leaf.text.byte_of(before);
      if (hide)
        leaf.text.erase_scalars(byte, n);
      else
        leaf.text.insert(byte, shown, Shape::kLeafBytes);
    }
    leaf.flip(at.run, at.offset, n);
    const std::uint64_t pos = wants_position ? tree_.before(&leaf, Metric::kScalars) + before : 0;
    if (hide) join_if_sparse(&leaf);
    return {n, true, static_cast<std::size_t>(pos)};
  }
}

template <class Shape>
void BasicRunTree<Shape>::remove(LocalDot first, Seq count) {
  drop_cursor();
  while (count > 0) {
    const Held at = held(first);
    LeafType& leaf = *at.leaf;
    if (!leaf.has_slots()) {
      split_half(&leaf);
      continue;
    }
    const Seq n = std::min(count, leaf.count(at.run) - at.offset);
    tree_.touch(&leaf);
    if (with_text_ && !leaf.hidden(at.run))
      leaf.text.erase_scalars(leaf.text.byte_of(leaf.visible_before(at.run, at.offset)), n);
    leaf.drop(at.run, at.offset, n);
    element_count_ -= n;
    first.seq += n;
    count -= n;
    if (leaf.run_count == 0) {
      tree_.settle();
      tree_.erase(&leaf);
    } else {
      join_if_sparse(&leaf);
    }
  }
}

}  // namespace weft
