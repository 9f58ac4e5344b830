// What leaves the document as deltas: rows, bundles, the history file, the log's listing.
#include <algorithm>

#include "crdt/delta/history_file.h"
#include "crdt/document/impl.h"

namespace weft {
namespace {

/// Gives indices of the document dense numbers of a batch, in order of first use.
class LocalTable {
 public:
  std::uint32_t number(std::uint32_t index, bool& is_new) {
    std::uint32_t& number = numbers_[index];
    is_new = number == 0;
    if (is_new) number = ++count_;
    return number - 1;
  }

 private:
  FlatTable<std::uint32_t> numbers_;
  std::uint32_t count_ = 0;
};

/// Builds a Batch out of the document's log.
class BatchBuilderFromLog {
 public:
  BatchBuilderFromLog(const DocumentImpl& impl, ReplicaIndex author) : impl_(impl) {
    replica(author);
  }

  LocalDot dot(LocalDot dot) {
    return dot.is_none() ? dot : LocalDot{replica(dot.replica), dot.seq};
  }

  void add(Op op, std::string_view content, std::string& out) {
    bool is_new = false;
    std::uint32_t name = op.container;
    op.container = containers_.number(name, is_new);
    if (is_new) batch.containers.push_back(dot(impl_.names[name].dot));
    op.a = dot(op.a);
    if (is_insert(op.kind) || op.kind == OpKind::kListMove || op.kind == OpKind::kListSet)
      op.b = dot(op.b);
    if (op.kind == OpKind::kListMove) {
      LocalDot element = dot(moved_element(op));
      op.content_begin = element.replica;
      op.content_size = element.seq;
    }
    if (has_key(op.kind)) {
      std::uint32_t key = op.key();
      op.b = {0, keys_.number(key, is_new)};
      if (is_new) batch.keys.push_back(impl_.keys[key]);
    }
    if (has_content(op.kind)) {
      op.content_begin = static_cast<std::uint32_t>(out.size());
      out += content;
    }
    append_run(batch.ops, op, 0);
  }

  Batch batch;

