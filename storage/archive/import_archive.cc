// Importing: what an archive says becomes what a store holds, see import_archive().
//
//   read every delta -> keep purged documents again that gain edits -> evict, mark deletions -> append
//                    -> void what does not fit -> say what became of each document

#include <algorithm>
#include <span>
#include <string>
#include <utility>

#include "storage/archive/delta_info.h"
#include "storage/archive/transfer.h"

namespace weft {
namespace {

/// Bounds what one append keeps in memory and in one transaction of the store.
constexpr std::size_t kImportBatchBytes = std::size_t{16} << 20;
constexpr std::size_t kImportBatchRecords = 65'536;

/// How many of `records` one append takes; at least one.
std::size_t batch_size(std::span<const NewRecord> records) {
  std::size_t count = 0;
  std::size_t bytes = 0;
  while (count < records.size() && count < kImportBatchRecords) {
    bytes += record_size(records[count].payload.size());
    if (count > 0 && bytes > kImportBatchBytes) break;
    ++count;
  }
  return count;
}

class Import {
 public:
  Import(Store& store, DocumentOptions options) : store_(store), options_(std::move(options)) {}

  Status run(const Archive& archive) {
    for (const ArchivedDocument& each : archive.documents) WEFT_TRY(read(each));
    const ReplicaId own = store_.info().replica;
    if (options_.now_ms)
      WEFT_TRY(store_.note_time(options_.now_ms()));  // what passed does not count
    for (const Item& item : items_) WEFT_TRY(prepare(item));
    WEFT_TRY(append());
    for (const Item& item : items_) WEFT_TRY(settle(item));
    if (const ReplicaId now = store_.info().replica; now != own) report_.new_replica = now;
    return {};
  }
  ArchiveImportReport take_report() { return std::move(report_); }

 private:
  /// One document of the archive.
  struct Item {
    const ArchivedDocument* archived = nullptr;
    VersionVector ends;  ///< behind all its deltas, also those that wait for others
    Deletion deletion;
    std::optional<DocumentUsage> before;  ///< here
    bool is_purged_for_good = false;
  };

  Status read(const ArchivedDocument& archived);
  Deletion deletion_said_by(const ArchivedDocument& archived, const VersionVector& ends) const;
  bool has_beyond(const Item& item, const Deletion& deletion) const;
  Status prepare(const Item& item);
  Status append();
  Result<DocumentUsage> check_ends(DocumentUsage usage, std::optional<Contested>& contested);
  Status settle(const Item& item);

