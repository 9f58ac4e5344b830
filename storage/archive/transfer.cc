#include "storage/archive/transfer.h"

#include <string>
#include <utility>

#include "crdt/delta/codec.h"
#include "storage/archive/causal_order.h"
#include "storage/archive/delta_info.h"

namespace weft {
namespace {

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
      return ArchivedStatus::kDeleted;
    case DocumentStatus::kPurged:
      return ArchivedStatus::kPurged;
    case DocumentStatus::kLive:
      break;
  }
  return ArchivedStatus::kLive;
}

Result<ArchivedDocument> archive_usage(const Store& store, const DocumentUsage& usage,
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
  return ArchivedDocument{id, archived(usage.status), order.take(), usage.deletion};
}

}  // namespace

Result<ArchivedDocument> archive_document(const Document& document) {
  WEFT_ASSIGN(std::vector<Bytes> deltas, document.deltas_since({}));
  return ArchivedDocument{document.id(), ArchivedStatus::kLive, std::move(deltas), {}};
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

Result<ArchivedDocument> archive_stored(const Store& store, const DocumentId& document,
                                        const Compressor* compressor) {
  WEFT_ASSIGN(const std::optional<DocumentUsage> usage, store.document(document));
  if (!usage) return Error(ErrorCode::kNotFound, "the store has nothing of this document");
  return archive_usage(store, *usage, compressor);
}

Result<Archive> archive_store(const Store& store, const Compressor* compressor) {
  const StoreInfo info = store.info();
  Archive archive;
  archive.origin = {info.epoch, info.replica};
  WEFT_ASSIGN(const std::vector<DocumentUsage> documents, store.documents());
  for (const DocumentUsage& usage : documents) {
    WEFT_ASSIGN(ArchivedDocument document, archive_usage(store, usage, compressor));
    archive.documents.push_back(std::move(document));
  }
  return archive;
}

}  // namespace weft
