// Undo and redo of our own transactions: inverses made when they are asked for, as ordinary operations
// that everyone can see. Nobody else's work is taken back: a register is written only where our write
// still wins, an element is erased only where it still shows, an erasure of ours is revoked, which keeps
// ids and anchors, and a child that we made stays where others have edited in it since. Redo is the undo of an undo.
#include <algorithm>
#include <limits>

#include "crdt/delta/value_codec.h"
#include "crdt/document/impl.h"

namespace weft {

void DocumentImpl::push_undo(Seq begin, Seq end) {
  redo_stack.clear();
  undo_stack.push({begin, end, std::move(journal.registers)}, options.undo_depth);
  journal.registers.clear();
}

Result<UndoReport> DocumentImpl::run_undo(BoundedStack<UndoItem>& from,
                                          BoundedStack<UndoItem>& to) {
  if (read_only) return Error(ErrorCode::kReadOnly, "a checkout can't be edited");
  if (from.empty())
    return Error(ErrorCode::kNothingToUndo, "no transaction of this session is left");
  WEFT_TRY(begin_transaction({}));
  foreign_edits.reset();
  UndoReport report;
  Status status = invert(from.top(), report);
  if (!status.ok()) {
    for (Seq seq = tx.begin; seq <= own_chunk->end; ++seq)
      stands_for.erase(LocalDot{self, seq}.packed());
    rollback_transaction();
    return status.take_error();
  }
  undoing = true;
  auto committed = seal_transaction();
  undoing = false;
  if (!committed.ok()) return committed.take_error();
  from.pop();
  if (committed->op_count > 0)
    to.push({committed->first.seq, committed->first.seq + committed->op_count,
             std::move(journal.registers)},
            options.undo_depth);
  journal.registers.clear();
  // Last, since an observer that edits makes an item of its own.
  if (observing()) deliver_patches(true, std::move(tx.options.origin));
  return report;
}

Status DocumentImpl::invert(const UndoItem& item, UndoReport& report) {
  std::vector<std::pair<Op, std::string>> ops;  // our own operations, cut to the item
  for (Seq seq = item.begin; seq < item.end;) {
    auto found = log.find({self, seq});
    if (!found || found->chunk->skeleton)
      return Error(ErrorCode::kNeedHistory, "the operations to undo are not held here");
    Seq end = std::min(found->op->end(), item.end);
    Op op = slice_op(*found->op, seq, end, self, found->chunk->content());
    std::string content = has_content(op.kind) ? std::string(found->chunk->content(op)) : "";
    ops.emplace_back(op, std::move(content));
    seq = end;
  }
  for (std::size_t i = ops.size(); i-- > 0;)
    WEFT_TRY(invert_op(ops[i].first, ops[i].second, item, report));
  return {};
}

Status DocumentImpl::invert_op(const Op& op, std::string_view content, const UndoItem& item,
                               UndoReport& report) {
  ContainerIndex container = resolve(op.container);
  Op inverse;
  inverse.container = op.container;
  inverse.count = 1;
  switch (op.kind) {
    case OpKind::kTextInsert:
    case OpKind::kListInsert: {
      WEFT_ASSIGN(RunTree * tree, tree_of(container));
      for (Seq k = op.count; k-- > 0;) {
        LocalDot dot{self, op.seq + k};
        SequenceState& sequence = *containers[container].sequence;
        bool shows = sequence.is_text ? !tree->hidden(dot)
                                      : sequence.elements.find(dot.packed())->erase_count == 0;
        if (!shows) {
          ++report.skipped;
          continue;
        }
        if (!sequence.is_text &&
            keeps_child(sequence.elements.find(dot.packed())->reg.winner.value, dot, report))
          continue;
        inverse.kind = OpKind::kErase;
        inverse.a = dot;
        WEFT_TRY(check_room(1));
        count_erasure(container, *tree, dot, 1);
        log_own(inverse, {});
        ++report.undone;
      }
      return {};
    }
    case OpKind::kErase:
    case OpKind::kRevoke:
    case OpKind::kReinstate:
      for (Seq k = op.count; k-- > 0;) {
        LocalDot erase = op.kind == OpKind::kErase ? LocalDot{self, op.seq + k} : op.a.plus(k);
        inverse.kind = op.kind == OpKind::kRevoke ? OpKind::kReinstate : OpKind::kRevoke;
        inverse.a = erase;
        inverse.seq = next_seq();
        WEFT_TRY(check_room(1));
        WEFT_TRY(
            toggle_erasures(container, inverse, own_context(), inverse.kind == OpKind::kRevoke));
        log_own(inverse, {});
        ++report.undone;
      }
      return {};
    case OpKind::kMapSet:
    case OpKind::kMapErase:
    case OpKind::kMapEnsure:
      return invert_write(container, false, op.key(), op, item, report);
    case OpKind::kListSet:
      return invert_write(container, true, op.b.packed(), op, item, report);
    case OpKind::kRestore: {
      const Container& child = containers[container];
      return invert_write(child.parent, child.in_list,
                          child.in_list ? child.element.packed() : child.key, op, item, report);
    }
    case OpKind::kListMove: {
      LocalDot moved = moved_element(op);
      const Element& element = *containers[container].sequence->elements.find(moved.packed());
      if (!(original(element.slot) == original({self, op.seq}))) {
        ++report.skipped;
        return {};
      }
      WEFT_TRY(check_room(1));
      WEFT_ASSIGN(LocalDot before, slot_before(container, moved, op.seq));
      stands_for[LocalDot{self, next_seq()}.packed()] = original(before).packed();
      WEFT_TRY(own_move(container, moved, before));
      ++report.undone;
      return {};
    }
    case OpKind::kCounterAdd: {
      ByteReader in(as_bytes(content));
      std::int64_t amount = in.svarint();
      if (amount == std::numeric_limits<std::int64_t>::min()) {  // one number has no opposite
        WEFT_TRY(edit_counter_add(container, 1));
        ++amount;
      }
      WEFT_TRY(edit_counter_add(container, -amount));
      ++report.undone;
      return {};
    }
    case OpKind::kUnknown:
    case OpKind::kTouched:
      ++report.skipped;
      return {};
  }
  return {};
}

/// Would undoing our operation `made`, which shows `value`, hide what others have put into a child meanwhile? Then
/// the child stays, and the report says so.
bool DocumentImpl::keeps_child(const Value& value, LocalDot made, UndoReport& report) {
  if (!value.is_container()) return false;
  const ContainerIndex child = value.container_index();
  auto is_inside = [&](ContainerIndex at) {
    for (; at != kRootContainer; at = containers[at].parent)
      if (at == child) return true;
    return false;
  };
  if (!foreign_edits) list_foreign_edits();
  for (const ForeignEdit& edit : *foreign_edits) {
    if (!is_inside(edit.container) || graph.happened_before(edit.newest, made)) continue;
    ++report.skipped;
    ++report.kept;
    return true;
  }
  return false;
}

/// The newest operation of every other replica in every container.
void DocumentImpl::list_foreign_edits() {
  foreign_edits.emplace();
  for (ReplicaIndex r = 0; r < graph.replica_count(); ++r) {
    if (r == self) continue;
    FlatTable<std::uint32_t> numbers;  // container -> 1 + index of its edit by r
    for (const auto& chunk : log.chunks(r))
      for (const Op& op : chunk->ops) {
        if (op.kind == OpKind::kUnknown) continue;
        const ContainerIndex container = resolve(op.container);
        std::uint32_t& number = numbers[container];
        if (number == 0) {
          foreign_edits->push_back({container, {}});
          number = static_cast<std::uint32_t>(foreign_edits->size());
        }
        (*foreign_edits)[number - 1].newest = {r, op.end() - 1};
      }
  }
}

/// The write or move that `dot` brought back, if an undo or redo made it, else `dot`: what it did is
/// undone where the original's transaction is.
LocalDot DocumentImpl::original(LocalDot dot) const {
  const std::uint64_t* of = stands_for.find(dot.packed());
  return of == nullptr ? dot : LocalDot::unpacked(*of);
}

/// The slot where `element` showed before its move `seq` of ours: the largest-stamp one among those that
/// lie in the move's past.
Result<LocalDot> DocumentImpl::slot_before(ContainerIndex container, LocalDot element, Seq seq) {
  const SequenceState& sequence = *containers[container].sequence;
  Hlc limit = graph.hlc_of({self, seq});
  LocalDot best = element;
  sequence.slots.for_each([&](std::uint64_t slot, std::uint64_t of) {
    if (of != element.packed()) return;
    LocalDot dot = LocalDot::unpacked(slot);
    bool own_later = dot.replica == self && dot.seq >= seq;
    if (own_later || !graph.knows(dot) || graph.hlc_of(dot) >= limit) return;
    if (!graph.happened_before(dot, {self, seq})) return;
    if (best == element || graph.stamp_of(best) < graph.stamp_of(dot)) best = dot;
  });
  return best;
}

Status DocumentImpl::invert_write(ContainerIndex container, bool is_element, std::uint64_t slot,
                                  const Op& op, const UndoItem& item, UndoReport& report) {
  Register* reg = find_register(container, is_element, slot);
  const RegisterBackup* backup = nullptr;
  for (const RegisterBackup& saved : item.saved)
    if (saved.container == container && saved.is_element == is_element && saved.slot == slot)
      backup = &saved;
  // Written back in this very undo: an earlier write of the same transaction.
  if (reg->winner.dot.replica == self && reg->winner.dot.seq >= tx.begin) return {};
  if (!(original(reg->winner.dot) == original({self, op.seq})) || backup == nullptr) {
    ++report.skipped;
    return {};
  }
  if (keeps_child(reg->winner.value, {self, op.seq}, report)) return {};
  WEFT_TRY(check_room(1));
  ++report.undone;
  const Write& before = backup->reg.winner;
  LocalDot dot{self, next_seq()};
  if (!before.dot.is_none()) stands_for[dot.packed()] = original(before.dot).packed();
  Write write{before.value, dot, false, false};
  scratch.clear();
  ByteWriter out(scratch);
  bool absent = !backup->existed || before.dot.is_none() || before.erased;
  bool child = !absent && before.value.is_container();
  if (!absent && !child) before.value.encode(out);
  if (is_element)
    return own_element_write(container, LocalDot::unpacked(slot), before.value,
                             child ? OpKind::kRestore : OpKind::kListSet);
  auto key = static_cast<std::uint32_t>(slot);
  write.erased = absent;
  OpKind kind = absent ? OpKind::kMapErase : child ? OpKind::kRestore : OpKind::kMapSet;
  write_own_key(container, key, std::move(write), kind, 0, as_text(ByteSpan(scratch)));
  return {};
}

Result<UndoReport> Document::undo() {
  return impl_->run_undo(impl_->undo_stack, impl_->redo_stack);
}
Result<UndoReport> Document::redo() {
  return impl_->run_undo(impl_->redo_stack, impl_->undo_stack);
}
std::size_t Document::undo_size() const { return impl_->undo_stack.size(); }
std::size_t Document::redo_size() const { return impl_->redo_stack.size(); }

}  // namespace weft
