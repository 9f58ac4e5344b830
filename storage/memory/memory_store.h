#pragma once
// MemoryStore: a store that lasts as long as the object: for tests, and for applications that keep
// nothing. Records lie encoded, as on disk, so that damage can be tried out on them.

#include <map>
#include <mutex>

#include "storage/log_index.h"
#include "storage/store.h"

namespace weft {

class MemoryStore final : public Store {
 public:
  struct Options {
    ReplicaId replica;
    std::uint64_t epoch = 0;
    /// Asked before a batch is stored; what it returns, append returns. For tests of failing disks.
    std::function<Status(std::span<const NewRecord>)> before_append;
  };
  explicit MemoryStore(Options options) : options_(std::move(options)) {}

  StoreInfo info() const override;
  Result<AppendResult> append(std::span<const NewRecord> batch) override;
  Status scan(LogPosition from, const std::function<bool(const RecordView&)>& visit) const override;
  Status scan_document(const DocumentId& document, const VersionVector& since,
                       const std::function<bool(const RecordView&)>& visit) const override;
  VersionVector version(const DocumentId& document) const override;
  std::vector<DocumentUsage> documents() const override;
  Result<std::vector<BadRecord>> verify() const override;
  Status close() override;

  /// The stored bytes of a record, to damage them.
  Bytes& bytes_at(LogPosition position) { return records_.at(position); }

 private:
  Bytes copy_at(LogPosition position) const;

  Options options_;
  mutable std::mutex mutex_;
  bool closed_ = false;
  LogPosition end_ = 1;
  std::map<LogPosition, Bytes> records_;
  LogIndex index_;
};

}  // namespace weft
