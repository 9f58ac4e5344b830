#include "crdt/delta/operation_log.h"

#include <algorithm>

#include "crdt/base/assert.h"

namespace weft {
namespace {

/// A chunk is closed when its content reaches this, far below the 4 GiB its offsets can name.
constexpr std::size_t kChunkTextMax = std::size_t{256} << 20;

}  // namespace

std::size_t LogChunk::op_at(Seq seq) const {
  auto at = std::upper_bound(ops.begin(), ops.end(), seq,
                             [](Seq value, const Op& op) { return value < op.end(); });
  return static_cast<std::size_t>(at - ops.begin());
}

std::size_t LogChunk::delta_at(Seq seq) const {
  auto at = std::upper_bound(deltas.begin(), deltas.end(), seq,
                             [](Seq value, const DeltaRun& run) { return value < run.end(); });
  return static_cast<std::size_t>(at - deltas.begin());
}

LogChunk& OperationLog::open_chunk(ReplicaIndex replica, Seq begin) {
  Chunks& chunks = replicas_[replica];
  if (chunks.empty() || chunks.back()->sealed || chunks.back()->skeleton ||
      chunks.back()->text.size() > kChunkTextMax) {
    auto chunk = std::make_unique<LogChunk>();
    chunk->begin = chunk->end = begin;
    chunks.push_back(std::move(chunk));
  }
  WEFT_ASSERT(chunks.back()->end == begin);
  return *chunks.back();
}

void OperationLog::add_chunk(ReplicaIndex replica, std::unique_ptr<LogChunk> chunk) {
  WEFT_ASSERT(replicas_[replica].empty() || replicas_[replica].back()->end == chunk->begin);
  replicas_[replica].push_back(std::move(chunk));
}

void OperationLog::truncate(ReplicaIndex replica, Seq end, std::size_t text_size) {
  Chunks& chunks = replicas_[replica];
  if (chunks.empty()) return;
  LogChunk& chunk = *chunks.back();
  if (chunk.sealed || chunk.skeleton) return;
  while (!chunk.ops.empty() && chunk.ops.back().seq >= end) chunk.ops.pop_back();
  if (!chunk.ops.empty() && chunk.ops.back().end() > end) {
    Op& last = chunk.ops.back();
    last = slice_op(last, last.seq, end, replica, chunk.text);
  }
  chunk.text.resize(text_size);
  chunk.end = end;
}

std::optional<LoggedOp> OperationLog::find(LocalDot dot) const {
  if (dot.replica >= replicas_.size()) return std::nullopt;
  const Chunks& chunks = replicas_[dot.replica];
  if (chunks.empty()) return std::nullopt;
  const LogChunk* chunk = chunks.back().get();
  if (dot.seq < chunk->begin) {
    auto at = std::upper_bound(chunks.begin(), chunks.end(), dot.seq,
                               [](Seq seq, const auto& c) { return seq < c->end; });
    chunk = at->get();
  }
  std::size_t index = chunk->op_at(dot.seq);
  if (index == chunk->ops.size() || chunk->ops[index].seq > dot.seq) return std::nullopt;
  return LoggedOp{&chunk->ops[index], chunk};
}

std::optional<Neighbour> OperationLog::origin(LocalDot dot) const {
  auto found = find(dot);
  if (!found) return std::nullopt;
  const Op& op = *found->op;
  if (!is_insert(op.kind) && op.kind != OpKind::kListMove) return std::nullopt;
  if (dot.seq == op.seq) return Neighbour{op.a, op.b};
  return Neighbour{{dot.replica, dot.seq - 1}, op.b};
}

Seq OperationLog::base(ReplicaIndex replica) const {
  const Chunks& chunks = replicas_[replica];
  if (chunks.empty()) return 0;
  return chunks.front()->skeleton ? chunks.front()->end : chunks.front()->begin;
}

std::unique_ptr<LogChunk> OperationLog::clone_chunk(const LogChunk& chunk) const {
  auto copy = std::make_unique<LogChunk>(chunk);
  if (copy->sealed) {
    copy->text = std::string(chunk.borrowed);
    copy->owned.clear();
    copy->borrowed = {};
    copy->sealed = false;
  }
  return copy;
}

OperationLog OperationLog::clone() const {
  OperationLog copy;
  for (const Chunks& chunks : replicas_) {
    copy.add_replica();
    for (const auto& chunk : chunks) copy.replicas_.back().push_back(clone_chunk(*chunk));
  }
  return copy;
}

void append_delta_run(std::vector<DeltaRun>& runs, const DeltaRun& run) {
  if (!runs.empty()) {
    DeltaRun& last = runs.back();
    if (last.is_alike(run) && last.end() == run.first_seq) {
      last.delta_count += run.delta_count;
      return;
    }
  }
  runs.push_back(run);
}

}  // namespace weft
