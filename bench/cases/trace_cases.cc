#include "bench/cases/trace_cases.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bench/cases/gap.h"
#include "bench/cases/warm.h"
#include "bench/harness/heap.h"
#include "bench/harness/stopwatch.h"
#include "bench/trace/replay.h"
#include "crdt/base/checksum.h"
#include "crdt/base/utf8.h"
#include "crdt/document/document.h"

namespace weft::bench {
namespace {

using trace::DeltaLog;
using trace::Edit;
using trace::Grouping;
using trace::Trace;

/// The index of a replica that only reads: none of a trace's own.
constexpr std::uint32_t kReader = 1'000'000;

std::uint64_t checksum_of(std::string_view text) { return xxh3_64(as_bytes(text)); }

/// What both kinds of trace share: everything that starts from a history, deltas or a snapshot.
class CommonCases : public TraceCases {
 public:
  CommonCases(Trace trace, const Compressor& compressor) : trace_(std::move(trace)) {
    options_.compressor = &compressor;
  }

 protected:
  DocumentOptions reader_options() const { return trace::document_options(options_, kReader); }

  Result<Reading> checked(double value, std::string_view text) const {
    WEFT_TRY(trace::check_text(trace_, text));
    return Reading{value, checksum_of(text)};
  }

  void add_merge(Sampler& sampler, const char* name, const Bytes& history) {
    sampler.add(trace_.name, name, "ms", [this, &history]() -> Result<Reading> {
      DocumentOptions options = reader_options();
      const Stopwatch watch;
      Document document = Document::create(std::move(options));
      WEFT_TRY(document.apply_history(history));
      WEFT_ASSIGN(const std::string text, trace::replayed_text(document));
      return checked(watch.ms(), text);
    });
  }

  void add_apply_deltas(Sampler& sampler) {
    sampler.add(trace_.name, "apply_deltas", "ms", [this]() -> Result<Reading> {
      Document document = Document::create(reader_options());
      const Stopwatch watch;
      for (std::size_t i = 0; i < deltas_.size(); ++i) WEFT_TRY(document.apply(deltas_[i]));
      const double ms = watch.ms();
      WEFT_ASSIGN(const std::string text, trace::replayed_text(document));
      return checked(ms, text);
    });
  }

  void add_load(Sampler& sampler) {
    sampler.add(trace_.name, "load_snapshot", "ms", [this]() -> Result<Reading> {
      DocumentOptions options = reader_options();
      Bytes bytes = snapshot_;
      const Stopwatch watch;
      WEFT_ASSIGN(Document document, Document::load(std::move(bytes), std::move(options)));
      WEFT_ASSIGN(const std::string text, trace::replayed_text(document));
      return checked(watch.ms(), text);
    });
  }

  void add_encode(Sampler& sampler, const char* name, const Document& document) {
    sampler.add(trace_.name, name, "ms", [&document]() -> Result<Reading> {
      const Stopwatch watch;
      WEFT_ASSIGN(const Bytes file, document.export_history());
      return Reading{watch.ms(), xxh3_64(file)};
    });
  }

  void add_file_size(Report& report, const char* name, const Bytes& file) const {
    report.add(exact(name, trace_.name, "bytes", static_cast<double>(file.size()), xxh3_64(file)));
  }

  Status add_delta_sizes(Report& report) const {
    std::vector<double> sizes;
    double sum = 0;
    for (std::size_t i = 0; i < deltas_.size(); ++i) {
      WEFT_ASSIGN(const Batch batch, decode_delta(deltas_[i]));
      if (batch.ops.size() != 1 || !batch.dependencies.empty()) continue;
      if (batch.ops[0].kind != OpKind::kTextInsert || batch.op_count != 1) continue;
      sizes.push_back(static_cast<double>(deltas_[i].size()));
      sum += sizes.back();
    }
    if (sizes.empty()) return {};
    const double mean = sum / static_cast<double>(sizes.size());
    Line line = summarize("single_delta_bytes", trace_.name, "bytes", std::move(sizes));
    line.extra = {{"mean", format_number(mean)}};
    report.add(std::move(line));
    return {};
  }