  Store& store_;
  DocumentOptions options_;
  Batch scratch_;
  std::vector<Item> items_;
  std::vector<NewRecord> records_;
  ArchiveImportReport report_;
};

/// Changes nothing yet.
Status Import::read(const ArchivedDocument& archived) {
  Item item;
  item.archived = &archived;
  for (const Bytes& delta : archived.deltas) {
    WEFT_ASSIGN(const DeltaInfo info, read_delta_info(delta, scratch_));
    NewRecord& record = records_.emplace_back();
    record.document = archived.id;
    record.replica = info.first.replica;
    record.first_seq = info.first.seq;
    record.op_count = info.op_count;
    record.payload = delta;
    item.ends.raise(record.replica, record.end());
  }
  item.deletion = deletion_said_by(archived, item.ends);
  WEFT_ASSIGN(item.before, store_.document(archived.id));
  if (item.before && item.before->status == DocumentStatus::kEvicted && !archived.deltas.empty())
    return Error(ErrorCode::kNotKept,
                 "document " + to_string(archived.id) + " is evicted here; make it live first");
  if (item.before && item.before->status == DocumentStatus::kPurged)
    item.is_purged_for_good = !has_beyond(item, item.before->deletion);
  items_.push_back(std::move(item));
  return {};
}

/// What of it is void was found where it comes from, by the log there.
Deletion Import::deletion_said_by(const ArchivedDocument& archived,
                                  const VersionVector& ends) const {
  Deletion deletion;
  for (const Deletion::Entry& entry : archived.deletion.entries())
    deletion.raise(entry.replica, entry.end, entry.chain);
  deletion.set_author(archived.deletion.by(), archived.deletion.at_ms());
  const bool is_deleted =
      archived.status == ArchivedStatus::kDeleted || archived.status == ArchivedStatus::kPurged;
  if (!deletion.empty() || !is_deleted || ends.empty()) return deletion;
  const Result<Document> document = open_archived(archived, options_);
  for (const VersionVector::Entry& entry : ends.entries()) {
    const bool is_whole = document.ok() && document->version().end(entry.replica) == entry.end;
    deletion.raise(entry.replica, entry.end, is_whole ? document->chain(entry.replica) : 0);
  }
  return deletion;
}

/// Has the archive edits that `deletion` had not seen?
bool Import::has_beyond(const Item& item, const Deletion& deletion) const {
  if (item.ends.empty()) return false;
  if (!deletion.covers(item.ends)) return true;
  const std::vector<Deletion::Entry> to_check = deletion.to_check(item.ends);
  if (to_check.empty()) return false;
  const Result<Document> document = open_archived(*item.archived, options_);
  return document.ok() &&
         std::any_of(to_check.begin(), to_check.end(), [&](const Deletion::Entry& entry) {
           return document->version().end(entry.replica) == entry.end &&
                  document->chain(entry.replica) != entry.chain;
         });
}

Status Import::prepare(const Item& item) {
  const DocumentId& id = item.archived->id;
  const bool is_purged = item.before && item.before->status == DocumentStatus::kPurged;
  if (is_purged && !item.is_purged_for_good) WEFT_TRY(store_.set_status(id, DocumentStatus::kLive));
  const bool is_evicted_there = item.archived->status == ArchivedStatus::kEvicted;
  if (is_evicted_there && !item.before && item.archived->deltas.empty())
    WEFT_TRY(store_.set_status(id, DocumentStatus::kEvicted));
  if (item.deletion.empty()) return {};
  return store_.mark_deleted(id, item.deletion);
}

Status Import::append() {
  for (std::span<const NewRecord> rest = records_; !rest.empty();) {
    const std::span<const NewRecord> batch = rest.first(batch_size(rest));
    WEFT_ASSIGN(const AppendResult appended, store_.append(batch));
    report_.known += appended.known;
    report_.late += appended.late;
    report_.added += batch.size() - appended.known - appended.late;
    rest = rest.subspan(batch.size());
  }
  return {};
}

/// Voids the ends of deletions that don't fit the log, as it is now. A document that can't be opened is left as it is:
/// whoever opens it is told why.
Result<DocumentUsage> Import::check_ends(DocumentUsage usage, std::optional<Contested>& contested) {
  const Result<Document> document = open_latest(store_, usage.document, options_);
  if (!document.ok()) return usage;
  Deletion found;
  for (const Deletion::Entry& entry : usage.deletion.to_check(usage.version)) {
    const Result<std::uint64_t> chain = document->chain_at(entry.replica, entry.end);
    if (chain.ok() ? *chain == entry.chain : chain.error().code() != ErrorCode::kNotFound) continue;
    found.raise(entry.replica, entry.end, entry.chain);
    found.set_void(entry.replica);
  }
  if (!found.empty()) {
    WEFT_TRY(store_.mark_deleted(usage.document, found));
    WEFT_ASSIGN(std::optional<DocumentUsage> now, store_.document(usage.document));
    if (now) usage = *std::move(now);
  }
  contested = weft::contested(*document, usage.deletion);
  return usage;
}

Status Import::settle(const Item& item) {
  const DocumentId& id = item.archived->id;
  WEFT_ASSIGN(std::optional<DocumentUsage> found, store_.document(id));
  if (!found) return {};
  DocumentUsage usage = *std::move(found);
  std::optional<Contested> contested;
  const bool is_kept =
      usage.status == DocumentStatus::kLive || usage.status == DocumentStatus::kDeleted;
  if (is_kept && !usage.deletion.empty() && usage.records > 0) {
    WEFT_ASSIGN(usage, check_ends(std::move(usage), contested));
  }
  const ReplicaId own = store_.info().replica;
  if (is_kept && usage.deletion.end(own) > usage.version.end(own)) WEFT_TRY(store_.take_replica());

  ImportNote note;
  note.document = id;
  note.was_here = item.before.has_value();
  if (note.was_here) note.before = item.before->status;
  note.deletion = usage.deletion;
  const bool was_given_up =
      note.before == DocumentStatus::kDeleted || note.before == DocumentStatus::kPurged;
  const bool has_changed = !item.before || item.before->status != usage.status ||
                           !(item.before->version == usage.version) ||
                           !(item.before->deletion == usage.deletion);
  auto add = [&](ImportNote::Kind kind) {
    note.kind = kind;
    report_.notes.push_back(std::move(note));
  };
  if (item.is_purged_for_good && !item.ends.empty()) {
    add(ImportNote::Kind::kLeftPurged);
  } else if (usage.status == DocumentStatus::kEvicted) {
    if (!item.before) add(ImportNote::Kind::kEvicted);
  } else if (item.archived->status == ArchivedStatus::kEvicted) {
    add(ImportNote::Kind::kNotEvicted);
  } else if (usage.status == DocumentStatus::kDeleted) {
    if (note.before != DocumentStatus::kDeleted) add(ImportNote::Kind::kDeleted);
  } else if (contested && has_changed) {
    note.unseen = std::move(contested->edits);
    add(ImportNote::Kind::kContested);
  } else if (was_given_up && usage.status == DocumentStatus::kLive) {
    add(ImportNote::Kind::kReturned);
  }
  return {};
}

}  // namespace

Result<ArchiveImportReport> import_archive(Store& store, const Archive& archive,
                                           DocumentOptions options) {
  Import import(store, std::move(options));
  WEFT_TRY(import.run(archive));
  return import.take_report();
}

}  // namespace weft
