#include "bench/store/stored_trace.h"

#include <utility>

#include "bench/trace/replay.h"

namespace weft::bench {
namespace {

/// Who keeps the document; no replica of any trace has this number.
constexpr std::uint32_t kKeeper = 1'000'000;

trace::ReplayOptions replay_options(const StoredTraceOptions& options) {
  return {.compressor = options.compressor, .seed = options.seed};
}

/// Saves after every so many deltas.
class Saver {
 public:
  Saver(StoredDocument& document, std::uint32_t deltas_a_save)
      : document_(document), deltas_a_save_(deltas_a_save) {}

  Status count() {
    if (++unsaved_ < deltas_a_save_) return {};
    unsaved_ = 0;
    return document_.save();
  }

 private:
  StoredDocument& document_;
  std::uint32_t deltas_a_save_;
  std::uint32_t unsaved_ = 0;
};

/// The deltas come from elsewhere, in causal order.
Status receive_concurrent(StoredDocument& document, const trace::Trace& trace,
                          const trace::ReplayOptions& options, Saver& saver) {
  WEFT_ASSIGN(const trace::ConcurrentReplay replay,
              trace::replay_concurrent(trace, trace::plan_replicas(trace), options));
  for (std::size_t i = 0; i < replay.deltas.size(); ++i) {
    WEFT_TRY(document.document().apply(replay.deltas[i]));
    WEFT_TRY(saver.count());
  }
  return {};
}

}  // namespace

DocumentId stored_trace_id(std::uint64_t seed) {
  return trace::document_options({.seed = seed}, 0).id;
}

Result<StoredDocument> store_trace(Store& store, const trace::Trace& trace,
                                   const StoredTraceOptions& options) {
  const trace::ReplayOptions replay = replay_options(options);
  const trace::Clock clock = trace::make_clock();
  WEFT_ASSIGN(StoredDocument stored,
              StoredDocument::open(store, stored_trace_id(options.seed),
                                   trace::document_options(replay, kKeeper, clock)));
  Saver saver(stored, options.deltas_a_save);
  if (trace.concurrent) {
    WEFT_TRY(receive_concurrent(stored, trace, replay, saver));
  } else {
    WEFT_TRY(trace::replay_sequential_on(stored.document(), clock, trace, trace::Grouping::kEdit,
                                         [&](const Commit&) { return saver.count(); }));
  }
  WEFT_TRY(stored.save());
  WEFT_ASSIGN(const std::string text, trace::replayed_text(stored.document()));
  WEFT_TRY(trace::check_text(trace, text));
  return stored;
}

}  // namespace weft::bench
