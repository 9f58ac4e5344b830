// Bundles from outside: into an empty document in bulk (bulk.cc), else delta by delta straight from what
// was decoded, each bundle as far as its dependencies are there.
#include <algorithm>

#include "crdt/base/checksum.h"
#include "crdt/document/author_guard.h"
#include "crdt/document/impl.h"
#include "crdt/document/observe.h"
#include "crdt/document/translator.h"

namespace weft {

Result<ApplyReport> DocumentImpl::apply_opened(std::vector<OpenedBundle> bundles) {
  if (read_only) return Error(ErrorCode::kReadOnly, "a checkout takes no deltas");
  if (tx.open) return Error(ErrorCode::kTransactionOpen, "finish the open transaction first");
  ApplyReport report;
  if (apply_in_bulk(bundles, report)) {
    note_whole_document();
  } else {
    WEFT_TRY(apply_one_by_one(bundles, report));
  }
  if (report.applied > 0) {
    if (!pending.empty()) {
      std::vector<ReplicaId> authors;
      for (const OpenedBundle& bundle : bundles)
        if (graph.find(bundle.batch.author())) authors.push_back(bundle.batch.author());
      drain_pending(std::move(authors), report);
    }
    deliver_patches(false, {});
  }
  return report;
}

namespace {

/// One bundle's replay, delta by delta.
class BundleReplay {
 public:
  BundleReplay(DocumentImpl& impl, OpenedBundle& bundle)
      : impl_(impl),
        bundle_(bundle),
        batch_(bundle.batch),
        walk_(bundle.batch),
        is_whole_(bundle.batch.first_seq == 0) {}

  bool done() const { return run_ == batch_.deltas.size(); }
  void stop() { run_ = batch_.deltas.size(); }
  DeltaRun delta() const {
    DeltaRun one = batch_.deltas[run_];
    one.first_seq += member_ * one.ops_each;
    one.delta_count = 1;
    return one;
  }
  Batch as_batch() const { return DocumentImpl::single_delta(batch_, run_, member_); }
  void advance() {
    ++delta_at_;
    if (++member_ < batch_.deltas[run_].delta_count) return;
    member_ = 0;
    ++run_;
  }

  /// Applies deltas as long as they are ready. @return how many took effect
  Result<std::uint32_t> go(ApplyReport& report) {
    std::uint32_t applied = 0;
    std::optional<AuthorGuard> author;
    while (!done()) {
      DeltaRun one = delta();
      auto known = impl_.graph.find(batch_.author());
      Seq end = known ? impl_.graph.end(*known) : 0;
      if (one.end() <= end) {
        WEFT_TRY(compare_duplicate(one));
        ++report.duplicate;
        advance();
        continue;
      }
      if (one.first_seq != end || !is_ready(one)) break;
      if (!author) author.emplace(impl_, batch_.author());
      if (!translator_) translator_.emplace(impl_, batch_, author->index());
      translator_->refresh();
      cut_ops(one);
      bool forked = names_fork(one);
      Status status =
          impl_.apply_ready_delta(batch_, one, std::span(ops_.data(), ops_.size()), *translator_);
      if (!status.ok()) return status.take_error();
      author->keep();
      ++report.applied;
      if (forked) ++report.forked;
      ++applied;
      advance();
    }
    return applied;
  }

  /// Brings the author's chain hash up to date. The bundle names the one at its end only; where replay
  /// stopped before, it is computed.
  /// @errors kForkedReplica: all of it was known, but ends in another chain hash
  Status settle() {
    auto known = impl_.graph.find(batch_.author());
    if (!known) return {};
    Seq end = impl_.graph.end(*known);
    Seq chained = impl_.graph.chain_end(*known);
    if (end == batch_.end()) {
      if (end > chained && is_whole_) {
        impl_.graph.set_chain(*known, bundle_.end_chain);
      } else if (end > chained) {
        impl_.bring_chain_up(*known);
      } else if (impl_.graph.chain(*known) != bundle_.end_chain) {
        return Error(ErrorCode::kForkedReplica,
                     "replica " + to_string(batch_.author()) + " has two histories");
      }
    } else if (end > chained) {
      impl_.bring_chain_up(*known);
    }
    return {};
  }

