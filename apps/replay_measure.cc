#include "apps/replay_measure.h"

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include "bench/cases/gap_buffer.h"
#include "bench/trace/replay.h"
#include "crdt/base/utf8.h"
#include "crdt/document/document.h"

namespace weft::cli {
namespace {

using trace::DeltaLog;
using trace::Edit;
using trace::Trace;

/// None of a trace's own replicas.
constexpr std::uint32_t kReader = 1'000'000;

class Stopwatch {
 public:
  double ms() const {
    auto passed = std::chrono::steady_clock::now() - begin_;
    return std::chrono::duration<double, std::milli>(passed).count();
  }

 private:
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 != 0) return *middle;
  return (*middle + *std::max_element(values.begin(), middle)) / 2;
}

Status check(const Trace& trace, const Document& document) {
  WEFT_ASSIGN(std::string text, trace::replayed_text(document));
  return trace::check_text(trace, text);
}

/// Valid UTF-8 as scalars.
std::u32string to_utf32(std::string_view text) {
  std::u32string out;
  for (std::size_t at = 0; at < text.size();) {
    auto lead = static_cast<unsigned char>(text[at]);
    unsigned size = utf8_size_from_lead(lead);
    char32_t scalar = size == 1 ? lead : lead & (0x7fu >> size);
    for (unsigned i = 1; i < size; ++i)
      scalar = (scalar << 6) | (static_cast<unsigned char>(text[at + i]) & 0x3fu);
    out += scalar;
    at += size;
  }
  return out;
}

/// The edits of a sequential trace on one gap buffer; of scalars, so positions need no conversion.
template <typename Char>
class GapReplay {
 public:
  GapReplay(const Trace& trace, std::basic_string<Char> start, std::basic_string<Char> arena,
            std::basic_string<Char> end)
      : trace_(trace), start_(std::move(start)), arena_(std::move(arena)), end_(std::move(end)) {}

  Result<double> run() const {
    Stopwatch watch;
    bench::GapBuffer<Char> buffer;
    if (!start_.empty()) buffer.insert(0, start_.data(), start_.size());
    const Char* text = arena_.data();
    for (const Edit& edit : trace_.edits) {
      if (edit.deleted != 0) buffer.erase(edit.position, edit.deleted);
      if (edit.inserted_count != 0) buffer.insert(edit.position, text, edit.inserted_count);
      text += edit.inserted_count;
    }
    double ms = watch.ms();
    std::basic_string<Char> result(buffer.before_gap());
    result += buffer.after_gap();
    if (result != end_)
      return Error(ErrorCode::kCorrupt, trace_.name + ": its own edits do not give its end text");
    return ms;
  }

 private:
  const Trace& trace_;
  std::basic_string<Char> start_;
  std::basic_string<Char> arena_;
  std::basic_string<Char> end_;
};

/// What the rounds start from.
struct Prepared {
  DeltaLog deltas;
  Bytes history;
  Bytes snapshot;
};

class Measure {
 public:
  Measure(const Trace& trace, const Compressor& compressor) : trace_(trace) {
    options_.compressor = &compressor;
    bool ascii = is_ascii(trace.arena) && is_ascii(trace.start_content);
    if (trace.concurrent) {
      plan_ = trace::plan_replicas(trace);
    } else if (ascii) {
      narrow_.emplace(trace, trace.start_content, trace.arena, trace.end_content);
    } else {
      wide_.emplace(trace, to_utf32(trace.start_content), to_utf32(trace.arena),
                    to_utf32(trace.end_content));
    }
  }

  Status prepare() {
    if (trace_.concurrent) {
      WEFT_ASSIGN(auto replay, trace::replay_concurrent(trace_, plan_, options_));
      for (const Document& document : replay.documents) WEFT_TRY(check(trace_, document));
      WEFT_ASSIGN(prepared_.history, replay.documents[0].export_history());
      prepared_.snapshot = replay.documents[0].snapshot();
      prepared_.deltas = std::move(replay.deltas);
      return Status();
    }
    WEFT_ASSIGN(Document whole,
                trace::replay_sequential(trace_, trace::Grouping::kWhole, options_));
    WEFT_TRY(check(trace_, whole));
    WEFT_ASSIGN(prepared_.history, whole.export_history());
    prepared_.snapshot = whole.snapshot();
    WEFT_TRY(trace::replay_sequential(trace_, trace::Grouping::kEdit, options_, &prepared_.deltas));
    return Status();
  }

  Status round(bool counts) {
    auto keep = [counts](std::vector<double>& samples, double ms) {
      if (counts) samples.push_back(ms);
    };
    if (!trace_.concurrent) {
      WEFT_ASSIGN(double gap, narrow_ ? narrow_->run() : wide_->run());
      keep(gap_, gap);
      WEFT_ASSIGN(double local, local_replay());
      keep(local_, local);
    }
    WEFT_ASSIGN(double txn, local_replay_txn());
    keep(txn_, txn);
    WEFT_ASSIGN(double merge, merge_history());
    keep(merge_, merge);
    WEFT_ASSIGN(double apply, apply_deltas());
    keep(apply_, apply);
    WEFT_ASSIGN(double load, load_snapshot());
    keep(load_, load);
    return Status();
  }

