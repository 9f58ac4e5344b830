// Transactions: begin, commit, rollback. One at a time; its operations take effect at once and lie in
// our own open log chunk, so rolling back is walking that chunk backwards.
#include <algorithm>

#include "crdt/base/checksum.h"
#include "crdt/base/utf8.h"
#include "crdt/document/impl.h"
#include "crdt/document/observe.h"

namespace weft {
namespace {

/// What can be done about it depends on the measure: more transactions help, but not against dependencies.
Error too_large(const char* verb, std::size_t count, std::size_t limit, const char* of_what) {
  return Error(ErrorCode::kTooLarge, std::string("the transaction ") + verb + " " +
                                         std::to_string(count) + " " + of_what +
                                         ", more than the " + std::to_string(limit) +
                                         " that every reader takes: split it up");
}

}  // namespace

Status DocumentImpl::begin_transaction(TransactionOptions given) {
  if (read_only) return Error(ErrorCode::kReadOnly, "a checkout can't be edited");
  if (tx.open) return Error(ErrorCode::kTransactionOpen, "finish the open transaction first");
  WEFT_TRY(ensure_skeleton());
  tx.time_ms = options.now_ms ? options.now_ms() : 0;
  if (tx.time_ms < options.clock_floor_ms) tx.time_ms = 0;  // a clock that was never set
  if (tx.time_ms >= kMaxTimeMs)
    return Error(ErrorCode::kInvalidArgument, "the clock says a time after the year 2099");
  if (given.message.size() > options.limits.message_bytes)
    return Error(ErrorCode::kTooLarge,
                 "the message is over " + std::to_string(options.limits.message_bytes) + " bytes");
  if (!valid_utf8(given.message)) return Error(ErrorCode::kInvalidUtf8, "the message is not UTF-8");
  tx.begin = graph.end(self);
  own_chunk = &log.open_chunk(self, tx.begin);
  tx.text_size = own_chunk->text.size();
  tx.first_op = own_chunk->ops.empty() ? 0 : own_chunk->ops.size() - 1;
  tx.clock = graph.next_clock(self, tx.time_ms, row_version_of(options.replica));
  tx.options = std::move(given);
  tx.failed = false;
  tx.open = true;
  begin_journal();
  return {};
}

Status DocumentImpl::write_as(ReplicaId replica) {
  if (read_only) return Error(ErrorCode::kReadOnly, "a checkout can't be edited");
  if (tx.open) return Error(ErrorCode::kTransactionOpen, "finish the open transaction first");
  options.replica = replica;
  self = intern_replica(replica);
  undo_stack.clear();
  redo_stack.clear();
  stands_for.clear();
  return {};
}

OpContext DocumentImpl::own_context() const {
  OpContext context;
  context.author = self;
  context.first_seq = tx.begin;
  context.clock = tx.clock;
  context.content = own_chunk->text;
  return context;
}

Status DocumentImpl::check_edit() {
  if (!tx.open) return Error(ErrorCode::kReadOnly, "editing needs an open transaction");
  if (tx.failed)
    return Error(ErrorCode::kTransactionFailed,
                 "an earlier operation failed: " + tx.error.context());
  return {};
}

Status DocumentImpl::check_room(std::size_t units) {
  if (units > kMaxSeq || next_seq() > kMaxSeq - units)
    return Error(ErrorCode::kTooLarge, "the replica has used up its 2^31 operations");
  const EncodeLimits limits = encode_limits(options.limits);
  if (own_chunk->text.size() - tx.text_size > limits.output_bytes)
    return too_large("takes", own_chunk->text.size() - tx.text_size, limits.output_bytes, "bytes");
  return {};
}

Status DocumentImpl::fail_transaction(Error error) {
  typing = Typing();
  if (tx.open && !tx.failed) {
    tx.failed = true;
    tx.error = error.clone();
  }
  return error;
}

void DocumentImpl::log_own(const Op& given, std::string_view content) {
  Op op = given;
  op.seq = own_chunk->end;
  if (has_content(op.kind)) {
    op.content_begin = static_cast<std::uint32_t>(own_chunk->text.size());
    op.content_size = static_cast<std::uint32_t>(content.size());
    own_chunk->text.append(content);
  }
  if (is_single(op.kind)) {
    own_chunk->ops.push_back(op);
  } else {
    append_run(own_chunk->ops, op, self);
  }
  own_chunk->end += op.count;
}

Result<Commit> DocumentImpl::commit_transaction() {
  auto commit = seal_transaction();
  // Observers may edit, and even end the document: nothing of it is touched behind this.
  if (commit.ok() && observing()) deliver_patches(true, std::move(tx.options.origin));
  return commit;
}

/// Would every reader take the delta that was just encoded?
Status DocumentImpl::check_limits(std::size_t run_count, std::size_t dependency_count) const {
  const EncodeLimits limits = encode_limits(options.limits);
  if (delta_bytes.size() > limits.output_bytes)
    return too_large("takes", delta_bytes.size(), limits.output_bytes, "bytes");
  if (run_count > limits.ops) return too_large("has", run_count, limits.ops, "runs of operations");
  if (encoder.replica_count() >= limits.replicas)  // the author is one more
    return too_large("names", encoder.replica_count(), limits.replicas, "replicas");
  if (dependency_count > limits.dependencies)
    return Error(ErrorCode::kTooLarge,
                 "the document has " + std::to_string(dependency_count) +
                     " concurrent ends, more than the " + std::to_string(limits.dependencies) +
                     " that a delta can follow: let another replica write that has seen fewer");
  return {};
}

Result<Commit> DocumentImpl::seal_transaction() {
  typing = Typing();
  if (!tx.open) return Error(ErrorCode::kInvalidArgument, "there is no open transaction");
  if (tx.failed) {
    Error error = std::move(tx.error);
    rollback_transaction();
    return error;
  }
  Commit commit;
  commit.first = {options.replica, tx.begin};
  commit.op_count = own_chunk->end - tx.begin;
  if (commit.op_count == 0) {
    tx.open = false;
    return commit;
  }
  boost::container::small_vector<Dependency, 2> dependencies;
  for (LocalDot dot : graph.frontier())
    if (dot.replica != self) dependencies.push_back({dot, graph.chain(dot.replica)});
  if (dependencies.size() > 1)
    std::sort(dependencies.begin(), dependencies.end(), [&](const auto& a, const auto& b) {
      return graph.id(a.dot.replica) < graph.id(b.dot.replica);
    });
  std::span<const Dependency> deps(dependencies.data(), dependencies.size());
  DeltaHead head{self,
                 tx.begin,
                 commit.op_count,
                 tx.time_ms,
                 deps,
                 tx.options.message,
                 row_version_of(options.replica)};
  std::size_t first = tx.first_op;
  const std::vector<Op>& ops = own_chunk->ops;
  while (ops[first].end() <= tx.begin) ++first;
  delta_bytes.clear();
  std::uint32_t content_begin =
      ops[first].seq < tx.begin ? static_cast<std::uint32_t>(tx.text_size) : kUnknownContentBegin;
  encoder.encode(DocumentNames{*this}, head, std::span(ops).subspan(first), own_chunk->text,
                 delta_bytes, content_begin);
  Status fits = check_limits(ops.size() - first, deps.size());
  if (!fits.ok()) {
    rollback_transaction();
    return fits.take_error();
  }
  DeltaRun run;
  run.first_seq = tx.begin;
  run.ops_each = commit.op_count;
  run.committed_at_ms = tx.time_ms;
  run.row_version = head.row_version;
  if (!deps.empty()) {
    run.dependency_begin = static_cast<std::uint32_t>(own_chunk->dependencies.size());
    run.dependency_count = static_cast<std::uint32_t>(deps.size());
    own_chunk->dependencies.insert(own_chunk->dependencies.end(), deps.begin(), deps.end());
  }
  if (!tx.options.message.empty()) {
    run.message_begin = static_cast<std::uint32_t>(own_chunk->messages.size());
    run.message_size = static_cast<std::uint32_t>(tx.options.message.size());
    own_chunk->messages += tx.options.message;
  }
  append_delta_run(own_chunk->deltas, run);
  graph.append(self, commit.op_count, deps, tx.clock);
  graph.set_chain(self, xxh3_64(delta_bytes, graph.chain(self)));
  commit.delta = InlineBytes(delta_bytes);
  tx.open = false;
  if (options.undo_depth > 0 && !undoing) push_undo(tx.begin, own_chunk->end);
  return commit;
}

void DocumentImpl::rollback_transaction() {
  typing = Typing();
  if (!tx.open) return;
  if (own_chunk->end > tx.begin) {
    std::vector<Op> ops;
    const std::vector<Op>& logged = own_chunk->ops;
    std::size_t first = tx.first_op;
    while (logged[first].end() <= tx.begin) ++first;
    for (std::size_t i = first; i < logged.size(); ++i)
      ops.push_back(slice_op(logged[i], std::max(logged[i].seq, tx.begin), logged[i].end(), self,
                             own_chunk->text));
    rollback_ops(ops, own_context());
    log.truncate(self, tx.begin, tx.text_size);
  }
  discard_patches();
  tx.open = false;
}

}  // namespace weft