 private:
  /// A known dot again, as DocumentImpl::check_duplicate.
  Status compare_duplicate(const DeltaRun& one) {
    ReplicaIndex author = *impl_.graph.find(batch_.author());
    std::optional<Bytes> known = impl_.logged_row(author, one.first_seq, one.ops_each);
    if (!known) {
      is_whole_ = false;
      return {};
    }
    for (; walked_ <= delta_at_; ++walked_) {
      row_.clear();
      walk_.next(row_);
    }
    if (*known == row_) return {};
    return DocumentImpl::two_histories({batch_.author(), one.first_seq});
  }
  /// Does the delta depend on the end of a log under another chain hash than is held?
  bool names_fork(const DeltaRun& run) const {
    for (std::uint32_t i = 0; i < run.dependency_count; ++i) {
      const Dependency& dependency = batch_.dependencies[run.dependency_begin + i];
      auto replica = impl_.graph.find(batch_.replicas[dependency.dot.replica]);
      if (replica &&
          impl_.graph.names_other_history({*replica, dependency.dot.seq}, dependency.chain))
        return true;
    }
    return false;
  }
  bool is_ready(const DeltaRun& run) const {
    for (std::uint32_t i = 0; i < run.dependency_count; ++i) {
      LocalDot dot = batch_.dependencies[run.dependency_begin + i].dot;
      if (!impl_.graph.local({batch_.replicas[dot.replica], dot.seq})) return false;
    }
    return true;
  }
  void cut_ops(const DeltaRun& run) {
    const std::vector<Op>& all = batch_.ops;
    while (op_ < all.size() && all[op_].end() <= run.first_seq) ++op_;
    std::size_t last = op_;
    while (last < all.size() && all[last].seq < run.end()) ++last;
    ops_.clear();
    for_each_run(std::span(all).subspan(op_, last - op_), run.first_seq, run.end(), 0,
                 batch_.content, kUnknownContentBegin, [&](const Op& op) { ops_.push_back(op); });
  }
  DocumentImpl& impl_;
  OpenedBundle& bundle_;
  Batch& batch_;
  std::optional<Translator> translator_;
  boost::container::small_vector<Op, 4> ops_;
  std::size_t run_ = 0;
  std::uint32_t member_ = 0;
  std::size_t op_ = 0;
  std::size_t delta_at_ = 0;  ///< deltas before the one at hand
  DeltaWalk walk_;            ///< writes rows of duplicates
  std::size_t walked_ = 0;
  Bytes row_;
  bool is_whole_;  ///< begins with the log, and all that was known of it has been compared
};

}  // namespace

/// Computes a replica's chain hash over the deltas of the log that it does not cover yet.
void DocumentImpl::bring_chain_up(ReplicaIndex author) {
  Seq chained = graph.chain_end(author);
  Seq end = graph.end(author);
  if (chained == end) return;
  graph.set_chain(author, chain_over(author, {chained, graph.chain(author)}, end));
}

/// The chain hash at `end`, from the deltas between `from` and there.
std::uint64_t DocumentImpl::chain_over(ReplicaIndex author, CausalGraph::ChainMark from, Seq end) {
  CausalGraph::ChainMark at = from;
  for (const auto& chunk : log.chunks(author))
    for (std::size_t i = chunk->delta_at(from.end); i < chunk->deltas.size(); ++i) {
      const DeltaRun& run = chunk->deltas[i];
      for (std::uint32_t k = 0; k < run.delta_count; ++k) {
        Seq first = run.first_seq + k * run.ops_each;
        if (first < from.end || first >= end) continue;
        at = {first + run.ops_each, xxh3_64(encode_logged(author, *chunk, run, first), at.chain)};
        graph.mark_chain(author, at);
      }
    }
  return at.chain;
}

Result<std::uint64_t> DocumentImpl::chain_at(ReplicaIndex author, Seq end) {
  const CausalGraph::ChainMark known = graph.chain_before(author, end);
  if (known.end == end) return known.chain;
  const Dot last{graph.id(author), end - 1};
  if (end > graph.end(author))
    return Error(ErrorCode::kNotFound, "operation " + to_string(last) + " is not known here");
  if (end <= base_of(author))
    return Error(ErrorCode::kNeedHistory, "the delta of " + to_string(last) + " is not held here");
  const LogChunk* chunk = nullptr;
  const std::optional<DeltaRun> run = delta_of({author, end - 1}, &chunk);
  if (!run || (end - run->first_seq) % run->ops_each != 0)
    return Error(ErrorCode::kNotFound, "no delta ends with operation " + to_string(last));
  return chain_over(author, known, end);
}

/// Replays every bundle as far as its dependencies are there, round and round; what is left waits.
Status DocumentImpl::apply_one_by_one(std::vector<OpenedBundle>& bundles, ApplyReport& report) {
  WEFT_TRY(ensure_skeleton());
  std::vector<std::unique_ptr<BundleReplay>> replays;
  for (OpenedBundle& bundle : bundles)
    replays.push_back(std::make_unique<BundleReplay>(*this, bundle));
  Error first_error;
  for (bool progress = true; progress;) {
    progress = false;
    for (auto& replay : replays) {
      auto applied = replay->go(report);
      if (applied.ok()) {
        progress = progress || *applied > 0;
        continue;
      }
      if (!first_error) first_error = applied.take_error();
      replay->stop();  // what follows in this log depends on the refused one
    }
  }
  for (auto& replay : replays) {
    Status status = replay->settle();
    if (!status.ok() && !first_error) first_error = status.take_error();
  }
  Bytes row;
  for (auto& replay : replays)
    for (; !replay->done(); replay->advance()) {
      Batch one = replay->as_batch();
      row.clear();
      encode_delta(one, 0, row);
      Status status = take_delta(one, row, report);
      if (!status.ok() && !first_error) first_error = status.take_error();
    }
  if (first_error && report.applied == 0 && report.pending == 0) return first_error;
  if (first_error) ++report.refused;
  return {};
}

/// One delta of a batch as a batch of its own: the tables are shared, the ops cut out.
Batch DocumentImpl::single_delta(const Batch& batch, std::size_t run_index, std::uint32_t member) {
  const DeltaRun& run = batch.deltas[run_index];
  Batch one;
  one.first_seq = run.first_seq + member * run.ops_each;
  one.op_count = run.ops_each;
  one.replicas = batch.replicas;
  one.containers = batch.containers;
  one.keys = batch.keys;
  one.content = batch.content;
  one.messages = batch.messages.substr(run.message_begin, run.message_size);
  DeltaRun header = run;
  header.first_seq = one.first_seq;
  header.delta_count = 1;
  header.dependency_begin = 0;
  header.message_begin = 0;
  auto first_dependency =
      batch.dependencies.begin() + static_cast<std::ptrdiff_t>(run.dependency_begin);
  one.dependencies.assign(first_dependency,
                          first_dependency + static_cast<std::ptrdiff_t>(run.dependency_count));
  one.deltas.push_back(header);
  auto at = std::upper_bound(batch.ops.begin(), batch.ops.end(), one.first_seq,
                             [](Seq seq, const Op& op) { return seq < op.end(); });
  std::span<const Op> ops(&*at, static_cast<std::size_t>(batch.ops.end() - at));
  std::size_t count = 0;
  while (count < ops.size() && ops[count].seq < one.end()) ++count;
  for_each_run(ops.first(count), one.first_seq, one.end(), 0, batch.content, kUnknownContentBegin,
               [&](const Op& op) { one.ops.push_back(op); });
  return one;
}

}  // namespace weft
