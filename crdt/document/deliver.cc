// Deltas from outside, one at a time: wait for what they depend on, check and apply whole, or take back.
//
//   bytes -> decode -> admit -> kDuplicate: compare, done
//                            -> kWaits: into the pending queue, saying for what
//                            -> kReady: apply ops one by one; the first refused one takes all back
#include <algorithm>

#include "crdt/base/checksum.h"
#include "crdt/document/author_guard.h"
#include "crdt/document/impl.h"
#include "crdt/document/observe.h"
#include "crdt/document/translator.h"

namespace weft {

Result<DocumentImpl::Admission> DocumentImpl::admit(const Batch& batch) const {
  Admission admission;
  auto author = graph.find(batch.author());
  Seq end = author ? graph.end(*author) : 0;
  if (batch.end() <= end) {
    admission.kind = Admission::Kind::kDuplicate;
    return admission;
  }
  if (batch.first_seq < end)
    return Error(ErrorCode::kForkedReplica, "replica " + to_string(batch.author()) +
                                                " has cut its log in two ways at " +
                                                std::to_string(batch.first_seq));
  if (batch.first_seq > end) admission.missing.push_back({batch.author(), batch.first_seq - 1});
  for (const Dependency& dependency : batch.dependencies) {
    ReplicaId id = batch.replicas[dependency.dot.replica];
    auto replica = graph.find(id);
    Seq known = replica ? graph.end(*replica) : 0;
    if (dependency.dot.seq >= known) {
      admission.missing.push_back({id, dependency.dot.seq});
    } else if (graph.names_other_history({*replica, dependency.dot.seq}, dependency.chain)) {
      admission.forked = true;
    }
  }
  if (!admission.missing.empty()) admission.kind = Admission::Kind::kWaits;
  return admission;
}

Status DocumentImpl::apply_ready_delta(const Batch& batch, const DeltaRun& delta,
                                       std::span<const Op> ops, Translator& translator) {
  ReplicaIndex author = translator.author();
  if (delta.row_version == kLegacyRowVersion && graph.legacy_end(author) != delta.first_seq)
    return Error(ErrorCode::kInvalidDelta, "delta " +
                                               to_string(Dot{batch.author(), delta.first_seq}) +
                                               ": a row of version 1 behind one of version 2");
  boost::container::small_vector<Dependency, 2> dependencies;
  for (std::uint32_t i = 0; i < delta.dependency_count; ++i) {
    Dependency dependency = batch.dependencies[delta.dependency_begin + i];
    translator.dot(dependency.dot);
    dependencies.push_back(dependency);
  }
  std::span<const Dependency> deps(dependencies.data(), dependencies.size());
  OpContext context;
  context.author = author;
  context.first_seq = delta.first_seq;
  context.clock = graph.next_clock(author, deps, delta.committed_at_ms, delta.row_version);
  context.covers_everything = graph.covers_everything(author, deps);
  if (!context.covers_everything) context.past = &graph.past_after(author, deps);
  context.content = batch.content;
  begin_journal();
  boost::container::small_vector<Op, 4> applied;
  for (const Op& from : ops) {
    Op op = from;
    in_progress = {std::span(applied.data(), applied.size()), author, batch.content};
    Status status = translator.op(op, context);
    if (status.ok()) status = apply_op(op, context);
    if (!status.ok()) {
      // Taking back looks up what the delta did, so it is in progress until all is taken back.
      rollback_ops(std::span(applied.data(), applied.size()), context);
      in_progress = {};
      translator.forget_names();
      Error error = status.take_error();
      return Error(error.code(), "delta " + to_string(Dot{batch.author(), delta.first_seq}) +
                                     ", operation " + std::to_string(from.seq) + ": " +
                                     error.context());
    }
    applied.push_back(op);
  }
  in_progress = {};
  LogChunk& chunk = log.open_chunk(author, delta.first_seq);
  for (Op op : applied) {
    if (has_content(op.kind)) {
      std::string_view content = batch.content.substr(op.content_begin, op.content_size);
      op.content_begin = static_cast<std::uint32_t>(chunk.text.size());
      chunk.text += content;
    }
    append_run(chunk.ops, op, author);
  }
  DeltaRun run = delta;
  run.delta_count = 1;
  run.dependency_begin = static_cast<std::uint32_t>(chunk.dependencies.size());
  chunk.dependencies.insert(chunk.dependencies.end(), deps.begin(), deps.end());
  if (run.message_size > 0) {
    std::string_view message =
        std::string_view(batch.messages).substr(run.message_begin, run.message_size);
    run.message_begin = static_cast<std::uint32_t>(chunk.messages.size());
    chunk.messages += message;
  } else {
    run.message_begin = 0;
  }
  if (run.dependency_count == 0) run.dependency_begin = 0;
  append_delta_run(chunk.deltas, run);
  chunk.end = delta.first_seq + delta.ops_each;
  graph.append(author, delta.ops_each, deps, context.clock);
  return {};
}

Result<ApplyReport> DocumentImpl::apply_delta(ByteSpan bytes) {
  if (read_only) return Error(ErrorCode::kReadOnly, "a checkout takes no deltas");
  if (tx.open) return Error(ErrorCode::kTransactionOpen, "finish the open transaction first");
  WEFT_ASSIGN(Batch batch, decode_delta(bytes, options.limits));
  ApplyReport report;
  WEFT_TRY(take_delta(batch, bytes, report));
  if (report.applied > 0) {
    drain_pending({batch.author()}, report);
    deliver_patches(false, {});
  }
  return report;
}

Status DocumentImpl::take_delta(Batch& batch, ByteSpan bytes, ApplyReport& report) {
  WEFT_ASSIGN(Admission admission, admit(batch));
  switch (admission.kind) {
    case Admission::Kind::kDuplicate:
      WEFT_TRY(check_duplicate(batch, bytes));
      ++report.duplicate;
      return {};
    case Admission::Kind::kWaits:
      add_pending(bytes, batch, std::move(admission.missing), report);
      return {};
    case Admission::Kind::kReady:
      break;
  }
  WEFT_TRY(ensure_skeleton());
  AuthorGuard author(*this, batch.author());
  Translator translator(*this, batch, author.index());
  std::uint64_t chain = xxh3_64(bytes, graph.chain(author.index()));
  WEFT_TRY(apply_ready_delta(batch, batch.deltas.front(), batch.ops, translator));
  graph.set_chain(author.index(), chain);
  author.keep();
  ++report.applied;
  if (admission.forked) ++report.forked;
  return {};
}

std::optional<Bytes> DocumentImpl::logged_row(ReplicaIndex author, Seq first_seq, Seq op_count) {
  const LogChunk* chunk = nullptr;
  auto run = delta_of({author, first_seq}, &chunk);
  if (!run || chunk->skeleton) return std::nullopt;
  Seq into = (first_seq - run->first_seq) % run->ops_each;
  if (into != 0 || run->ops_each != op_count) return Bytes();
  return encode_logged(author, *chunk, *run, first_seq);
}

Error DocumentImpl::two_histories(const Dot& first) {
  return Error(ErrorCode::kForkedReplica, "replica " + to_string(first.replica) +
                                              " has two histories: two deltas at " +
                                              std::to_string(first.seq));
}

/// A known dot again: it must be the same delta. Where its content is not held, it is believed.
Status DocumentImpl::check_duplicate(const Batch& batch, ByteSpan bytes) {
  std::optional<Bytes> known =
      logged_row(*graph.find(batch.author()), batch.first_seq, batch.op_count);
  if (!known || std::ranges::equal(*known, bytes)) return {};
  return two_histories({batch.author(), batch.first_seq});
}

void DocumentImpl::add_pending(ByteSpan bytes, const Batch& batch, std::vector<Dot> missing,
                               ApplyReport& report) {
  WaitingDelta delta;
  delta.bytes.assign(bytes.begin(), bytes.end());
  delta.first = {batch.author(), batch.first_seq};
  delta.op_count = batch.op_count;
  delta.missing = std::move(missing);
  auto author = graph.find(batch.author());
  Seq end = author ? graph.end(*author) : 0;
  Seq distance = batch.first_seq > end ? batch.first_seq - end : 0;
  if (pending.add(std::move(delta), distance, report.dropped) ==
      PendingQueue::Added::kHeldAlready) {
    ++report.duplicate;
  } else {
    ++report.pending;
  }
}

/// Applies what waited for `advanced`, replicas of which something new is there, and so on.
void DocumentImpl::drain_pending(std::vector<ReplicaId> advanced, ApplyReport& report) {
  auto is_known = [&](const Dot& dot) { return graph.local(dot).has_value(); };
  while (!advanced.empty() && !pending.empty()) {
    ReplicaId replica = advanced.back();
    advanced.pop_back();
    for (const WaitingDelta& delta :
         pending.wake(replica, graph.end(*graph.find(replica)), is_known)) {
      if (report.pending > 0) --report.pending;
      Result<Batch> batch = decode_delta(delta.bytes, options.limits);
      Status status =
          batch.ok() ? take_delta(*batch, delta.bytes, report) : Status(batch.take_error());
      if (status.ok()) {
        advanced.push_back(delta.first.replica);
      } else {
        ++report.refused;
      }
    }
  }
}

}  // namespace weft
