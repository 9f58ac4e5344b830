// Reading: what the handles of handles.h answer.
#include <algorithm>

#include "crdt/base/utf8.h"
#include "crdt/document/impl.h"

namespace weft {
namespace {

Error not_there(std::string_view key) {
  return Error(ErrorCode::kNotFound, "there is no key '" + std::string(key) + "'");
}

Error refers_to_nothing() {
  return Error(ErrorCode::kInvalidArgument, "the handle refers to nothing");
}

/// The child of `kind` that `value` names.
Result<ContainerIndex> child_of(const std::optional<Value>& value, ContainerKind kind,
                                std::string_view where) {
  if (!value) return not_there(where);
  if (!value->is_container(kind))
    return Error(ErrorCode::kWrongKind,
                 "'" + std::string(where) + "' holds something of another kind");
  return value->container_index();
}

Result<ContainerIndex> map_child(const MapView& map, std::string_view key, ContainerKind kind) {
  return child_of(map.get(key), kind, key);
}

Result<ContainerIndex> list_child(const ListView& list, std::size_t index, ContainerKind kind) {
  WEFT_ASSIGN(Value value, list.get(index));
  return child_of(value, kind, std::to_string(index));
}

/// The sequence of a handle, or null where the handle refers to nothing.
SequenceState* sequence_of(DocumentImpl& impl, ContainerIndex container) {
  return container < impl.containers.size() ? impl.containers[container].sequence.get() : nullptr;
}

Result<RunTree*> sequence_tree(DocumentImpl& impl, ContainerIndex container) {
  if (sequence_of(impl, container) == nullptr) return refers_to_nothing();
  return impl.tree_of(container);
}

Result<Anchor> make_anchor(DocumentImpl& impl, ContainerIndex container, std::size_t pos,
                           Side side) {
  WEFT_ASSIGN(RunTree * tree, sequence_tree(impl, container));
  std::size_t size = visible_size(*tree);
  if (pos > size)
    return Error(ErrorCode::kOutOfRange,
                 "position " + std::to_string(pos) + " is beyond the end, " + std::to_string(size));
  Anchor anchor;
  anchor.side = side;
  // kBefore keeps to the element after the gap, kAfter to the one before it.
  if (side == Side::kBefore ? pos == size : pos == 0) {
    anchor.at_edge = true;
    anchor.side = side == Side::kBefore ? Side::kAfter : Side::kBefore;
    return anchor;
  }
  LocalDot dot = tree->dot_at(side == Side::kBefore ? pos : pos - 1);
  const SequenceState& sequence = *impl.containers[container].sequence;
  anchor.dot = impl.graph.dot(sequence.is_text ? dot : sequence.element_of_slot(dot));
  return anchor;
}

Result<std::size_t> resolve_anchor(DocumentImpl& impl, ContainerIndex container,
                                   const Anchor& anchor) {
  WEFT_ASSIGN(RunTree * tree, sequence_tree(impl, container));
  if (anchor.at_edge)
    return anchor.side == Side::kBefore ? std::size_t{0}
                                        : static_cast<std::size_t>(tree->visible().scalars);
  auto dot = impl.find_own_or_known(anchor.dot);
  if (!dot) return Error(ErrorCode::kNotFound, "the anchor's element is not known here");
  SequenceState& sequence = *impl.containers[container].sequence;
  LocalDot slot = *dot;
  if (!sequence.is_text) {
    const Element* element = sequence.elements.find(dot->packed());
    if (element == nullptr)
      return Error(ErrorCode::kNotFound, "the anchor's element is not in this list");
    slot = element->slot;
  }
  auto at = tree->locate(slot);
  if (!at) return Error(ErrorCode::kNotFound, "the anchor's element is not in this container");
  return at->pos + (anchor.side == Side::kAfter && !at->hidden ? 1 : 0);
}

}  // namespace

std::optional<LocalDot> DocumentImpl::find_own_or_known(const Dot& dot) const {
  auto replica = graph.find(dot.replica);
  if (!replica) return std::nullopt;
  Seq end = tx.open && *replica == self ? own_chunk->end : graph.end(*replica);
  if (dot.seq >= end) return std::nullopt;
  return LocalDot{*replica, dot.seq};
}

std::optional<std::string> ContainerView::path() const {
  if (container_ >= impl_->containers.size()) return std::nullopt;
  return impl_->path_of(container_);
}
Result<Json> ContainerView::json() const {
  if (container_ >= impl_->containers.size()) return refers_to_nothing();
  return impl_->try_json_of(container_);
}

// --- map ---

std::size_t MapView::size() const {
  const Container* map = impl_->find_container(container_, ContainerKind::kMap);
  return map == nullptr ? 0 : map->map->visible_count;
}
bool MapView::contains(std::string_view key) const { return get(key).has_value(); }

std::optional<Value> MapView::get(std::string_view key) const {
  const Container* map = impl_->find_container(container_, ContainerKind::kMap);
  auto index = impl_->keys.find(key);
  if (map == nullptr || !index) return std::nullopt;
  const MapEntry* entry = map->map->find(*index);
  if (entry == nullptr || !entry->reg.visible()) return std::nullopt;
  return entry->reg.winner.value;
}

bool MapView::is_mergeable(std::string_view key) const {
  const std::optional<Value> value = get(key);
  return value && value->is_container() &&
         (impl_->containers[value->container_index()].id.bytes[15] & 1) != 0;
}

void MapView::visit_entries(void (*visit)(void*, std::string_view, const Value&),
                            void* data) const {
  const Container* map = impl_->find_container(container_, ContainerKind::kMap);
  if (map == nullptr) return;
  for (const MapEntry& entry : map->map->entries)
    if (entry.reg.visible()) visit(data, impl_->keys[entry.key], entry.reg.winner.value);
}

std::vector<std::string> MapView::keys() const {
  std::vector<std::string> result;
  const Container* map = impl_->find_container(container_, ContainerKind::kMap);
  if (map == nullptr) return result;
  for (const MapEntry& entry : map->map->entries)
    if (entry.reg.visible()) result.emplace_back(impl_->keys[entry.key]);
  std::sort(result.begin(), result.end());
  return result;
}

Result<MapView> MapView::map(std::string_view key) const {
  WEFT_ASSIGN(ContainerIndex child, map_child(*this, key, ContainerKind::kMap));
  return MapView(impl_, child);
}
Result<ListView> MapView::list(std::string_view key) const {
  WEFT_ASSIGN(ContainerIndex child, map_child(*this, key, ContainerKind::kList));
  return ListView(impl_, child);
}
Result<TextView> MapView::text(std::string_view key) const {
  WEFT_ASSIGN(ContainerIndex child, map_child(*this, key, ContainerKind::kText));
  return TextView(impl_, child);
}
Result<CounterView> MapView::counter(std::string_view key) const {
  WEFT_ASSIGN(ContainerIndex child, map_child(*this, key, ContainerKind::kCounter));
  return CounterView(impl_, child);
}

// --- list ---

Result<std::size_t> ListView::size() const {
  WEFT_ASSIGN(const RunTree* tree, sequence_tree(*impl_, container_));
  return visible_size(*tree);
}

Result<Value> ListView::get(std::size_t index) const {
  WEFT_ASSIGN(LocalDot element, impl_->element_at(container_, index));
  return impl_->containers[container_].sequence->elements.find(element.packed())->reg.winner.value;
}

Result<std::vector<Value>> ListView::values() const {
  std::vector<Value> result;
  WEFT_ASSIGN(const RunTree* tree, sequence_tree(*impl_, container_));
  const SequenceState& sequence = *impl_->containers[container_].sequence;
  tree->for_each_visible_run(0, visible_size(*tree), [&](Run run) {
    for (Seq i = 0; i < run.count; ++i) {
      LocalDot element = sequence.element_of_slot(run.first.plus(i));
      result.push_back(sequence.elements.find(element.packed())->reg.winner.value);
    }
  });
  return result;
}

Result<MapView> ListView::map(std::size_t index) const {
  WEFT_ASSIGN(ContainerIndex child, list_child(*this, index, ContainerKind::kMap));
  return MapView(impl_, child);
}
Result<ListView> ListView::list(std::size_t index) const {
  WEFT_ASSIGN(ContainerIndex child, list_child(*this, index, ContainerKind::kList));
  return ListView(impl_, child);
}
Result<TextView> ListView::text(std::size_t index) const {
  WEFT_ASSIGN(ContainerIndex child, list_child(*this, index, ContainerKind::kText));
  return TextView(impl_, child);
}
Result<CounterView> ListView::counter(std::size_t index) const {
  WEFT_ASSIGN(ContainerIndex child, list_child(*this, index, ContainerKind::kCounter));
  return CounterView(impl_, child);
}
Result<Anchor> ListView::anchor(std::size_t index, Side side) const {
  return make_anchor(*impl_, container_, index, side);
}
Result<std::size_t> ListView::resolve(const Anchor& anchor) const {
  return resolve_anchor(*impl_, container_, anchor);
}

// --- text ---

std::string TextView::str() const {
  if (sequence_of(*impl_, container_) == nullptr) return {};
  const SequenceState& sequence = *sequence_of(*impl_, container_);
  return sequence.tree ? sequence.tree->text() : std::string(sequence.text_view());
}

std::size_t TextView::size(Unit unit) const {
  if (sequence_of(*impl_, container_) == nullptr) return 0;
  const SequenceState& sequence = *sequence_of(*impl_, container_);
  if (!sequence.tree) {
    std::string_view text = sequence.text_view();
    return unit == Unit::kUtf8    ? text.size()
           : unit == Unit::kUtf16 ? count_utf16(text)
                                  : count_scalars(text);
  }
  TextMetrics metrics = sequence.tree->visible();
  return static_cast<std::size_t>(unit == Unit::kUtf8    ? metrics.utf8
                                  : unit == Unit::kUtf16 ? metrics.utf16
                                                         : metrics.scalars);
}

std::size_t TextView::line_count() const {
  if (sequence_of(*impl_, container_) == nullptr) return 0;
  const SequenceState& sequence = *sequence_of(*impl_, container_);
  if (sequence.tree) return static_cast<std::size_t>(sequence.tree->visible().newlines) + 1;
  const std::string_view text = sequence.text_view();
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) + 1;
}

