#include "storage/documents.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "crdt/delta/codec.h"
#include "storage/document_head.h"

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

Status read_record(const DocumentId& document, ByteSpan bytes, Batch& scratch, NewRecord& record) {
  record.document = document;
  record.payload = bytes;
  if (is_bundle(bytes)) {
    WEFT_ASSIGN(const BundleInfo info, read_bundle_info(bytes));
    record.kind = RecordKind::kBundle;
    record.replica = info.author;
    record.first_seq = info.first_seq;
    record.op_count = info.op_count;
    return {};
  }
  WEFT_TRY(decode_delta_into(bytes, scratch));
  record.kind = RecordKind::kDelta;
  record.replica = scratch.author();
  record.first_seq = scratch.first_seq;
  record.op_count = scratch.op_count;
  return {};
}

Status append_since(Store& store, const Document& document, const VersionVector& since,
                    AppendResult& result) {
  WEFT_ASSIGN(std::vector<Bytes> deltas, document.deltas_since(since));
  std::vector<NewRecord> batch;
  Batch scratch;
  for (const Bytes& delta : deltas)
    WEFT_TRY(read_record(document.id(), delta, scratch, batch.emplace_back()));
  WEFT_ASSIGN(result, store.append(batch));
  return {};
}

Error does_not_apply(LogPosition position, const Error& error) {
  return Error(ErrorCode::kCorrupt,
               "record " + std::to_string(position) + " does not apply: " + error.message());
}

/// Applies records in the order of arrival; bundles that follow each other together, since that is faster.
class Applier {
 public:
  explicit Applier(Document& document) : document_(document) {}

  /// False: it did not apply; finish() says why.
  bool add(const RecordView& record) {
    if (record.kind == RecordKind::kBundle) {
      if (bundles_.empty()) first_bundle_ = record.position;
      bundles_.emplace_back(record.payload.begin(), record.payload.end());
      return true;
    }
    return record.kind != RecordKind::kDelta || add_delta(record.position, record.payload);
  }
  bool add_delta(LogPosition position, ByteSpan delta) {
    if (!apply_bundles()) return false;
    Result<ApplyReport> report = document_.apply(delta);
    if (report.ok()) dropped_ += report->dropped;
    if (!report.ok()) status_ = does_not_apply(position, report.error());
    return status_.ok();
  }
  Status finish() {
    (void)apply_bundles();
    return std::move(status_);
  }
  /// Deltas that the document had no room to keep waiting: they have to be read again.
  std::uint32_t dropped() const { return dropped_; }

 private:
  bool apply_bundles() {
    if (bundles_.empty()) return true;
    const std::vector<ByteSpan> spans(bundles_.begin(), bundles_.end());
    Result<ApplyReport> report = document_.apply_bundles(spans);
    bundles_.clear();
    if (report.ok()) dropped_ += report->dropped;
    if (!report.ok()) status_ = does_not_apply(first_bundle_, report.error());
    return status_.ok();
  }

  Document& document_;
  Status status_;
  std::vector<Bytes> bundles_;
  LogPosition first_bundle_ = 0;
  std::uint32_t dropped_ = 0;
};

/// Applies what the store has beyond `document`. A bundle lies where its last delta lay, so deltas may come before
/// others that they depend on; those that the document can't keep waiting are read again, as long as that helps.
Status apply_rest(const Store& store, Document& document) {
  for (;;) {
    const VersionVector before = document.version();
    Applier applier(document);
    WEFT_TRY(store.scan_document(document.id(), before,
                                 [&](const RecordView& record) { return applier.add(record); }));
    WEFT_TRY(applier.finish());
    if (applier.dropped() == 0 || document.version() == before) return {};
  }
}

/// The deltas of a bundle that end at `end` or before.
Status add_until(Applier& applier, const RecordView& record, Seq end,
                 const Compressor* compressor) {
  WEFT_ASSIGN(OpenedBundle bundle, open_bundle(record.payload, compressor));
  DeltaWalk walk(bundle.batch);
  Batch decoded;
  for (Bytes row; walk.next(row); row.clear()) {
    WEFT_TRY(decode_delta_into(row, decoded));
    if (decoded.first_seq + decoded.op_count > end) break;
    if (!applier.add_delta(record.position, row)) break;
  }
  return {};
}

