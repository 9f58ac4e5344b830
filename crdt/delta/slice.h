#pragma once
// Cutting and joining runs: the one place that knows when two operations are one (op.h, I2).
//
// Which runs a delta consists of is a function of its unit operations: going from its first unit on,
// each unit joins the run before it if it continues it, else it begins a run. An insertion continues
// one in the same container if its `lo` is the dot just before it and its `ro` is the same; an erasure
// if its target is next to the last one, on the side that the run goes to (a run of one goes to either
// side); revoke and reinstate go forward only.
//
// A log joins across deltas, so what one delta holds is cut out of its runs, and cutting may leave two
// neighbours that are one run of the delta. The targets 5 | 6 5 4, the delta's border behind the first:
// in the log [5 6] [5 4], in the second delta [6 5 4]. ErasureJoiner settles this.

#include <string_view>
#include <vector>

#include "crdt/delta/op.h"

namespace weft {

constexpr bool is_insert(OpKind kind) {
  return kind == OpKind::kTextInsert || kind == OpKind::kListInsert;
}
constexpr bool has_key(OpKind kind) {
  return kind == OpKind::kMapSet || kind == OpKind::kMapErase || kind == OpKind::kMapEnsure;
}
/// Kinds whose first dot is the target of unit 0 and whose units have consecutive targets.
constexpr bool has_targets(OpKind kind) {
  return kind == OpKind::kErase || kind == OpKind::kRevoke || kind == OpKind::kReinstate;
}
/// Kinds that lists and texts are made of; a list element's value is a register's matter.
constexpr bool is_sequence_op(OpKind kind) {
  return is_insert(kind) || has_targets(kind) || kind == OpKind::kListMove;
}
/// Kinds that have bytes in the content buffer.
constexpr bool has_content(OpKind kind) {
  return kind == OpKind::kMapSet || kind == OpKind::kMapEnsure || is_insert(kind) ||
         kind == OpKind::kListSet || kind == OpKind::kCounterAdd || kind == OpKind::kUnknown;
}
/// Kinds whose operations always have exactly one unit.
constexpr bool is_single(OpKind kind) {
  return !is_insert(kind) && !has_targets(kind) && kind != OpKind::kUnknown;
}

/// kListMove: the element that moves; its fields take the place of the content's (op.h).
inline LocalDot moved_element(const Op& op) { return {op.content_begin, op.content_size}; }

/// The target of unit `k`; has_targets(op.kind).
inline LocalDot target_of_unit(const Op& op, Seq k) {
  return {op.a.replica, op.backward ? op.a.seq - k : op.a.seq + k};
}

/// How many bytes of an insertion's content its first `units` units take.
/// @cost O(1) for ASCII text, else O(min(units, count - units)) for text and O(units) for lists
std::uint32_t content_size_of_units(const Op& op, Seq units, std::string_view content);

/// The units [begin, end) of `op`, not empty and inside it. `author` is the index of the replica whose
/// log this is, `content` the buffer that the op's content lies in.
Op slice_op(const Op& op, Seq begin, Seq end, ReplicaIndex author, std::string_view content);

/// Whether the first unit of `next`, which follows `previous` in one log, continues its run.
bool continues_run(const Op& previous, const Op& next, ReplicaIndex author);

/// Whether all of `next` continues `previous`, and its content lies right behind.
bool can_join(const Op& previous, const Op& next, ReplicaIndex author);

/// Appends `next` to `previous`; can_join must hold.
void join(Op& previous, const Op& next);

/// Moves as many units from the front of `next` to the end of `previous` as continue it; true if that was all.
/// (Some but not all: an erasure whose first unit goes on where `previous` goes to and then turns back.)
bool absorb(Op& previous, Op& next, ReplicaIndex author);

/// Lets `last` go on with the erasure of one more target, where it can.
inline bool continue_erasure(Op& last, std::uint32_t container, LocalDot target) {
  if (last.kind != OpKind::kErase || last.container != container ||
      last.a.replica != target.replica)
    return false;
  if (target.seq == last.a.seq + last.count && !last.backward) {
    ++last.count;
    return true;
  }
  if (target.seq + last.count == last.a.seq && (last.backward || last.count == 1)) {
    ++last.count;
    last.backward = true;
    return true;
  }
  return false;
}

/// append_run where the last one may be continued.
void append_joined(std::vector<Op>& log, const Op& op, ReplicaIndex author);

/// Appends `op` to the runs of `log`, which stay maximal.
/// @cost O(1) amortised
inline void append_run(std::vector<Op>& log, const Op& op, ReplicaIndex author) {
  bool apart = log.empty() || log.back().kind != op.kind || log.back().container != op.container ||
               (is_insert(op.kind) && op.a != LocalDot{author, op.seq - 1});
  if (apart) {
    log.push_back(op);
  } else {
    append_joined(log, op, author);
  }
}

/// Feeds operations through to `emit(const Op&)`, erasures joined as the rule above says. The other
/// kinds go through as they are: in what was cut out of maximal runs they are maximal.
template <typename Emit>
class ErasureJoiner {
 public:
  explicit ErasureJoiner(Emit emit) : emit_(emit) {}

  void push(const Op& op, ReplicaIndex author) {
    if (op.kind != OpKind::kErase) [[likely]] {
      flush();
      emit_(op);
      return;
    }
    Op rest = op;
    if (pending_.count != 0 && absorb(pending_, rest, author)) return;
    flush();
    pending_ = rest;
  }
  void flush() {
    if (pending_.count != 0) emit_(pending_);
    pending_.count = 0;
  }

 private:
  Emit emit_;
  Op pending_;
};

}  // namespace weft
