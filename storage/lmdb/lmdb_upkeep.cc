// Upkeep of a store: carrying the tail into the derived environment, verifying, backups, giving free pages
// back.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>

#include "storage/lmdb/lmdb_store_parts.h"
#include "storage/lmdb/page_check.h"
#include "storage/lmdb/unfinished_folder.h"

namespace weft {

using lmdb::Derived;
using lmdb::Environment;
using lmdb::Reading;

// --- catching up ---

void LmdbStore::run_catching_up() {
  constexpr std::chrono::seconds kIdle(1);
  std::unique_lock lock(mutex_);
  LogPosition seen = tail_.end;
  bool has_failed = false;  // then it waits a while before the next attempt
  while (!closing_) {
    const bool has_work = !tail_.documents.empty() || !tail_.states.empty();
    if (derived_lost_ || !has_work) {
      taking_work_.wait(lock);
      seen = tail_.end;
      continue;
    }
    bool is_idle = false;
    if (has_failed || !tail_is_long(tail_)) {
      const bool in_time = taking_work_.wait_for(lock, kIdle) == std::cv_status::no_timeout;
      is_idle = !in_time && seen == tail_.end;
      seen = tail_.end;
      if (has_failed && in_time) continue;
    }
    if (!is_idle && !tail_is_long(tail_)) continue;
    lock.unlock();
    has_failed = !take_tail().ok();  // what could not be taken stays in memory, and is in the log
    lock.lock();
  }
  finished_.wait(lock, [&] { return writer_done_; });
  lock.unlock();
  (void)take_tail();
}

/// Carries the tail over as it is now. @errors kCorrupt: derived data is damaged
Status LmdbStore::carry_tail() {
  std::shared_ptr<const Tail> taking;
  {
    std::lock_guard lock(mutex_);
    if (derived_lost_ || !derived_) return {};
    if (taking_ == nullptr) {
      if (tail_.documents.empty() && tail_.states.empty()) return {};
      Tail next;
      next.begin = next.end = tail_.end;
      next.rewrites = tail_.rewrites;
      taking_ = std::make_shared<const Tail>(std::exchange(tail_, std::move(next)));
    }
    taking = taking_;
  }
  const lmdb::Stamp stamp{epoch(), taking->rewrites, taking->end};
  {
    std::shared_lock files(files_mutex_);
    WEFT_TRY(derived_->take(taking->documents, taking->states, taking->dropped_states, stamp));
  }
  std::lock_guard lock(mutex_);
  stamp_ = stamp;
  taking_.reset();
  return {};
}

Status LmdbStore::take_tail() {
  std::lock_guard taking_lock(taking_mutex_);
  Status status = carry_tail();
  if (!status.ok() && status.error().code() == ErrorCode::kCorrupt)
    return lose_derived(status.error());
  return status;
}

Status LmdbStore::catch_up() {
  WEFT_TRY(flush());
  WEFT_TRY(take_tail());  // what was left over from an attempt that failed
  return take_tail();
}

Status LmdbStore::put_state(const DocumentId& id, StoredState state, std::uint64_t live_bytes) {
  if (options_.read_only)
    return Error(ErrorCode::kReadOnly, folder_.path() + " was opened for reading only");
  if (live_bytes > state.snapshot.size())
    return Error(ErrorCode::kInvalidArgument, "a state with more visible than there is");
  IndexedDocument document;
  std::unique_lock lock(mutex_);
  for (std::uint64_t rewrites = ~meta_.rewrites; rewrites != meta_.rewrites;) {
    rewrites = meta_.rewrites;
    lock.unlock();
    WEFT_ASSIGN(document, look_up(id, false));
    if (document.head.status != DocumentStatus::kLive)
      return Error(ErrorCode::kNotKept, "the document is not kept here");
    if (document.head.records == 0 || !document.head.covers(state.version))
      return Error(ErrorCode::kInvalidArgument, "a state of operations that the store lacks");
    lock.lock();
  }
  lmdb::NewState& made = tail_.states[id];
  tail_.state_bytes += state.snapshot.size() - made.state.snapshot.size();
  made = {std::move(state), live_bytes, document.head.mark_position};
  if (tail_is_long(tail_)) taking_work_.notify_one();
  return {};
}

// --- looking ---

std::uint64_t LmdbStore::epoch() const {
  std::lock_guard lock(mutex_);
  return meta_.epoch;
}

std::size_t LmdbStore::waiting_count() const {
  std::lock_guard lock(mutex_);
  return waiting_.size();
}

std::uint64_t LmdbStore::commit_count() const {
  std::lock_guard lock(mutex_);
  return commits_;
}

std::size_t LmdbStore::unsaved_count() const {
  std::lock_guard lock(mutex_);
  std::size_t count = 0;
  for (const Requests* requests : {&stuck_, static_cast<const Requests*>(&waiting_)})
    for (const std::shared_ptr<Request>& request : *requests)
      if (request->relaxed) count += request->batch.size();
  return count;
}

std::string LmdbStore::derived_fault() const {
  std::lock_guard lock(mutex_);
  return derived_fault_;
}

std::vector<BadRecord> LmdbStore::damaged() const {
  std::lock_guard lock(mutex_);
  std::vector<BadRecord> result;
  for (const BadRecord& each : damaged_) result.push_back({each.position, each.error.clone()});
  return result;
}

Result<LmdbStore::Space> LmdbStore::space() const {
  std::shared_lock files(files_mutex_);
  if (!log_) return Error(ErrorCode::kIoError, "the log's file could not be opened again");
  Space space;
  space.quota_bytes = options_.quota_bytes;
  space.log_bytes = log_->file_bytes();
  WEFT_ASSIGN(space.log_free_bytes, log_->free_bytes());
  if (derived_) {
    space.derived_bytes = derived_->environment().file_bytes();
    WEFT_ASSIGN(space.derived_free_bytes, derived_->environment().free_bytes());
  }
  return space;
}

Status LmdbStore::check_place() const {
  std::shared_lock files(files_mutex_);
  return log_ ? log_->check_place() : Status();
}

std::vector<lmdb::Reader> LmdbStore::readers() const {
  std::shared_lock files(files_mutex_);
  return log_ ? log_->readers() : std::vector<lmdb::Reader>();
}

/// Nothing is written meanwhile.
Status LmdbStore::verify_pages() const {
  if (options_.read_only) return {};  // another process may be writing
  auto check = [this] {
    return lmdb::check_pages(folder_.log_file(), lmdb::PageDepth::kEverything);
  };
  {
    std::lock_guard lock(mutex_);
    if (writer_done_) return check();
  }
  return run_job(check);
}

/// Every page, then every record, in slices, so that no reader holds pages for long; then what is derived
/// from them.
Result<std::vector<BadRecord>> LmdbStore::verify() const {
  WEFT_TRY(refresh());
  WEFT_TRY(verify_pages());
  constexpr std::size_t kSliceRecords = 4096;
  std::vector<BadRecord> bad;
  std::vector<LogPosition> there;
  LogPosition from = 1;
  LogPosition end = 0;
  std::uint64_t rewrites = 0;
  {
    std::lock_guard lock(mutex_);
    end = meta_.end;
    rewrites = meta_.rewrites;
  }
  for (std::size_t seen = kSliceRecords; seen == kSliceRecords;) {
    seen = 0;
    WEFT_TRY(read_log([&](const Reading& reading) {
      return reading.each(kLogDatabase, from, [&](lmdb::Key position, ByteSpan value) {
        if (position >= end) return false;
        Result<RecordView> record = decode_record(position, value);
        if (!record.ok()) bad.push_back({position, record.take_error()});
        there.push_back(position);
        from = position + 1;
        return ++seen < kSliceRecords;
      });
    }));
  }
  std::vector<LogPosition> named;
  WEFT_ASSIGN(const std::vector<DocumentUsage> all, documents());
  for (const DocumentUsage& usage : all) {
    WEFT_ASSIGN(IndexedDocument document, look_up(usage.document, true));
    for (const IndexEntry& entry : document.entries) named.push_back(entry.position);
    if (document.head.base_position != 0) named.push_back(document.head.base_position);
  }
  {
    std::lock_guard lock(mutex_);
    if (meta_.rewrites != rewrites) named.clear();  // what is missing may just have been replaced
  }
  std::sort(named.begin(), named.end());
  for (LogPosition position : named)
    if (position < end && !std::binary_search(there.begin(), there.end(), position))
      bad.push_back({position, Error(ErrorCode::kCorrupt,
                                     "record " + std::to_string(position) + " is missing")});
  std::shared_lock files(files_mutex_);
  if (derived_) {
    Status derived = derived_->verify();
    if (!derived.ok())
      bad.push_back({0, Error(derived.error().code(),
                              derived.error().message() + "; it is made anew from the log")});
  }
  std::sort(bad.begin(), bad.end(),
            [](const BadRecord& a, const BadRecord& b) { return a.position < b.position; });
  return bad;
}

// --- copies ---

Status LmdbStore::backup(const std::string& folder) const {
  WEFT_ASSIGN(lmdb::UnfinishedFolder made, lmdb::UnfinishedFolder::make(folder));
  const std::string log = lmdb::StoreFolder(made.path()).log();
  WEFT_TRY(lmdb::make_folder(log));
  {
    std::shared_lock files(files_mutex_);
    if (!log_) return Error(ErrorCode::kIoError, "the log's file could not be opened again");
    WEFT_TRY(log_->copy_to(log + "/data.mdb"));
  }
  WEFT_TRY(lmdb::sync_folder(log));
  return made.finish();
}

Status LmdbStore::shrink() {
  WEFT_TRY(catch_up());
  std::lock_guard taking_lock(taking_mutex_);
  return run_job([this]() -> Status {
    // From here on nobody opens the store: who has it open is in the list.
    WEFT_ASSIGN(lmdb::FileLock opening, folder_.lock_opening(true));
    std::string others;
    for (const lmdb::Reader& reader : readers())
      if (reader.pid != getpid())
        others += (others.empty() ? "" : ", ") + std::to_string(reader.pid);
    if (!others.empty())
      return Error(ErrorCode::kInUse, folder_.path() + " is open in other processes, pid " +
                                          others + "; its files can't be replaced under them");
    return replace_files();
  });
}

/// @return  where the log's copy lies: a rename keeps that
Result<lmdb::Home> LmdbStore::copy_files(const std::string& new_log,
                                         const std::string& new_derived) {
  WEFT_TRY(lmdb::make_folder(new_log));
  WEFT_TRY(log_->copy_to(new_log + "/data.mdb"));
  lmdb::LogMeta meta = meta_;
  WEFT_ASSIGN(meta.home, folder_.home(new_log + "/data.mdb"));
  WEFT_ASSIGN(std::unique_ptr<Environment> made, Environment::open(log_options(new_log, false)));
  WEFT_TRY(made->write(
      [&](lmdb::Writing& writing) { return lmdb::write_log_meta(writing, kMetaDatabase, meta); }));
  if (derived_) {
    WEFT_TRY(lmdb::make_folder(new_derived));
    WEFT_TRY(derived_->environment().copy_to(new_derived + "/data.mdb"));
  }
  return meta.home;
}

/// On the writer thread. The copies are whole and on the disk before the first rename, and each rename
/// alone leaves a sound store. (A new lock file goes with a new data file: what the old one says of
/// transactions is not true of the copy.)
Status LmdbStore::replace_files() {
  if (!log_) return Error(ErrorCode::kIoError, "the log's file could not be opened again");
  const std::string new_log = folder_.log() + kReplacement;
  const std::string new_derived = folder_.derived() + kReplacement;
  Result<lmdb::Home> home = copy_files(new_log, new_derived);
  Status status = home.ok() ? Status() : Status(home.take_error());
  if (status.ok()) {
    std::unique_lock files(files_mutex_);
    log_.reset();
    const bool had_derived = derived_ != nullptr;
    derived_.reset();
    status = files::replace(new_log + "/data.mdb", folder_.log_file());
    std::lock_guard lock(mutex_);
    if (status.ok()) {
      meta_.home = *home;
      (void)files::remove_file(folder_.log() + "/lock.mdb");
      if (had_derived &&
          files::replace(new_derived + "/data.mdb", folder_.derived() + "/data.mdb").ok())
        (void)files::remove_file(folder_.derived() + "/lock.mdb");
    }
    open_replaced();
    if (broken_) status = broken_.clone();
  }
  (void)lmdb::remove_environment(new_log);
  (void)lmdb::remove_environment(new_derived);
  return status;
}

/// What lies in the folders now is sound, replaced or not. @pre  files_mutex_ and mutex_ are held
void LmdbStore::open_replaced() {
  Result<std::unique_ptr<Environment>> log = Environment::open(log_options(folder_.log(), false));
  if (!log.ok()) {
    broken_ = log.take_error();
    return;
  }
  log_ = *std::move(log);
  if (derived_lost_) return;
  Result<std::unique_ptr<Derived>> derived = Derived::open(folder_.derived(), false);
  if (derived.ok()) {
    derived_ = *std::move(derived);
    return;
  }
  derived_fault_ = derived.error().message();
  Status indexed = index_whole_log();
  if (!indexed.ok()) broken_ = indexed.take_error();
}

}  // namespace weft