 private:
  std::uint32_t replica(ReplicaIndex index) {
    bool is_new = false;
    std::uint32_t number = replicas_.number(index, is_new);
    if (is_new) batch.replicas.push_back(impl_.graph.id(index));
    return number;
  }
  const DocumentImpl& impl_;
  LocalTable replicas_;
  LocalTable containers_;
  LocalTable keys_;
};

}  // namespace

Seq DocumentImpl::base_of(ReplicaIndex replica) const {
  return skeleton_pending || is_part() ? graph.end(replica) : log.base(replica);
}

std::optional<DeltaRun> DocumentImpl::delta_of(LocalDot dot, const LogChunk** chunk) const {
  for (const auto& candidate : log.chunks(dot.replica)) {
    if (dot.seq >= candidate->end) continue;
    if (candidate->skeleton || dot.seq < candidate->begin) return std::nullopt;
    std::size_t index = candidate->delta_at(dot.seq);
    if (index == candidate->deltas.size()) return std::nullopt;
    *chunk = candidate.get();
    return candidate->deltas[index];
  }
  return std::nullopt;
}

Bytes DocumentImpl::encode_logged(ReplicaIndex author, const LogChunk& chunk, const DeltaRun& run,
                                  Seq first_seq) {
  DeltaHead head{author,          first_seq,          run.ops_each,   run.committed_at_ms,
                 chunk.deps(run), chunk.message(run), run.row_version};
  Bytes out;
  std::size_t first = chunk.op_at(first_seq);
  std::size_t last = first;
  while (last < chunk.ops.size() && chunk.ops[last].seq < head.end()) ++last;
  encoder.encode(DocumentNames{*this}, head, std::span(chunk.ops).subspan(first, last - first),
                 chunk.content(), out);
  return out;
}

Result<OpenedBundle> DocumentImpl::bundle_of(ReplicaIndex replica, Seq begin, Seq end) const {
  std::string content;
  OpenedBundle bundle;
  WEFT_ASSIGN(bundle.batch, batch_of(replica, begin, end, content));
  ByteSpan bytes = as_bytes(content);
  bundle.batch.owned.assign(bytes.begin(), bytes.end());
  bundle.batch.content = as_text(ByteSpan(bundle.batch.owned));
  return bundle;
}

Result<Batch> DocumentImpl::batch_of(ReplicaIndex replica, Seq begin, Seq end,
                                     std::string& content) const {
  if (begin < base_of(replica))
    return Error(ErrorCode::kNeedHistory, "the log of " + to_string(graph.id(replica)) +
                                              " is held from " + std::to_string(base_of(replica)) +
                                              " on only");
  BatchBuilderFromLog builder(*this, replica);
  builder.batch.first_seq = begin;
  builder.batch.op_count = end - begin;
  for (const auto& chunk : log.chunks(replica)) {
    if (chunk->end <= begin || chunk->begin >= end || chunk->skeleton) continue;
    for (std::size_t i = chunk->delta_at(begin); i < chunk->deltas.size(); ++i) {
      DeltaRun run = chunk->deltas[i];
      if (run.first_seq >= end) break;
      if (run.first_seq < begin) {  // the members that are known already are left out
        std::uint32_t known = (begin - run.first_seq + run.ops_each - 1) / run.ops_each;
        run.first_seq += known * run.ops_each;
        run.delta_count -= known;
      }
      if (run.end() > end) run.delta_count = (end - run.first_seq) / run.ops_each;
      if (run.delta_count == 0) continue;
      std::span<const Dependency> deps = chunk->deps(run);
      std::string_view message = chunk->message(run);
      run.dependency_begin =
          static_cast<std::uint32_t>(deps.empty() ? 0 : builder.batch.dependencies.size());
      for (Dependency dependency : deps) {
        dependency.dot = builder.dot(dependency.dot);
        builder.batch.dependencies.push_back(dependency);
      }
      run.message_begin =
          static_cast<std::uint32_t>(message.empty() ? 0 : builder.batch.messages.size());
      builder.batch.messages += message;
      append_delta_run(builder.batch.deltas, run);
    }
    for (std::size_t i = chunk->op_at(begin); i < chunk->ops.size() && chunk->ops[i].seq < end;
         ++i) {
      const Op& op = chunk->ops[i];
      Op part =
          slice_op(op, std::max(op.seq, begin), std::min(op.end(), end), replica, chunk->content());
      std::string_view part_content =
          has_content(part.kind) ? chunk->content(part) : std::string_view();
      builder.add(part, part_content, content);
    }
  }
  if (builder.batch.deltas.empty() || builder.batch.deltas.front().first_seq != begin ||
      builder.batch.deltas.back().end() != end)
    return Error(ErrorCode::kNotFound, "a version cuts a delta of " + to_string(graph.id(replica)));
  builder.batch.content = content;
  return std::move(builder.batch);
}

Result<std::vector<Bytes>> Document::deltas_since(const VersionVector& since) const {
  DocumentImpl& impl = *impl_;
  struct Row {
    Stamp stamp;
    ReplicaIndex replica;
    const LogChunk* chunk;
    const DeltaRun* run;
    Seq first_seq;
  };
  std::vector<Row> rows;
  for (ReplicaIndex r = 0; r < impl.graph.replica_count(); ++r) {
    Seq from = since.end(impl.graph.id(r));
    if (from >= impl.graph.end(r)) continue;
    if (from < impl.base_of(r))
      return Error(ErrorCode::kNeedHistory, "the log of " + to_string(impl.graph.id(r)) +
                                                " is held from " + std::to_string(impl.base_of(r)) +
                                                " on only");
    for (const auto& chunk : impl.log.chunks(r)) {
      if (chunk->skeleton || chunk->end <= from) continue;
      for (std::size_t i = chunk->delta_at(from); i < chunk->deltas.size(); ++i) {
        const DeltaRun& run = chunk->deltas[i];
        std::uint32_t known = run.first_seq < from ? (from - run.first_seq) / run.ops_each : 0;
        for (std::uint32_t k = known; k < run.delta_count; ++k) {
          Seq seq = run.first_seq + k * run.ops_each;
          rows.push_back({impl.graph.stamp_of({r, seq}), r, chunk.get(), &run, seq});
        }
      }
    }
  }
  std::sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return a.stamp < b.stamp; });
  std::vector<Bytes> result;
  result.reserve(rows.size());
  for (const Row& row : rows)
    result.push_back(impl.encode_logged(row.replica, *row.chunk, *row.run, row.first_seq));
  return result;
}

