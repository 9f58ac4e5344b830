// Lists and texts: inserting, erasing, revoking, moving, by dot. Every operation is checked whole
// before it changes anything, so a refused one leaves nothing behind.
#include <algorithm>

#include "crdt/base/utf8.h"
#include "crdt/delta/value_codec.h"
#include "crdt/document/impl.h"
#include "crdt/document/observe.h"

namespace weft {
namespace {

Error invalid(const char* what) { return Error(ErrorCode::kInvalidDelta, what); }

/// Visits the resident pieces of [first, first + count): visit(first, count, hidden). The pieces are
/// looked up one by one, so `visit` may change the tree.
template <typename Visit>
void for_each_piece(RunTree& tree, LocalDot first, Seq count, Visit&& visit) {
  while (count > 0) {
    Run run = tree.run_at(first).run;
    Seq here = std::min(count, run.count - (first.seq - run.first.seq));
    bool hidden = run.hidden;
    visit(first, here, hidden);
    first.seq += here;
    count -= here;
  }
}

/// The ascending range of an erasure's targets; false where it would begin below 0.
bool target_range(const Op& op, LocalDot& first) {
  first = op.a;
  if (!op.backward) return op.a.seq <= kMaxSeq - op.count;
  if (op.a.seq < op.count - 1) return false;
  first.seq = op.a.seq - (op.count - 1);
  return true;
}

}  // namespace

Result<std::string> DocumentImpl::text_of(SequenceState& sequence, LocalDot first,
                                          Seq count) const {
  std::string text;
  while (count > 0) {
    auto found = find_op(first);
    if (found && found->op->kind == OpKind::kTextInsert && !found->skeleton) {
      Seq here = std::min(count, found->op->end() - first.seq);
      Op slice = slice_op(*found->op, first.seq, first.seq + here, first.replica, found->buffer);
      text += HeldOp{&slice, found->buffer}.content();
      first.seq += here;
      count -= here;
      continue;
    }
    auto at = sequence.stash.find(first.packed());
    if (at != sequence.stash.end()) {
      text += at->second;
      ++first.seq;
      --count;
      continue;
    }
    auto cold = std::upper_bound(
        sequence.cold_runs.begin(), sequence.cold_runs.end(), first.packed(),
        [](std::uint64_t dot, const ColdRun& run) { return dot < run.first.packed(); });
    if (cold == sequence.cold_runs.begin() || (--cold)->first.replica != first.replica ||
        first.seq - cold->first.seq >= cold->count)
      return Error(ErrorCode::kNeedHistory, "the text of an erased element is not held here");
    Seq into = first.seq - cold->first.seq;
    Seq here = std::min(count, cold->count - into);
    std::string_view run = sequence.cold_text.substr(cold->begin);
    run.remove_prefix(utf8_offset_of_scalar(run, into));
    text += run.substr(0, utf8_offset_of_scalar(run, here));
    first.seq += here;
    count -= here;
  }
  return text;
}

void DocumentImpl::stash_text(SequenceState& sequence, RunTree& tree, LocalDot first, Seq count) {
  if (!has_skeleton || first.seq >= log.base(first.replica)) return;
  for (Seq i = 0; i < count; ++i) {
    LocalDot dot = first.plus(i);
    auto at = tree.locate(dot);
    if (!at || at->hidden) continue;
    std::string scalar;
    tree.for_each_text(at->pos, at->pos + 1, [&](std::string_view part) { scalar += part; });
    sequence.stash[dot.packed()] = std::move(scalar);
  }
}

void DocumentImpl::add_element(SequenceState& sequence, ContainerIndex container, LocalDot dot,
                               ByteSpan encoded) {
  Value value = Value::decode_trusted(encoded);
  if (value.is_container()) {
    ContainerKind kind = value.container_kind();
    ContainerIndex child = add_container(distinct_id(dot), kind, container, dot);
    containers[child].in_list = true;
    containers[child].element = dot;
    value = Value::container(child, kind);
  }
  Element& element = sequence.elements[dot.packed()];
  element.reg.winner = Write{std::move(value), dot, false, false};
  element.slot = dot;
}

Status DocumentImpl::insert_elements(ContainerIndex container, const Op& op,
                                     const OpContext& context) {
  bool text = op.kind == OpKind::kTextInsert;
  if (containers[container].kind != (text ? ContainerKind::kText : ContainerKind::kList))
    return invalid("an insertion into a container of another kind");
  WEFT_ASSIGN(RunTree * tree, tree_of(container));
  LocalDot dot{context.author, op.seq};
  SequenceState& sequence = *containers[container].sequence;
  WEFT_ASSIGN(LocalDot after, place(sequence, *tree, op.a, op.b, dot, context));
  std::string_view content = context.content.substr(op.content_begin, op.content_size);
  TextMetrics before;
  if (observing()) before = tree->visible();
  tree->insert_after(after, dot, op.count, text ? content : std::string_view());
  note_sibling(sequence, *tree, op.a, op.b, dot, context);
  if (text) {
    if (observing()) note_text(container, *tree, tree->locate(dot)->pos, before, content);
    return {};
  }
  std::vector<Value> values;
  for (Seq i = 0; i < op.count; ++i) {
    std::size_t size = value_size(as_bytes(content));
    add_element(sequence, container, dot.plus(i), as_bytes(content.substr(0, size)));
    content.remove_prefix(size);
    if (observing())
      values.push_back(sequence.elements.find(dot.plus(i).packed())->reg.winner.value);
  }
  if (observing()) note_list(container, tree->locate(dot)->pos, 0, std::move(values));
  return {};
}

void DocumentImpl::show_slot(ContainerIndex container, RunTree& tree, LocalDot slot, bool shown) {
  if (shown) {
    tree.show(slot, 1, {}, [&](std::size_t pos, Seq) {
      if (!observing()) return;
      const SequenceState& sequence = *containers[container].sequence;
      LocalDot element = sequence.element_of_slot(slot);
      note_list(container, pos, 0, {sequence.elements.find(element.packed())->reg.winner.value});
    });
  } else {
    tree.hide(slot, 1, [&](std::size_t pos, Seq) {
      if (observing()) note_list(container, pos, 1, {});
    });
  }
}

void DocumentImpl::count_erasure(ContainerIndex container, RunTree& tree, LocalDot first,
                                 Seq count) {
  SequenceState& sequence = *containers[container].sequence;
  if (!sequence.is_text) {
    for (Seq i = 0; i < count; ++i) {
      Element& element = *sequence.elements.find(first.plus(i).packed());
      if (++element.erase_count == 1) show_slot(container, tree, element.slot, false);
    }
    return;
  }
  for_each_piece(tree, first, count, [&](LocalDot piece, Seq units, bool hidden) {
    if (hidden) {
      for (Seq i = 0; i < units; ++i) {
        std::uint32_t& erasures = sequence.multi_erased[piece.plus(i).packed()];
        erasures = erasures == 0 ? 2 : erasures + 1;
      }
      return;
    }
    stash_text(sequence, tree, piece, units);
    TextMetrics before;
    if (observing()) before = tree.visible();
    tree.hide(piece, units, [&](std::size_t pos, Seq) {
      if (observing()) note_text(container, tree, pos, before, {});
    });
  });
}

Status DocumentImpl::uncount_erasure(ContainerIndex container, RunTree& tree, LocalDot first,
                                     Seq count) {
  SequenceState& sequence = *containers[container].sequence;
  for (Seq i = 0; i < count; ++i) {
    LocalDot dot = first.plus(i);
    if (!sequence.is_text) {
      Element& element = *sequence.elements.find(dot.packed());
      if (--element.erase_count == 0) show_slot(container, tree, element.slot, true);
      continue;
    }
    if (std::uint32_t* erasures = sequence.multi_erased.find(dot.packed())) {
      if (--*erasures == 1) sequence.multi_erased.erase(dot.packed());
      continue;
    }
    WEFT_ASSIGN(std::string text, text_of(sequence, dot, 1));
    TextMetrics before;
    if (observing()) before = tree.visible();
    tree.show(dot, 1, text, [&](std::size_t pos, Seq) {
      if (observing()) note_text(container, tree, pos, before, text);
    });
  }
  return {};
}

Status DocumentImpl::erase_elements(ContainerIndex container, const Op& op,
                                    const OpContext& context) {
  Container& holder = containers[container];
  if (!holder.sequence) return invalid("an erasure in a container that is no sequence");
  LocalDot first;
  if (!target_range(op, first) || !in_past(first.plus(op.count - 1), context, op.seq))
    return invalid("an erased element is not in the author's past");
  WEFT_ASSIGN(RunTree * tree, tree_of(container));
  if (holder.sequence->is_text) {
    if (!tree->contains_all(first, op.count))
      return invalid("an erased element is not in this container");
    if (op.backward) {  // in the order of the operations: patches are sequential
      for (Seq i = 0; i < op.count; ++i)
        count_erasure(container, *tree, first.plus(op.count - 1 - i), 1);
      return {};
    }
  } else {
    for (Seq i = 0; i < op.count; ++i)
      if (holder.sequence->elements.find(first.plus(i).packed()) == nullptr)
        return invalid("an erased element is not in this container");
  }
  count_erasure(container, *tree, first, op.count);
  return {};
}

Status DocumentImpl::toggle_erasures(ContainerIndex container, const Op& op,
                                     const OpContext& context, bool revoke) {
  if (!containers[container].sequence)
    return invalid("a revocation in a container that is no sequence");
  if (op.a.replica != context.author || op.a.seq > kMaxSeq - op.count ||
      op.a.seq + op.count > op.seq)
    return invalid("only the author of an erasure can revoke it, and only after it");
  SequenceState& sequence = *containers[container].sequence;
  WEFT_ASSIGN(RunTree * tree, tree_of(container));
  // All is checked first, whether the text is at hand included.
  for (Seq i = 0; i < op.count; ++i) {
    auto found = find_op(op.a.plus(i));
    if (!found || found->op->kind != OpKind::kErase || resolve(found->op->container) != container)
      return invalid("what is revoked is no erasure in this container");
    LocalDot target = target_of_unit(*found->op, op.a.seq + i - found->op->seq);
    bool revoked = sequence.revoked.find(op.a.plus(i).packed()) != nullptr;
    if (revoke && !revoked && sequence.is_text) WEFT_TRY(text_of(sequence, target, 1));
  }
  for (Seq i = 0; i < op.count; ++i) {
    LocalDot erase = op.a.plus(i);
    LocalDot target = *erase_target(erase);
    bool revoked = sequence.revoked.find(erase.packed()) != nullptr;
    if (revoked == revoke) continue;
    journal.toggles.push_back({op.seq, erase, target});
    if (revoke) {
      sequence.revoked[erase.packed()] = 1;
      WEFT_TRY(uncount_erasure(container, *tree, target, 1));
    } else {
      sequence.revoked.erase(erase.packed());
      count_erasure(container, *tree, target, 1);
    }
  }
  return {};
}

Status DocumentImpl::move_element(ContainerIndex container, const Op& op,
                                  const OpContext& context) {
  if (containers[container].kind != ContainerKind::kList)
    return invalid("a move in a container that is no list");
  SequenceState& sequence = *containers[container].sequence;
  LocalDot moved = moved_element(op);
  Element* element = sequence.elements.find(moved.packed());
  if (element == nullptr || !in_past(moved, context, op.seq))
    return invalid("the moved element is not in this list in the author's past");
  WEFT_ASSIGN(RunTree * tree, tree_of(container));
  LocalDot slot{context.author, op.seq};
  WEFT_ASSIGN(LocalDot after, place(sequence, *tree, op.a, op.b, slot, context));
  journal.moves.push_back({container, moved, element->slot});
  tree->insert_after(after, slot, 1, {}, true);
  note_sibling(sequence, *tree, op.a, op.b, slot, context);
  sequence.slots[slot.packed()] = moved.packed();
  if (stamp(slot, context) < stamp(element->slot, context)) return {};
  if (element->erase_count == 0) show_slot(container, *tree, element->slot, false);
  element->slot = slot;
  if (element->erase_count == 0) show_slot(container, *tree, slot, true);
  return {};
}

}  // namespace weft
