#include "bench/store/document_open_cases.h"

#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <memory>
#include <utility>
#include <vector>

#include "bench/harness/stopwatch.h"
#include "bench/store/child_process.h"
#include "bench/store/stored_trace.h"
#include "bench/store/temporary_folder.h"
#include "bench/trace/replay.h"
#include "crdt/base/checksum.h"
#include "storage/lmdb/lmdb_store.h"

namespace weft::bench {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kSeed = 77;

/// How a child opens the document.
constexpr const char* kEditor = "editor";
constexpr const char* kViewer = "viewer";
constexpr const char* kHistory = "history";
constexpr const char* kState = "state";  ///< only the kept state, step by step

struct OpenedDocument {
  Fault fault;
  double store_ms = 0;
  double document_ms = 0;
  double text_ms = 0;
  double state_ms = 0;
  double load_ms = 0;
  double scan_ms = 0;
  std::uint64_t ops = 0;
  std::uint64_t state_ops = 0;
  std::uint64_t text_digest = 0;
};

DocumentOptions editor_options() {
  DocumentOptions options;
  options.replica = {12345};
  options.now_ms = [] {
    using namespace std::chrono;
    return static_cast<std::uint64_t>(
        duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count());
  };
  return options;
}

std::uint64_t count_ops(const VersionVector& version) {
  std::uint64_t count = 0;
  for (const VersionVector::Entry& entry : version.entries()) count += entry.end;
  return count;
}

/// The parts of opening from a state, each by itself.
Status open_state(const Store& store, const DocumentId& id, OpenedDocument& opened) {
  const Stopwatch state_watch;
  std::optional<StoredState> state = store.state(id);
  opened.state_ms = state_watch.ms();
  VersionVector version;
  if (state) {  // else everything comes from the log
    const Stopwatch load_watch;
    WEFT_ASSIGN(const Document document,
                Document::load(std::move(state->snapshot), editor_options()));
    opened.load_ms = load_watch.ms();
    version = document.version();
  }
  opened.state_ops = count_ops(version);
  const Stopwatch scan_watch;
  WEFT_TRY(store.scan_document(id, version, [](const RecordView&) { return true; }));
  opened.scan_ms = scan_watch.ms();
  return {};
}

Result<Document> open_one(LmdbStore& store, const DocumentId& id, const std::string& way) {
  if (way == kHistory) return open_document(store, id, editor_options());
  if (way == kViewer) return open_latest(store, id, editor_options());
  WEFT_ASSIGN(StoredDocument stored, StoredDocument::open(store, id, editor_options()));
  return std::move(stored.document());
}

Status open_to_text(LmdbStore& store, const std::string& way, OpenedDocument& opened) {
  const DocumentId id = stored_trace_id(kSeed);
  if (way == kState) return open_state(store, id, opened);
  const Stopwatch document_watch;
  WEFT_ASSIGN(const Document document, open_one(store, id, way));
  opened.document_ms = document_watch.ms();
  const Stopwatch text_watch;
  WEFT_ASSIGN(const std::string text, trace::replayed_text(document));
  opened.text_ms = text_watch.ms();
  opened.ops = count_ops(document.version());
  opened.text_digest = xxh3_64(as_bytes(text));
  return {};
}

Status open_and_leave(const std::string& folder, const std::string& way, OpenedDocument& opened) {
  std::error_code ignored;
  const bool was_closed = fs::exists(fs::path(folder) / "closed", ignored);
  LmdbStore::Options options;
  options.folder = folder;
  options.read_only = way == kViewer;
  const Stopwatch store_watch;
  WEFT_ASSIGN(std::unique_ptr<LmdbStore> store, LmdbStore::open(std::move(options)));
  opened.store_ms = store_watch.ms();
  Status status = open_to_text(*store, way, opened);
  if (!was_closed) (void)store.release();  // the process ends without closing it
  return status;
}

/// What of a store's files no opening changes.
Result<std::string> fingerprint(const std::string& folder) {
  std::error_code error;
  const fs::path path(folder);
  const auto log_bytes = fs::file_size(path / "log/data.mdb", error);
  if (error) return Error(ErrorCode::kIoError, folder + ": " + error.message());
  const auto derived_bytes = fs::file_size(path / "derived/data.mdb", error);
  if (error) return Error(ErrorCode::kIoError, folder + ": " + error.message());
  const auto derived_time = fs::last_write_time(path / "derived/data.mdb", error);
  if (error) return Error(ErrorCode::kIoError, folder + ": " + error.message());
  return std::to_string(log_bytes) + " bytes, " + std::to_string(derived_bytes) +
         " bytes derived at " + std::to_string(derived_time.time_since_epoch().count()) +
         (fs::exists(path / "closed", error) ? ", closed" : ", not closed");
}

/// A store that waits to be opened.
struct MadeStore {
  TemporaryFolder folder;
  std::string fingerprint;
  std::uint64_t ops = 0;
  std::uint64_t text_digest = 0;
};

enum class Ending { kClosed, kKilled };

struct Written {
  Fault fault;
  std::uint64_t ops = 0;
};

Status write_store(const std::string& folder, const trace::Trace& trace, Ending ending,
                   const Link& link) {
  LmdbStore::Options options;
  options.folder = folder;
  options.create = true;
  WEFT_ASSIGN(const std::unique_ptr<LmdbStore> store, LmdbStore::open(std::move(options)));
  WEFT_ASSIGN(StoredDocument stored, store_trace(*store, trace, {.seed = kSeed}));
  const Written written{{}, count_ops(stored.document().version())};
  if (ending == Ending::kClosed) {
    WEFT_TRY(stored.save_state());
    WEFT_TRY(store->close());
    return link.send(written);
  }
  WEFT_TRY(link.send(written));
  kill(getpid(), SIGKILL);
  return {};
}

Result<std::shared_ptr<MadeStore>> make_store(const std::string& parent, const trace::Trace& trace,
                                              Ending ending) {
  WEFT_ASSIGN(TemporaryFolder folder, TemporaryFolder::make(parent));
  auto made = std::make_shared<MadeStore>(MadeStore{std::move(folder), {}, 0, 0});
  {
    WEFT_ASSIGN(const ChildProcess child, ChildProcess::start([&](const Link& link) {
                  Written written;
                  const Status status = write_store(made->folder.path(), trace, ending, link);
                  if (status.ok()) return;
                  written.fault.set(status.error());
                  (void)link.send(written);
                }));
    WEFT_ASSIGN(const Written written, child.link().receive<Written>());
    WEFT_TRY(written.fault.status());
    made->ops = written.ops;
  }  // it has ended
  made->text_digest = xxh3_64(as_bytes(trace.end_content));
  WEFT_ASSIGN(made->fingerprint, fingerprint(made->folder.path()));
  return made;
}

Result<OpenedDocument> open_in_child(const MadeStore& store, const char* way) {
  OpenedDocument opened;
  {
    WEFT_ASSIGN(const ChildProcess child,
                ChildProcess::start_again({kOpenDocumentCommand, store.folder.path(), way}));
    WEFT_ASSIGN(opened, child.link().receive<OpenedDocument>());
  }  // it has ended
  WEFT_TRY(opened.fault.status());
  WEFT_ASSIGN(const std::string now, fingerprint(store.folder.path()));
  if (now != store.fingerprint)
    return Error(ErrorCode::kCorrupt,
                 "opening a document changed the store from " + store.fingerprint + " to " + now);
  if (way != kState && (opened.ops != store.ops || opened.text_digest != store.text_digest))
    return Error(ErrorCode::kCorrupt, "the document that was opened is not the one that was saved");
  return opened;
}

double whole_ms(const OpenedDocument& opened) {
  return opened.store_ms + opened.document_ms + opened.text_ms;
}

Result<std::vector<Reading>> sample_opens(const MadeStore& store) {
  WEFT_ASSIGN(const OpenedDocument editor, open_in_child(store, kEditor));
  WEFT_ASSIGN(const OpenedDocument state, open_in_child(store, kState));
  WEFT_ASSIGN(const OpenedDocument viewer, open_in_child(store, kViewer));
  WEFT_ASSIGN(const OpenedDocument history, open_in_child(store, kHistory));
  const std::uint64_t digest = store.text_digest;
  return std::vector<Reading>{
      {whole_ms(editor), digest},   {editor.store_ms, digest},
      {editor.document_ms, digest}, {editor.text_ms, digest},
      {state.state_ms, digest},     {state.load_ms, digest},
      {state.scan_ms, digest},      {static_cast<double>(store.ops - state.state_ops), digest},
      {whole_ms(viewer), digest},   {history.document_ms, digest}};
}

}  // namespace

Status add_document_opens(const std::string& folder, const trace::Trace& trace, Sampler& sampler) {
  for (const Ending ending : {Ending::kClosed, Ending::kKilled}) {
    WEFT_ASSIGN(std::shared_ptr<MadeStore> store, make_store(folder, trace, ending));
    sampler.add(Probe{trace.name + (ending == Ending::kClosed ? "-closed" : "-killed"),
                      {{"open_to_text", "ms"},
                       {"open_store", "ms"},
                       {"open_document", "ms"},
                       {"open_text", "ms"},
                       {"open_state", "ms"},
                       {"open_load", "ms"},
                       {"open_scan", "ms"},
                       {"ops_behind_state", "count"},
                       {"read_only_to_text", "ms"},
                       {"open_history", "ms"}},
                      [store] { return sample_opens(*store); }});
  }
  return {};
}

int run_open_document_command(const std::string& folder, const std::string& way) {
  OpenedDocument opened;
  const Status status = open_and_leave(folder, way, opened);
  if (!status.ok()) opened.fault.set(status.error());
  _exit(Link(STDOUT_FILENO).send(opened).ok() ? 0 : 1);
}

}  // namespace weft::bench
