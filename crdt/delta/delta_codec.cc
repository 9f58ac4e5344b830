// The row form of a batch's deltas, written: finds the runs that a delta lies in, DeltaEncoder does the rest.

#include <algorithm>

#include "crdt/delta/batch_names.h"
#include "crdt/delta/codec.h"
#include "crdt/delta/row_encoder.h"
#include "crdt/delta/slice.h"

namespace weft {
namespace {

DeltaHead head_of(const Batch& batch, const DeltaRun& run, std::uint32_t member) {
  DeltaHead head;
  head.first_seq = run.first_seq + member * run.ops_each;
  head.op_count = run.ops_each;
  head.committed_at_ms = run.committed_at_ms;
  head.dependencies =
      std::span(batch.dependencies).subspan(run.dependency_begin, run.dependency_count);
  head.message = std::string_view(batch.messages).substr(run.message_begin, run.message_size);
  head.row_version = run.row_version;
  return head;
}

}  // namespace

void encode_delta(const Batch& batch, std::size_t index, Bytes& out) {
  auto run = batch.deltas.begin();
  for (; run != batch.deltas.end() && index >= run->delta_count; ++run) index -= run->delta_count;
  WEFT_ASSERT(run != batch.deltas.end());
  DeltaHead head = head_of(batch, *run, static_cast<std::uint32_t>(index));
  auto first = std::partition_point(batch.ops.begin(), batch.ops.end(),
                                    [&](const Op& op) { return op.end() <= head.first_seq; });
  auto last = std::partition_point(first, batch.ops.end(),
                                   [&](const Op& op) { return op.seq < head.end(); });
  DeltaEncoder encoder;
  encoder.encode(BatchNames(batch), head, std::span(first, last), batch.content, out);
}

bool DeltaWalk::next(Bytes& out) {
  if (run_ == batch_.deltas.size()) return false;
  DeltaHead head = head_of(batch_, batch_.deltas[run_], member_);
  std::size_t end = op_;
  while (end < batch_.ops.size() && batch_.ops[end].seq < head.end()) ++end;
  std::span<const Op> ops = std::span(batch_.ops).subspan(op_, end - op_);
  encoder_.encode(BatchNames(batch_), head, ops, batch_.content, out, content_begin_);

  if (++member_ == batch_.deltas[run_].delta_count) {
    member_ = 0;
    ++run_;
  }
  const Op& last = ops.back();
  if (last.end() == head.end()) {
    op_ = end;
    content_begin_ = kUnknownContentBegin;
    return true;
  }
  // The next delta begins inside `last`: note where its content does, counting from where this delta's did.
  bool cut_before = last.seq < head.first_seq;
  op_ = end - 1;
  if (!is_insert(last.kind)) {
    content_begin_ = kUnknownContentBegin;
    return true;
  }
  if (!cut_before || content_begin_ == kUnknownContentBegin) content_begin_ = last.content_begin;
  Op rest = last;
  Seq first = cut_before ? head.first_seq : last.seq;
  rest.seq = first;
  rest.count = last.end() - first;
  rest.content_size = last.content_begin + last.content_size - content_begin_;
  rest.content_begin = content_begin_;
  content_begin_ += content_size_of_units(rest, head.end() - first, batch_.content);
  return true;
}

}  // namespace weft
