#pragma once
// BasicRunTree: what callers compile themselves: the two keys, and what takes a sink or a visitor.
// Included by run_tree.h.

#include "crdt/weave/run_tree.h"

namespace weft {

// -- the two keys ------------------------------------------------------------------------------------

/// Hides the element before the cursor.
template <class Shape>
inline LocalDot BasicRunTree<Shape>::backspace() {
  // Mostly the run's last element but not its only one, before the tombstone of the one erased last.
  Leaf<Shape>& leaf = *cursor_.leaf;
  Spot& spot = cursor_.spot;
  const std::uint32_t after = spot.run + 1;
  if (spot.offset < 2 || spot.offset != leaf.extent[spot.run] || after >= leaf.run_count)
    return backspace_slow();
  const LocalDot dot = leaf.dot(spot.run, spot.offset - 1);
  if (!leaf.begins_at(after, dot.plus(1), true)) return backspace_slow();
  --leaf.extent[spot.run];
  --leaf.first[after];
  ++leaf.extent[after];
  --leaf.scalars;
  if (with_text_) leaf.text.backspace();
  --spot.offset;
  --cursor_.pos;
  cursor_.next = kNoDot;
  return dot;
}

/// Hides the element after the cursor.
template <class Shape>
inline LocalDot BasicRunTree<Shape>::delete_forward() {
  // Mostly the first but not the only element of a run, after the tombstone of the one erased last.
  Leaf<Shape>& leaf = *cursor_.leaf;
  std::uint32_t run = cursor_.spot.run;
  if (cursor_.spot.offset != 0 && cursor_.spot.offset != leaf.extent[run++])
    return erase_forward(cursor_.pos);
  const std::uint32_t begin = run;
  run = leaf.next_visible(run);
  if (run == begin || run >= leaf.run_count || leaf.extent[run] < 2)
    return erase_forward(cursor_.pos);
  const LocalDot dot = leaf.dot(run, 0);
  if (!leaf.ends_before(run - 1, dot, true)) return erase_forward(cursor_.pos);
  ++leaf.extent[run - 1];
  ++leaf.first[run];
  --leaf.extent[run];
  --leaf.scalars;
  if (with_text_) leaf.text.delete_forward();
  cursor_.next = kNoDot;
  return dot;
}

// -- templates ---------------------------------------------------------------------------------------

template <class Shape>
template <class Sink>
void BasicRunTree<Shape>::erase_at(std::size_t pos, std::size_t n, Sink&& sink) {
  if (n == 0) return;
  seek(pos);
  Erased run = erase_next(pos, n);
  for (n -= run.count; n > 0;) {
    const Erased more = erase_next(pos, n);
    n -= more.count;
    if (more.first == run.first.plus(run.count)) {
      run.count += more.count;
      continue;
    }
    sink(run.first, run.count);
    run = more;
  }
  sink(run.first, run.count);
  finish_erase();
}

template <class Shape>
template <class Visit>
void BasicRunTree<Shape>::for_each_text(std::size_t begin, std::size_t end, Visit&& visit) const {
  if (begin >= end || !with_text_) return;
  tree_.settle();
  const auto found = tree_.find(Metric::kScalars, begin + 1);
  std::size_t before = static_cast<std::size_t>(found.before);
  for (const LeafType* leaf = found.leaf; before < end;
       before += leaf->scalars, leaf = leaf->next) {
    const auto from = static_cast<std::uint32_t>(begin > before ? begin - before : 0);
    const auto to = static_cast<std::uint32_t>(std::min<std::size_t>(end - before, leaf->scalars));
    leaf->text.for_each(leaf->text.byte_of(from), leaf->text.byte_of(to), visit);
  }
}

template <class Shape>
template <class Visit>
void BasicRunTree<Shape>::for_each_run(Visit&& visit) const {
  Run run;
  for (const LeafType* leaf = tree_.first(); leaf != nullptr; leaf = leaf->next)
    for (std::uint32_t i = 0; i < leaf->run_count; ++i) {
      const Run more{leaf->dot(i, 0), leaf->count(i), leaf->hidden(i)};
      if (more.first == run.first.plus(run.count) && more.hidden == run.hidden && run.count != 0) {
        run.count += more.count;
        continue;
      }
      if (run.count != 0) visit(run);
      run = more;
    }
  if (run.count != 0) visit(run);
}

template <class Shape>
template <class Visit>
void BasicRunTree<Shape>::for_each_visible_run(std::size_t begin, std::size_t end,
                                               Visit&& visit) const {
  if (begin >= end) return;
  tree_.settle();
  const auto found = tree_.find(Metric::kScalars, begin + 1);
  const LeafType* leaf = found.leaf;
  Spot spot = leaf->after_visible(static_cast<std::uint32_t>(begin + 1 - found.before));
  --spot.offset;
  Run run;
  for (std::size_t left = end - begin; left > 0;) {
    spot.run = leaf->next_visible(spot.run);
    if (spot.run == leaf->run_count) {
      leaf = leaf->next;
      spot = {};
      continue;
    }
    const Seq count =
        static_cast<Seq>(std::min<std::size_t>(left, leaf->count(spot.run) - spot.offset));
    const LocalDot first = leaf->dot(spot.run, spot.offset);
    left -= count;
    spot = {spot.run + 1, 0};
    if (run.count != 0 && first == run.first.plus(run.count)) {
      run.count += count;
      continue;
    }
    if (run.count != 0) visit(run);
    run = {first, count, false};
  }
  visit(run);
}

template <class Shape>
template <class Sink>
void BasicRunTree<Shape>::hide(LocalDot first, Seq count, Sink&& sink) {
  drop_cursor();
  while (count > 0) {
    constexpr bool kWantsPosition = !std::is_same_v<std::decay_t<Sink>, NoSink>;
    const Change change = set_hidden(first, count, true, {}, kWantsPosition);
    if (change.changed) sink(change.pos, change.count);
    first.seq += change.count;
    count -= change.count;
  }
}

template <class Shape>
template <class Sink>
void BasicRunTree<Shape>::show(LocalDot first, Seq count, std::string_view utf8, Sink&& sink) {
  drop_cursor();
  while (count > 0) {
    constexpr bool kWantsPosition = !std::is_same_v<std::decay_t<Sink>, NoSink>;
    const Change change = set_hidden(first, count, false, utf8, kWantsPosition);
    if (change.changed) sink(change.pos, change.count);
    first.seq += change.count;
    count -= change.count;
    if (with_text_) utf8.remove_prefix(utf8_offset_of_scalar(utf8, change.count));
  }
}

}  // namespace weft
