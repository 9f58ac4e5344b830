// Operations from outside, one by one: what each means for the state, and how it is taken back.
//
// Which one is refused is a function of the delta and its causal past only, so every replica refuses
// the same ones.
#include <algorithm>

#include "crdt/delta/value_codec.h"
#include "crdt/document/impl.h"
#include "crdt/document/observe.h"

namespace weft {
namespace {

Error invalid(const char* what) { return Error(ErrorCode::kInvalidDelta, what); }

/// Why taking an erasure back finds the text: the element showed before the operation that is taken back, and
/// what shows is in the log, in the delta in progress, or was kept (stash_text) when it was hidden.
constexpr const char* kTextIsHeld = "the text of what an operation hid is held until it is final";

/// Largest generation of a mergeable child: one a liar could set must leave room for others.
constexpr std::uint32_t kMaxGeneration = 1u << 30;

}  // namespace

bool DocumentImpl::nests_too_deep(const Op& op, std::string_view content) const {
  if (containers[resolve(op.container)].depth < kContainerDepthMax) [[likely]]
    return false;
  if (op.kind == OpKind::kMapEnsure) return true;
  if (op.kind != OpKind::kMapSet && op.kind != OpKind::kListInsert && op.kind != OpKind::kListSet)
    return false;
  for (content = content.substr(op.content_begin, op.content_size); !content.empty();) {
    std::size_t size = value_size(as_bytes(content));
    if (Value::decode_trusted(as_bytes(content.substr(0, size))).is_container()) return true;
    content.remove_prefix(size);
  }
  return false;
}

Status DocumentImpl::apply_op(const Op& op, const OpContext& context) {
  if (nests_too_deep(op, context.content)) return invalid("a container too deep inside others");
  ContainerIndex container = resolve(op.container);
  switch (op.kind) {
    case OpKind::kMapSet:
    case OpKind::kMapErase:
      return apply_map_op(container, op, context);
    case OpKind::kMapEnsure: {
      ByteSpan content = as_bytes(context.content.substr(op.content_begin, op.content_size));
      if (parse_ensure_content(content).generation > kMaxGeneration)
        return invalid("a generation beyond 2^30");
      return apply_map_op(container, op, context);
    }
    case OpKind::kTextInsert:
    case OpKind::kListInsert:
      return insert_elements(container, op, context);
    case OpKind::kErase:
      return erase_elements(container, op, context);
    case OpKind::kListSet:
      return set_element(container, op, context);
    case OpKind::kListMove:
      return move_element(container, op, context);
    case OpKind::kRevoke:
      return toggle_erasures(container, op, context, true);
    case OpKind::kReinstate:
      return toggle_erasures(container, op, context, false);
    case OpKind::kCounterAdd: {
      if (containers[container].kind != ContainerKind::kCounter)
        return invalid("an addition to a container that is no counter");
      ByteReader in(as_bytes(context.content.substr(op.content_begin, op.content_size)));
      add_to_counter(container, in.svarint());
      return {};
    }
    case OpKind::kRestore:
      return restore_child(container, op, context);
    case OpKind::kUnknown: {
      ByteReader in(as_bytes(context.content.substr(op.content_begin, op.content_size)));
      ByteSpan whole;
      UnknownContent unknown = read_unknown_content(in, whole);
      auto version =
          static_cast<std::uint32_t>(std::min<std::uint64_t>(unknown.weft_version, 0xffff'ffff));
      needs_weft = std::max(needs_weft, version);
      return {};
    }
    case OpKind::kTouched:
      break;
  }
  return invalid("an operation of no kind");
}

void DocumentImpl::add_to_counter(ContainerIndex container, CounterSum amount) {
  CounterSum& sum = containers[container].counter;
  const std::int64_t before = shown_sum(sum);
  sum += amount;
  if (observing()) note_counter(container, before, shown_sum(sum));
}

Status DocumentImpl::set_element(ContainerIndex container, const Op& op, const OpContext& context) {
  if (containers[container].kind != ContainerKind::kList)
    return invalid("an element's value set in a container that is no list");
  if (containers[container].sequence->elements.find(op.b.packed()) == nullptr ||
      !in_past(op.b, context, op.seq))
    return invalid("the element that is set is not in this list in the author's past");
  if (!op.a.is_none() && !in_past(op.a, context, op.seq))
    return invalid("the overwritten write is not in the author's past");
  LocalDot dot{context.author, op.seq};
  Value value =
      Value::decode_trusted(as_bytes(context.content.substr(op.content_begin, op.content_size)));
  if (value.is_container()) {
    ContainerKind kind = value.container_kind();
    ContainerIndex child = add_container(distinct_id(dot), kind, container, dot);
    containers[child].in_list = true;
    containers[child].element = op.b;
    value = Value::container(child, kind);
  }
  return write_element(container, op.b, Write{std::move(value), dot, false, false}, op.a, context);
}

Status DocumentImpl::write_element(ContainerIndex container, LocalDot element, Write write,
                                   LocalDot overwritten, const OpContext& context) {
  backup_register(container, true, element.packed());
  SequenceState& sequence = *containers[container].sequence;
  Element& cell = *sequence.elements.find(element.packed());
  bool changed = write_register(cell.reg, sequence.losers, element.packed(), std::move(write),
                                overwritten, context);
  if (changed && observing() && cell.erase_count == 0) {
    WEFT_ASSIGN(RunTree * tree, tree_of(container));
    note_list(container, tree->locate(cell.slot)->pos, 1, {cell.reg.winner.value});
  }
  return {};
}

Status DocumentImpl::restore_child(ContainerIndex child, const Op& op, const OpContext& context) {
  if (child == kRootContainer) return invalid("the root can't be restored");
  if (!op.a.is_none() && !in_past(op.a, context, op.seq))
    return invalid("the overwritten write is not in the author's past");
  const Container& made = containers[child];
  ContainerIndex parent = made.parent;
  LocalDot dot{context.author, op.seq};
  Write write{Value::container(child, made.kind), dot, false, false};
  if (made.in_list) return write_element(parent, made.element, std::move(write), op.a, context);
  std::uint32_t key = made.key;
  backup_register(parent, false, key);
  MapState& map = *containers[parent].map;
  Register& reg = map.at(key).reg;
  reg.touched = journal.epoch;
  bool was_visible = reg.visible();
  bool changed = write_register(reg, map.losers, key, std::move(write), op.a, context);
  map.visible_count +=
      static_cast<std::size_t>(reg.visible()) - static_cast<std::size_t>(was_visible);
  if (changed && observing()) note_key(parent, key);
  return {};
}

void DocumentImpl::begin_journal() {
  journal.registers.clear();
  journal.moves.clear();
  journal.toggles.clear();
  journal.containers = containers.size();
  journal.names = names.size();
  journal.needs_weft = needs_weft;
  ++journal.epoch;
}

void DocumentImpl::rollback_ops(std::span<const Op> ops, const OpContext& context) {
  drop_siblings();
  // What is taken back is nobody's business: no patches.
  std::unique_ptr<PatchCollector> kept = std::move(collector);
  for (std::size_t i = ops.size(); i-- > 0;) {
    const Op& op = ops[i];
    ContainerIndex container = resolve(op.container);
    SequenceState* sequence = containers[container].sequence.get();
    if (is_insert(op.kind)) {
      LocalDot first{context.author, op.seq};
      sequence->tree->remove(first, op.count);
      if (!sequence->is_text)
        for (Seq k = 0; k < op.count; ++k) sequence->elements.erase(first.plus(k).packed());
    } else if (op.kind == OpKind::kErase) {
      for (Seq k = op.count; k-- > 0;)
        uncount_erasure(container, *sequence->tree, target_of_unit(op, k), 1).proven(kTextIsHeld);
    } else if (op.kind == OpKind::kRevoke || op.kind == OpKind::kReinstate) {
      // A run of our own log joins operations that were noted one by one.
      while (!journal.toggles.empty() && journal.toggles.back().op_seq >= op.seq) {
        Toggle toggle = journal.toggles.back();
        journal.toggles.pop_back();
        if (op.kind == OpKind::kRevoke) {
          sequence->revoked.erase(toggle.erase.packed());
          count_erasure(container, *sequence->tree, toggle.target, 1);
        } else {
          sequence->revoked[toggle.erase.packed()] = 1;
          uncount_erasure(container, *sequence->tree, toggle.target, 1).proven(kTextIsHeld);
        }
      }
    } else if (op.kind == OpKind::kListMove) {
      MoveBackup backup = journal.moves.back();
      journal.moves.pop_back();
      LocalDot slot{context.author, op.seq};
      Element& element = *sequence->elements.find(backup.element.packed());
      if (element.slot == slot && element.erase_count == 0) {
        show_slot(container, *sequence->tree, slot, false);
        show_slot(container, *sequence->tree, backup.slot, true);
      }
      element.slot = backup.slot;
      sequence->tree->remove(slot, 1);
      sequence->slots.erase(slot.packed());
    } else if (op.kind == OpKind::kCounterAdd) {
      ByteReader in(as_bytes(context.content.substr(op.content_begin, op.content_size)));
      add_to_counter(container, -CounterSum{in.svarint()});
    }
  }
  for (std::size_t i = journal.registers.size(); i-- > 0;) restore_register(journal.registers[i]);
  while (names.size() > journal.names) {
    name_by_dot.erase(names.back().dot.packed());
    containers[names.back().container].names.pop_back();
    names.pop_back();
  }
  while (containers.size() > journal.containers) {
    container_by_id.erase(containers.back().id);
    containers.pop_back();
  }
  needs_weft = journal.needs_weft;
  begin_journal();
  collector = std::move(kept);
}

}  // namespace weft
