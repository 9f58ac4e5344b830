#pragma once
// BasicRunTree: questions, by position and by dot. Included by run_tree_impl.h.

#include "crdt/weave/run_tree.h"

namespace weft {

inline Metric metric_of(Unit unit) {
  return unit == Unit::kScalar ? Metric::kScalars
         : unit == Unit::kUtf8 ? Metric::kUtf8
                               : Metric::kUtf16;
}

// -- by position -------------------------------------------------------------------------------------

template <class Shape>
std::uint64_t BasicRunTree<Shape>::run_count() const {
  std::uint64_t result = 0;
  for (const LeafType* leaf = tree_.first(); leaf != nullptr; leaf = leaf->next)
    result += leaf->run_count;
  return result;
}

template <class Shape>
LocalDot BasicRunTree<Shape>::dot_at(std::size_t pos) const {
  tree_.settle();
  const auto found = tree_.find(Metric::kScalars, pos + 1);
  const Spot spot = found.leaf->after_visible(static_cast<std::uint32_t>(pos + 1 - found.before));
  return found.leaf->dot(spot.run, spot.offset - 1);
}

template <class Shape>
std::string BasicRunTree<Shape>::text() const {
  std::string result;
  result.reserve(static_cast<std::size_t>(visible().utf8));
  for (const LeafType* leaf = tree_.first(); leaf != nullptr; leaf = leaf->next) {
    result += leaf->text.head();
    result += leaf->text.tail();
  }
  return result;
}

template <class Shape>
Result<std::size_t> BasicRunTree<Shape>::scalar_of(Unit unit, std::size_t value) const {
  WEFT_ASSERT(with_text_ || unit == Unit::kScalar);
  const auto metric = metric_of(unit);
  const std::uint64_t end = as_array(visible())[static_cast<std::size_t>(metric)];
  if (value > end)
    return Error(ErrorCode::kOutOfRange, "position " + std::to_string(value) +
                                             " is beyond the end, " + std::to_string(end));
  if (unit == Unit::kScalar) return value;
  tree_.settle();
  const auto found = tree_.find(metric, value);
  const GapText& text = found.leaf->text;
  const auto local = static_cast<std::uint32_t>(value - found.before);
  std::size_t scalars = local;
  bool splits = false;
  if (unit == Unit::kUtf8) {
    splits = local < text.size() && !text.is_boundary(local);
    scalars = text.scalar_of(local);
  } else if (text.astral() != 0) {
    Utf16Step step = scalars_of_utf16(text.head(), local);
    scalars = step.scalars;
    if (!step.splits && step.units_left != 0) {
      step = scalars_of_utf16(text.tail(), step.units_left);
      scalars += step.scalars;
    }
    splits = step.splits;
  }
  if (splits)
    return Error(ErrorCode::kSplitsCharacter,
                 "position " + std::to_string(value) + " lies inside a character");
  return static_cast<std::size_t>(tree_.before(found.leaf, Metric::kScalars)) + scalars;
}

template <class Shape>
std::size_t BasicRunTree<Shape>::unit_of(Unit unit, std::size_t pos) const {
  WEFT_ASSERT(with_text_ || unit == Unit::kScalar);
  if (unit == Unit::kScalar) return pos;
  tree_.settle();
  const auto found = tree_.find(Metric::kScalars, pos);
  const GapText& text = found.leaf->text;
  const auto local = static_cast<std::uint32_t>(pos - found.before);
  const std::uint32_t bytes = text.byte_of(local);
  std::uint64_t result = tree_.before(found.leaf, metric_of(unit));
  if (unit == Unit::kUtf8)
    result += bytes;
  else if (text.astral() == 0)
    result += local;
  else
    text.for_each(0, bytes, [&](std::string_view piece) { result += count_utf16(piece); });
  return static_cast<std::size_t>(result);
}

template <class Shape>
std::size_t BasicRunTree<Shape>::line_of(std::size_t pos) const {
  WEFT_ASSERT(with_text_);
  tree_.settle();
  const auto found = tree_.find(Metric::kScalars, pos);
  const GapText& text = found.leaf->text;
  std::uint64_t result = tree_.before(found.leaf, Metric::kNewlines);
  text.for_each(0, text.byte_of(static_cast<std::uint32_t>(pos - found.before)),
                [&](std::string_view piece) { result += count_newlines(piece); });
  return static_cast<std::size_t>(result);
}

template <class Shape>
Result<std::size_t> BasicRunTree<Shape>::line_start(std::size_t line) const {
  WEFT_ASSERT(with_text_);
  const std::uint64_t newlines = visible().newlines;
  if (line > newlines)
    return Error(ErrorCode::kOutOfRange,
                 "line " + std::to_string(line) + " of " + std::to_string(newlines + 1));
  if (line == 0) return std::size_t{0};
  tree_.settle();
  const auto found = tree_.find(Metric::kNewlines, line);
  const GapText& text = found.leaf->text;
  const auto nth = static_cast<std::size_t>(line - found.before);
  std::size_t byte = bytes_to_newline(text.head(), nth);
  if (byte == std::string_view::npos)
    byte = text.gap() + bytes_to_newline(text.tail(), nth - count_newlines(text.head()));
  return static_cast<std::size_t>(tree_.before(found.leaf, Metric::kScalars)) +
         text.scalar_of(static_cast<std::uint32_t>(byte));
}

// -- by dot ------------------------------------------------------------------------------------------

template <class Shape>
bool BasicRunTree<Shape>::find(LocalDot dot, Held& result) const {
  // Next to the last one: an operation that goes on, or the second question about the same dot.
  LeafType* leaf = memo_.leaf;
  std::uint32_t run = memo_.run;
  if (leaf == nullptr || run >= leaf->run_count || !leaf->holds(run, dot)) {
    if (dot.is_none()) return false;
    if (tree_.has_one_leaf() && !index_.built()) {
      leaf = tree_.first();
    } else {
      if (!index_.built()) build_index();
      const DotIndex::LeafId id = index_.find(dot);
      if (id == DotIndex::kNoLeaf) return false;
      leaf = tree_.at_id(id);
    }
    run = leaf->find(dot);
    if (run == leaf->run_count) return false;
    memo_ = {leaf, run};
  }
  result = {leaf, run, dot.seq - leaf->dot(run, 0).seq};
  return true;
}

template <class Shape>
auto BasicRunTree<Shape>::held(LocalDot dot) const -> Held {
  Held result{};
  const bool found = find(dot, result);
  WEFT_ASSERT(found);
  return result;
}

template <class Shape>
bool BasicRunTree<Shape>::contains(LocalDot dot) const {
  Held at;
  return find(dot, at);
}

template <class Shape>
bool BasicRunTree<Shape>::contains_all(LocalDot first, Seq count) const {
  for (Held at; count > 0;) {
    if (!find(first, at)) return false;
    const Seq n = std::min(count, at.leaf->count(at.run) - at.offset);
    first.seq += n;
    count -= n;
  }
  return true;
}

template <class Shape>
bool BasicRunTree<Shape>::hidden(LocalDot dot) const {
  const Held at = held(dot);
  return at.leaf->hidden(at.run);
}

template <class Shape>
LocalDot BasicRunTree<Shape>::next(LocalDot dot) const {
  const LeafType* leaf = tree_.first();
  if (dot.is_none()) return leaf->run_count == 0 ? kNoDot : leaf->dot(0, 0);
  const Held at = held(dot);
  if (at.offset + 1 < at.leaf->count(at.run)) return dot.plus(1);
  if (at.run + 1 < at.leaf->run_count) return at.leaf->dot(at.run + 1, 0);
  return at.leaf->next == nullptr ? kNoDot : at.leaf->next->dot(0, 0);
}

template <class Shape>
LocalDot BasicRunTree<Shape>::previous(LocalDot dot) const {
  const LeafType* leaf = tree_.last();
  std::uint32_t run = leaf->run_count;
  if (!dot.is_none()) {
    const Held at = held(dot);
    if (at.offset > 0) return {dot.replica, dot.seq - 1};
    leaf = at.leaf;
    run = at.run;
    if (run == 0) {
      leaf = leaf->previous;
      run = leaf == nullptr ? 0 : leaf->run_count;
    }
  }
  return run == 0 ? kNoDot : leaf->dot(run - 1, leaf->count(run - 1) - 1);
}

template <class Shape>
int BasicRunTree<Shape>::compare(LocalDot a, LocalDot b) const {
  if (a == b) return 0;
  const Held x = held(a);
  const Held y = held(b);
  if (x.leaf != y.leaf) return tree_.is_left_of(x.leaf, y.leaf) ? -1 : 1;
  if (x.run != y.run) return x.run < y.run ? -1 : 1;
  return x.offset < y.offset ? -1 : 1;
}

template <class Shape>
auto BasicRunTree<Shape>::locate(LocalDot dot) const -> std::optional<Location> {
  Held at;
  if (!find(dot, at)) return std::nullopt;
  if (at.leaf != tree_.touched()) tree_.settle();
  const std::uint64_t pos =
      tree_.before(at.leaf, Metric::kScalars) + at.leaf->visible_before(at.run, at.offset);
  return Location{static_cast<std::size_t>(pos), at.leaf->hidden(at.run)};
}

template <class Shape>
auto BasicRunTree<Shape>::run_at(LocalDot dot) const -> RunAt {
  const Held at = held(dot);
  return RunAt(at.leaf, at.run);
}

template <class Shape>
bool BasicRunTree<Shape>::step(RunAt& at) const {
  if (at.index_ + 1 < at.leaf_->run_count) {
    ++at.index_;
  } else {
    if (at.leaf_->next == nullptr) return false;
    at.leaf_ = at.leaf_->next;
    at.index_ = 0;
  }
  at.read();
  return true;
}

}  // namespace weft