  struct HeapFigure {
    const char* name;
    std::size_t bytes = 0;
    std::size_t blocks = 0;
    void take(const HeapCount& heap) {
      bytes = heap.bytes_in_use();
      blocks = heap.blocks_in_use();
    }
  };

  Status add_resident(Report& report, const Bytes& history) const {
    HeapFigure loaded{"resident_bytes"};
    HeapFigure edited{"resident_bytes_edit"};
    HeapFigure merged{"resident_bytes_history"};
    WEFT_TRY(measure_loaded(loaded, edited));
    WEFT_TRY(measure_merged(history, merged));
    for (const HeapFigure& figure : {loaded, edited, merged}) {
      Line line = exact(figure.name, trace_.name, "bytes", static_cast<double>(figure.bytes));
      line.extra = {{"blocks", std::to_string(figure.blocks)}};
      report.add(std::move(line));
    }
    return {};
  }

  Status measure_loaded(HeapFigure& loaded, HeapFigure& edited) const {
    const std::size_t middle = count_scalars(trace_.end_content) / 2;
    DocumentOptions options = reader_options();
    HeapCount heap;
    WEFT_ASSIGN(Document document, Document::load(Bytes(snapshot_), std::move(options)));
    WEFT_TRY(trace::replayed_text(document));
    loaded.take(heap);
    WEFT_TRY(document.transact([&](Transaction& transaction) -> Status {
      WEFT_ASSIGN(TextEdit text, transaction.root().text(trace::kTextKey));
      return text.insert(scalar(middle), "x");
    }));
    WEFT_TRY(trace::replayed_text(document));
    edited.take(heap);
    return {};
  }

  Status measure_merged(const Bytes& history, HeapFigure& merged) const {
    DocumentOptions options = reader_options();
    HeapCount heap;
    Document document = Document::create(std::move(options));
    WEFT_TRY(document.apply_history(history));
    WEFT_TRY(trace::replayed_text(document));
    merged.take(heap);
    return {};
  }

  Status check_document(const Document& document) const {
    WEFT_ASSIGN(const std::string text, trace::replayed_text(document));
    return trace::check_text(trace_, text);
  }

  Trace trace_;
  trace::ReplayOptions options_;
  DeltaLog deltas_;
  Bytes snapshot_;
};

class SequentialCases final : public CommonCases {
 public:
  using CommonCases::CommonCases;

  Status prepare() {
    WEFT_ASSIGN(Document whole, trace::replay_sequential(trace_, Grouping::kWhole, options_));
    WEFT_TRY(check_document(whole));
    WEFT_ASSIGN(Document by_edit,
                trace::replay_sequential(trace_, Grouping::kEdit, options_, &deltas_));
    WEFT_TRY(check_document(by_edit));
    WEFT_ASSIGN(history_, whole.export_history());
    WEFT_ASSIGN(history_txn_, by_edit.export_history());
    snapshot_ = whole.snapshot();
    whole_.emplace(std::move(whole));
    by_edit_.emplace(std::move(by_edit));
    return {};
  }

  Status add_exact(Report& report) override {
    add_file_size(report, "history_bytes", history_);
    add_file_size(report, "history_txn_bytes", history_txn_);
    add_file_size(report, "snapshot_bytes", snapshot_);
    WEFT_TRY(add_delta_sizes(report));
    return add_resident(report, history_);
  }

  void add_probes(Sampler& sampler) override {
    add_gap(trace_, sampler);
    sampler.add(Probe{trace_.name, {{"local_replay", "ms"}, {"local_replay_commit", "ms"}}, [this] {
                        return sample_local_replay();
                      }});
    sampler.add(trace_.name, "local_replay_txn", "ms", [this] { return sample_local_txn(); });
    add_merge(sampler, "merge_history", history_);
    add_merge(sampler, "merge_history_txn", history_txn_);
    add_apply_deltas(sampler);
    add_load(sampler);
    add_encode(sampler, "encode_history", *whole_);
    add_encode(sampler, "encode_history_txn", *by_edit_);
  }

