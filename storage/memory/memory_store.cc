#include "storage/memory/memory_store.h"

#include <algorithm>
#include <utility>

namespace weft {

// --- looking ---

const IndexedDocument* MemoryStore::find(const DocumentId& id) const {
  auto found = index_.find(id);
  return found == index_.end() ? nullptr : &found->second;
}

StoreInfo MemoryStore::info() const {
  std::lock_guard lock(mutex_);
  StoreInfo info;
  info.format = 3;
  info.epoch = options_.epoch;
  info.replica = replica_;
  info.incarnations = incarnations_;
  info.end = end_;
  info.retained_ms = retention_.elapsed_ms;
  for (const auto& [id, document] : index_) {
    info.records += document.head.records;
    info.payload_bytes += document.head.history_bytes;
  }
  return info;
}

LogPosition MemoryStore::log_end() const {
  std::lock_guard lock(mutex_);
  return end_;
}

VersionVector MemoryStore::version(const DocumentId& id) const {
  std::lock_guard lock(mutex_);
  const IndexedDocument* document = find(id);
  return document == nullptr ? VersionVector() : document->head.version();
}

DocumentUsage MemoryStore::usage_of(const DocumentId& id, const IndexedDocument& document) const {
  DocumentUsage usage = document.head.usage(id);
  auto kept = states_.find(id);
  if (kept != states_.end()) {
    usage.live_bytes = kept->second.live_bytes;
    usage.tombstone_bytes = kept->second.state.snapshot.size() - kept->second.live_bytes;
  }
  return usage;
}

Result<std::optional<DocumentUsage>> MemoryStore::document(const DocumentId& id) const {
  std::lock_guard lock(mutex_);
  const IndexedDocument* document = find(id);
  if (document == nullptr || document->head.is_unknown()) return std::optional<DocumentUsage>();
  return std::optional<DocumentUsage>(usage_of(id, *document));
}

Result<std::vector<DocumentUsage>> MemoryStore::documents() const {
  std::lock_guard lock(mutex_);
  std::vector<DocumentUsage> result;
  for (const auto& [id, document] : index_)
    if (!document.head.is_unknown()) result.push_back(usage_of(id, document));
  std::sort(result.begin(), result.end(),
            [](const DocumentUsage& a, const DocumentUsage& b) { return a.document < b.document; });
  return result;
}

std::vector<LateRecord> MemoryStore::late_records() const {
  std::lock_guard lock(mutex_);
  return late_;
}

Bytes MemoryStore::copy_at(LogPosition position) const {
  std::lock_guard lock(mutex_);
  auto at = records_.find(position);
  return at == records_.end() ? Bytes() : at->second;
}

Status MemoryStore::scan(LogPosition from,
                         const std::function<bool(const RecordView&)>& visit) const {
  const LogPosition end = info().end;
  for (LogPosition at = std::max<LogPosition>(from, 1); at < end; ++at) {
    Bytes bytes = copy_at(at);  // visitors may call us
    if (bytes.empty()) continue;
    WEFT_ASSIGN(RecordView record, decode_record(at, bytes));
    if (!visit(record)) break;
  }
  return {};
}

Status MemoryStore::scan_document(const DocumentId& id, const VersionVector& since,
                                  const std::function<bool(const RecordView&)>& visit) const {
  std::vector<LogPosition> positions;
  std::vector<Bytes> records;
  {
    std::lock_guard lock(mutex_);
    const IndexedDocument* document = find(id);
    if (document == nullptr) return {};
    if (document->head.base_position != 0 && !since.covers(document->head.base))
      positions.push_back(document->head.base_position);
    add_positions(document->entries, since, 0, positions);
    for (LogPosition at : positions) records.push_back(records_.at(at));
  }
  for (std::size_t i = 0; i < positions.size(); ++i) {
    WEFT_ASSIGN(RecordView record, decode_record(positions[i], records[i]));
    if (!visit(record)) break;
  }
  return {};
}

Result<std::vector<BadRecord>> MemoryStore::verify() const {
  std::vector<BadRecord> bad;
  const LogPosition end = info().end;
  for (LogPosition at = 1; at < end; ++at) {
    Bytes bytes = copy_at(at);
    if (bytes.empty()) continue;
    Result<RecordView> record = decode_record(at, bytes);
    if (!record.ok()) bad.push_back({at, record.take_error()});
  }
  return bad;
}

// --- changing ---

IndexedDocument MemoryStore::copy_of(const DocumentId& id) const {
  const IndexedDocument* document = find(id);
  IndexedDocument copy = document == nullptr ? IndexedDocument() : *document;
  copy.complete = true;
  return copy;
}

void MemoryStore::put(LogPosition position, const NewRecord& record) {
  Bytes bytes(record_size(record.payload.size()));
  encode_record(position, record, record.payload, bytes.data());
  records_.insert_or_assign(records_.end(), position, std::move(bytes));  // nearly always the last
  end_ = std::max(end_, position + 1);
}

Result<AppendResult> MemoryStore::append(std::span<const NewRecord> batch,
                                         std::span<const PeerNote> notes) {
  if (options_.before_append) WEFT_TRY(options_.before_append(batch));
  std::lock_guard lock(mutex_);
  if (closed_) return Error(ErrorCode::kReadOnly, "the store is closed");
  Admission admission(replica_, [this](const DocumentId& id) -> Result<DocumentHead> {
    const IndexedDocument* document = find(id);
    return document == nullptr ? DocumentHead() : document->head;
  });
  WEFT_ASSIGN(Admission::Batch admitted, admission.admit(batch));
  AppendResult result;
  result.known = admitted.known;
  result.late = static_cast<std::uint32_t>(admitted.late.size());
  if (!admitted.fresh.empty()) result.first = end_;
  for (const NewRecord* record : admitted.fresh) {
    index_[record->document].add(end_, *record, record->payload);
    put(end_, *record);
  }
  for (const NewRecord* record : admitted.late) late_.push_back({*record, record->payload.size()});
  notes_.put(notes);
  return result;
}

void MemoryStore::carry_out(Replacement plan) {
  if (plan.is_nothing()) return;
  std::uint64_t gone_bytes = 0;
  if (plan.position != 0) plan.gone.push_back(plan.position);
  for (LogPosition at : plan.gone) {
    auto found = records_.find(at);
    if (found == records_.end()) continue;
    Result<RecordView> old = decode_record(at, found->second);
    if (old.ok()) gone_bytes += old->payload.size();
    records_.erase(found);
  }
  if (plan.position != 0) put(plan.position, plan.record);
  for (const NewRecord& record : plan.more) put(end_, record);
  plan.recount(gone_bytes);
  if (plan.record.kind == RecordKind::kMark || plan.drops_state)
    states_.erase(plan.record.document);
  index_[plan.record.document] = std::move(plan.document);
}

Status MemoryStore::set_status(const DocumentId& id, DocumentStatus status) {
  std::lock_guard lock(mutex_);
  IndexedDocument document = copy_of(id);
  if (status == DocumentStatus::kDeleted) {
    const Deletion deletion = deletion_of_all(document.head);
    carry_out(plan_deletion(id, std::move(document), end_, deletion, retention_.elapsed_ms));
    return {};
  }
  WEFT_TRY(check_status(document.head, status));
  if (begins_anew(document.head, status, replica_)) write_as_another();
  carry_out(plan_status(id, std::move(document), end_, status, retention_.elapsed_ms));
  return {};
}

Status MemoryStore::mark_deleted(const DocumentId& id, const Deletion& deletion) {
  std::lock_guard lock(mutex_);
  carry_out(plan_deletion(id, copy_of(id), end_, deletion, retention_.elapsed_ms));
  return {};
}

Result<std::uint64_t> MemoryStore::note_time(std::uint64_t wall_ms) {
  std::lock_guard lock(mutex_);
  if (closed_) return Error(ErrorCode::kReadOnly, "the store is closed");
  retention_.note(wall_ms);
  return retention_.elapsed_ms;
}

Status MemoryStore::purge(const DocumentId& id) {
  std::lock_guard lock(mutex_);
  WEFT_ASSIGN(Replacement plan, plan_purge(id, copy_of(id), end_, retention_.elapsed_ms));
  carry_out(std::move(plan));
  return {};
}

Status MemoryStore::trim(const DocumentId& id, const StoredState& state) {
  std::lock_guard lock(mutex_);
  WEFT_ASSIGN(Replacement plan, plan_trim(id, copy_of(id), end_, state));
  carry_out(std::move(plan));
  return {};
}

Status MemoryStore::adopt_state(const DocumentId& id, const StoredState& state) {
  std::lock_guard lock(mutex_);
  WEFT_ASSIGN(Replacement plan, plan_adoption(id, copy_of(id), end_, state));
  carry_out(std::move(plan));
  return {};
}

Status MemoryStore::rewrite(const DocumentId& id, const VersionVector& keep,
                            std::span<const NewRecord> instead) {
  std::lock_guard lock(mutex_);
  WEFT_ASSIGN(Replacement plan,
              plan_rewrite(id, copy_of(id), end_, Rewrite{keep, instead, replica_}));
  carry_out(std::move(plan));
  return {};
}

Status MemoryStore::seal(const NewRecord& bundle) {
  std::lock_guard lock(mutex_);
  WEFT_ASSIGN(Replacement plan, plan_seal(copy_of(bundle.document), bundle));
  carry_out(std::move(plan));
  return {};
}

Status MemoryStore::put_state(const DocumentId& id, StoredState state, std::uint64_t live_bytes) {
  std::lock_guard lock(mutex_);
  const IndexedDocument* document = find(id);
  if (document != nullptr && document->head.status != DocumentStatus::kLive)
    return Error(ErrorCode::kNotKept, "the document is not kept here");
  if (document == nullptr || document->head.records == 0 || !document->head.covers(state.version))
    return Error(ErrorCode::kInvalidArgument, "a state of operations that the store lacks");
  if (live_bytes > state.snapshot.size())
    return Error(ErrorCode::kInvalidArgument, "a state with more visible than there is");
  states_[id] = {std::move(state), live_bytes};
  return {};
}

std::optional<StoredState> MemoryStore::state(const DocumentId& id) const {
  std::lock_guard lock(mutex_);
  auto found = states_.find(id);
  if (found == states_.end() || !found->second.state.version.covers(index_.at(id).head.base))
    return std::nullopt;
  return found->second.state;
}

Status MemoryStore::close() {
  std::lock_guard lock(mutex_);
  closed_ = true;
  return {};
}

Result<std::vector<PeerNote>> MemoryStore::peer_notes() const {
  std::lock_guard lock(mutex_);
  return notes_.all();
}

std::uint64_t MemoryStore::next_random() {
  if (options_.random) return options_.random();
  // A step of SplitMix64.
  std::uint64_t mixed = replica_.value + 0x9e37'79b9'7f4a'7c15 * (incarnations_.size() + 1);
  mixed = (mixed ^ (mixed >> 30)) * 0xbf58'476d'1ce4'e5b9;
  mixed = (mixed ^ (mixed >> 27)) * 0x94d0'49bb'1331'11eb;
  return mixed ^ (mixed >> 31);
}

std::unique_ptr<MemoryStore> MemoryStore::clone(std::function<std::uint64_t()> random) const {
  std::lock_guard lock(mutex_);
  auto copy = std::make_unique<MemoryStore>(options_);
  copy->options_.random = std::move(random);
  copy->replica_ = replica_;
  copy->incarnations_ = incarnations_;
  copy->notes_ = notes_;
  copy->retention_ = retention_;
  copy->end_ = end_;
  copy->records_ = records_;
  copy->index_ = index_;
  copy->states_ = states_;
  return copy;
}

void MemoryStore::reopen() {
  constexpr std::size_t kIncarnationsMax = 64;
  std::lock_guard lock(mutex_);
  closed_ = false;
  late_.clear();
  incarnations_.push_back(next_random());
  if (incarnations_.size() > kIncarnationsMax) incarnations_.erase(incarnations_.begin());
}

Result<ReplicaId> MemoryStore::take_replica() {
  std::lock_guard lock(mutex_);
  if (closed_) return Error(ErrorCode::kReadOnly, "the store is closed");
  write_as_another();
  return replica_;
}

void MemoryStore::write_as_another() {
  incarnations_.clear();
  replica_ = device_replica(next_random());
  incarnations_.push_back(next_random());
}

}  // namespace weft
