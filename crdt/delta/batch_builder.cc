#include "crdt/delta/batch_builder.h"

#include "crdt/delta/slice.h"

namespace weft {

Status BatchBuilder::append(const Batch& next) {
  if (next.ops.empty()) return Error(ErrorCode::kInvalidArgument, "append: an empty batch");
  if (empty()) {
    batch_.replicas.push_back(next.author());
    replicas_.emplace(next.author(), 0);
    batch_.first_seq = next.first_seq;
  } else if (next.author() != batch_.author() || next.first_seq != batch_.end()) {
    return Error(ErrorCode::kInvalidArgument, "append: the batch does not follow on in this log");
  } else if (next.deltas.front().row_version < batch_.deltas.back().row_version) {
    return Error(ErrorCode::kInvalidArgument, "append: a row of version 1 behind one of version 2");
  }
  // Keys may lie outside of `content` and come on top of it.
  std::size_t added = next.content.size();
  for (std::string_view key : next.keys) added += key.size();
  if (batch_.owned.size() + added > 0xffff'ffff ||
      batch_.messages.size() + next.messages.size() > 0xffff'ffff)
    return Error(ErrorCode::kTooLarge, "append: a batch holds 4 GiB at most");
  for (const Op& op : next.ops) append_op(next, op);
  for (const DeltaRun& run : next.deltas) append_delta(next, run);
  batch_.op_count += next.op_count;
  return {};
}

void BatchBuilder::append_op(const Batch& next, const Op& op) {
  Op renamed = op;
  renamed.container = rename_container(next, op.container);
  renamed.a = rename(next, op.a);
  renamed.b = has_key(op.kind) ? LocalDot{0, rename_key(next, op.key())} : rename(next, op.b);
  if (op.kind == OpKind::kListMove) {
    renamed.content_begin = rename(next, moved_element(op)).replica;
  } else if (has_content(op.kind)) {
    renamed.content_begin = keep(next.content.substr(op.content_begin, op.content_size));
  }
  append_run(batch_.ops, renamed, 0);
}

void BatchBuilder::append_delta(const Batch& next, const DeltaRun& run) {
  if (!batch_.deltas.empty() && batch_.deltas.back().is_alike(run)) {
    batch_.deltas.back().delta_count += run.delta_count;
    return;
  }
  DeltaRun& added = batch_.deltas.emplace_back(run);
  added.dependency_begin = static_cast<std::uint32_t>(batch_.dependencies.size());
  added.message_begin = static_cast<std::uint32_t>(batch_.messages.size());
  batch_.messages += std::string_view(next.messages).substr(run.message_begin, run.message_size);
  for (std::uint32_t i = 0; i < run.dependency_count; ++i) {
    Dependency dependency = next.dependencies[run.dependency_begin + i];
    dependency.dot = rename(next, dependency.dot);
    batch_.dependencies.push_back(dependency);
  }
}

Batch BatchBuilder::take() {
  Batch result = std::move(batch_);
  result.content = as_text(result.owned);
  for (KeyPlace place : key_places_)
    result.keys.push_back(result.content.substr(place.begin, place.size));
  *this = BatchBuilder();
  return result;
}

ReplicaIndex BatchBuilder::rename(const Batch& next, ReplicaIndex replica) {
  if (replica == kNoReplica) return kNoReplica;
  ReplicaId id = next.replicas[replica];
  auto [found, is_new] = replicas_.emplace(id, static_cast<ReplicaIndex>(batch_.replicas.size()));
  if (is_new) batch_.replicas.push_back(id);
  return found->second;
}

LocalDot BatchBuilder::rename(const Batch& next, LocalDot dot) {
  return {rename(next, dot.replica), dot.seq};
}

std::uint32_t BatchBuilder::rename_container(const Batch& next, std::uint32_t index) {
  LocalDot dot = rename(next, next.containers[index]);
  auto [found, is_new] =
      containers_.emplace(dot.packed(), static_cast<std::uint32_t>(batch_.containers.size()));
  if (is_new) batch_.containers.push_back(dot);
  return found->second;
}

std::uint32_t BatchBuilder::rename_key(const Batch& next, std::uint32_t index) {
  std::string_view key = next.keys[index];
  auto found = keys_.find(key);
  if (found == keys_.end()) {
    found = keys_.emplace(std::string(key), static_cast<std::uint32_t>(key_places_.size())).first;
    key_places_.push_back({keep(key), static_cast<std::uint32_t>(key.size())});
  }
  return found->second;
}

std::uint32_t BatchBuilder::keep(std::string_view bytes) {
  auto begin = static_cast<std::uint32_t>(batch_.owned.size());
  ByteSpan added = as_bytes(bytes);
  batch_.owned.insert(batch_.owned.end(), added.begin(), added.end());
  return begin;
}

}  // namespace weft