 private:
  Result<std::vector<Reading>> sample_local_replay() {
    DocumentOptions options = trace::document_options(options_, 0);
    warm(trace_);
    const Stopwatch watch;
    Document document = Document::create(std::move(options));
    WEFT_ASSIGN(Transaction transaction, document.begin());
    TextEdit text = transaction.root().ensure_text(trace::kTextKey);
    if (!trace_.start_content.empty()) WEFT_TRY(text.insert(scalar(0), trace_.start_content));
    for (const Edit& edit : trace_.edits) WEFT_TRY(trace::apply_edit(text, trace_, edit));
    const double edit_ms = watch.ms();
    const Stopwatch commit_watch;
    WEFT_ASSIGN(const Commit commit, transaction.commit());
    const double commit_ms = commit_watch.ms();
    const std::uint64_t delta_checksum = xxh3_64(commit.delta);
    WEFT_ASSIGN(const std::string result, trace::replayed_text(document));
    WEFT_ASSIGN(const Reading edits, checked(edit_ms, result));
    return std::vector<Reading>{edits, Reading{commit_ms, delta_checksum}};
  }

  Result<Reading> sample_local_txn() {
    DeltaLog deltas;
    deltas.reserve(deltas_.size(), deltas_.bytes().size());
    warm(trace_);
    const Stopwatch watch;
    WEFT_ASSIGN(const Document document,
                trace::replay_sequential(trace_, Grouping::kEdit, options_, &deltas));
    const double ms = watch.ms();
    WEFT_TRY(check_document(document));
    return Reading{ms, xxh3_64(deltas.bytes())};
  }

  Bytes history_;
  Bytes history_txn_;
  std::optional<Document> whole_;
  std::optional<Document> by_edit_;
};

class ConcurrentCases final : public CommonCases {
 public:
  using CommonCases::CommonCases;

  Status prepare() {
    plan_ = trace::plan_replicas(trace_);
    WEFT_ASSIGN(trace::ConcurrentReplay replay, trace::replay_concurrent(trace_, plan_, options_));
    snapshot_ = replay.documents[0].snapshot();
    for (const Document& document : replay.documents) {
      WEFT_TRY(check_document(document));
      if (document.snapshot() != snapshot_) {
        return Error(ErrorCode::kCorrupt, trace_.name + ": two replicas' snapshots differ");
      }
    }
    deltas_ = std::move(replay.deltas);
    WEFT_ASSIGN(history_, replay.documents[0].export_history());
    document_.emplace(std::move(replay.documents[0]));
    return {};
  }

  Status add_exact(Report& report) override {
    add_file_size(report, "history_bytes", history_);
    add_file_size(report, "snapshot_bytes", snapshot_);
    WEFT_TRY(add_delta_sizes(report));
    return add_resident(report, history_);
  }

  void add_probes(Sampler& sampler) override {
    sampler.add(trace_.name, "local_replay_txn", "ms", [this]() -> Result<Reading> {
      warm(trace_);
      const Stopwatch watch;
      WEFT_ASSIGN(const trace::ConcurrentReplay replay,
                  trace::replay_concurrent(trace_, plan_, options_));
      const double ms = watch.ms();
      for (const Document& document : replay.documents) WEFT_TRY(check_document(document));
      return Reading{ms, xxh3_64(replay.deltas.bytes())};
    });
    add_merge(sampler, "merge_history", history_);
    add_apply_deltas(sampler);
    add_load(sampler);
    add_encode(sampler, "encode_history", *document_);
  }

 private:
  trace::ReplicaPlan plan_;
  Bytes history_;
  std::optional<Document> document_;
};

template <typename Cases>
Result<std::unique_ptr<TraceCases>> prepare_as(Trace trace, const Compressor& compressor) {
  auto cases = std::make_unique<Cases>(std::move(trace), compressor);
  WEFT_TRY(cases->prepare());
  return std::unique_ptr<TraceCases>(std::move(cases));
}

}  // namespace

Result<std::unique_ptr<TraceCases>> TraceCases::prepare(Trace trace, const Compressor& compressor) {
  return trace.concurrent ? prepare_as<ConcurrentCases>(std::move(trace), compressor)
                          : prepare_as<SequentialCases>(std::move(trace), compressor);
}

}  // namespace weft::bench