Result<std::string> TextView::slice(Position begin, Position end) const {
  WEFT_ASSIGN(RunTree * tree, sequence_tree(*impl_, container_));
  WEFT_ASSIGN(std::size_t first, impl_->scalar_position(*tree, begin));
  WEFT_ASSIGN(std::size_t last, impl_->scalar_position(*tree, end));
  if (last < first) return Error(ErrorCode::kInvalidArgument, "the range ends before it begins");
  std::string text;
  tree->for_each_text(first, last, [&](std::string_view part) { text += part; });
  return text;
}

Result<std::size_t> TextView::convert(Position position, Unit to) const {
  WEFT_ASSIGN(RunTree * tree, sequence_tree(*impl_, container_));
  WEFT_ASSIGN(std::size_t pos, impl_->scalar_position(*tree, position));
  return tree->unit_of(to, pos);
}

Result<LineColumn> TextView::line_column(Position position, Unit column_unit) const {
  WEFT_ASSIGN(RunTree * tree, sequence_tree(*impl_, container_));
  WEFT_ASSIGN(std::size_t pos, impl_->scalar_position(*tree, position));
  LineColumn result;
  result.line = tree->line_of(pos);
  WEFT_ASSIGN(std::size_t start, tree->line_start(result.line));
  result.column = tree->unit_of(column_unit, pos) - tree->unit_of(column_unit, start);
  return result;
}