namespace {

/// Where the log from `begin` to `end` can be cut about in the middle; `end` where one delta is all there is.
Seq middle_cut(const DocumentImpl& impl, ReplicaIndex replica, Seq begin, Seq end) {
  const Seq middle = begin + (end - begin) / 2;
  const LogChunk* chunk = nullptr;
  const std::optional<DeltaRun> run = impl.delta_of({replica, middle}, &chunk);
  if (!run) return end;
  const Seq first = middle - (middle - run->first_seq) % run->ops_each;
  return first > begin ? first : first + run->ops_each;
}

/// Would every reader take the bundle? Of one that is known to be too large before it is made, `sealed` is empty.
bool fits(const Batch& batch, const Bytes& sealed, const DecodeLimits& reader) {
  const EncodeLimits limits = encode_limits(reader);
  if (batch.ops.size() > limits.ops || batch.replicas.size() > limits.replicas ||
      batch.content.size() + batch.messages.size() > limits.unpacked_bytes)
    return false;
  if (sealed.empty()) return true;
  if (sealed.size() > limits.output_bytes) return false;
  const Result<BundleInfo> info = read_bundle_info(sealed, reader);
  return info.ok() && info->unpacked_size <= limits.unpacked_bytes;
}

/// The log from `begin` to `end` as bundles, one where readers take it so, else as many as it needs.
Status seal_parts(DocumentImpl& impl, ReplicaIndex replica, Seq begin, Seq end,
                  std::vector<Bytes>& out) {
  std::string content;
  WEFT_ASSIGN(const Batch batch, impl.batch_of(replica, begin, end, content));
  const Seq cut = middle_cut(impl, replica, begin, end);
  if (cut == end || fits(batch, {}, impl.options.limits)) {
    WEFT_ASSIGN(const std::uint64_t chain, impl.chain_at(replica, end));
    Bytes sealed = seal_bundle(batch, chain, impl.options.compressor);
    if (cut == end || fits(batch, sealed, impl.options.limits)) {
      out.push_back(std::move(sealed));
      return {};
    }
  }
  WEFT_TRY(seal_parts(impl, replica, begin, cut, out));
  return seal_parts(impl, replica, cut, end, out);
}

}  // namespace

Result<std::vector<Bytes>> Document::bundles_since(const VersionVector& since) const {
  std::vector<Bytes> bundles;
  VersionVector all = version();
  for (const VersionVector::Entry& entry : all.entries()) {
    ReplicaIndex replica = *impl_->graph.find(entry.replica);
    Seq from = since.end(entry.replica);
    if (from >= entry.end) continue;
    impl_->bring_chain_up(replica);
    WEFT_TRY(seal_parts(*impl_, replica, from, entry.end, bundles));
  }
  return bundles;
}

Result<Bytes> Document::seal(ReplicaId replica, Seq begin, Seq end, std::uint64_t end_chain) const {
  const std::optional<ReplicaIndex> known = impl_->graph.find(replica);
  if (!known || begin >= end || end > impl_->graph.end(*known))
    return Error(ErrorCode::kNotFound, "there are no such operations of " + to_string(replica));
  std::string content;
  WEFT_ASSIGN(Batch batch, impl_->batch_of(*known, begin, end, content));
  return seal_bundle(batch, end_chain, impl_->options.compressor);
}

Result<Bytes> Document::export_history() const {
  WEFT_ASSIGN(std::vector<Bytes> bundles, bundles_since({}));
  HistoryFile file;
  file.document = id().bytes;
  for (const Bytes& bundle : bundles) file.bundles.push_back(bundle);
  return encode_history_file(file);
}

std::vector<DeltaInfo> Document::log() const {
  std::vector<DeltaInfo> result;
  const CausalGraph& graph = impl_->graph;
  for (ReplicaIndex r = 0; r < graph.replica_count(); ++r)
    for (const auto& chunk : impl_->log.chunks(r)) {
      for (const DeltaRun& run : chunk->deltas)
        for (std::uint32_t k = 0; k < run.delta_count; ++k) {
          DeltaInfo info;
          LocalDot first{r, run.first_seq + k * run.ops_each};
          info.first = graph.dot(first);
          info.op_count = run.ops_each;
          info.committed_at_ms = run.committed_at_ms;
          info.stamp = graph.stamp_of(first);
          info.message = chunk->message(run);
          for (const Dependency& dependency : chunk->deps(run))
            info.dependencies.push_back(graph.dot(dependency.dot));
          result.push_back(std::move(info));
        }
    }
  std::sort(result.begin(), result.end(),
            [](const DeltaInfo& a, const DeltaInfo& b) { return a.stamp < b.stamp; });
  return result;
}

}  // namespace weft
