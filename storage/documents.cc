#include "storage/documents.h"

#include <string>
#include <utility>
#include <vector>

#include "crdt/delta/codec.h"

namespace weft {
namespace {

/// A state is kept again when this many operations came since, and at least a sixteenth of all: opening
/// applies at most these, and keeping states costs a fixed share of editing.
constexpr std::uint64_t kOpsBetweenStates = 8192;
constexpr std::uint64_t kShareBetweenStates = 16;

std::uint64_t count_ops(const VersionVector& version) {
  std::uint64_t count = 0;
  for (const VersionVector::Entry& entry : version.entries()) count += entry.end;
  return count;
}

Status append_since(Store& store, const Document& document, const VersionVector& since,
                    AppendResult& result) {
  WEFT_ASSIGN(std::vector<Bytes> deltas, document.deltas_since(since));
  std::vector<NewRecord> batch;
  Batch decoded;
  for (const Bytes& delta : deltas) {
    WEFT_TRY(decode_delta_into(delta, decoded));
    NewRecord& record = batch.emplace_back();
    record.kind = RecordKind::kDelta;
    record.document = document.id();
    record.replica = decoded.author();
    record.first_seq = decoded.first_seq;
    record.op_count = decoded.op_count;
    record.payload = delta;
  }
  WEFT_ASSIGN(result, store.append(batch));
  return {};
}

Error does_not_apply(LogPosition position, const Error& error) {
  return Error(ErrorCode::kCorrupt,
               "record " + std::to_string(position) + " does not apply: " + error.message());
}

/// Applies what the store has beyond `document`; bundles together, since that is faster.
Status apply_rest(const Store& store, Document& document) {
  std::vector<Bytes> bundles;
  LogPosition first_bundle = 0;
  auto apply_bundles = [&]() -> Status {
    std::vector<ByteSpan> spans(bundles.begin(), bundles.end());
    Result<ApplyReport> report = document.apply_bundles(spans);
    bundles.clear();
    if (!report.ok()) return does_not_apply(first_bundle, report.error());
    return {};
  };
  Status applied;
  WEFT_TRY(store.scan_document(document.id(), document.version(), [&](const RecordView& record) {
    if (record.kind == RecordKind::kBundle) {
      if (bundles.empty()) first_bundle = record.position;
      bundles.emplace_back(record.payload.begin(), record.payload.end());
      return true;
    }
    if (record.kind != RecordKind::kDelta) return true;
    if (!bundles.empty()) applied = apply_bundles();
    if (!applied.ok()) return false;
    Result<ApplyReport> report = document.apply(record.payload);
    if (!report.ok()) applied = does_not_apply(record.position, report.error());
    return applied.ok();
  }));
  WEFT_TRY(std::move(applied));
  if (!bundles.empty()) return apply_bundles();
  return {};
}

/// Is it here? @errors kNotFound, kNotKept
Status check_kept(const Store& store, const DocumentId& id, DocumentUsage& usage) {
  WEFT_ASSIGN(std::optional<DocumentUsage> found, store.document(id));
  if (!found) return Error(ErrorCode::kNotFound, "the store has nothing of this document");
  if (found->status != DocumentStatus::kLive)
    return Error(ErrorCode::kNotKept,
                 std::string("the document is ") + status_name(found->status) + " here");
  if (found->records == 0)
    return Error(ErrorCode::kNotFound, "the store has nothing of this document");
  usage = std::move(*found);
  return {};
}

/// What was trimmed away, as state; an empty document where nothing was.
Result<Document> open_base(const Store& store, const DocumentUsage& usage,
                           DocumentOptions options) {
  if (usage.base.empty()) return Document::create(std::move(options));
  Bytes snapshot;
  WEFT_TRY(store.scan_document(usage.document, {}, [&](const RecordView& record) {
    Result<StateView> state = read_state_payload(record.payload);
    if (record.kind == RecordKind::kState && state.ok())
      snapshot.assign(state->snapshot.begin(), state->snapshot.end());
    return false;
  }));
  return Document::load(std::move(snapshot), std::move(options));
}

}  // namespace

Result<AppendResult> store_document(Store& store, const Document& document) {
  AppendResult result;
  WEFT_TRY(append_since(store, document, store.version(document.id()), result));
  return result;
}

Status store_state(Store& store, const Document& document) {
  StoredState state{document.version(), document.snapshot()};
  WEFT_ASSIGN(SnapshotInfo info, read_snapshot_info(state.snapshot));
  return store.put_state(document.id(), std::move(state), info.live_bytes);
}

Result<Document> open_document(const Store& store, const DocumentId& id, DocumentOptions options) {
  DocumentUsage usage;
  WEFT_TRY(check_kept(store, id, usage));
  options.id = id;
  WEFT_ASSIGN(Document document, open_base(store, usage, std::move(options)));
  WEFT_TRY(apply_rest(store, document));
  return document;
}

Result<Document> open_latest(const Store& store, const DocumentId& id, DocumentOptions options) {
  std::optional<StoredState> state = store.state(id);
  if (state) {
    options.id = id;
    Result<Document> document = Document::load(std::move(state->snapshot), options);
    if (document.ok() && document->id() == id && apply_rest(store, *document).ok()) return document;
  }
  return open_document(store, id, std::move(options));
}

Result<StoredDocument> StoredDocument::open(Store& store, const DocumentId& id,
                                            DocumentOptions options, History history) {
  Result<Document> opened = history == History::kWhole ? open_document(store, id, options)
                                                       : open_latest(store, id, options);
  if (!opened.ok()) {
    if (opened.error().code() != ErrorCode::kNotFound) return opened.take_error();
    options.id = id;
    opened = Document::create(std::move(options));
  }
  StoredDocument document(store, std::move(opened).value());
  document.saved_ = document.document_.version();
  document.kept_ = document.document_.base();
  if (history == History::kWhole || document.kept_.empty()) {
    std::optional<StoredState> state = store.state(id);
    if (state) document.kept_ = std::move(state->version);
  }
  return document;
}

Status StoredDocument::save() {
  VersionVector version = document_.version();
  if (version == saved_) return {};
  AppendResult result;
  WEFT_TRY(append_since(*store_, document_, saved_, result));
  saved_ = std::move(version);
  const std::uint64_t count = count_ops(saved_);
  const std::uint64_t since = count - count_ops(kept_);
  if (since >= kOpsBetweenStates && since >= count / kShareBetweenStates) return save_state();
  return {};
}

Status StoredDocument::save_state() {
  if (kept_ == saved_) return {};
  WEFT_TRY(store_state(*store_, document_));
  kept_ = saved_;
  return {};
}

std::uint64_t StoredDocument::unsaved_count() const {
  return count_ops(document_.version()) - count_ops(saved_);
}

}  // namespace weft
