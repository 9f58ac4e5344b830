#include "storage/memory/memory_store.h"

#include <utility>

#include "storage/admission.h"

namespace weft {

StoreInfo MemoryStore::info() const {
  std::lock_guard lock(mutex_);
  StoreInfo info;
  info.format = 1;
  info.epoch = options_.epoch;
  info.replica = options_.replica;
  info.end = end_;
  info.records = index_.record_count();
  info.payload_bytes = index_.payload_bytes();
  return info;
}

Result<AppendResult> MemoryStore::append(std::span<const NewRecord> batch) {
  if (options_.before_append) WEFT_TRY(options_.before_append(batch));
  std::lock_guard lock(mutex_);
  if (closed_) return Error(ErrorCode::kReadOnly, "the store is closed");
  WEFT_ASSIGN(std::vector<const NewRecord*> fresh, admit(batch, index_, LogIndex()));
  AppendResult result;
  result.known = static_cast<std::uint32_t>(batch.size() - fresh.size());
  if (!fresh.empty()) result.first = end_;
  for (const NewRecord* record : fresh) {
    Bytes bytes(record_size(record->payload.size()));
    encode_record(end_, *record, record->payload, bytes.data());
    records_.emplace(end_, std::move(bytes));
    index_.add(end_, *record, record->payload.size());
    ++end_;
  }
  return result;
}

Bytes MemoryStore::copy_at(LogPosition position) const {
  std::lock_guard lock(mutex_);
  auto at = records_.find(position);
  return at == records_.end() ? Bytes() : at->second;
}

Status MemoryStore::scan(LogPosition from,
                         const std::function<bool(const RecordView&)>& visit) const {
  const LogPosition end = info().end;
  for (LogPosition at = from == 0 ? 1 : from; at < end; ++at) {
    Bytes bytes = copy_at(at);  // visitors may call us
    WEFT_ASSIGN(RecordView record, decode_record(at, bytes));
    if (!visit(record)) break;
  }
  return {};
}

Status MemoryStore::scan_document(const DocumentId& document, const VersionVector& since,
                                  const std::function<bool(const RecordView&)>& visit) const {
  std::vector<LogPosition> positions;
  {
    std::lock_guard lock(mutex_);
    positions = index_.positions(document, since);
  }
  for (LogPosition at : positions) {
    Bytes bytes = copy_at(at);
    WEFT_ASSIGN(RecordView record, decode_record(at, bytes));
    if (!visit(record)) break;
  }
  return {};
}

VersionVector MemoryStore::version(const DocumentId& document) const {
  std::lock_guard lock(mutex_);
  return index_.version(document);
}

std::vector<DocumentUsage> MemoryStore::documents() const {
  std::lock_guard lock(mutex_);
  return index_.documents();
}

Result<std::vector<BadRecord>> MemoryStore::verify() const {
  std::vector<BadRecord> bad;
  const LogPosition end = info().end;
  for (LogPosition at = 1; at < end; ++at) {
    Bytes bytes = copy_at(at);
    Result<RecordView> record = decode_record(at, bytes);
    if (!record.ok()) bad.push_back({at, record.take_error()});
  }
  return bad;
}

Status MemoryStore::close() {
  std::lock_guard lock(mutex_);
  closed_ = true;
  return {};
}

}  // namespace weft