/// Is it here? @errors kNotFound, kNotKept
Status check_kept(const Store& store, const DocumentId& id, DocumentUsage& usage) {
  WEFT_ASSIGN(std::optional<DocumentUsage> found, store.document(id));
  if (!found) return Error(ErrorCode::kNotFound, "the store has nothing of this document");
  // What is in the trash is all there.
  if (found->status != DocumentStatus::kLive && found->status != DocumentStatus::kDeleted)
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

Status record_of(const DocumentId& document, ByteSpan bytes, NewRecord& record) {
  Batch scratch;
  return read_record(document, bytes, scratch, record);
}

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

Result<Document> open_version(const Store& store, const DocumentId& id,
                              const VersionVector& version, DocumentOptions options) {
  DocumentUsage usage;
  WEFT_TRY(check_kept(store, id, usage));
  if (!version.covers(usage.base))
    return Error(ErrorCode::kNeedHistory,
                 "the history before " + usage.base.to_string() + " was trimmed away");
  options.id = id;
  const Compressor* compressor = options.compressor;
  WEFT_ASSIGN(Document document, open_base(store, usage, std::move(options)));
  Applier applier(document);
  Status status;
  WEFT_TRY(store.scan_document(id, usage.base, [&](const RecordView& record) {
    const Seq end = version.end(record.replica);
    if (!record.has_operations() || record.first_seq >= end) return true;
    if (record.end() <= end) return applier.add(record);
    if (record.kind == RecordKind::kBundle) status = add_until(applier, record, end, compressor);
    return status.ok();
  }));
  WEFT_TRY(std::move(status));
  WEFT_TRY(applier.finish());
  if (!(document.version() == version))
    return Error(ErrorCode::kNotFound, version.to_string() + " is no version of the document");
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

Result<std::vector<std::uint64_t>> read_chains(const Store& store, const DocumentId& id,
                                               const VersionVector& version) {
  VersionVector reached;
  std::map<ReplicaId, std::optional<std::uint64_t>> chains;
  // A record that filled a gap lies behind those that it came before: then once more.
  for (bool goes_on = true; goes_on && !reached.covers(version);) {
    goes_on = false;
    const VersionVector since = reached;  // which grows during the scan
    WEFT_TRY(store.scan_document(id, since, [&](const RecordView& record) {
      if (record.kind == RecordKind::kState) {
        Result<StateView> state = read_state_payload(record.payload);
        if (!state.ok()) return true;
        goes_on = true;
        reached.merge(state->version);
        if (const auto known = read_snapshot_chains(state->snapshot); known.ok())
          for (const auto& [replica, chain] : *known) chains[replica] = chain;
        return true;
      }
      const Seq end = reached.end(record.replica);
      if (!record.has_operations() || record.first_seq > end || record.end() <= end) return true;
      goes_on = true;
      std::optional<std::uint64_t>& chain = chains.try_emplace(record.replica, 0).first->second;
      if (record.first_seq < end) chain = std::nullopt;  // a bundle says its own
      chain = chain_behind(record, record.payload, chain);
      reached.set(record.replica, record.end());
      return true;
    }));
  }
  std::vector<std::uint64_t> result;
  for (const VersionVector::Entry& end : version.entries())
    result.push_back(reached.end(end.replica) == end.end ? chains[end.replica].value_or(0) : 0);
  return result;
}

// --- deletion ---

Deletion deletion_of(const Document& document, ReplicaId by, std::uint64_t at_ms) {
  Deletion deletion;
  const VersionVector version = document.version();
  for (const VersionVector::Entry& entry : version.entries())
    deletion.raise(entry.replica, entry.end, document.chain(entry.replica));
  deletion.set_author(by, at_ms);
  return deletion;
}

Status delete_document(Store& store, const DocumentId& id, DocumentOptions options) {
  const std::uint64_t now_ms = options.now_ms ? options.now_ms() : 0;
  WEFT_ASSIGN(const Document document, open_latest(store, id, std::move(options)));
  if (now_ms != 0) WEFT_TRY(store.note_time(now_ms));  // what passed before does not count
  return store.mark_deleted(id, deletion_of(document, store.info().replica, now_ms));
}

Status write_restore(Transaction& tx, const Deletion& deletion) {
  Bytes named;
  ByteWriter out(named);
  VersionVector version;
  for (const Deletion::Entry& entry : deletion.entries()) version.raise(entry.replica, entry.end);
  version.encode(out);
  return tx.root().set(kRestoredKey, Value::bytes(named));
}

bool is_restored(const Document& document, const Deletion& deletion) {
  const Result<Explanation> written = document.why("/" + std::string(kRestoredKey));
  if (!written.ok()) return false;
  const VersionVector wanted = deletion.version();
  auto names_it = [&](const WriteInfo& write) {
    if (write.erased || write.value.type() != Value::Type::kBytes) return false;
    ByteReader in(write.value.as_bytes());
    const Result<VersionVector> named = VersionVector::decode(in);
    return named.ok() && named->covers(wanted);
  };
  return names_it(written->winner) ||
         std::any_of(written->losers.begin(), written->losers.end(), names_it);
}

Status restore_document(Store& store, const DocumentId& id, DocumentOptions options) {
  WEFT_ASSIGN(const std::optional<DocumentUsage> usage, store.document(id));
  if (!usage) return Error(ErrorCode::kNotFound, "the store has no such document");
  options.replica = store.info().replica;
  WEFT_ASSIGN(StoredDocument document, StoredDocument::open(store, id, std::move(options)));
  if (usage->deletion.empty() || is_restored(document.document(), usage->deletion)) return {};
  WEFT_TRY(document.document().transact(
      [&](Transaction& tx) { return write_restore(tx, usage->deletion); }));
  return document.save();
}

std::optional<Contested> contested(const Document& document, const Deletion& deletion) {
  const VersionVector held = document.version();
  if (deletion.empty() || deletion.covers(held) || is_restored(document, deletion))
    return std::nullopt;
  Contested result;
  result.deletion = deletion;
  for (const VersionVector::Entry& entry : held.entries())
    if (entry.end > deletion.end(entry.replica))
      result.edits.push_back({entry.replica, entry.end - deletion.end(entry.replica)});
  return result;
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
  StoredDocument document(store, *std::move(opened));
  document.saved_ = document.document_.version();
  document.kept_ = document.document_.base();
  if (history == History::kWhole || document.kept_.empty()) {
    std::optional<StoredState> state = store.state(id);
    if (state) document.kept_ = std::move(state->version);
  }
  // Where it had to be made from the log, the next opening shall not have to. What fails here is a hint lost.
  if (document.state_is_due()) (void)document.save_state();
  return document;
}

bool StoredDocument::state_is_due() const {
  const std::uint64_t count = count_ops(saved_);
  const std::uint64_t since = count - std::min(count, count_ops(kept_));
  return since >= kOpsBetweenStates && since >= count / kShareBetweenStates;
}

Status StoredDocument::save() {
  VersionVector version = document_.version();
  if (version == saved_) return {};
  AppendResult result;
  WEFT_TRY(append_since(*store_, document_, saved_, result));
  saved_ = std::move(version);
  return state_is_due() ? save_state() : Status();
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
