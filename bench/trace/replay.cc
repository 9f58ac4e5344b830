#include "bench/trace/replay.h"

#include <algorithm>
#include <utility>

#include "bench/trace/prng.h"
#include "crdt/base/utf8.h"

namespace weft::trace {
namespace {

constexpr std::size_t kNoDelta = ~std::size_t{0};

TextEdit text_of(Transaction& transaction) { return transaction.root().ensure_text(kTextKey); }

Status insert_start(Transaction& transaction, const Trace& trace) {
  return text_of(transaction).insert(scalar(0), trace.start_content);
}

Error at_transaction(const Trace& trace, std::size_t index, const Error& error) {
  return Error(error.code(),
               trace.name + ": txns[" + std::to_string(index) + "]: " + error.message());
}

/// One Document::transact that runs `edits`, with the trace's time; hands on its delta.
class Committer {
 public:
  Committer(const Trace& trace, Document& document, Clock clock, const CommitSink& sink)
      : trace_(trace), document_(document), clock_(std::move(clock)), sink_(sink) {}

  Status commit(std::uint64_t time_ms, std::span<const Edit> edits) {
    if (edits.empty()) return {};
    *clock_ = time_ms;
    return keep(document_.transact([&](Transaction& transaction) -> Status {
      TextEdit text = text_of(transaction);
      for (const Edit& edit : edits) WEFT_TRY(apply_edit(text, trace_, edit));
      return {};
    }));
  }

  Status commit_start(std::uint64_t time_ms) {
    *clock_ = time_ms;
    return keep(document_.transact(
        [&](Transaction& transaction) { return insert_start(transaction, trace_); }));
  }

 private:
  Status keep(Result<Commit> commit) {
    if (!commit.ok()) return commit.take_error();
    return sink_ && commit->op_count != 0 ? sink_(*commit) : Status();
  }

  const Trace& trace_;
  Document& document_;
  Clock clock_;
  const CommitSink& sink_;
};

/// Null where there is no log.
CommitSink into(DeltaLog* deltas) {
  if (deltas == nullptr) return nullptr;
  return [deltas](const Commit& commit) -> Status {
    deltas->add(commit.delta);
    return {};
  };
}

/// Everything in one transaction, with the time of the trace's first.
Status replay_whole(const Trace& trace, Document& document, const Clock& clock,
                    const CommitSink& sink) {
  *clock = trace.transactions.empty() ? 0 : trace.transactions.front().time_ms;
  Result<Commit> commit = document.transact([&](Transaction& transaction) -> Status {
    TextEdit text = text_of(transaction);
    if (!trace.start_content.empty()) WEFT_TRY(text.insert(scalar(0), trace.start_content));
    for (const Edit& edit : trace.edits) WEFT_TRY(apply_edit(text, trace, edit));
    return {};
  });
  if (!commit.ok()) return commit.take_error();
  return sink ? sink(*commit) : Status();
}

}  // namespace

DocumentOptions document_options(const ReplayOptions& options, std::uint32_t index,
                                 const Clock& clock) {
  DocumentOptions result;
  Prng ids(options.seed);
  for (std::uint8_t& byte : result.id.bytes) byte = static_cast<std::uint8_t>(ids.below(256));
  result.replica.value = Prng(options.seed * 0x1'0000'0001 + index + 1).next();
  result.compressor = options.compressor;
  // A replayed trace may be one delta of any size; these bytes are our own.
  result.limits.input_bytes = std::size_t{1} << 30;
  result.limits.unpacked_bytes = std::size_t{1} << 30;
  if (clock) result.now_ms = [clock] { return *clock; };
  return result;
}

Result<std::string> replayed_text(const Document& document) {
  WEFT_ASSIGN(const TextView text, document.root().text(kTextKey));
  return text.str();
}

Status check_text(const Trace& trace, std::string_view text) {
  if (text == trace.end_content) return {};
  const auto [ours, theirs] =
      std::mismatch(text.begin(), text.end(), trace.end_content.begin(), trace.end_content.end());
  const auto at = static_cast<std::size_t>(ours - text.begin());
  return Error(ErrorCode::kCorrupt,
               trace.name + ": wrong final text: " + std::to_string(text.size()) + " bytes, not " +
                   std::to_string(trace.end_content.size()) + "; the first difference is at byte",
               at);
}

Status replay_sequential_on(Document& document, const Clock& clock, const Trace& trace,
                            Grouping grouping, const CommitSink& sink) {
  if (grouping == Grouping::kWhole) return replay_whole(trace, document, clock, sink);
  Committer committer(trace, document, clock, sink);
  if (!trace.start_content.empty()) {
    WEFT_TRY(
        committer.commit_start(trace.transactions.empty() ? 0 : trace.transactions[0].time_ms));
  }
  for (std::size_t t = 0; t < trace.transactions.size(); ++t) {
    const Txn& transaction = trace.transactions[t];
    const std::span<const Edit> edits = trace.edits_of(transaction);
    const std::size_t step =
        grouping == Grouping::kEdit ? 1 : std::max<std::size_t>(1, edits.size());
    for (std::size_t e = 0; e < edits.size(); e += step) {
      Status status = committer.commit(transaction.time_ms, edits.subspan(e, step));
      if (!status.ok()) return at_transaction(trace, t, status.error());
    }
  }
  return {};
}

Result<Document> replay_sequential(const Trace& trace, Grouping grouping,
                                   const ReplayOptions& options, DeltaLog* deltas) {
  const Clock clock = make_clock();
  Document document = Document::create(document_options(options, 0, clock));
  WEFT_TRY(replay_sequential_on(document, clock, trace, grouping, into(deltas)));
  return document;
}

namespace {

class ConcurrentRun {
 public:
  ConcurrentRun(const Trace& trace, const ReplicaPlan& plan, const ReplayOptions& options)
      : trace_(trace), plan_(plan), clock_(make_clock()) {
    const std::uint32_t count = std::max(1u, plan.replica_count);
    result_.documents.reserve(count);
    for (std::uint32_t i = 0; i < count; ++i) {
      result_.documents.push_back(Document::create(document_options(options, i, clock_)));
    }
    start_options_ = document_options(options, count, clock_);
    delta_of_.assign(trace.transactions.size(), kNoDelta);
  }

