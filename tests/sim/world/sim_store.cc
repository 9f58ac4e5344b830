#include "tests/sim/world/sim_store.h"

#include <utility>

#include "crdt/base/assert.h"

namespace weft::sim {

SimStore::SimStore(ReplicaId replica, std::uint64_t epoch, std::function<std::uint64_t()> random) {
  MemoryStore::Options options;
  options.replica = replica;
  options.epoch = epoch;
  options.random = std::move(random);
  disk_ = std::make_unique<MemoryStore>(std::move(options));
}

Status SimStore::check_writable() const {
  WEFT_ASSERT(is_writable_);  // (I1)
  if (is_full_) return Error(ErrorCode::kDiskFull, "the simulated disk is full");
  return {};
}

Result<AppendResult> SimStore::append(std::span<const NewRecord> batch,
                                      std::span<const PeerNote> notes) {
  WEFT_TRY(check_writable());
  if (!is_lost_) return disk_->append(batch, notes);
  std::vector<NewRecord> kept;
  for (const NewRecord& record : batch)
    if (!is_lost_(record)) kept.push_back(record);
  return disk_->append(kept, notes);
}

Result<ReplicaId> SimStore::take_replica() {
  WEFT_TRY(check_writable());
  return disk_->take_replica();
}

Status SimStore::scan(LogPosition from, const std::function<bool(const RecordView&)>& visit) const {
  return disk_->scan(from, visit);
}

Status SimStore::scan_document(const DocumentId& document, const VersionVector& since,
                               const std::function<bool(const RecordView&)>& visit) const {
  return disk_->scan_document(document, since, visit);
}

Status SimStore::set_status(const DocumentId& document, DocumentStatus status) {
  WEFT_TRY(check_writable());
  return disk_->set_status(document, status);
}

Status SimStore::mark_deleted(const DocumentId& document, const Deletion& deletion) {
  WEFT_TRY(check_writable());
  return disk_->mark_deleted(document, deletion);
}

Result<std::uint64_t> SimStore::note_time(std::uint64_t wall_ms) {
  WEFT_TRY(check_writable());
  return disk_->note_time(wall_ms);
}

Status SimStore::purge(const DocumentId& document) {
  WEFT_ASSERT(is_writable_);  // (I1) A full disk has kept room for this.
  return disk_->purge(document);
}

Status SimStore::put_state(const DocumentId& document, StoredState state,
                           std::uint64_t live_bytes) {
  WEFT_TRY(check_writable());
  return disk_->put_state(document, std::move(state), live_bytes);
}

Status SimStore::trim(const DocumentId& document, const StoredState& state) {
  WEFT_TRY(check_writable());
  return disk_->trim(document, state);
}

Status SimStore::adopt_state(const DocumentId& document, const StoredState& state) {
  WEFT_TRY(check_writable());
  return disk_->adopt_state(document, state);
}

Status SimStore::rewrite(const DocumentId& document, const VersionVector& keep,
                         std::span<const NewRecord> instead) {
  WEFT_TRY(check_writable());
  return disk_->rewrite(document, keep, instead);
}

Status SimStore::seal(const NewRecord& bundle) {
  WEFT_TRY(check_writable());
  return disk_->seal(bundle);
}

}  // namespace weft::sim