  Result<TraceFigures> figures() const {
    TraceFigures figures;
    figures.name = trace_.name;
    figures.edits = trace_.edits.size();
    if (!gap_.empty()) figures.gap_ms = median(gap_);
    if (!local_.empty()) figures.local_replay_ms = median(local_);
    figures.local_replay_txn_ms = median(txn_);
    figures.merge_history_ms = median(merge_);
    figures.apply_deltas_ms = median(apply_);
    figures.load_snapshot_ms = median(load_);
    figures.history_bytes = prepared_.history.size();
    figures.snapshot_bytes = prepared_.snapshot.size();
    WEFT_ASSIGN(figures.keystroke_bytes, mean_keystroke_bytes());
    return figures;
  }

 private:
  DocumentOptions reader_options() const { return trace::document_options(options_, kReader); }

  Result<double> local_replay() const {
    Document document = Document::create(trace::document_options(options_, 0));
    Stopwatch watch;
    WEFT_ASSIGN(Transaction transaction, document.begin());
    TextEdit text = transaction.root().ensure_text(trace::kTextKey);
    if (!trace_.start_content.empty()) WEFT_TRY(text.insert(scalar(0), trace_.start_content));
    for (const Edit& edit : trace_.edits) WEFT_TRY(trace::apply_edit(text, trace_, edit));
    double ms = watch.ms();
    WEFT_TRY(transaction.commit());
    WEFT_TRY(check(trace_, document));
    return ms;
  }

  Result<double> local_replay_txn() const {
    if (trace_.concurrent) {
      Stopwatch watch;
      WEFT_ASSIGN(auto replay, trace::replay_concurrent(trace_, plan_, options_));
      double ms = watch.ms();
      for (const Document& document : replay.documents) WEFT_TRY(check(trace_, document));
      return ms;
    }
    DeltaLog deltas;
    deltas.reserve(prepared_.deltas.size(), prepared_.deltas.bytes().size());
    Stopwatch watch;
    WEFT_ASSIGN(Document document,
                trace::replay_sequential(trace_, trace::Grouping::kEdit, options_, &deltas));
    double ms = watch.ms();
    WEFT_TRY(check(trace_, document));
    return ms;
  }

  Result<double> merge_history() const {
    Document document = Document::create(reader_options());
    Stopwatch watch;
    WEFT_TRY(document.apply_history(prepared_.history));
    WEFT_ASSIGN(std::string text, trace::replayed_text(document));
    double ms = watch.ms();
    WEFT_TRY(trace::check_text(trace_, text));
    return ms;
  }

  Result<double> apply_deltas() const {
    Document document = Document::create(reader_options());
    Stopwatch watch;
    for (std::size_t i = 0; i < prepared_.deltas.size(); ++i)
      WEFT_TRY(document.apply(prepared_.deltas[i]));
    double ms = watch.ms();
    WEFT_TRY(check(trace_, document));
    return ms;
  }

  Result<double> load_snapshot() const {
    DocumentOptions options = reader_options();
    Bytes bytes = prepared_.snapshot;
    Stopwatch watch;
    WEFT_ASSIGN(Document document, Document::load(std::move(bytes), std::move(options)));
    WEFT_ASSIGN(std::string text, trace::replayed_text(document));
    double ms = watch.ms();
    WEFT_TRY(trace::check_text(trace_, text));
    return ms;
  }

  Result<double> mean_keystroke_bytes() const {
    std::size_t bytes = 0;
    std::size_t count = 0;
    for (std::size_t i = 0; i < prepared_.deltas.size(); ++i) {
      WEFT_ASSIGN(Batch batch, decode_delta(prepared_.deltas[i]));
      bool keystroke = batch.op_count == 1 && batch.ops[0].kind == OpKind::kTextInsert &&
                       batch.dependencies.empty();
      if (!keystroke) continue;
      bytes += prepared_.deltas[i].size();
      ++count;
    }
    return count == 0 ? 0.0 : static_cast<double>(bytes) / static_cast<double>(count);
  }

  const Trace& trace_;
  trace::ReplayOptions options_;
  trace::ReplicaPlan plan_;
  std::optional<GapReplay<char>> narrow_;
  std::optional<GapReplay<char32_t>> wide_;
  Prepared prepared_;
  std::vector<double> gap_, local_, txn_, merge_, apply_, load_;
};

}  // namespace

Result<TraceFigures> measure_trace(const Trace& trace, const Compressor& compressor,
                                   std::size_t samples,
                                   const std::function<void(std::size_t)>& progress) {
  Measure measure(trace, compressor);
  WEFT_TRY(measure.prepare());
  for (std::size_t round = 0; round <= samples; ++round) {
    progress(round);
    WEFT_TRY(measure.round(round != 0));
  }
  return measure.figures();
}

}  // namespace weft::cli
