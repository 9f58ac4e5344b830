#include "storage/archive/transfer.h"

#include <span>
#include <string>
#include <utility>

#include "crdt/delta/codec.h"
#include "storage/archive/causal_order.h"
#include "storage/archive/delta_info.h"

namespace weft {
namespace {

/// Bounds what one append keeps in memory and in one transaction of the store.
constexpr std::size_t kImportBatchBytes = std::size_t{16} << 20;
constexpr std::size_t kImportBatchRecords = 65'536;

Status add_record(const RecordView& record, const Compressor* compressor, CausalOrder& order) {
  switch (record.kind) {
    case RecordKind::kMark:
    case RecordKind::kDeletion:
      return {};
    case RecordKind::kState:
      return Error(ErrorCode::kNeedHistory,
                   "the deltas before were trimmed away, and an archive holds whole histories");
    case RecordKind::kDelta:
      return order.add(Bytes(record.payload.begin(), record.payload.end()));
    case RecordKind::kBundle:
      break;
  }
  WEFT_ASSIGN(const OpenedBundle bundle, open_bundle(record.payload, compressor));
  DeltaWalk walk(bundle.batch);
  for (Bytes row; walk.next(row); row.clear()) WEFT_TRY(order.add(row));
  return {};
}

ArchivedStatus archived(DocumentStatus status) {
  switch (status) {
    case DocumentStatus::kEvicted:
      return ArchivedStatus::kEvicted;
    case DocumentStatus::kDeleted:
    case DocumentStatus::kPurged:
      return ArchivedStatus::kDeleted;
    case DocumentStatus::kLive:
      break;
  }
  return ArchivedStatus::kLive;
}

Result<ArchivedDocument> archive_stored(const Store& store, const DocumentUsage& usage,
                                        const Compressor* compressor) {
  const DocumentId& id = usage.document;
  CausalOrder order;
  Status added;
  WEFT_TRY(store.scan_document(id, {}, [&](const RecordView& record) {
    if (Status status = add_record(record, compressor, order); !status.ok())
      added = Error(status.error().code(), "document " + to_string(id) + ", record " +
                                               std::to_string(record.position) + ": " +
                                               status.error().context());
    return added.ok();
  }));
  WEFT_TRY(std::move(added));
  return ArchivedDocument{id, archived(usage.status), order.take()};
}

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

}  // namespace

Result<ArchivedDocument> archive_document(const Document& document) {
  WEFT_ASSIGN(std::vector<Bytes> deltas, document.deltas_since({}));
  return ArchivedDocument{document.id(), ArchivedStatus::kLive, std::move(deltas)};
}

Result<Document> open_archived(const ArchivedDocument& archived, DocumentOptions options) {
  options.id = archived.id;
  Document document = Document::create(std::move(options));
  for (std::size_t i = 0; i < archived.deltas.size(); ++i) {
    const Result<ApplyReport> report = document.apply(archived.deltas[i]);
    const std::string where =
        "document " + to_string(archived.id) + ", delta " + std::to_string(i) + ": ";
    if (!report.ok())
      return Error(ErrorCode::kCorrupt, where + "does not apply: " + report.error().message());
    if (report->refused > 0)
      return Error(ErrorCode::kCorrupt, where + "a delta that waited for it does not apply");
    if (report->dropped > 0)
      return Error(ErrorCode::kPendingFull, where + "too many deltas wait for others");
  }
  return document;
}

Result<Archive> archive_store(const Store& store, const Compressor* compressor) {
  const StoreInfo info = store.info();
  Archive archive;
  archive.origin = {info.epoch, info.replica};
  WEFT_ASSIGN(const std::vector<DocumentUsage> documents, store.documents());
  for (const DocumentUsage& usage : documents) {
    WEFT_ASSIGN(ArchivedDocument document, archive_stored(store, usage, compressor));
    archive.documents.push_back(std::move(document));
  }
  return archive;
}

Result<ArchiveImportReport> import_archive(Store& store, const Archive& archive) {
  ArchiveImportReport report;
  std::vector<NewRecord> records;
  Batch scratch;
  for (const ArchivedDocument& document : archive.documents) {
    if (document.status != ArchivedStatus::kLive)
      report.not_live.emplace_back(document.id, document.status);
    for (const Bytes& delta : document.deltas) {
      WEFT_ASSIGN(const DeltaInfo info, read_delta_info(delta, scratch));
      NewRecord& record = records.emplace_back();
      record.document = document.id;
      record.replica = info.first.replica;
      record.first_seq = info.first.seq;
      record.op_count = info.op_count;
      record.payload = delta;
    }
  }
  for (std::span<const NewRecord> rest = records; !rest.empty();) {
    const std::span<const NewRecord> batch = rest.first(batch_size(rest));
    WEFT_ASSIGN(const AppendResult appended, store.append(batch));
    report.known += appended.known;
    report.late += appended.late;
    report.added += batch.size() - appended.known - appended.late;
    rest = rest.subspan(batch.size());
  }
  return report;
}

}  // namespace weft
