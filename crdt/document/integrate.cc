// Where an insertion goes. The tree says what the order is (two-sided RGA: Roh et al. 2011, sibling
// rule of FugueMax: Weidner & Kleppmann 2023); this scan finds the place without building the tree:
//
//   p = the position after lo; if ro stands there, p it is (almost always).
//   Else every element between lo and ro is concurrent with the new one. Walk over them:
//     o has the same lo:      compare ro(o) with ro(n). The same: the larger stamp comes first, so stop
//                             before o if n's is larger. ro(o) farther left: o is a right sibling that
//                             comes after n unless something later says otherwise: remember the place
//                             and look on. Farther right: o and what hangs on it come first.
//     o's lo is left of lo:   o is no descendant of lo: stop.
//     else:                   o hangs on something passed already.
//
// In run form only the first element of a run can have a lo outside the gap; inside a run lo is always
// the element before. Design.md section 4 says how the readings of this rule were compared.
//
// ro is checked, not believed: it must be the first element after lo in the author's past, so no
// element between the two may be in it. (A false ro would make replicas diverge that meet the delta in
// different company.)
#include <algorithm>

#include "crdt/document/impl.h"

namespace weft {
namespace {

Error invalid(const char* what) { return Error(ErrorCode::kInvalidDelta, what); }

/// After so many runs in one gap a table is made of it.
constexpr std::size_t kWalkMax = 32;
/// How far up the tree of insertions is looked for an ancestor.
constexpr int kClimbMax = 64;

int compare_or_end(const RunTree& tree, LocalDot a, LocalDot b) {
  if (a == b) return 0;
  if (a.is_none()) return 1;
  if (b.is_none()) return -1;
  return tree.compare(a, b);
}

}  // namespace

SiblingTable& DocumentImpl::make_siblings(SequenceState& sequence, RunTree& tree, LocalDot lo,
                                          const OpContext& context) {
  auto& table = sequence.siblings[lo.packed()];
  table = std::make_unique<SiblingTable>();
  crowded.push_back(&sequence);
  auto position = [&](LocalDot a, LocalDot b) { return compare_or_end(tree, a, b); };
  auto stamp_less = [&](LocalDot a, LocalDot b) { return stamp(a, context) < stamp(b, context); };
  struct Member {
    LocalDot dot;
    LocalDot ro;
  };
  std::vector<Member> members;
  for (LocalDot first = tree.next(lo); !first.is_none();) {
    auto origin = origin_of(first);
    if (!origin) break;
    if (origin->lo == lo) {
      members.push_back({first, origin->ro});
    } else if (!lo.is_none() && (origin->lo.is_none() || tree.compare(origin->lo, lo) < 0)) {
      break;  // no descendant of lo any more
    }
    Run run = tree.run_at(first).run;
    first = tree.next(run.first.plus(run.count - 1));
  }
  // Left children come before the sibling they hang on: members first, then groups.
  for (std::size_t i = members.size(); i-- > 0;)
    table->add(members[i].dot, members[i].ro, stamp_less, position);
  return *table;
}

void DocumentImpl::add_sibling(SequenceState& sequence, RunTree& tree, LocalDot lo, LocalDot ro,
                               LocalDot dot, const OpContext& context) {
  auto* table = sequence.siblings.find(lo.packed());
  if (table == nullptr) return;
  (*table)->add(
      dot, ro, [&](LocalDot a, LocalDot b) { return stamp(a, context) < stamp(b, context); },
      [&](LocalDot a, LocalDot b) { return compare_or_end(tree, a, b); });
}

std::optional<HeldOp> DocumentImpl::find_op(LocalDot dot) const {
  std::span<const Op> ops = in_progress.ops;
  if (!ops.empty() && dot.replica == in_progress.author && dot.seq >= ops.front().seq) {
    auto at = std::upper_bound(ops.begin(), ops.end(), dot.seq,
                               [](Seq seq, const Op& op) { return seq < op.end(); });
    if (at == ops.end()) return std::nullopt;
    return HeldOp{&*at, in_progress.content, false};
  }
  auto found = log.find(dot);
  if (!found) return std::nullopt;
  return HeldOp{found->op, found->chunk->content(), found->chunk->skeleton};
}

std::optional<LocalDot> DocumentImpl::erase_target(LocalDot dot) const {
  auto found = find_op(dot);
  if (!found || found->op->kind != OpKind::kErase) return std::nullopt;
  return target_of_unit(*found->op, dot.seq - found->op->seq);
}

std::optional<Neighbour> DocumentImpl::origin_of(LocalDot dot) const {
  auto found = find_op(dot);
  if (!found || (!is_insert(found->op->kind) && found->op->kind != OpKind::kListMove))
    return std::nullopt;
  if (dot.seq == found->op->seq) return Neighbour{found->op->a, found->op->b};
  return Neighbour{{dot.replica, dot.seq - 1}, found->op->b};
}

/// What tables know of an operation's company may be wrong once it is taken back.
void DocumentImpl::drop_siblings() {
  for (SequenceState* sequence : crowded) sequence->siblings.clear();
  crowded.clear();
}

/// Does `element` lie in `ancestor`'s subtree in the tree of insertions? False also when it is too far.
bool DocumentImpl::hangs_on(LocalDot element, LocalDot ancestor) const {
  for (int i = 0; i < kClimbMax; ++i) {
    if (element == ancestor) return true;
    auto found = find_op(element);
    if (!found) return false;
    const Op& op = *found->op;
    // Inside an insertion every element hangs on the one before: go to its begin at once.
    if (ancestor.replica == element.replica && ancestor.seq >= op.seq &&
        ancestor.seq < element.seq && is_insert(op.kind))
      return true;
    if (!is_insert(op.kind) && op.kind != OpKind::kListMove) return false;
    LocalDot lo = op.a;
    LocalDot ro = op.b;
    element = lo;
    if (!ro.is_none()) {
      auto other = origin_of(ro);
      if (other && other->lo == lo) element = ro;  // a left child
    }
    if (element.is_none()) return false;
  }
  return false;
}

std::optional<Result<LocalDot>> DocumentImpl::place_by_table(SiblingTable& table, RunTree& tree,
                                                             LocalDot lo, LocalDot ro, LocalDot dot,
                                                             const OpContext& context) {
  bool left_child = !ro.is_none() && table.is_member(ro);
  LocalDot before_ro = tree.previous(ro);
  // Between lo's subtree and ro there may be elements that no table knows; then the walk has to do it.
  if (!left_child && !lo.is_none() && !hangs_on(before_ro, lo)) return std::nullopt;
  auto position = [&](LocalDot a, LocalDot b) { return compare_or_end(tree, a, b); };
  if (!context.trusted &&
      !table.is_first_in_past(context.author, ro, *context.past, dot.seq, position))
    return Result<LocalDot>(invalid("ro is not the first element after lo in the author's past"));
  LocalDot successor = table.successor(
      dot, ro, [&](LocalDot a, LocalDot b) { return stamp(a, context) < stamp(b, context); },
      position);
  return Result<LocalDot>(successor.is_none() ? before_ro : tree.previous(successor));
}

Result<LocalDot> DocumentImpl::place(SequenceState& sequence, RunTree& tree, LocalDot lo,
                                     LocalDot ro, LocalDot dot, const OpContext& context) {
  if (!lo.is_none() && (!in_past(lo, context, dot.seq) || !tree.contains(lo)))
    return invalid("lo is no element of this container in the author's past");
  LocalDot next = tree.next(lo);
  if (next == ro) {
    if (!ro.is_none() && !in_past(ro, context, dot.seq))
      return invalid("ro is not in the author's past");
    return lo;
  }
  if (!ro.is_none() && (!in_past(ro, context, dot.seq) || !tree.contains(ro)))
    return invalid("ro is no element of this container in the author's past");
  if (context.covers_everything && !context.trusted) return invalid("ro is not what follows lo");
  if (!ro.is_none() && !lo.is_none() && tree.compare(lo, ro) >= 0)
    return invalid("ro does not stand after lo");
  if (!sequence.siblings.empty())
    if (auto* table = sequence.siblings.find(lo.packed()))
      if (auto found = place_by_table(**table, tree, lo, ro, dot, context))
        return std::move(*found);
  std::size_t walked = 0;
  Stamp own_stamp = stamp(dot, context);
  LocalDot dest = lo;
  bool scanning = false;
  bool stopped = false;  // the place is found; the walk goes on only to check the rest of the gap
  for (LocalDot first = next; !(first == ro) && !first.is_none();) {
    if (++walked == kWalkMax) {
      SiblingTable& table = make_siblings(sequence, tree, lo, context);
      if (auto found = place_by_table(table, tree, lo, ro, dot, context)) return std::move(*found);
    }
    Run run = tree.run_at(first).run;
    if (!context.trusted && in_past(first, context, dot.seq))
      return invalid("ro is not the first element after lo in the author's past");
    Seq skipped = first.seq - run.first.seq;
    Seq count = run.count - skipped;
    if (ro.replica == first.replica && ro.seq > first.seq && ro.seq - first.seq < count)
      count = ro.seq - first.seq;
    LocalDot last = first.plus(count - 1);
    if (!stopped) {
      auto origin = origin_of(first);
      if (!origin)
        return Error(ErrorCode::kNeedHistory,
                     "the neighbours of an element that siblings are compared with");
      if (origin->lo == lo) {
        int order = 0;
        if (!(origin->ro == ro))
          order = origin->ro.is_none() ? 1 : ro.is_none() ? -1 : tree.compare(origin->ro, ro);
        if (order == 0) {
          if (stamp(first, context) < own_stamp) stopped = true;
          scanning = scanning && stopped;
        } else {
          scanning = order < 0;
        }
      } else if (!lo.is_none() && (origin->lo.is_none() || tree.compare(origin->lo, lo) < 0)) {
        stopped = true;
      }
      if (!stopped && !scanning) dest = last;
    }
    if (stopped && context.trusted) break;
    if (count < run.count - skipped) break;  // ro stands inside this run
    first = tree.next(last);
  }
  return dest;
}

}  // namespace weft
