#include "storage/lmdb/lmdb_store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "crdt/base/assert.h"
#include "storage/admission.h"

namespace weft {
namespace {

constexpr std::size_t kLog = 0;
constexpr std::size_t kMeta = 1;

// Keys of `meta`; each value is one u64.
constexpr lmdb::Key kFormatKey = 1;
constexpr lmdb::Key kEpochKey = 2;
constexpr lmdb::Key kReplicaKey = 3;
constexpr lmdb::Key kEndKey = 4;

constexpr std::uint32_t kFormat = 1;

/// What one transaction takes: more would keep the first of them waiting.
constexpr std::size_t kGroupBytesMax = std::size_t{32} << 20;
/// What a reader copies out at once.
constexpr std::size_t kSliceBytes = std::size_t{1} << 20;

Result<std::uint64_t> get_u64(const lmdb::Reading& reading, lmdb::Key key) {
  WEFT_ASSIGN(std::optional<ByteSpan> value, reading.get(kMeta, key));
  if (!value) return Error(ErrorCode::kNotFound, "no such entry in meta");
  if (value->size() != 8) return Error(ErrorCode::kCorrupt, "an entry of meta has another size");
  return ByteReader(*value).u64();
}

Status put_u64(lmdb::Writing& writing, lmdb::Key key, std::uint64_t value) {
  Bytes bytes;
  ByteWriter(bytes).u64(value);
  return writing.put(kMeta, key, bytes);
}

std::size_t payload_bytes(std::span<const NewRecord> batch) {
  std::size_t bytes = 0;
  for (const NewRecord& record : batch) bytes += record.payload.size();
  return bytes;
}

}  // namespace

Result<std::unique_ptr<LmdbStore>> LmdbStore::open(Options options) {
  std::unique_ptr<LmdbStore> store(new LmdbStore(std::move(options)));
  WEFT_TRY(store->lock_folder());
  WEFT_ASSIGN(store->environment_,
              lmdb::Environment::open({store->options_.folder + "/log", {"log", "meta"}}));
  WEFT_TRY(store->read_meta());
  WEFT_TRY(store->build_index());
  store->writer_ = std::thread([&self = *store] { self.run_writer(); });
  return store;
}

Status LmdbStore::lock_folder() {
  const std::string& folder = options_.folder;
  struct stat info {};
  const bool exists = stat((folder + "/log/data.mdb").c_str(), &info) == 0;
  if (!exists && !options_.create)
    return Error(ErrorCode::kNotFound, "there is no store in " + folder);
  if (!exists && mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
    return lmdb::error_of(errno, folder);
  const std::string path = folder + "/writer.lock";
  lock_file_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock_file_ < 0) return lmdb::error_of(errno, path);
  if (flock(lock_file_, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return lmdb::error_of(errno, path);
    std::array<char, 24> text{};
    const ssize_t size = pread(lock_file_, text.data(), text.size() - 1, 0);
    return Error(ErrorCode::kInUse,
                 folder + " is open for writing by process " +
                     (size > 0 ? std::string(text.data()) : std::string("unknown")) +
                     "; close it there, or edit through that process");
  }
  const std::string pid = std::to_string(getpid());
  if (ftruncate(lock_file_, 0) != 0 ||
      pwrite(lock_file_, pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size()))
    return lmdb::error_of(errno, path);
  return {};
}

Status LmdbStore::create_meta() {
  return environment_->write([&](lmdb::Writing& writing) -> Status {
    WEFT_TRY(put_u64(writing, kFormatKey, kFormat));
    WEFT_TRY(put_u64(writing, kEpochKey, options_.epoch));
    WEFT_TRY(put_u64(writing, kReplicaKey, options_.replica.value));
    return put_u64(writing, kEndKey, 1);
  });
}

Status LmdbStore::read_meta() {
  bool is_new = false;
  WEFT_TRY(environment_->read([&](const lmdb::Reading& reading) -> Status {
    WEFT_ASSIGN(std::optional<ByteSpan> format, reading.get(kMeta, kFormatKey));
    WEFT_ASSIGN(std::optional<lmdb::Key> last, reading.last_key(kLog));
    is_new = !format && !last;
    return {};
  }));
  if (is_new) WEFT_TRY(create_meta());
  return environment_->read([&](const lmdb::Reading& reading) -> Status {
    WEFT_ASSIGN(std::uint64_t format, get_u64(reading, kFormatKey));
    if (format > kFormat)
      return Error(ErrorCode::kUnknownVersion,
                   options_.folder + " has format " + std::to_string(format) +
                       ", made by a newer weft; this one knows formats up to " +
                       std::to_string(kFormat));
    info_.format = static_cast<std::uint32_t>(format);
    WEFT_ASSIGN(info_.epoch, get_u64(reading, kEpochKey));
    WEFT_ASSIGN(info_.replica.value, get_u64(reading, kReplicaKey));
    WEFT_ASSIGN(info_.end, get_u64(reading, kEndKey));
    return {};
  });
}

/// Reads the log through, record by record. Damaged ones are left out and remembered.
Status LmdbStore::build_index() {
  return environment_->read([&](const lmdb::Reading& reading) -> Status {
    return reading.each(kLog, 0, [&](lmdb::Key position, ByteSpan value) {
      Result<RecordView> record = decode_record(position, value);
      if (!record.ok()) {
        damaged_.push_back({position, record.take_error()});
      } else if (index_.fit(*record) == LogIndex::Fit::kNew) {
        index_.add(position, *record, record->payload.size());
      }
      return true;
    });
  });
}

LmdbStore::~LmdbStore() {
  (void)close();
  environment_.reset();
  if (lock_file_ >= 0) ::close(lock_file_);
}

Status LmdbStore::close() {
  {
    std::lock_guard lock(mutex_);
    closing_ = true;
  }
  work_.notify_all();
  if (writer_.joinable()) writer_.join();
  std::lock_guard lock(mutex_);
  if (broken_) return broken_.clone();
  return {};
}

StoreInfo LmdbStore::info() const {
  std::lock_guard lock(mutex_);
  StoreInfo info = info_;
  info.records = index_.record_count();
  info.payload_bytes = index_.payload_bytes();
  return info;
}

std::size_t LmdbStore::waiting_count() const {
  std::lock_guard lock(mutex_);
  return waiting_.size();
}

std::uint64_t LmdbStore::commit_count() const {
  std::lock_guard lock(mutex_);
  return commits_;
}

VersionVector LmdbStore::version(const DocumentId& document) const {
  std::lock_guard lock(mutex_);
  return index_.version(document);
}

std::vector<DocumentUsage> LmdbStore::documents() const {
  std::lock_guard lock(mutex_);
  return index_.documents();
}

// --- writing ---

Result<AppendResult> LmdbStore::append(std::span<const NewRecord> batch) {
  Request request;
  request.batch = batch;
  std::unique_lock lock(mutex_);
  if (broken_) return broken_.clone();
  if (closing_) return Error(ErrorCode::kReadOnly, "the store is closed");
  waiting_.push_back(&request);
  work_.notify_one();
  finished_.wait(lock, [&] { return request.done; });
  return std::move(request.result);
}

void LmdbStore::run_writer() {
  std::unique_lock lock(mutex_);
  for (;;) {
    work_.wait(lock, [&] { return closing_ || !waiting_.empty(); });
    if (waiting_.empty()) return;  // closing, and everything is written
    std::deque<Request*> group;
    for (std::size_t bytes = 0; !waiting_.empty() && bytes < kGroupBytesMax;) {
      bytes += payload_bytes(waiting_.front()->batch);
      group.push_back(waiting_.front());
      waiting_.pop_front();
    }
    lock.unlock();
    if (options_.before_commit) options_.before_commit();
    commit(group);
    lock.lock();
    for (Request* request : group) request->done = true;
    finished_.notify_all();
  }
}

/// Writes what is admitted of a group in one transaction. Only this thread changes the index, so it reads
/// it without the mutex.
void LmdbStore::commit(std::deque<Request*>& group) {
  struct Stored {
    LogPosition position;
    const NewRecord* record;
  };
  if (broken_) {
    for (Request* request : group) request->result = broken_.clone();
    return;
  }
  LogIndex staged;
  std::vector<Stored> stored;
  LogPosition end = info_.end;
  for (Request* request : group) {
    Result<std::vector<const NewRecord*>> fresh = admit(request->batch, index_, staged);
    if (!fresh.ok()) {
      request->result = fresh.take_error();
      continue;
    }
    AppendResult result;
    result.known = static_cast<std::uint32_t>(request->batch.size() - fresh->size());
    if (!fresh->empty()) result.first = end;
    for (const NewRecord* record : *fresh) {
      staged.add(end, *record, record->payload.size());
      stored.push_back({end++, record});
    }
    request->result = result;
  }
  if (stored.empty()) return;
  Status status = environment_->write([&](lmdb::Writing& writing) -> Status {
    for (const Stored& each : stored)
      WEFT_TRY(writing.append(
          kLog, each.position, record_size(each.record->payload.size()), [&](std::byte* out) {
            encode_record(each.position, *each.record, each.record->payload, out);
          }));
    return put_u64(writing, kEndKey, end);
  });
  std::lock_guard lock(mutex_);
  if (!status.ok()) {
    Error error = status.take_error();
    for (Request* request : group)
      if (request->result.ok()) request->result = error.clone();
    if (error.code() != ErrorCode::kDiskFull) broken_ = std::move(error);  // (I6)
    return;
  }
  ++commits_;
  info_.end = end;
  for (const Stored& each : stored)
    index_.add(each.position, *each.record, each.record->payload.size());
}

// --- reading ---

Status LmdbStore::scan(LogPosition from,
                       const std::function<bool(const RecordView&)>& visit) const {
  LogPosition end = info().end;
  struct Copied {
    LogPosition position;
    std::size_t begin;
    std::size_t size;
  };
  Bytes buffer;
  std::vector<Copied> slice;
  for (bool more = true; more && from < end;) {
    buffer.clear();
    slice.clear();
    more = false;
    WEFT_TRY(environment_->read([&](const lmdb::Reading& reading) {
      return reading.each(kLog, from, [&](lmdb::Key position, ByteSpan value) {
        if (position >= end) return false;
        if (!slice.empty() && buffer.size() + value.size() > kSliceBytes) {
          more = true;
          return false;
        }
        slice.push_back({position, buffer.size(), value.size()});
        buffer.insert(buffer.end(), value.begin(), value.end());
        return true;
      });
    }));
    for (const Copied& each : slice) {
      WEFT_ASSIGN(RecordView record,
                  decode_record(each.position, ByteSpan(buffer).subspan(each.begin, each.size)));
      if (!visit(record)) return {};
      from = each.position + 1;
    }
  }
  return {};
}

Status LmdbStore::scan_document(const DocumentId& document, const VersionVector& since,
                                const std::function<bool(const RecordView&)>& visit) const {
  std::vector<LogPosition> positions;
  {
    std::lock_guard lock(mutex_);
    positions = index_.positions(document, since);
  }
  Bytes bytes;
  for (LogPosition position : positions) {
    bytes.clear();
    WEFT_TRY(environment_->read([&](const lmdb::Reading& reading) -> Status {
      WEFT_ASSIGN(std::optional<ByteSpan> value, reading.get(kLog, position));
      if (!value)
        return Error(ErrorCode::kCorrupt, "record " + std::to_string(position) + " is missing");
      bytes.assign(value->begin(), value->end());
      return {};
    }));
    WEFT_ASSIGN(RecordView record, decode_record(position, bytes));
    if (!visit(record)) break;
  }
  return {};
}

Result<std::vector<BadRecord>> LmdbStore::verify() const {
  std::vector<BadRecord> bad;
  const LogPosition end = info().end;
  LogPosition from = 1;
  // In slices, so that no reader holds pages for long.
  constexpr std::size_t kSliceRecords = 4096;
  while (from < end) {
    std::size_t seen = 0;
    WEFT_TRY(environment_->read([&](const lmdb::Reading& reading) {
      return reading.each(kLog, from, [&](lmdb::Key position, ByteSpan value) {
        if (position >= end) return false;
        for (; from < position; ++from)
          bad.push_back(
              {from, Error(ErrorCode::kCorrupt, "record " + std::to_string(from) + " is missing")});
        Result<RecordView> record = decode_record(position, value);
        if (!record.ok()) bad.push_back({position, record.take_error()});
        from = position + 1;
        return ++seen < kSliceRecords;
      });
    }));
    if (seen == 0) break;
  }
  for (; from < end; ++from)
    bad.push_back(
        {from, Error(ErrorCode::kCorrupt, "record " + std::to_string(from) + " is missing")});
  return bad;
}

}  // namespace weft