Result<Position> TextView::position(LineColumn at, Unit column_unit) const {
  WEFT_ASSIGN(RunTree * tree, sequence_tree(*impl_, container_));
  WEFT_ASSIGN(std::size_t start, tree->line_start(at.line));
  Position wanted{tree->unit_of(column_unit, start) + at.column, column_unit};
  WEFT_ASSIGN(std::size_t pos, impl_->scalar_position(*tree, wanted));
  if (tree->line_of(pos) != at.line)
    return Error(ErrorCode::kOutOfRange,
                 "line " + std::to_string(at.line) + " has no column " + std::to_string(at.column));
  return Position{pos, Unit::kScalar};
}

Result<Anchor> TextView::anchor(Position at, Side side) const {
  WEFT_ASSIGN(RunTree * tree, sequence_tree(*impl_, container_));
  WEFT_ASSIGN(std::size_t pos, impl_->scalar_position(*tree, at));
  return make_anchor(*impl_, container_, pos, side);
}

Result<std::size_t> TextView::resolve(const Anchor& anchor, Unit unit) const {
  WEFT_ASSIGN(std::size_t pos, resolve_anchor(*impl_, container_, anchor));
  return impl_->containers[container_].sequence->tree->unit_of(unit, pos);
}

Result<std::vector<BlameSpan>> TextView::blame(Position begin, Position end) const {
  WEFT_ASSIGN(RunTree * tree, sequence_tree(*impl_, container_));
  WEFT_ASSIGN(std::size_t first, impl_->scalar_position(*tree, begin));
  WEFT_ASSIGN(std::size_t last, impl_->scalar_position(*tree, end));
  if (last < first) return Error(ErrorCode::kInvalidArgument, "the range ends before it begins");
  std::vector<Run> runs;
  tree->for_each_visible_run(first, last, [&](Run run) { runs.push_back(run); });
  std::vector<BlameSpan> spans;
  std::size_t at = first;
  for (Run run : runs) {
    while (run.count > 0) {  // a run may go over several deltas
      BlameSpan span;
      span.begin = at;
      span.first = impl_->graph.dot(run.first);
      Seq here = run.count;
      const LogChunk* chunk = nullptr;
      if (auto delta = impl_->delta_of(run.first, &chunk)) {
        span.committed_at_ms = delta->committed_at_ms;
        span.message = chunk->message(*delta);
        here = std::min(here, delta->end() - run.first.seq);
      }
      span.end = at + here;
      at = span.end;
      run.first.seq += here;
      run.count -= here;
      bool continues =
          !spans.empty() && spans.back().committed_at_ms == span.committed_at_ms &&
          spans.back().message == span.message &&
          spans.back().first.replica == span.first.replica &&
          spans.back().first.seq + (spans.back().end - spans.back().begin) == span.first.seq;
      if (continues) {
        spans.back().end = span.end;
      } else {
        spans.push_back(std::move(span));
      }
    }
  }
  return spans;
}

