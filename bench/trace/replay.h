#pragma once
// Runs a trace on Documents: the text lies at the root's key "text".
//
// A sequential trace runs on one document, all in one transaction, or one for each transaction or
// each edit of the trace. A concurrent trace runs on one document per replica (replica_plan.h),
// each transaction on a document that knows that transaction's causal past and nothing else.
//
// Replica ids come from a seed, so a replay gives the same bytes every time.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bench/trace/delta_log.h"
#include "bench/trace/replica_plan.h"
#include "bench/trace/trace.h"
#include "crdt/base/result.h"
#include "crdt/document/document.h"

namespace weft::trace {

inline constexpr std::string_view kTextKey = "text";

enum class Grouping : std::uint8_t {
  kWhole,        ///< one transaction for the whole trace
  kTransaction,  ///< one for each of the trace's
  kEdit,         ///< one for each edit
};

struct ReplayOptions {
  const Compressor* compressor = nullptr;  ///< outlives the documents; null: histories stay stored
  std::uint64_t seed = 1;                  ///< replica ids and the document's id come from it
};

/// The time that a document's `now_ms` returns, set from outside.
using Clock = std::shared_ptr<std::uint64_t>;
inline Clock make_clock() { return std::make_shared<std::uint64_t>(0); }

/// Options of the `index`-th replica of a replay. @param clock  null: every time is 0
DocumentOptions document_options(const ReplayOptions& options, std::uint32_t index,
                                 const Clock& clock = nullptr);

inline Status apply_edit(TextEdit& text, const Trace& trace, const Edit& edit) {
  if (edit.deleted != 0) WEFT_TRY(text.erase(scalar(edit.position), edit.deleted));
  if (edit.inserted_bytes != 0) {
    WEFT_TRY(text.insert(scalar(edit.position), trace.inserted(edit)));
  }
  return {};
}

/// The text of a replayed document. @errors kNotFound: there is none
Result<std::string> replayed_text(const Document& document);

/// kOk where `text` is what the trace ends with; else kCorrupt, with the place of the first
/// difference.
Status check_text(const Trace& trace, std::string_view text);

/// Told of each commit that made a delta; its error ends the replay.
using CommitSink = std::function<Status(const Commit&)>;

/// Replays on a document that somebody else made. @param clock  what its `now_ms` returns
/// @errors those of editing and of `sink`, which may be null
Status replay_sequential_on(Document& document, const Clock& clock, const Trace& trace,
                            Grouping grouping, const CommitSink& sink);

/// @param deltas  if not null, every commit's delta is appended
/// @errors those of editing
Result<Document> replay_sequential(const Trace& trace, Grouping grouping,
                                   const ReplayOptions& options, DeltaLog* deltas = nullptr);

struct ConcurrentReplay {
  std::vector<Document> documents;  ///< by replica; each knows everything at the end
  DeltaLog deltas;                  ///< in causal order
};

/// @errors those of editing and applying; kCorrupt: a delta had to wait, so the order was wrong
Result<ConcurrentReplay> replay_concurrent(const Trace& trace, const ReplicaPlan& plan,
                                           const ReplayOptions& options);

}  // namespace weft::trace
