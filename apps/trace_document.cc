#include "apps/trace_document.h"

#include <utility>

#include "apps/document_file.h"
#include "apps/terminal.h"
#include "bench/trace/generate.h"
#include "bench/trace/replay.h"
#include "bench/trace/replica_plan.h"
#include "bench/trace/trace_reader.h"
#include "crdt/base/utf8.h"

namespace weft::cli {
namespace {

using Splices = std::vector<TraceSplice>;

/// What one request to a peer holds: enough that asking costs little, and far below what it takes.
constexpr std::size_t kTransactionsAtOnce = 2'000;
constexpr std::size_t kBytesAtOnce = std::size_t{1} << 20;

Splices splices_of(const trace::Trace& trace, std::span<const trace::Edit> edits) {
  Splices splices;
  for (const trace::Edit& edit : edits)
    splices.push_back({edit.position, edit.deleted, std::string(trace.inserted(edit))});
  return splices;
}

/// Positions of a patch count in what its earlier steps left. The text itself comes whole with its first patch.
void add_patch(const Patch& patch, Splices& splices) {
  for (const KeyChange& change : patch.keys)
    if (const std::string* text = change.json.as_string(); text != nullptr && !text->empty())
      splices.push_back({0, 0, *text});
  std::size_t at = 0;
  for (const SequenceStep& step : patch.steps) {
    at += step.retain;
    if (step.erased != 0 || !step.inserted_text.empty())
      splices.push_back({at, step.erased, step.inserted_text});
    at += count_scalars(step.inserted_text);
  }
}

Status add_concurrent(const trace::Trace& trace, TraceSession& session) {
  trace::ReplayOptions options;
  options.compressor = process_options().compressor;
  WEFT_ASSIGN(const trace::ConcurrentReplay replay,
              trace::replay_concurrent(trace, trace::plan_replicas(trace), options));
  constexpr std::uint32_t kReader = 1'000'000;  // no replica of any trace has this number
  Document reader = Document::create(trace::document_options(options, kReader));
  Splices splices;
  Observer observer = reader.observe([&](const Patch& patch) { add_patch(patch, splices); });
  for (std::size_t i = 0; i < replay.deltas.size(); ++i) {
    WEFT_TRY(reader.apply(replay.deltas[i]));
    if (!splices.empty()) session.transactions.push_back(std::exchange(splices, {}));
  }
  return {};
}

Json splices_json(const Splices& splices) {
  Json::Array array;
  for (const TraceSplice& each : splices)
    array.push_back(Json::Array{static_cast<std::int64_t>(each.at),
                                static_cast<std::int64_t>(each.erased), each.inserted});
  return array;
}

}  // namespace

Result<TraceSession> read_session(const std::string& file) {
  trace::Trace trace;
  if (file == kGenerated) {
    trace = trace::generate_session();
  } else {
    WEFT_ASSIGN(trace, trace::read_trace(file));
  }
  TraceSession session;
  session.end_content = trace.end_content;
  if (trace.concurrent) {
    WEFT_TRY(add_concurrent(trace, session));
    return session;
  }
  if (!trace.start_content.empty()) session.transactions.push_back({{0, 0, trace.start_content}});
  for (const trace::Txn& transaction : trace.transactions) {
    Splices splices = splices_of(trace, trace.edits_of(transaction));
    if (!splices.empty()) session.transactions.push_back(std::move(splices));
  }
  if (session.transactions.empty()) session.transactions.emplace_back();  // the text itself
  return session;
}

Result<std::uint64_t> write_session(Document& document, const TraceSession& session) {
  std::uint64_t operations = 0;
  for (const Splices& splices : session.transactions) {
    WEFT_ASSIGN(const Commit commit,
                document.transact({.origin = "weft doc", .message = {}},
                                  [&](Transaction& transaction) -> Status {
                                    TextEdit text = transaction.root().ensure_text(trace::kTextKey);
                                    for (const TraceSplice& each : splices) {
                                      if (each.erased != 0)
                                        WEFT_TRY(text.erase(scalar(each.at), each.erased));
                                      if (!each.inserted.empty())
                                        WEFT_TRY(text.insert(scalar(each.at), each.inserted));
                                    }
                                    return {};
                                  }));
    operations += commit.op_count;
  }
  return operations;
}

Result<std::uint64_t> write_session(PeerClient& peer, const std::string& id,
                                    const TraceSession& session) {
  std::uint64_t operations = 0;
  std::size_t next = 0;
  while (next < session.transactions.size()) {
    Json::Array transactions;
    for (std::size_t bytes = 0; next < session.transactions.size() &&
                                transactions.size() < kTransactionsAtOnce && bytes < kBytesAtOnce;
         ++next) {
      for (const TraceSplice& each : session.transactions[next]) bytes += each.inserted.size() + 16;
      transactions.push_back(splices_json(session.transactions[next]));
    }
    show_progress("written: " + std::to_string(next) + " of " +
                  std::to_string(session.transactions.size()) + " transactions");
    Result<Json> answer = peer.write({{"cmd", "splice"},
                                      {"document", id},
                                      {"key", trace::kTextKey},
                                      {"create", true},
                                      {"transactions", std::move(transactions)}});
    if (!answer.ok()) show_progress("");
    if (!answer.ok()) return answer.take_error();
    operations += number_in(*answer, "operations");
  }
  show_progress("");
  return operations;
}

Status check_session(const Document& document, const TraceSession& session) {
  WEFT_ASSIGN(const std::string text, trace::replayed_text(document));
  if (text == session.end_content) return {};
  return Error(ErrorCode::kCorrupt, "the text is not what the trace ends with");
}

}  // namespace weft::cli
