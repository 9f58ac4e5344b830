#pragma once
// BasicRunTree: how leaves split, join and are loaded in bulk. Included by run_tree_impl.h.

#include "crdt/weave/run_tree.h"

namespace weft {

/// Makes `at` stand in a leaf with more room than now: by a new leaf where it stands at its leaf's end
/// (typing on there fills leaf after leaf), by a split elsewhere: at `at` itself if that leaves
/// neither side tiny, so that typing goes on at a leaf's end, else in the middle.
template <class Shape>
void BasicRunTree<Shape>::make_room(Place& at) {
  LeafType& leaf = *at.leaf;
  if (leaf.is_end(at.spot)) {
    tree_.settle();
    at = {tree_.insert_after(&leaf), {}, 0, kNoByte};
    return;
  }
  const bool by_runs = !leaf.has_slots();
  const std::uint32_t size = by_runs ? leaf.run_count : leaf.scalars;
  const std::uint32_t here = by_runs ? at.spot.run : at.before;
  Spot cut = at.spot;
  if (here < size / 4 || here >= size - size / 4 || cut.offset == 0)
    cut = by_runs ? Spot{size / 2 - 1, leaf.count(size / 2 - 1)} : leaf.after_visible(size / 2);
  split(&leaf, cut, &at);
}

/// Moves what lies after `cut` into a new leaf to the right. The cursor and `relocate`, if they stand
/// after the cut in this leaf, move along. Afterwards nothing is pending, but the cursor's leaf may
/// not be the touched one.
template <class Shape>
auto BasicRunTree<Shape>::split(LeafType* leaf, Spot cut, Place* relocate) -> LeafType* {
  tree_.settle();
  LeafType* fresh = tree_.insert_after(leaf);
  const bool inside = cut.offset != 0 && cut.offset != leaf->count(cut.run);
  leaf->move_tail(cut, *fresh);
  tree_.recount(leaf, fresh);
  if (index_.built()) {
    IndexMove move(index_, fresh->id);
    for (std::uint32_t i = 0; i < fresh->run_count; ++i)
      move.add(fresh->dot(i, 0), fresh->count(i));
  }

  const auto moves = [cut](Spot spot) {
    return spot.run > cut.run || (spot.run == cut.run && spot.offset > cut.offset);
  };
  const std::uint32_t runs_left = inside || cut.offset == 0 ? cut.run : cut.run + 1;
  const auto moved = [=](Spot spot) -> Spot {
    return {spot.run - runs_left,
            inside && spot.run == cut.run ? spot.offset - cut.offset : spot.offset};
  };
  if (relocate != nullptr) {
    relocate->byte = kNoByte;
    if (moves(relocate->spot))
      *relocate = {fresh, moved(relocate->spot), relocate->before - leaf->scalars, kNoByte};
  }
  if (cursor_.leaf == leaf) {
    if (moves(cursor_.spot)) {
      cursor_.spot = moved(cursor_.spot);
      cursor_.leaf = fresh;
      cursor_.leaf_begin += leaf->scalars;
    }
    GapText& text = cursor_.leaf->text;
    if (with_text_)
      text.move_gap(text.byte_of(static_cast<std::uint32_t>(cursor_.pos - cursor_.leaf_begin)));
  }
  return fresh;
}

/// For want of slots: halves the runs of a leaf, between two of them.
template <class Shape>
void BasicRunTree<Shape>::split_half(LeafType* leaf) {
  const std::uint32_t run = leaf->run_count / 2 - 1;
  split(leaf, {run, leaf->count(run)}, nullptr);
}

template <class Shape>
bool BasicRunTree<Shape>::is_sparse(const LeafType& leaf) {
  return leaf.run_count <= (Shape::kLeafRuns + 7) / 8 && leaf.text.size() <= Shape::kLeafBytes / 8;
}

/// Joins a leaf that has hardly anything left with a neighbour that has room. What is pending is
/// settled; a cursor in one of the two is lost.
template <class Shape>
void BasicRunTree<Shape>::join_if_sparse(LeafType* leaf) {
  if (!is_sparse(*leaf)) return;
  const auto fits = [](const LeafType* a, const LeafType* b) {
    return a != nullptr && b != nullptr &&
           a->run_count + b->run_count <= Shape::kLeafRuns - std::max(2u, Shape::kLeafRuns / 4) &&
           a->text.size() + b->text.size() <= Shape::kLeafBytes - Shape::kLeafBytes / 4;
  };
  LeafType* into = leaf->previous;
  LeafType* from = leaf;
  if (!fits(into, from)) {
    into = leaf;
    from = leaf->next;
    if (!fits(into, from)) return;
  }
  if (cursor_.leaf == into || cursor_.leaf == from) drop_cursor();
  tree_.settle();
  if (index_.built()) {
    IndexMove move(index_, into->id);
    for (std::uint32_t i = 0; i < from->run_count; ++i) move.add(from->dot(i, 0), from->count(i));
  }
  from->move_tail({}, *into);
  tree_.recount(into, from);
  tree_.erase(from);
}

template <class Shape>
void BasicRunTree<Shape>::build_index() const {
  std::vector<DotIndex::Entry> entries;
  entries.reserve(static_cast<std::size_t>(run_count()));
  for (const LeafType* leaf = tree_.first(); leaf != nullptr; leaf = leaf->next)
    for (std::uint32_t i = 0; i < leaf->run_count; ++i)
      entries.push_back({leaf->dot(i, 0), leaf->count(i), leaf->id});
  index_.build(std::move(entries));
}

template <class Shape>
auto BasicRunTree<Shape>::build(bool with_text, std::span<const Run> runs,
                                std::string_view visible_text) -> BasicRunTree {
  BasicRunTree result(with_text);
  LeafType* leaf = result.tree_.first();
  Spot at;
  const bool ascii = is_ascii(visible_text);
  std::size_t bytes = 0;  // of visible_text that belong to `leaf`
  const auto finish_leaf = [&] {
    leaf->text.insert(0, visible_text.substr(0, bytes), Shape::kLeafBytes);
    visible_text.remove_prefix(bytes);
    bytes = 0;
  };
  for (const Run& run : runs) {
    result.element_count_ += run.count;
    for (Seq done = 0; done < run.count;) {
      Seq n = run.count - done;
      std::size_t size = 0;
      if (with_text && !run.hidden) {
        if (ascii) {
          n = std::min(n, static_cast<Seq>(kFillBytes - bytes));
          size = n;
        } else {
          const std::size_t most = std::min<std::size_t>(kFillBytes - bytes, std::size_t{4} * n);
          const std::string_view rest = visible_text.substr(bytes);
          size = utf8_offset_of_scalar(rest.substr(0, floor_boundary(rest, most)), n);
          n = static_cast<Seq>(count_scalars(rest.substr(0, size)));
        }
      }
      if (n == 0 || leaf->run_count >= kFillRuns) {
        finish_leaf();
        leaf = result.tree_.append_unlinked();
        at = {};
        continue;
      }
      leaf->insert_run(at, run.first.plus(done), n, run.hidden);
      bytes += size;
      done += n;
    }
  }
  finish_leaf();
  WEFT_ASSERT(visible_text.empty());
  result.tree_.build();
  return result;
}

template <class Shape>
auto BasicRunTree<Shape>::clone() const -> BasicRunTree {
  BasicRunTree result(with_text_);
  LeafType* to = result.tree_.first();
  for (const LeafType* from = tree_.first(); from != nullptr; from = from->next) {
    to->run_count = from->run_count;
    to->scalars = from->scalars;
    to->text = from->text.clone();
    std::memcpy(to->first, from->first, from->run_count * sizeof *from->first);
    std::memcpy(to->extent, from->extent, from->run_count * sizeof *from->extent);
    if (from->next != nullptr) to = result.tree_.append_unlinked();
  }
  result.tree_.build();
  result.element_count_ = element_count_;
  return result;
}

template <class Shape>
void BasicRunTree<Shape>::check_invariants() const {
  tree_.check_invariants();
  index_.check_invariants();
  std::uint64_t elements = 0;
  for (const LeafType* leaf = tree_.first(); leaf != nullptr; leaf = leaf->next) {
    leaf->text.check_invariants();
    WEFT_ASSERT(leaf->run_count <= Shape::kLeafRuns && leaf->text.size() <= Shape::kLeafBytes);
    for (std::uint32_t i = 0; i < leaf->run_count; ++i) {
      WEFT_ASSERT(leaf->count(i) > 0);
      elements += leaf->count(i);
      if (!index_.built()) continue;
      for (std::uint32_t k : {Seq{0}, leaf->count(i) / 2, leaf->count(i) - 1})
        WEFT_ASSERT(index_.find(leaf->dot(i, k)) == leaf->id);  // (I3)
    }
    WEFT_ASSERT(leaf->scalars ==
                (leaf->run_count == 0 ? 0 : leaf->visible_before(leaf->run_count, 0)));
    if (with_text_) WEFT_ASSERT(leaf->text.metrics().scalars == leaf->scalars);
    if (!with_text_) WEFT_ASSERT(leaf->text.size() == 0);
  }
  WEFT_ASSERT(elements == element_count_);
  if (cursor_.leaf == nullptr) {
    WEFT_ASSERT(cursor_.pos == kNoPosition && cursor_.next.is_none());
    return;
  }
  const LeafType& leaf = *cursor_.leaf;  // (I1)
  const Spot spot = cursor_.spot;
  const std::uint64_t before = cursor_.pos - cursor_.leaf_begin;
  WEFT_ASSERT(tree_.touched() == &leaf);
  WEFT_ASSERT(cursor_.leaf_begin == tree_.before(&leaf, Metric::kScalars));
  if (spot.offset == 0) {
    WEFT_ASSERT(spot.run == 0 && before == 0);
  } else {
    WEFT_ASSERT(spot.run < leaf.run_count && !leaf.hidden(spot.run));
    WEFT_ASSERT(spot.offset <= leaf.count(spot.run));
    WEFT_ASSERT(leaf.visible_before(spot.run, spot.offset) == before);
  }
  if (with_text_) WEFT_ASSERT(leaf.text.scalar_of(leaf.text.gap()) == before);
  if (!cursor_.next.is_none()) {  // (I2)
    WEFT_ASSERT(spot.offset == leaf.count(spot.run));
    WEFT_ASSERT(leaf.dot(spot.run, spot.offset) == cursor_.next);
  }
}

}  // namespace weft