// --- counter ---

std::int64_t CounterView::value() const {
  const Container* counter = impl_->find_container(container_, ContainerKind::kCounter);
  return counter == nullptr ? 0 : shown_sum(counter->counter);
}

// --- the editing handles: the same children, and every edit handed on ---

Status MapEdit::set(std::string_view key, const Value& value) {
  return impl_->edit_map_set(container_, key, &value, nullptr);
}
Status MapEdit::set(std::string_view key, NewContainer child) {
  return impl_->edit_map_set(container_, key, nullptr, &child);
}
Status MapEdit::erase(std::string_view key) {
  return impl_->edit_map_erase(container_, key, false);
}
Status MapEdit::erase_anew(std::string_view key) {
  return impl_->edit_map_erase(container_, key, true);
}
Status MapEdit::restore(const Value& child) { return impl_->edit_restore_in(container_, child); }

namespace {
ContainerIndex ensured(Result<ContainerIndex> made) { return made.ok() ? *made : kNoContainer; }
}  // namespace

MapEdit MapEdit::ensure_map(std::string_view key) {
  return {impl_, ensured(impl_->edit_ensure(container_, key, ContainerKind::kMap))};
}
ListEdit MapEdit::ensure_list(std::string_view key) {
  return {impl_, ensured(impl_->edit_ensure(container_, key, ContainerKind::kList))};
}
TextEdit MapEdit::ensure_text(std::string_view key) {
  return {impl_, ensured(impl_->edit_ensure(container_, key, ContainerKind::kText))};
}
CounterEdit MapEdit::ensure_counter(std::string_view key) {
  return {impl_, ensured(impl_->edit_ensure(container_, key, ContainerKind::kCounter))};
}
Result<MapEdit> MapEdit::map(std::string_view key) const {
  WEFT_ASSIGN(ContainerIndex child, map_child(*this, key, ContainerKind::kMap));
  return MapEdit(impl_, child);
}
Result<ListEdit> MapEdit::list(std::string_view key) const {
  WEFT_ASSIGN(ContainerIndex child, map_child(*this, key, ContainerKind::kList));
  return ListEdit(impl_, child);
}
Result<TextEdit> MapEdit::text(std::string_view key) const {
  WEFT_ASSIGN(ContainerIndex child, map_child(*this, key, ContainerKind::kText));
  return TextEdit(impl_, child);
}
Result<CounterEdit> MapEdit::counter(std::string_view key) const {
  WEFT_ASSIGN(ContainerIndex child, map_child(*this, key, ContainerKind::kCounter));
  return CounterEdit(impl_, child);
}

