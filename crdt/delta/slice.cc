#include "crdt/delta/slice.h"

#include "crdt/base/assert.h"
#include "crdt/base/bytes.h"
#include "crdt/base/utf8.h"
#include "crdt/delta/value_codec.h"

namespace weft {
namespace {

/// +1 or -1 if `next`'s first target lies next to `last` on that side, else 0.
int side_of(LocalDot last, LocalDot next) {
  if (last.replica != next.replica) return 0;
  if (next.seq == last.seq + 1) return 1;
  return next.seq + 1 == last.seq ? -1 : 0;
}

int direction(const Op& op) { return op.backward ? -1 : 1; }

/// The side that an erasure's run would grow to with `next`'s first unit; 0 if it does not continue it.
int erasure_side(const Op& previous, const Op& next) {
  int side = side_of(target_of_unit(previous, previous.count - 1), next.a);
  return previous.count == 1 || side == direction(previous) ? side : 0;
}

}  // namespace

std::uint32_t content_size_of_units(const Op& op, Seq units, std::string_view content) {
  if (units == op.count) return op.content_size;
  std::string_view own = content.substr(op.content_begin, op.content_size);
  if (op.kind == OpKind::kTextInsert) {
    if (op.content_size == op.count) return units;
    std::size_t size = units <= op.count / 2 ? utf8_offset_of_scalar(own, units)
                                             : utf8_offset_from_end(own, op.count - units);
    return static_cast<std::uint32_t>(size);
  }
  WEFT_ASSERT(op.kind == OpKind::kListInsert);
  ByteSpan values = as_bytes(own);
  std::size_t size = 0;
  for (Seq i = 0; i < units; ++i) size += value_size(values.subspan(size));
  return static_cast<std::uint32_t>(size);
}

Op slice_op(const Op& op, Seq begin, Seq end, ReplicaIndex author, std::string_view content) {
  WEFT_ASSERT(op.seq <= begin && begin < end && end <= op.end());
  if (begin == op.seq && end == op.end()) return op;
  Op result = op;
  Seq skipped = begin - op.seq;
  result.seq = begin;
  result.count = end - begin;
  if (is_insert(op.kind)) {
    std::uint32_t content_skipped = content_size_of_units(op, skipped, content);
    if (skipped != 0) result.a = {author, begin - 1};
    result.content_begin += content_skipped;
    result.content_size -= content_skipped;
    if (end != op.end()) {
      // What is left of the op from `begin` on is cut again, so that the scan goes on from there.
      Op rest = result;
      rest.count = op.end() - begin;
      result.content_size = content_size_of_units(rest, result.count, content);
    }
    return result;
  }
  WEFT_ASSERT(has_targets(op.kind));
  result.a = target_of_unit(op, skipped);
  result.backward = op.backward && result.count > 1;
  return result;
}

bool continues_run(const Op& previous, const Op& next, ReplicaIndex author) {
  if (previous.kind != next.kind || previous.container != next.container) return false;
  if (is_insert(next.kind)) return next.a == LocalDot{author, next.seq - 1} && next.b == previous.b;
  if (next.kind == OpKind::kErase) return erasure_side(previous, next) != 0;
  if (has_targets(next.kind)) return next.a == previous.a.plus(previous.count);
  return false;
}

bool can_join(const Op& previous, const Op& next, ReplicaIndex author) {
  if (!continues_run(previous, next, author)) return false;
  if (is_insert(next.kind))
    return next.content_begin == previous.content_begin + previous.content_size;
  if (next.kind == OpKind::kErase)
    return next.count == 1 || direction(next) == erasure_side(previous, next);
  return true;
}

void join(Op& previous, const Op& next) {
  if (is_insert(next.kind)) {
    previous.content_size += next.content_size;
  } else if (next.kind == OpKind::kErase) {
    previous.backward = erasure_side(previous, next) < 0;
  }
  previous.count += next.count;
}

bool absorb(Op& previous, Op& next, ReplicaIndex author) {
  while (continues_run(previous, next, author)) {
    if (can_join(previous, next, author)) {
      join(previous, next);
      return true;
    }
    if (next.kind != OpKind::kErase) return false;  // content that lies elsewhere
    join(previous, slice_op(next, next.seq, next.seq + 1, author, {}));
    next = slice_op(next, next.seq + 1, next.end(), author, {});
  }
  return false;
}

void append_joined(std::vector<Op>& log, const Op& op, ReplicaIndex author) {
  Op rest = op;
  if (!absorb(log.back(), rest, author)) log.push_back(rest);
}

}  // namespace weft
