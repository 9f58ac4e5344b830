// Local edits: by position and key, in an open transaction. Each checks everything first, then changes
// the state, then logs; a failing one marks the transaction failed.
#include <algorithm>

#include "crdt/base/utf8.h"
#include "crdt/delta/value_codec.h"
#include "crdt/document/impl.h"
#include "crdt/document/observe.h"

namespace weft {
namespace {

Error wrong_kind(const char* what) { return Error(ErrorCode::kWrongKind, what); }

/// One Value as it lies in an op's content. A container value stands for a new child of its kind.
void encode_value(const Value& value, Bytes& out) {
  ByteWriter writer(out);
  value.encode(writer);
}

std::string_view text_of_bytes(const Bytes& bytes) { return as_text(ByteSpan(bytes)); }

}  // namespace

Status DocumentImpl::check_value(const Value& value) const {
  if (value.is_container())
    return Error(ErrorCode::kInvalidArgument,
                 "a container can't be written again; use restore, or new_map() for a new one");
  if (value.type() == Value::Type::kString && !valid_utf8(value.as_string()))
    return Error(ErrorCode::kInvalidUtf8, "the string is not UTF-8");
  if (value.type() == Value::Type::kNumberText && !is_number_text(as_text(value.as_bytes())))
    return Error(ErrorCode::kInvalidArgument,
                 "the text is no JSON number, or one that an int64 holds");
  if (value.type() == Value::Type::kRecord) {
    Bytes encoded;
    encode_value(value, encoded);
    ByteReader in(encoded);
    read_value(in, options.limits);
    if (!in.ok())
      return Error(ErrorCode::kInvalidArgument,
                   "the record can't be stored: " + in.error("record").context());
  }
  return {};
}

Status DocumentImpl::check_nesting(ContainerIndex container) const {
  if (containers[container].depth < kContainerDepthMax) return {};
  return Error(ErrorCode::kTooLarge,
               "containers lie at most " + std::to_string(kContainerDepthMax) + " deep");
}

Status DocumentImpl::edit_map_set(ContainerIndex container, std::string_view key,
                                  const Value* value, const NewContainer* child) {
  if (!can_edit()) return check_edit();
  if (find_container(container, ContainerKind::kMap) == nullptr)
    return fail_transaction(wrong_kind("set on a handle that is no map"));
  auto known = keys.find(key);  // those have been checked
  if (!known && (key.size() > options.limits.key_bytes || !valid_utf8(key)))
    return fail_transaction(
        Error(ErrorCode::kInvalidArgument,
              "a key is UTF-8 of at most " + std::to_string(options.limits.key_bytes) + " bytes"));
  if (value != nullptr && value->type() > Value::Type::kDouble) {
    Status status = check_value(*value);
    if (!status.ok()) return fail_transaction(status.take_error());
  }
  Status room = check_room(1);
  if (room.ok() && child != nullptr) room = check_nesting(container);
  if (!room.ok()) return fail_transaction(room.take_error());
  std::uint32_t index = known ? *known : keys.intern(key);
  LocalDot dot{self, next_seq()};
  Write write{{}, dot, false, false};
  scratch.clear();
  ByteWriter out(scratch);
  if (value != nullptr) {
    value->encode(out);
    write.value = *value;
  } else {
    put_child(out, child->kind);
    ContainerIndex made = add_container(distinct_id(dot), child->kind, container, dot);
    containers[made].key = index;
    write.value = Value::container(made, child->kind);
  }
  write_own_key(container, index, std::move(write), OpKind::kMapSet, 0, text_of_bytes(scratch));
  return {};
}

void DocumentImpl::write_own_key(ContainerIndex container, std::uint32_t key, Write write,
                                 OpKind kind, std::uint32_t generations, std::string_view content) {
  MapState& map = *containers[container].map;
  std::size_t entries_before = map.entries.size();
  Register& reg = map.at(key).reg;
  if (reg.touched != journal.epoch) {
    reg.touched = journal.epoch;
    RegisterBackup& backup = journal.registers.emplace_back();
    backup.container = container;
    backup.slot = key;
    backup.existed = map.entries.size() == entries_before;
    if (backup.existed) backup.reg = reg;
    if (reg.winner.has_losers) backup.losers = *map.losers.find(key);
  }
  bool was_visible = reg.visible();
  Op op;
  op.kind = kind;
  op.container = name_of(kind == OpKind::kRestore ? write.value.container_index() : container);
  op.count = 1;
  op.a = reg.winner.dot;
  if (kind != OpKind::kRestore) op.b = {0, key};
  // Everything held is in our past: no losers remain.
  if (reg.winner.has_losers) map.losers.erase(key);
  reg.winner = std::move(write);
  reg.generations = std::max(reg.generations, generations);
  map.visible_count +=
      static_cast<std::size_t>(reg.visible()) - static_cast<std::size_t>(was_visible);
  log_own(op, content);
  if (observing() && (was_visible || reg.visible())) note_key(container, key);
}

Status DocumentImpl::edit_map_erase(ContainerIndex container, std::string_view key, bool anew) {
  if (!can_edit()) return check_edit();
  if (find_container(container, ContainerKind::kMap) == nullptr)
    return fail_transaction(wrong_kind("erase of a key on a handle that is no map"));
  auto index = keys.find(key);
  const MapEntry* entry = index ? containers[container].map->find(*index) : nullptr;
  const bool is_there = entry != nullptr && (entry->reg.visible() || anew);
  if (!is_there || entry->reg.winner.dot.is_none())
    return fail_transaction(
        Error(ErrorCode::kNotFound, "there is no key '" + std::string(key) + "' to erase"));
  Status room = check_room(1);
  if (!room.ok()) return fail_transaction(room.take_error());
  LocalDot dot{self, next_seq()};
  write_own_key(container, *index, Write{{}, dot, true, false}, OpKind::kMapErase, 0, {});
  return {};
}

Result<ContainerIndex> DocumentImpl::edit_ensure(ContainerIndex container, std::string_view key,
                                                 ContainerKind kind) {
  if (!can_edit()) return check_edit().take_error();
  if (find_container(container, ContainerKind::kMap) == nullptr)
    return fail_transaction(wrong_kind("ensure on a handle that is no map")).take_error();
  if (key.size() > options.limits.key_bytes || !valid_utf8(key))
    return fail_transaction(Error(ErrorCode::kInvalidArgument, "a key is short UTF-8"))
        .take_error();
  std::uint32_t index = keys.intern(key);
  const MapEntry* entry = containers[container].map->find(index);
  std::uint32_t generation = 0;
  if (entry != nullptr) {
    const Value& value = entry->reg.winner.value;
    if (entry->reg.visible() && value.is_container(kind)) return value.container_index();
    generation = entry->reg.generations;
  }
  Status room = check_room(1);
  if (room.ok()) room = check_nesting(container);
  if (!room.ok()) return fail_transaction(room.take_error()).take_error();
  LocalDot dot{self, next_seq()};
  ContainerIndex made =
      add_container(mergeable_id(container, key, kind, generation), kind, container, dot);
  containers[made].key = index;
  containers[made].generation = generation;
  scratch.clear();
  ByteWriter out(scratch);
  put_ensure_content(out, {kind, generation});
  Write write{Value::container(made, kind), dot, false, false};
  write_own_key(container, index, std::move(write), OpKind::kMapEnsure, generation + 1,
                text_of_bytes(scratch));
  return made;
}

Result<std::size_t> DocumentImpl::scalar_position(RunTree& tree, Position at) const {
  if (at.unit == Unit::kScalar) {
    if (at.value > tree.visible().scalars)
      return Error(ErrorCode::kOutOfRange, "position " + std::to_string(at.value) +
                                               " is beyond the end, " +
                                               std::to_string(tree.visible().scalars));
    return at.value;
  }
  return tree.scalar_of(at.unit, at.value);
}

/// From now on, until the transaction ends, the two keys may go the short way in this text.
void DocumentImpl::note_typing(ContainerIndex container, RunTree& tree) {
  typing = observing() ? Typing() : Typing{container, name_of(container), &tree};
}

Status DocumentImpl::edit_text_insert(ContainerIndex container, Position at,
                                      std::string_view text) {
  // One key at the cursor: the run that ends with the dot before ours grows, and the op that made it.
  if (container == typing.container && text.size() == 1 && at.unit == Unit::kScalar &&
      static_cast<unsigned char>(text[0]) < 0x80) [[likely]] {
    LogChunk& chunk = *own_chunk;
    if (chunk.end < kMaxSeq / 2 && typing.tree->type_at(at.value, {self, chunk.end}, text[0]))
        [[likely]] {
      Op& last = chunk.ops.back();
      ++last.count;
      ++last.content_size;
      chunk.text.push_back(text[0]);
      ++chunk.end;
      return {};
    }
  }
  return insert_text(container, at, text);
}

Status DocumentImpl::insert_text(ContainerIndex container, Position at, std::string_view text) {
  if (!can_edit()) return check_edit();
  if (text.empty()) return {};
  if (find_container(container, ContainerKind::kText) == nullptr)
    return fail_transaction(wrong_kind("insertion of text into a handle that is no text"));
  SequenceState& sequence = *containers[container].sequence;
  if (!sequence.tree) {
    auto made = tree_of(container);
    if (!made.ok()) return fail_transaction(made.take_error());
  }
  RunTree& tree = *sequence.tree;
  std::size_t units = 1;
  if (text.size() != 1 || static_cast<unsigned char>(text[0]) >= 0x80) {
    auto counted = valid_scalar_count(text);
    if (!counted)
      return fail_transaction(Error(ErrorCode::kInvalidUtf8, "the inserted text is not UTF-8"));
    units = *counted;
  }
  std::size_t pos = at.value;
  bool at_cursor = at.unit == Unit::kScalar && tree.stands_at(pos);
  if (!at_cursor && (at.unit != Unit::kScalar || pos > tree.visible().scalars)) {
    auto converted = scalar_position(tree, at);
    if (!converted.ok()) return fail_transaction(converted.take_error());
    pos = *converted;
  }
  LogChunk& chunk = *own_chunk;
  if (chunk.end > kMaxSeq / 2 ||
      chunk.text.size() - tx.text_size > options.limits.input_bytes / 2 || units > kMaxSeq / 2) {
    Status room = check_room(units);
    if (!room.ok()) return fail_transaction(room.take_error());
  }
  auto count = static_cast<Seq>(units);
  LocalDot dot{self, chunk.end};
  TextMetrics before;
  if (observing()) before = tree.visible();
  if (!chunk.ops.empty() && tree.extend_at(pos, dot, count, text)) {
    Op& last = chunk.ops.back();
    last.count += count;
    last.content_size += static_cast<std::uint32_t>(text.size());
    chunk.text.append(text);
    chunk.end += count;
  } else {
    Neighbours neighbours = tree.insert_at(pos, dot, count, text);
    Op op;
    op.kind = OpKind::kTextInsert;
    op.container = name_of(container);
    op.count = count;
    op.a = neighbours.lo;
    op.b = neighbours.ro;
    note_sibling(sequence, tree, op.a, op.b, dot, own_context());
    log_own(op, text);
  }
  note_typing(container, tree);
  if (observing()) note_text(container, tree, pos, before, text);
  return {};
}

Status DocumentImpl::edit_text_erase(ContainerIndex container, Position begin, std::size_t count) {
  // One key, which most often goes on with the erasures before it.
  if (container == typing.container && count == 1 && begin.unit == Unit::kScalar && !has_skeleton)
      [[likely]] {
    RunTree& tree = *typing.tree;
    LogChunk& chunk = *own_chunk;
    if (chunk.end < kMaxSeq / 2 &&
        (tree.stands_at(begin.value + 1) || begin.value < tree.visible().scalars)) [[likely]] {
      LocalDot target = tree.erase_one(begin.value);
      if (chunk.ops.empty() || !continue_erasure(chunk.ops.back(), typing.name, target)) {
        Op op;
        op.kind = OpKind::kErase;
        op.container = typing.name;
        op.seq = chunk.end;
        op.count = 1;
        op.a = target;
        chunk.ops.push_back(op);
      }
      ++chunk.end;
      return {};
    }
  }
  return erase_text(container, begin, count);
}

Status DocumentImpl::erase_text(ContainerIndex container, Position begin, std::size_t count) {
  if (!can_edit()) return check_edit();
  if (find_container(container, ContainerKind::kText) == nullptr)
    return fail_transaction(wrong_kind("erasure of text in a handle that is no text"));
  SequenceState& sequence = *containers[container].sequence;
  if (!sequence.tree) {
    auto made = tree_of(container);
    if (!made.ok()) return fail_transaction(made.take_error());
  }
  RunTree& tree = *sequence.tree;
  std::size_t pos = begin.value;
  std::size_t units = count;
  std::size_t size = visible_size(tree);
  if (begin.unit != Unit::kScalar || pos > size || units > size - pos) {
    auto first = scalar_position(tree, begin);
    if (!first.ok()) return fail_transaction(first.take_error());
    auto end = scalar_position(tree, {begin.value + count, begin.unit});
    if (!end.ok() || begin.value + count < count)
      return fail_transaction(
          end.ok() ? Error(ErrorCode::kOutOfRange, "the erased range is beyond the end")
                   : end.take_error());
    pos = *first;
    units = *end - pos;
  }
  if (units == 0) return {};
  Status room = check_room(units);
  if (!room.ok()) return fail_transaction(room.take_error());
  TextMetrics before;
  if (observing()) before = tree.visible();
  stash_range(sequence, tree, pos, units);
  Op op;
  op.kind = OpKind::kErase;
  op.container = name_of(container);
  tree.erase_at(pos, units, [&](LocalDot first, Seq run) {
    op.count = run;
    op.a = first;
    log_own(op, {});
  });
  note_typing(container, tree);
  if (observing()) note_text(container, tree, pos, before, {});
  return {};
}

/// Keeps the text of [pos, pos + units) where its insertions are not in the log.
void DocumentImpl::stash_range(SequenceState& sequence, RunTree& tree, std::size_t pos,
                               std::size_t units) {
  if (!has_skeleton) return;
  std::vector<Run> runs;
  tree.for_each_visible_run(pos, pos + units, [&](Run run) { runs.push_back(run); });
  for (const Run& run : runs) stash_text(sequence, tree, run.first, run.count);
}

Status DocumentImpl::edit_list_insert(ContainerIndex container, std::size_t index,
                                      std::span<const Value> values, const NewContainer* child) {
  if (!can_edit()) return check_edit();
  if (find_container(container, ContainerKind::kList) == nullptr)
    return fail_transaction(wrong_kind("insertion into a handle that is no list"));
  auto made = tree_of(container);
  if (!made.ok()) return fail_transaction(made.take_error());
  RunTree& tree = **made;
  if (index > tree.visible().scalars)
    return fail_transaction(
        Error(ErrorCode::kOutOfRange, "index " + std::to_string(index) + " is beyond the end, " +
                                          std::to_string(tree.visible().scalars)));
  for (const Value& value : values) {
    Status status = check_value(value);
    if (!status.ok()) return fail_transaction(status.take_error());
  }
  std::size_t units = child != nullptr ? 1 : values.size();
  if (units == 0) return {};
  Status room = check_room(units);
  if (room.ok() && child != nullptr) room = check_nesting(container);
  if (!room.ok()) return fail_transaction(room.take_error());
  scratch.clear();
  ByteWriter out(scratch);
  LocalDot dot{self, next_seq()};
  auto count = static_cast<Seq>(units);
  Neighbours neighbours = tree.insert_at(index, dot, count, {});
  SequenceState* sequence = containers[container].sequence.get();
  for (std::size_t i = 0; i < units; ++i) {
    std::size_t begin = scratch.size();
    if (child != nullptr) {
      put_child(out, child->kind);
    } else {
      values[i].encode(out);
    }
    LocalDot element = dot.plus(static_cast<Seq>(i));
    add_element(*sequence, container, element, ByteSpan(scratch).subspan(begin));
  }
  Op op;
  op.kind = OpKind::kListInsert;
  op.container = name_of(container);
  op.count = count;
  op.a = neighbours.lo;
  op.b = neighbours.ro;
  note_sibling(*sequence, tree, op.a, op.b, dot, own_context());
  log_own(op, text_of_bytes(scratch));
  if (observing()) {
    std::vector<Value> inserted;
    for (Seq i = 0; i < count; ++i)
      inserted.push_back(sequence->elements.find(dot.plus(i).packed())->reg.winner.value);
    note_list(container, index, 0, std::move(inserted));
  }
  return {};
}

Result<LocalDot> DocumentImpl::element_at(ContainerIndex container, std::size_t index) {
  if (find_container(container, ContainerKind::kList) == nullptr)
    return wrong_kind("a handle that is no list");
  WEFT_ASSIGN(RunTree * tree, tree_of(container));
  if (index >= tree->visible().scalars)
    return Error(ErrorCode::kOutOfRange, "index " + std::to_string(index) + " is beyond the end, " +
                                             std::to_string(tree->visible().scalars));
  return containers[container].sequence->element_of_slot(tree->dot_at(index));
}

Status DocumentImpl::edit_list_erase(ContainerIndex container, std::size_t index,
                                     std::size_t count) {
  if (!can_edit()) return check_edit();
  if (count == 0) return {};
  auto first = element_at(container, index);
  if (!first.ok()) return fail_transaction(first.take_error());
  RunTree& tree = *containers[container].sequence->tree;
  if (count > tree.visible().scalars - index)
    return fail_transaction(Error(ErrorCode::kOutOfRange, "the erased range is beyond the end"));
  Status room = check_room(count);
  if (!room.ok()) return fail_transaction(room.take_error());
  SequenceState& sequence = *containers[container].sequence;
  for (std::size_t i = 0; i < count; ++i) {
    LocalDot element = sequence.element_of_slot(tree.dot_at(index));
    Op op;
    op.kind = OpKind::kErase;
    op.container = name_of(container);
    op.count = 1;
    op.a = element;
    count_erasure(container, tree, element, 1);
    log_own(op, {});
  }
  return {};
}

Status DocumentImpl::edit_list_set(ContainerIndex container, std::size_t index,
                                   const Value& value) {
  if (!can_edit()) return check_edit();
  auto element = element_at(container, index);
  if (!element.ok()) return fail_transaction(element.take_error());
  Status status = check_value(value);
  if (status.ok()) status = check_room(1);
  if (!status.ok()) return fail_transaction(status.take_error());
  scratch.clear();
  encode_value(value, scratch);
  return own_element_write(container, *element, value, OpKind::kListSet);
}

Status DocumentImpl::own_element_write(ContainerIndex container, LocalDot element, Value value,
                                       OpKind kind) {
  Element& cell = *containers[container].sequence->elements.find(element.packed());
  Op op;
  op.kind = kind;
  op.container = kind == OpKind::kRestore ? name_of(value.container_index()) : name_of(container);
  op.count = 1;
  op.a = cell.reg.winner.dot;
  if (kind == OpKind::kListSet) op.b = element;
  LocalDot dot{self, next_seq()};
  Write write{std::move(value), dot, false, false};
  WEFT_TRY(write_element(container, element, std::move(write), op.a, own_context()));
  log_own(op, text_of_bytes(scratch));
  return {};
}

Status DocumentImpl::edit_list_move(ContainerIndex container, std::size_t from, std::size_t to) {
  if (!can_edit()) return check_edit();
  auto element = element_at(container, from);
  if (!element.ok()) return fail_transaction(element.take_error());
  RunTree& tree = *containers[container].sequence->tree;
  if (to >= tree.visible().scalars)
    return fail_transaction(
        Error(ErrorCode::kOutOfRange, "index " + std::to_string(to) + " is beyond the end, " +
                                          std::to_string(tree.visible().scalars)));
  Status room = check_room(1);
  if (!room.ok()) return fail_transaction(room.take_error());
  if (from == to) return {};
  // The gap is named before the element leaves its place.
  std::size_t gap = to > from ? to + 1 : to;
  LocalDot lo = gap == 0 ? kNoDot : tree.dot_at(gap - 1);
  return own_move(container, *element, lo);
}

/// Moves `element` to a new slot right after the slot `lo`.
Status DocumentImpl::own_move(ContainerIndex container, LocalDot element, LocalDot lo) {
  RunTree& tree = *containers[container].sequence->tree;
  Op op;
  op.kind = OpKind::kListMove;
  op.container = name_of(container);
  op.seq = next_seq();
  op.count = 1;
  op.a = lo;
  op.b = tree.next(lo);
  op.content_begin = element.replica;
  op.content_size = element.seq;
  WEFT_TRY(move_element(container, op, own_context()));
  log_own(op, {});
  return {};
}

Status DocumentImpl::edit_counter_add(ContainerIndex container, std::int64_t amount) {
  if (!can_edit()) return check_edit();
  if (find_container(container, ContainerKind::kCounter) == nullptr)
    return fail_transaction(wrong_kind("addition on a handle that is no counter"));
  Status room = check_room(1);
  if (!room.ok()) return fail_transaction(room.take_error());
  scratch.clear();
  ByteWriter out(scratch);
  out.svarint(amount);
  Op op;
  op.kind = OpKind::kCounterAdd;
  op.container = name_of(container);
  op.count = 1;
  log_own(op, text_of_bytes(scratch));
  add_to_counter(container, amount);
  return {};
}

Status DocumentImpl::edit_restore_in(ContainerIndex container, const Value& child) {
  if (!can_edit()) return check_edit();
  if (find_container(container, ContainerKind::kMap) == nullptr)
    return fail_transaction(wrong_kind("restore on a handle that is no map"));
  if (!child.is_container() || child.container_index() >= containers.size() ||
      containers[child.container_index()].in_list ||
      containers[child.container_index()].parent != container)
    return fail_transaction(Error(ErrorCode::kInvalidArgument,
                                  "only a child that was made in this map can be restored"));
  return edit_restore(child.container_index(), true);
}

Status DocumentImpl::edit_restore(ContainerIndex child, bool anew) {
  if (!can_edit()) return check_edit();
  if (child == kRootContainer) return fail_transaction(wrong_kind("the root can't be restored"));
  if (is_shown(child) && !anew) return {};
  Status room = check_room(1);
  if (!room.ok()) return fail_transaction(room.take_error());
  const Container& made = containers[child];
  ContainerIndex parent = made.parent;
  if (made.in_list) {
    // An element that was erased stays erased; only its value can be written again.
    scratch.clear();
    return own_element_write(parent, made.element, Value::container(child, made.kind),
                             OpKind::kRestore);
  }
  LocalDot dot{self, next_seq()};
  write_own_key(parent, made.key, Write{Value::container(child, made.kind), dot, false, false},
                OpKind::kRestore, 0, {});
  return {};
}

}  // namespace weft
