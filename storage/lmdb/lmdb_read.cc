// Reading a store: index plus tail, then records out of the log in slices, so that no read transaction
// lives while a visitor runs.
#include <algorithm>
#include <string>
#include <utility>

#include "storage/lmdb/lmdb_store_parts.h"

namespace weft {

using lmdb::Derived;
using lmdb::DerivedDocument;
using lmdb::Reading;

namespace {

/// What a reader copies out at once.
constexpr std::size_t kSliceBytes = std::size_t{1} << 20;

std::string record_name(LogPosition position) { return "record " + std::to_string(position); }

}  // namespace

Status LmdbStore::read_log(const std::function<Status(const Reading&)>& body) const {
  std::shared_lock files(files_mutex_);
  if (!log_) return Error(ErrorCode::kIoError, "the log's file could not be opened again");
  return log_->read(body);
}

/// Of a store that another process writes: what has been committed since.
Status LmdbStore::refresh() const {
  if (!options_.read_only) return {};
  std::shared_lock files(files_mutex_);
  std::lock_guard lock(mutex_);
  lmdb::LogMeta now;
  WEFT_TRY(log_->read([&](const Reading& reading) -> Status {
    WEFT_ASSIGN(now, lmdb::read_log_meta(reading, kMetaDatabase));
    return {};
  }));
  const bool same_log =
      now.end == meta_.end && now.rewrites == meta_.rewrites && now.epoch == meta_.epoch;
  const bool rewritten = now.rewrites != meta_.rewrites || now.epoch != meta_.epoch;
  meta_ = std::move(now);
  if (same_log) return {};
  Result<Derived::Meta> derived =
      derived_ ? derived_->meta() : Error(ErrorCode::kNotFound, "there is no derived data");
  const bool fits = derived.ok() && derived->stamp.epoch == meta_.epoch &&
                    derived->stamp.rewrites == meta_.rewrites &&
                    derived->stamp.indexed_to <= meta_.end;
  if (fits ? derived_lost_ || rewritten || derived->stamp.indexed_to != stamp_.indexed_to
           : !derived_lost_ || rewritten) {
    forget_index();
    derived_lost_ = !fits;
    if (fits) {
      stamp_ = derived->stamp;
      totals_ = derived->totals;
      tail_.begin = tail_.end = stamp_.indexed_to;
    }
  }
  Status indexed = index_log(tail_.end, false);
  if (indexed.ok() || indexed.error().code() != ErrorCode::kCorrupt) return indexed;
  return index_whole_log();  // what is derived can't be read
}

/// A document as it is now; the newest entries come from the tail, the others from the index on disk.
Result<IndexedDocument> LmdbStore::look_up(const DocumentId& id, bool with_entries,
                                           const VersionVector* since) const {
  for (;;) {
    std::shared_lock files(files_mutex_);
    IndexedDocument result;
    bool has_head = false;
    bool use_derived = true;
    {
      std::lock_guard lock(mutex_);
      use_derived = !derived_lost_ && derived_ != nullptr;
      for (const Tail* part : {static_cast<const Tail*>(&tail_), taking_.get()}) {
        if (part == nullptr || result.complete) continue;
        auto found = part->documents.find(id);
        if (found == part->documents.end()) continue;
        if (!has_head) result.head = found->second.head;
        has_head = true;
        result.complete = found->second.complete;
        if (with_entries)
          result.entries.insert(result.entries.begin(), found->second.entries.begin(),
                                found->second.entries.end());
      }
    }
    if (result.complete || !use_derived || (has_head && !with_entries)) return result;
    Result<Derived::Found> found = derived_->find(id, with_entries, since);
    if (!found.ok()) {
      files.unlock();
      WEFT_TRY(lose_derived(found.error()));
      continue;
    }
    if (!has_head && found->document) result.head = std::move(found->document->head);
    auto newer =
        std::find_if(result.entries.begin(), result.entries.end(),
                     [&](const IndexEntry& entry) { return entry.position >= found->indexed_to; });
    found->entries.insert(found->entries.end(), newer, result.entries.end());
    result.entries = std::move(found->entries);
    result.complete = true;
    return result;
  }
}

VersionVector LmdbStore::version(const DocumentId& id) const {
  if (!refresh().ok()) return {};
  Result<IndexedDocument> document = look_up(id, false);
  return document.ok() ? document->head.version() : VersionVector();
}

Result<std::optional<DocumentUsage>> LmdbStore::document(const DocumentId& id) const {
  WEFT_TRY(refresh());
  WEFT_ASSIGN(IndexedDocument document, look_up(id, false));
  const DocumentHead& head = document.head;
  if (head.is_unknown()) return std::optional<DocumentUsage>();
  DocumentUsage usage = head.usage(id);
  std::shared_lock files(files_mutex_);
  if (derived_ && head.status == DocumentStatus::kLive) {
    Result<Derived::Found> found = derived_->find(id, false);
    if (found.ok() && found->document) {
      usage.live_bytes = found->document->live_bytes;
      usage.tombstone_bytes = found->document->tombstone_bytes;
    }
  }
  return std::optional<DocumentUsage>(std::move(usage));
}

Result<std::vector<DocumentUsage>> LmdbStore::documents() const {
  std::vector<DocumentUsage> result;
  WEFT_TRY(refresh());
  std::unordered_map<DocumentId, DocumentHead, DocumentHash> newer;
  bool use_derived = false;
  std::shared_lock files(files_mutex_);
  {
    std::lock_guard lock(mutex_);
    use_derived = !derived_lost_ && derived_ != nullptr;
    for (const Tail* part : {static_cast<const Tail*>(&tail_), taking_.get()}) {
      if (part == nullptr) continue;
      for (const auto& [id, document] : part->documents) newer.emplace(id, document.head);
    }
  }
  if (use_derived) {
    Status status =
        derived_->each_document([&](const DocumentId& id, const DerivedDocument& document) {
          auto found = newer.find(id);
          const DocumentHead& head = found != newer.end() ? found->second : document.head;
          if (!head.is_unknown()) {
            DocumentUsage& usage = result.emplace_back(head.usage(id));
            usage.live_bytes = document.live_bytes;
            usage.tombstone_bytes = document.tombstone_bytes;
          }
          if (found != newer.end()) newer.erase(found);
        });
    if (!status.ok()) {
      files.unlock();
      WEFT_TRY(lose_derived(status.error()));
      return documents();
    }
  }
  for (const auto& [id, head] : newer)
    if (!head.is_unknown()) result.push_back(head.usage(id));
  std::sort(result.begin(), result.end(),
            [](const DocumentUsage& a, const DocumentUsage& b) { return a.document < b.document; });
  return result;
}

StoreInfo LmdbStore::info() const {
  (void)refresh();
  std::lock_guard lock(mutex_);
  StoreInfo info;
  info.format = meta_.format;
  info.epoch = meta_.epoch;
  info.replica = meta_.replica;
  info.end = meta_.end;
  info.retained_ms = meta_.retention.elapsed_ms;
  info.records = totals_.records;
  info.payload_bytes = totals_.history_bytes;
  info.incarnations = meta_.incarnations;
  return info;
}

Status LmdbStore::scan(LogPosition from,
                       const std::function<bool(const RecordView&)>& visit) const {
  WEFT_TRY(refresh());
  LogPosition end = 0;
  {
    std::lock_guard lock(mutex_);
    end = meta_.end;
  }
  Bytes bytes;
  std::vector<std::pair<LogPosition, std::size_t>> slice;  // and where each ends in `bytes`
  for (bool more = true; more;) {
    bytes.clear();
    slice.clear();
    more = false;
    WEFT_TRY(read_log([&](const Reading& reading) {
      return reading.each(kLogDatabase, from, [&](lmdb::Key position, ByteSpan value) {
        if (position >= end) return false;
        more = !slice.empty() && bytes.size() + value.size() > kSliceBytes;
        if (more) return false;
        bytes.insert(bytes.end(), value.begin(), value.end());
        slice.emplace_back(position, bytes.size());
        return true;
      });
    }));
    std::size_t begin = 0;
    for (const auto& [position, slice_end] : slice) {
      WEFT_ASSIGN(RecordView record,
                  decode_record(position, ByteSpan(bytes).subspan(begin, slice_end - begin)));
      if (!visit(record)) return {};
      begin = slice_end;
      from = position + 1;
    }
  }
  return {};
}

/// Copies records out, as many of `positions` as fit; stops in front of one that is not there.
/// @param ends  where each ends in `bytes`
Status LmdbStore::read_slice(std::span<const LogPosition> positions, Bytes& bytes,
                             std::vector<std::size_t>& ends) const {
  bytes.clear();
  ends.clear();
  return read_log([&](const Reading& reading) {
    return reading.each_of(kLogDatabase, positions, [&](ByteSpan value) {
      if (!ends.empty() && bytes.size() + value.size() > kSliceBytes) return false;
      bytes.insert(bytes.end(), value.begin(), value.end());
      ends.push_back(bytes.size());
      return true;
    });
  });
}

Status LmdbStore::scan_document(const DocumentId& id, const VersionVector& since,
                                const std::function<bool(const RecordView&)>& visit) const {
  WEFT_TRY(refresh());
  Bytes bytes;
  std::vector<std::size_t> ends;
  LogPosition next = 0;     // entries before it were visited
  LogPosition missing = 0;  // a position that was not there when it was asked for
  LogPosition base = 0;     // where the state lay when the first record was visited
  for (bool is_begun = false;;) {
    WEFT_ASSIGN(IndexedDocument document, look_up(id, true, &since));
    std::vector<LogPosition> positions;
    const bool needs_base = document.head.base_position != 0 && !since.covers(document.head.base);
    if (is_begun && needs_base && document.head.base_position != base)
      return Error(ErrorCode::kNeedHistory, "the document was trimmed while it was read");
    if (!is_begun) base = document.head.base_position;
    if (!is_begun && needs_base) positions.push_back(base);
    add_positions(document.entries, since, next, positions);
    std::span<const LogPosition> left(positions);
    while (!left.empty()) {
      WEFT_TRY(read_slice(left, bytes, ends));
      if (ends.empty()) break;
      std::size_t begin = 0;
      for (std::size_t end : ends) {
        Result<RecordView> record =
            decode_record(left.front(), ByteSpan(bytes).subspan(begin, end - begin));
        if (!record.ok()) return drop_damaged(id, left.front(), record.take_error());
        is_begun = true;
        if (!visit(*record)) return {};
        if (record->has_operations()) next = left.front() + 1;
        left = left.subspan(1);
        begin = end;
      }
    }
    if (left.empty()) return {};
    // Replaced since we looked; what stands for it lies at a later position.
    if (left.front() == missing)
      return Error(ErrorCode::kCorrupt, record_name(missing) + " is missing");
    missing = left.front();
    // The index is brought up to date behind the commit, on the writer thread or in another process.
    WEFT_TRY(refresh());
    if (!options_.read_only) (void)run_job([]() -> Status { return {}; });
  }
}

/// Takes a damaged record out of the index: its operations count as missing and come again from others.
/// @return  the error, in any case
Status LmdbStore::drop_damaged(const DocumentId& id, LogPosition position, Error why) const {
  if (options_.read_only) return why;
  (void)run_job([&]() -> Status {
    WEFT_ASSIGN(IndexedDocument document, look_up(id, true));
    auto entry = std::find_if(document.entries.begin(), document.entries.end(),
                              [&](const IndexEntry& each) { return each.position == position; });
    if (entry == document.entries.end()) return {};
    const DocumentHead before = document.head;
    // What was trimmed away may reach into it: that is not lost.
    document.head.remove(
        entry->replica, std::max(entry->begin, document.head.base.end(entry->replica)), entry->end);
    {
      std::lock_guard lock(mutex_);
      damaged_.push_back({position, why.clone()});
      // Its dots may be known elsewhere: another replica from the next opening on.
      if (entry->replica == meta_.replica) own_are_lost_ = meta_.may_lack_own = true;
    }
    document.entries.erase(entry);
    Replacement plan;
    plan.gone.push_back(position);
    plan.record.document = id;
    plan.document = std::move(document);
    return carry_out(before, std::move(plan));
  });
  return why;
}

/// Not asked whether the log still has all of its version: where records were damaged it keeps what they did.
std::optional<StoredState> LmdbStore::state(const DocumentId& id) const {
  if (!refresh().ok()) return std::nullopt;
  Result<IndexedDocument> document = look_up(id, false);
  if (!document.ok() || document->head.status != DocumentStatus::kLive) return std::nullopt;
  std::shared_lock files(files_mutex_);
  std::optional<lmdb::KeptState> kept;
  {
    std::lock_guard lock(mutex_);
    bool is_dropped = false;
    for (const Tail* part : {static_cast<const Tail*>(&tail_), taking_.get()}) {
      if (part == nullptr || kept || is_dropped) continue;
      auto found = part->states.find(id);
      if (found != part->states.end())
        kept = lmdb::KeptState{found->second.state, found->second.mark_position};
      is_dropped = part->dropped_states.contains(id);
    }
    if (!kept && (is_dropped || derived_lost_ || !derived_)) return std::nullopt;
  }
  if (!kept) {
    Result<std::optional<lmdb::KeptState>> state = derived_->state(id);
    if (!state.ok()) return std::nullopt;  // damaged: as if it had never been kept
    kept = *std::move(state);
  }
  if (!kept || kept->mark_position != document->head.mark_position ||
      !kept->state.version.covers(document->head.base))
    return std::nullopt;
  return std::move(kept->state);
}

Result<std::vector<PeerNote>> LmdbStore::peer_notes() const {
  PeerNotes notes;
  WEFT_TRY(read_log([&](const Reading& reading) -> Status {
    WEFT_ASSIGN(notes, lmdb::read_peer_notes(reading, kMetaDatabase));
    return {};
  }));
  return notes.all();
}

std::vector<LateRecord> LmdbStore::late_records() const {
  std::lock_guard lock(mutex_);
  return {late_.begin(), late_.end()};
}

/// The tail becomes the whole log. @pre  nothing is appended meanwhile, mutex_ is held
Status LmdbStore::index_whole_log() const {
  forget_index();
  derived_lost_ = true;
  return index_log(1, false);
}

/// Goes on without derived data that turned out damaged; the next opening makes it anew.
Status LmdbStore::lose_derived(const Error& why) const {
  if (why.code() != ErrorCode::kCorrupt && why.code() != ErrorCode::kUnknownVersion)
    return why.clone();
  const std::string fault = why.message();
  auto lose = [this, fault]() -> Status {
    std::shared_lock files(files_mutex_);
    std::lock_guard lock(mutex_);
    if (derived_lost_) return {};
    derived_fault_ = fault;
    return index_whole_log();
  };
  const bool is_writer = std::this_thread::get_id() == writer_.get_id();
  bool direct = options_.read_only || is_writer;
  {
    std::lock_guard lock(mutex_);
    direct = direct || writer_done_;
  }
  return direct ? lose() : run_job(lose);
}

}  // namespace weft