  Result<ConcurrentReplay> run() {
    if (!trace_.start_content.empty()) WEFT_TRY(share_start());
    for (std::size_t t = 0; t < trace_.transactions.size(); ++t) {
      Status status = step(t);
      if (!status.ok()) return at_transaction(trace_, t, status.error());
    }
    for (std::size_t replica = 0; replica < plan_.replica_count; ++replica) {
      WEFT_TRY(deliver_all(result_.documents[replica], plan_.last_deliveries(replica)));
    }
    return std::move(result_);
  }

 private:
  /// The text to start from, made by a replica of its own that everybody hears from first.
  Status share_start() {
    Document document = Document::create(start_options_);
    Committer committer(trace_, document, clock_, sink_);
    WEFT_TRY(committer.commit_start(0));
    for (Document& other : result_.documents) WEFT_TRY(deliver(other, result_.deltas[0]));
    return {};
  }

  Status step(std::size_t t) {
    const Txn& transaction = trace_.transactions[t];
    Document& document = result_.documents[plan_.replica_of[t]];
    WEFT_TRY(deliver_all(document, plan_.deliveries_before(t)));
    const std::size_t before = result_.deltas.size();
    Committer committer(trace_, document, clock_, sink_);
    WEFT_TRY(committer.commit(transaction.time_ms, trace_.edits_of(transaction)));
    if (result_.deltas.size() != before) delta_of_[t] = before;
    return {};
  }

  Status deliver_all(Document& document, std::span<const std::uint32_t> transactions) const {
    for (std::uint32_t t : transactions) {
      if (delta_of_[t] != kNoDelta) WEFT_TRY(deliver(document, result_.deltas[delta_of_[t]]));
    }
    return {};
  }

  static Status deliver(Document& document, ByteSpan delta) {
    WEFT_ASSIGN(const ApplyReport report, document.apply(delta));
    if (report.pending != 0) {
      return Error(ErrorCode::kCorrupt, "a delta waits for one that should have come before it");
    }
    return {};
  }

  const Trace& trace_;
  const ReplicaPlan& plan_;
  Clock clock_;
  DocumentOptions start_options_;
  ConcurrentReplay result_;
  const CommitSink sink_ = into(&result_.deltas);
  std::vector<std::size_t> delta_of_;  ///< by transaction: its place in the log
};

}  // namespace

Result<ConcurrentReplay> replay_concurrent(const Trace& trace, const ReplicaPlan& plan,
                                           const ReplayOptions& options) {
  return ConcurrentRun(trace, plan, options).run();
}

}  // namespace weft::trace
