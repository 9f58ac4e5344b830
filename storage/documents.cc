#include "storage/documents.h"

#include <string>
#include <utility>
#include <vector>

#include "crdt/delta/codec.h"

namespace weft {

Result<AppendResult> store_document(Store& store, const Document& document) {
  WEFT_ASSIGN(std::vector<Bytes> deltas, document.deltas_since(store.version(document.id())));
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
  return store.append(batch);
}

Result<Document> open_document(const Store& store, const DocumentId& id, DocumentOptions options) {
  options.id = id;
  Document document = Document::create(std::move(options));
  Status applied;
  bool any = false;
  WEFT_TRY(store.scan_document(id, {}, [&](const RecordView& record) {
    any = true;
    Result<ApplyReport> report = record.kind == RecordKind::kBundle
                                     ? document.apply_bundle(record.payload)
                                     : document.apply(record.payload);
    if (!report.ok())
      applied = Error(ErrorCode::kCorrupt, "record " + std::to_string(record.position) +
                                               " does not apply: " + report.error().message());
    return applied.ok();
  }));
  WEFT_TRY(std::move(applied));
  if (!any) return Error(ErrorCode::kNotFound, "the store has nothing of this document");
  return document;
}

}  // namespace weft
