// Writing a store: one thread, group commit, and what replaces records.
#include <algorithm>
#include <string>
#include <utility>

#include "storage/lmdb/lmdb_store_parts.h"

namespace weft {

using lmdb::LogMeta;
using lmdb::Writing;
using std::chrono::steady_clock;

namespace {

/// What one transaction takes: more would keep the first of them waiting.
constexpr std::uint64_t kGroupBytesMax = std::uint64_t{32} << 20;
/// What is taken in relaxed mode while the disk refuses, or is slow.
constexpr std::uint64_t kWaitingBytesMax = std::uint64_t{64} << 20;
/// Relaxed batches don't wait for each other beyond this.
constexpr std::uint64_t kRelaxedBytes = std::uint64_t{4} << 20;
constexpr std::chrono::milliseconds kRetryPauseMin{100};
constexpr std::chrono::milliseconds kRetryPauseMax{10'000};
constexpr std::size_t kLateRecordsMax = 1000;
/// Free pages that come and go with each commit, since LMDB copies what it changes.
constexpr std::uint64_t kMovedBytes = std::uint64_t{192} << 10;

std::uint64_t bytes_of(std::span<const NewRecord> batch, std::span<const PeerNote> notes) {
  std::uint64_t bytes = notes.size_bytes();
  for (const NewRecord& record : batch) bytes += record_size(record.payload.size());
  return bytes;
}

bool can_pass(const Error& error) {
  return error.code() == ErrorCode::kDiskFull || error.code() == ErrorCode::kQuota;
}

}  // namespace

// --- the queue ---

Result<AppendResult> LmdbStore::append(std::span<const NewRecord> batch,
                                       std::span<const PeerNote> notes) {
  if (options_.read_only)
    return Error(ErrorCode::kReadOnly, folder_.path() + " was opened for reading only");
  auto request = std::make_shared<Request>();
  request->relaxed = options_.relaxed;
  request->since = steady_clock::now();
  request->batch = batch;
  request->notes = notes;
  AppendResult taken;
  if (request->relaxed) {
    Admission admission = make_admission();
    WEFT_ASSIGN(Admission::Batch admitted, admission.admit(batch));
    taken.known = admitted.known;
    taken.late = static_cast<std::uint32_t>(admitted.late.size());
    request->keep();
  }
  std::unique_lock lock(mutex_);
  if (request->relaxed)
    finished_.wait(lock, [&] { return waiting_bytes_ < kWaitingBytesMax || unsaved_ || broken_; });
  if (broken_) return broken_.clone();
  if (closing_) return Error(ErrorCode::kReadOnly, "the store is closed");
  if (request->relaxed) {
    if (unsaved_ && waiting_bytes_ >= kWaitingBytesMax) return unsaved_.clone();
    waiting_bytes_ += bytes_of(batch, notes);
  }
  waiting_.push_back(request);
  work_.notify_one();
  if (request->relaxed) return taken;
  finished_.wait(lock, [&] { return request->done; });
  return std::move(request->result);
}

/// Runs `job` on the writer thread, alone, after what waits already.
Status LmdbStore::run_job(std::function<Status()> job) const {
  if (options_.read_only)
    return Error(ErrorCode::kReadOnly, folder_.path() + " was opened for reading only");
  auto request = std::make_shared<Request>();
  request->job = std::move(job);
  std::unique_lock lock(mutex_);
  if (writer_done_) return Error(ErrorCode::kReadOnly, "the store is closed");
  waiting_.push_back(request);
  work_.notify_one();
  finished_.wait(lock, [&] { return request->done; });
  if (!request->result.ok()) return request->result.take_error();
  return {};
}

/// Waits for work. Empty: there is none, and the store closes. Relaxed batches wait a little for others;
/// what the disk refused waits longer, and everything that was taken after it.
LmdbStore::Requests LmdbStore::next_group(std::unique_lock<std::mutex>& lock) {
  for (;;) {
    const auto now = steady_clock::now();
    const bool stuck_is_due = !stuck_.empty() && (now >= retry_at_ || closing_);
    const bool has_job = !waiting_.empty() && waiting_.front()->job;
    const bool has_batch = !waiting_.empty() && !has_job && stuck_.empty();
    const bool batch_is_due =
        has_batch &&
        (!waiting_.front()->relaxed || closing_ || now >= waiting_.front()->since + kRelaxedDelay ||
         waiting_bytes_ >= kRelaxedBytes || !waiting_.back()->relaxed);
    Requests group;
    if (stuck_is_due) {
      group.swap(stuck_);
    } else if (has_job) {
      group.push_back(waiting_.front());
      waiting_.pop_front();
      return group;
    }
    if (stuck_is_due || batch_is_due) {
      for (std::uint64_t bytes = 0;
           !waiting_.empty() && !waiting_.front()->job && bytes < kGroupBytesMax;) {
        bytes += bytes_of(waiting_.front()->batch, waiting_.front()->notes);
        group.push_back(waiting_.front());
        waiting_.pop_front();
      }
      return group;
    }
    if (closing_ && waiting_.empty() && stuck_.empty()) return group;
    if (!stuck_.empty()) {
      work_.wait_until(lock, retry_at_);
    } else if (has_batch) {
      work_.wait_until(lock, waiting_.front()->since + kRelaxedDelay);
    } else {
      work_.wait(lock);
    }
  }
}

void LmdbStore::run_writer() {
  std::unique_lock lock(mutex_);
  if (meta_is_new_) {
    lock.unlock();
    Status status = write_meta([](LogMeta&) {});
    lock.lock();
    if (!status.ok() && !can_pass(status.error())) broken_ = status.take_error();
  }
  for (;;) {
    Requests group = next_group(lock);
    if (group.empty()) break;
    lock.unlock();
    if (options_.before_commit) options_.before_commit();
    if (group.front()->job) {
      Status status = group.front()->job();
      if (!status.ok()) group.front()->result = status.take_error();
    } else {
      write_group(group);
    }
    lock.lock();
    for (const std::shared_ptr<Request>& request : group) request->done = true;
    finished_.notify_all();
    if (closing_ && !stuck_.empty()) break;  // it was the last attempt
  }
  if (options_.relaxed && !broken_ && stuck_.empty() && !own_are_lost_) {
    lock.unlock();
    Status status = write_meta([](LogMeta& meta) { meta.may_lack_own = false; });
    lock.lock();
    if (!status.ok()) broken_ = status.take_error();
  }
  writer_done_ = true;
  for (const std::shared_ptr<Request>& request : waiting_) {
    request->result = Error(ErrorCode::kReadOnly, "the store is closed");
    request->done = true;
  }
  waiting_.clear();
  finished_.notify_all();
}

// --- a group of batches ---

Admission LmdbStore::make_admission() const {
  ReplicaId own;
  bool own_are_lost = false;
  {
    std::lock_guard lock(mutex_);
    own = meta_.replica;
    own_are_lost = own_are_lost_;
  }
  return Admission(
      own,
      [this](const DocumentId& id) -> Result<DocumentHead> {
        WEFT_ASSIGN(IndexedDocument document, look_up(id, false));
        return std::move(document.head);
      },
      own_are_lost);
}

/// Only this thread changes meta, so it reads it without the mutex.
void LmdbStore::write_group(Requests& group) {
  Admission admission = make_admission();
  std::vector<Stored> stored;
  Status status;
  {
    std::lock_guard lock(mutex_);
    if (broken_) status = broken_.clone();
  }
  if (status.ok()) status = commit_group(group, admission, stored);
  std::lock_guard lock(mutex_);
  if (status.ok()) {
    if (stuck_.empty()) unsaved_ = Error();
    retry_pause_ = std::chrono::milliseconds(0);
    for (const std::shared_ptr<Request>& request : group) {
      if (!request->relaxed) continue;
      waiting_bytes_ -= bytes_of(request->batch, request->notes);
      // What append() could not see: two batches that waited together say different things.
      if (!request->result.ok()) refused_ = request->result.error().clone();
    }
    if (!stored.empty()) index_stored(stored, admission);
    if (tail_is_long(tail_)) taking_work_.notify_one();
    return;
  }
  Error error = status.take_error();
  const bool passes = can_pass(error);
  for (const std::shared_ptr<Request>& request : group) {
    if (request->relaxed && passes) {
      stuck_.push_back(request);
    } else if (request->result.ok()) {
      request->result = error.clone();
    }
  }
  if (!stuck_.empty()) unsaved_ = error.clone();
  retry_pause_ = std::clamp(retry_pause_ * 2, kRetryPauseMin, kRetryPauseMax);
  retry_at_ = steady_clock::now() + retry_pause_;
  if (!passes && !broken_) broken_ = std::move(error);  // (I7)
}

Status LmdbStore::commit_group(const Requests& group, Admission& admission,
                               std::vector<Stored>& stored) {
  LogPosition end = meta_.end;
  std::uint64_t bytes = 0;
  std::vector<const NewRecord*> late;
  std::vector<PeerNote> notes;
  for (const std::shared_ptr<Request>& request : group) {
    Result<Admission::Batch> admitted = admission.admit(request->batch);
    if (!admitted.ok()) {
      request->result = admitted.take_error();
      continue;
    }
    AppendResult result;
    result.known = admitted->known;
    result.late = static_cast<std::uint32_t>(admitted->late.size());
    late.insert(late.end(), admitted->late.begin(), admitted->late.end());
    if (!admitted->fresh.empty()) result.first = end;
    for (const NewRecord* record : admitted->fresh) {
      bytes += record_size(record->payload.size());
      stored.push_back({end++, record});
    }
    notes.insert(notes.end(), request->notes.begin(), request->notes.end());
    request->result = result;
  }
  if (!stored.empty() || !notes.empty()) {
    if (!stored.empty()) WEFT_TRY(check_quota(bytes));
    LogMeta meta = meta_;
    meta.end = end;
    WEFT_TRY(write_log([&](Writing& writing) -> Status {
      for (const Stored& each : stored)
        WEFT_TRY(writing.append(kLogDatabase, each.position,
                                record_size(each.record->payload.size()), [&](std::byte* out) {
                                  encode_record(each.position, *each.record, each.record->payload,
                                                out);
                                }));
      if (!notes.empty()) WEFT_TRY(lmdb::put_peer_notes(writing, kMetaDatabase, notes));
      return lmdb::write_log_meta(writing, kMetaDatabase, meta);
    }));
  }
  std::lock_guard lock(mutex_);
  if (!stored.empty() || !notes.empty()) {
    meta_.end = end;
    note_meta_written();
  }
  for (const NewRecord* record : late) {
    late_.push_back({*record, record->payload.size()});
    if (late_.size() > kLateRecordsMax) late_.pop_front();
  }
  return {};
}

/// @pre  mutex_ is held, `stored` was committed
void LmdbStore::index_stored(const std::vector<Stored>& stored, const Admission& admission) {
  ++commits_;
  if (tail_.documents.empty()) taking_work_.notify_one();
  for (const Stored& each : stored) {
    const NewRecord& record = *each.record;
    auto [found, is_new] = tail_.documents.try_emplace(record.document);
    IndexedDocument& document = found->second;
    if (is_new) {
      document.head = admission.heads().at(record.document);
      if (document.head.records == 0 && document.head.mark_position == 0) ++totals_.documents;
    }
    document.add_entry(each.position, record, record.payload.size());
    ++totals_.records;
    totals_.history_bytes += record.payload.size();
    tail_.bytes += record.payload.size();
  }
  for (const auto& [id, head] : admission.heads()) {
    auto found = tail_.documents.find(id);
    if (found != tail_.documents.end()) found->second.head.held = head.held;
  }
  tail_.end = meta_.end;
}

Status LmdbStore::check_quota(std::uint64_t more_bytes) const {
  if (options_.quota_bytes == 0) return {};
  std::shared_lock files(files_mutex_);
  const std::uint64_t used =
      (log_ ? log_->file_bytes() : 0) + (derived_ ? derived_->environment().file_bytes() : 0);
  if (used + more_bytes <= options_.quota_bytes) return {};
  // What was given up makes room: free pages are written to before the file grows, where more are free than each commit
  // moves around anyway, and runs of them for what is large.
  if (log_) {
    WEFT_ASSIGN(const std::uint64_t free_bytes, log_->free_bytes());
    if (free_bytes >= kMovedBytes + 2 * more_bytes) return {};
  }
  return Error(ErrorCode::kQuota, folder_.path() + " takes " + std::to_string(used) +
                                      " bytes of the " + std::to_string(options_.quota_bytes) +
                                      " it may; `weft store trash empty` gives up what was deleted "
                                      "30 days ago; evict what others keep, compact it, or "
                                      "allow it more");
}

// --- meta ---

Status LmdbStore::write_log(const std::function<Status(Writing&)>& body, lmdb::Room room) const {
  std::shared_lock files(files_mutex_);
  if (!log_) return Error(ErrorCode::kIoError, "the log's file could not be opened again");
  {
    std::lock_guard lock(mutex_);
    if (broken_) return broken_.clone();
  }
  Status status = log_->write(body, room);
  if (!status.ok() && status.error().code() == ErrorCode::kIoError) {
    std::lock_guard lock(mutex_);
    broken_ = status.error().clone();  // (I7)
  }
  return status;
}

/// @pre  mutex_ is held, meta_ is in the log
void LmdbStore::note_meta_written() const {
  meta_.format = lmdb::kStoreFormat;
  if (meta_is_new_) folder_.forget_close();
  meta_is_new_ = false;
}

/// Writes meta alone. On the writer thread.
Status LmdbStore::write_meta(const std::function<void(LogMeta&)>& change) {
  LogMeta meta = meta_;
  change(meta);
  WEFT_TRY(write_log(
      [&](Writing& writing) { return lmdb::write_log_meta(writing, kMetaDatabase, meta); }));
  std::lock_guard lock(mutex_);
  meta_ = std::move(meta);
  note_meta_written();
  return {};
}

/// On the writer thread.
Status LmdbStore::write_as_another() {
  WEFT_TRY(write_meta([&](LogMeta& meta) {
    meta.replica = device_replica(options_.random());
    meta.incarnations = {options_.random()};
    meta.may_lack_own = options_.relaxed;
  }));
  std::lock_guard lock(mutex_);
  own_are_lost_ = false;  // those were the other's
  return {};
}

Result<ReplicaId> LmdbStore::take_replica() {
  ReplicaId taken;
  WEFT_TRY(run_job([&]() -> Status {
    WEFT_TRY(write_as_another());
    taken = meta_.replica;
    return {};
  }));
  return taken;
}

// --- closing ---

Status LmdbStore::flush() {
  {
    std::lock_guard lock(mutex_);
    retry_at_ = steady_clock::now();
    if (broken_) return broken_.clone();
  }
  return run_job([this]() -> Status {
    std::lock_guard lock(mutex_);
    if (unsaved_) return unsaved_.clone();
    if (refused_) return refused_.clone();
    return {};
  });
}

Status LmdbStore::close() {
  {
    std::lock_guard lock(mutex_);
    closing_ = true;
  }
  work_.notify_all();
  taking_work_.notify_all();
  if (writer_.joinable()) writer_.join();
  if (catching_up_.joinable()) catching_up_.join();
  std::lock_guard lock(mutex_);
  if (broken_) return broken_.clone();
  if (unsaved_) return unsaved_.clone();
  if (refused_) return refused_.clone();
  return {};
}

LmdbStore::~LmdbStore() {
  const bool was_open = writer_.joinable() || writer_done_;
  const bool clean = close().ok() && was_open && !meta_is_new_;
  const bool nothing_was_written = was_open && meta_is_new_ && new_identity_.empty() && !broken_;
  derived_.reset();
  log_.reset();
  if (was_open && derived_lost_) (void)lmdb::remove_environment(folder_.derived());
  if (clean) (void)folder_.note_close();
  if (nothing_was_written) (void)folder_.note_nothing_written();
}

}  // namespace weft
