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
#include "crdt/document/impl.h"

namespace weft {
namespace {

Error invalid(const char* what) { return Error(ErrorCode::kInvalidDelta, what); }

}  // namespace

Result<LocalDot> DocumentImpl::place(RunTree& tree, LocalDot lo, LocalDot ro, LocalDot dot,
                                     const OpContext& context) {
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
  Stamp own_stamp = stamp(dot, context);
  LocalDot dest = lo;
  bool scanning = false;
  bool stopped = false;  // the place is found; the walk goes on only to check the rest of the gap
  for (LocalDot first = next; !(first == ro) && !first.is_none();) {
    Run run = tree.run_at(first).run;
    if (!context.trusted && in_past(first, context, dot.seq))
      return invalid("ro is not the first element after lo in the author's past");
    Seq skipped = first.seq - run.first.seq;
    Seq count = run.count - skipped;
    if (ro.replica == first.replica && ro.seq > first.seq && ro.seq - first.seq < count)
      count = ro.seq - first.seq;
    LocalDot last = first.plus(count - 1);
    if (!stopped) {
      auto origin = log.origin(first);
      if (!origin) return Error(ErrorCode::kNeedHistory, "the neighbours of an element that siblings are compared with");
      if (origin->lo == lo) {
        int order = 0;
        if (!(origin->ro == ro))
          order = origin->ro.is_none() ? 1 : ro.is_none() ? -1 : tree.compare(origin->ro, ro);
        if (order == 0) {
          if (graph.stamp_of(first) < own_stamp) stopped = true;
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
