#pragma once
// MemoryStore: a store that lasts as long as the object: for tests, and for applications that keep
// nothing. Records lie encoded, as on disk, so that damage can be tried out on them.

#include <map>
#include <mutex>
#include <unordered_map>

#include "storage/admission.h"
#include "storage/peer_notes.h"
#include "storage/replacement.h"
#include "storage/store.h"

namespace weft {

class MemoryStore final : public Store {
 public:
  struct Options {
    ReplicaId replica;
    std::uint64_t epoch = 0;
    /// Asked before a batch is stored; what it returns, append returns. For tests of failing disks.
    std::function<Status(std::span<const NewRecord>)> before_append;
    /// Random numbers, for other identities. Null: they follow from the replica.
    std::function<std::uint64_t()> random = nullptr;
  };
  explicit MemoryStore(Options options)
      : options_(std::move(options)), replica_(options_.replica) {}

  StoreInfo info() const override;
  LogPosition log_end() const override;
  using Store::append;
  Result<AppendResult> append(std::span<const NewRecord> batch,
                              std::span<const PeerNote> notes) override;
  Result<std::vector<PeerNote>> peer_notes() const override;
  Result<ReplicaId> take_replica() override;
  Status scan(LogPosition from, const std::function<bool(const RecordView&)>& visit) const override;
  Status scan_document(const DocumentId& document, const VersionVector& since,
                       const std::function<bool(const RecordView&)>& visit) const override;
  VersionVector version(const DocumentId& document) const override;
  Result<std::optional<DocumentUsage>> document(const DocumentId& document) const override;
  Result<std::vector<DocumentUsage>> documents() const override;
  Status set_status(const DocumentId& document, DocumentStatus status) override;
  Status mark_deleted(const DocumentId& document, const Deletion& deletion) override;
  Result<std::uint64_t> note_time(std::uint64_t wall_ms) override;
  Status purge(const DocumentId& document) override;
  std::vector<LateRecord> late_records() const override;
  Status put_state(const DocumentId& document, StoredState state,
                   std::uint64_t live_bytes) override;
  std::optional<StoredState> state(const DocumentId& document) const override;
  Status trim(const DocumentId& document, const StoredState& state) override;
  Status adopt_state(const DocumentId& document, const StoredState& state) override;
  using Store::rewrite;
  Status rewrite(const DocumentId& document, const VersionVector& keep,
                 std::span<const NewRecord> instead) override;
  Status seal(const NewRecord& bundle) override;
  Result<std::vector<BadRecord>> verify() const override;
  Status flush() override { return {}; }
  Status close() override;

  /// Another store with the same content and identity, as a copy of its files would be.
  /// @param random  takes the place of Options::random
  std::unique_ptr<MemoryStore> clone(std::function<std::uint64_t()> random) const;
  /// As if it were opened again: a new incarnation.
  void reopen();

  /// The stored bytes of a record, to damage them.
  Bytes& bytes_at(LogPosition position) { return records_.at(position); }

 private:
  struct Kept {
    StoredState state;
    std::uint64_t live_bytes = 0;
  };
  const IndexedDocument* find(const DocumentId& id) const;
  IndexedDocument copy_of(const DocumentId& id) const;
  DocumentUsage usage_of(const DocumentId& id, const IndexedDocument& document) const;
  void put(LogPosition position, const NewRecord& record);
  void carry_out(Replacement plan);
  Bytes copy_at(LogPosition position) const;
  std::uint64_t next_random();
  void write_as_another();

  Options options_;
  mutable std::mutex mutex_;
  ReplicaId replica_;
  std::vector<std::uint64_t> incarnations_;
  PeerNotes notes_;
  Retention retention_;
  bool closed_ = false;
  LogPosition end_ = 1;
  std::map<LogPosition, Bytes> records_;
  LogIndex index_;
  std::unordered_map<DocumentId, Kept, DocumentHash> states_;
  std::vector<LateRecord> late_;
};

}  // namespace weft
