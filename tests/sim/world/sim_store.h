#pragma once
// SimStore: the store of a simulated device. What append() has taken is durable: a batch that is still being
// flushed lies with the SimCommitter, where a power cut loses it.
//
// It can be full for a while, and it can be copied and put back, as backups and images of disks are. A copy has
// the same ReplicaId and can't tell that it is one: the hard case of design.md, section 7. Each opening adds an
// incarnation.
//
// Invariants
//   I1  Only a committer writes, in its turn (Turn): a node that writes past it aborts.
//
// Threads: one.

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "storage/memory/memory_store.h"
#include "storage/store.h"

namespace weft::sim {

class SimStore final : public Store {
 public:
  SimStore(ReplicaId replica, std::uint64_t epoch, std::function<std::uint64_t()> random);

  /// As a device does that starts.
  void open() { disk_->reopen(); }
  /// What is on the disk now. @param random  whose numbers the copy draws
  std::unique_ptr<MemoryStore> copy(std::function<std::uint64_t()> random) const {
    return disk_->clone(std::move(random));
  }
  /// Another disk in the place of this one; nobody may have the store open.
  void put_back(std::unique_ptr<MemoryStore> disk) { disk_ = std::move(disk); }

  /// Nothing can be written while it is full (kDiskFull).
  void set_full(bool full) { is_full_ = full; }
  bool is_full() const { return is_full_; }
  /// For canaries: acknowledged records that get lost all the same.
  void lose(std::function<bool(const NewRecord&)> is_lost) { is_lost_ = std::move(is_lost); }

  /// While it lives the store may be written to.
  class [[nodiscard]] Turn {
   public:
    explicit Turn(SimStore& store) : store_(store) { store_.is_writable_ = true; }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    ~Turn() { store_.is_writable_ = false; }

   private:
    SimStore& store_;
  };

  StoreInfo info() const override { return disk_->info(); }
  using Store::append;
  Result<AppendResult> append(std::span<const NewRecord> batch,
                              std::span<const PeerNote> notes) override;
  Result<std::vector<PeerNote>> peer_notes() const override { return disk_->peer_notes(); }
  Result<ReplicaId> take_replica() override;
  Status scan(LogPosition from, const std::function<bool(const RecordView&)>& visit) const override;
  Status scan_document(const DocumentId& document, const VersionVector& since,
                       const std::function<bool(const RecordView&)>& visit) const override;
  VersionVector version(const DocumentId& document) const override {
    return disk_->version(document);
  }
  Result<std::optional<DocumentUsage>> document(const DocumentId& document) const override {
    return disk_->document(document);
  }
  Result<std::vector<DocumentUsage>> documents() const override { return disk_->documents(); }
  Status set_status(const DocumentId& document, DocumentStatus status) override;
  Status mark_deleted(const DocumentId& document, const Deletion& deletion) override;
  Result<std::uint64_t> note_time(std::uint64_t wall_ms) override;
  Status purge(const DocumentId& document) override;
  std::vector<LateRecord> late_records() const override { return disk_->late_records(); }
  Status put_state(const DocumentId& document, StoredState state,
                   std::uint64_t live_bytes) override;
  std::optional<StoredState> state(const DocumentId& document) const override {
    return disk_->state(document);
  }
  Status trim(const DocumentId& document, const StoredState& state) override;
  Status adopt_state(const DocumentId& document, const StoredState& state) override;
  using Store::rewrite;
  Status rewrite(const DocumentId& document, const VersionVector& keep,
                 std::span<const NewRecord> instead) override;
  Status seal(const NewRecord& bundle) override;
  Result<std::vector<BadRecord>> verify() const override { return disk_->verify(); }
  Status flush() override { return {}; }
  Status close() override { return {}; }

 private:
  Status check_writable() const;

  std::unique_ptr<MemoryStore> disk_;
  bool is_full_ = false;
  bool is_writable_ = false;
  std::function<bool(const NewRecord&)> is_lost_;
};

}  // namespace weft::sim