Status ListEdit::push_back(const Value& value) {
  const Result<std::size_t> end = size();
  return insert(end.ok() ? *end : 0, value);  // which says what is wrong with the handle
}
Status ListEdit::insert(std::size_t index, const Value& value) {
  return impl_->edit_list_insert(container_, index, std::span(&value, 1), nullptr);
}
Status ListEdit::insert(std::size_t index, const std::vector<Value>& values) {
  return impl_->edit_list_insert(container_, index, values, nullptr);
}
Status ListEdit::insert(std::size_t index, NewContainer child) {
  return impl_->edit_list_insert(container_, index, {}, &child);
}
Status ListEdit::erase(std::size_t index, std::size_t count) {
  return impl_->edit_list_erase(container_, index, count);
}
Status ListEdit::set(std::size_t index, const Value& value) {
  return impl_->edit_list_set(container_, index, value);
}
Status ListEdit::move(std::size_t from, std::size_t to) {
  return impl_->edit_list_move(container_, from, to);
}
Result<MapEdit> ListEdit::map(std::size_t index) const {
  WEFT_ASSIGN(ContainerIndex child, list_child(*this, index, ContainerKind::kMap));
  return MapEdit(impl_, child);
}
Result<ListEdit> ListEdit::list(std::size_t index) const {
  WEFT_ASSIGN(ContainerIndex child, list_child(*this, index, ContainerKind::kList));
  return ListEdit(impl_, child);
}
Result<TextEdit> ListEdit::text(std::size_t index) const {
  WEFT_ASSIGN(ContainerIndex child, list_child(*this, index, ContainerKind::kText));
  return TextEdit(impl_, child);
}
Result<CounterEdit> ListEdit::counter(std::size_t index) const {
  WEFT_ASSIGN(ContainerIndex child, list_child(*this, index, ContainerKind::kCounter));
  return CounterEdit(impl_, child);
}

Status TextEdit::insert(Position at, std::string_view utf8) {
  return impl_->edit_text_insert(container_, at, utf8);
}
Status TextEdit::erase(Position begin, std::size_t count) {
  return impl_->edit_text_erase(container_, begin, count);
}
Status CounterEdit::add_up_to(std::int64_t wanted) {
  const Container* counter = impl_->find_container(container_, ContainerKind::kCounter);
  if (counter == nullptr) return add(0);  // which says what is wrong with the handle
  constexpr CounterSum kMax = std::numeric_limits<std::int64_t>::max();
  CounterSum rest = wanted - counter->counter;
  if (rest > 4 * kMax || rest < -4 * kMax)
    return impl_->fail_transaction(
        Error(ErrorCode::kOutOfRange, "the counter's sum is far beyond 64 bits"));
  while (rest != 0) {
    const CounterSum step = rest > kMax ? kMax : rest < -kMax ? -kMax : rest;
    WEFT_TRY(add(static_cast<std::int64_t>(step)));
    rest -= step;
  }
  return {};
}
Status CounterEdit::add(std::int64_t amount) { return impl_->edit_counter_add(container_, amount); }

}  // namespace weft
