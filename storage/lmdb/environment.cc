#include "storage/lmdb/environment.h"

#include <fcntl.h>
#include <lmdb.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <set>
#include <utility>

#include "crdt/base/assert.h"
#include "storage/lmdb/backoff.h"
#include "storage/lmdb/environment_file.h"
#include "storage/lmdb/files.h"
#include "storage/lmdb/page_check.h"

namespace weft::lmdb {
namespace {

constexpr unsigned kReaders = 126;
constexpr const char* kWhileOpen =
    " while it was open here, so nothing more is written; open the store again";
constexpr std::uint64_t kPageBytes = 4096;
/// Of address space, for threads and memory, where it is limited.
constexpr std::uint64_t kSpareAddressBytes = kGiB;
/// The map grows by at least this.
constexpr std::uint64_t kMapStepMin = std::uint64_t{1} << 20;

/// Paths that are open in this process, by device and inode.
struct Registry {
  std::mutex mutex;
  std::set<std::pair<std::uint64_t, std::uint64_t>> open;
  int process = 0;

  /// After a fork() the child has none open.
  std::set<std::pair<std::uint64_t, std::uint64_t>>& mine() {
    if (process != getpid()) open.clear();
    process = getpid();
    return open;
  }
};
Registry& registry() {
  static Registry instance;
  return instance;
}

/// A transaction that is taken back unless it is committed, also where an exception passes.
class Transaction {
 public:
  Transaction() = default;
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  ~Transaction() {
    if (txn_ != nullptr) mdb_txn_abort(txn_);
  }
  MDB_txn*& get() { return txn_; }
  int commit() { return mdb_txn_commit(std::exchange(txn_, nullptr)); }

 private:
  MDB_txn* txn_ = nullptr;
};

}  // namespace

// --- the environment ---

Result<std::unique_ptr<Environment>> Environment::open(Options options) {
  std::unique_ptr<Environment> made(new Environment(std::move(options)));
  WEFT_TRY(made->open_environment());
  WEFT_TRY(made->open_databases());
  return made;
}

Status Environment::open_environment() {
  const std::string& folder = options_.folder;
  const std::string file = folder + "/data.mdb";
  struct stat info {};
  if (options_.read_only) {
    if (stat(file.c_str(), &info) != 0)
      return errno == ENOENT ? Error(ErrorCode::kNotFound, "there is no " + file)
                             : error_of(errno, file);
  } else {
    WEFT_TRY(check_filesystem(parent_of(folder)));
    WEFT_TRY(make_environment(options_));
  }
  WEFT_TRY(check_file(file, options_.read_only));
  if (stat(folder.c_str(), &info) != 0) return error_of(errno, folder);
  identity_[0] = info.st_dev;
  identity_[1] = info.st_ino;
  {
    std::lock_guard lock(registry().mutex);
    registered_ = registry().mine().insert({identity_[0], identity_[1]}).second;
  }
  if (!registered_)
    return Error(ErrorCode::kInUse, folder + " is open in this process already; share that one");
  process_ = getpid();
  unsigned flags = MDB_NOTLS | (options_.read_only ? MDB_RDONLY : 0u);
  std::string path = folder;
  if (options_.read_only && options_.sharing != Sharing::kRegistered) flags |= MDB_NOLOCK;
  if (options_.read_only && options_.sharing == Sharing::kCopied) {
    WEFT_ASSIGN(copy_file_, copy_beside_writer(file));
    path = path_of_open(copy_file_);
    flags |= MDB_NOSUBDIR;
    WEFT_TRY(check_pages(path, PageDepth::kBranches));
  }
  if ((flags & MDB_NOLOCK) == 0) WEFT_TRY(reserve_lock_file(folder));
  if (const int code = open_mapped(path, flags); code != 0) return cannot_map(code);
  int dead = 0;
  mdb_reader_check(env_, &dead);  // slots of processes that are gone
  note_last_commit();
  return {};
}

/// With the largest map that leaves some room.
int Environment::open_mapped(const std::string& path, unsigned flags) {
  int code = 0;
  for (std::uint64_t bytes : kMapBytes) {
    if (options_.map_bytes != 0) bytes = options_.map_bytes;
    code = retry_transient([&] {
      int result = mdb_env_create(&env_);
      if (result != 0) return result;
      mdb_env_set_maxdbs(env_, static_cast<MDB_dbi>(options_.databases.size()));
      mdb_env_set_maxreaders(env_, kReaders);
      mdb_env_set_mapsize(env_, bytes);
      result = mdb_env_open(env_, path.c_str(), flags, 0600);
      if (result == 0 && options_.map_bytes == 0 && bytes > kMapBytes.back() &&
          !has_address_space(kSpareAddressBytes))
        result = ENOMEM;
      if (result != 0) {
        mdb_env_close(env_);  // also where opening failed
        env_ = nullptr;
      }
      return result;
    });
    map_bytes_ = bytes;
    if (code != ENOMEM && code != EINVAL && code != EFBIG) break;
  }
  if (code == 0) {
    MDB_envinfo info{};
    if (mdb_env_info(env_, &info) == 0) map_bytes_ = info.me_mapsize;  // at least what the file has
  }
  return code;
}

Error Environment::cannot_map(int code) const {
  Error error = error_of(code, options_.folder);
  if (code != ENOMEM) return error;
  return Error(ErrorCode::kDiskFull,
               error.context() +
                   ": there is not enough address space to map its file; allow the process more: "
                   "see `ulimit -v`");
}

Status Environment::open_databases() {
  MapLock map_lock(map_mutex_, std::defer_lock);
  Transaction txn;
  int code = begin(MDB_RDONLY, txn.get(), map_lock);
  if (code != 0) return error_of(code, options_.folder);
  for (const Database& database : options_.databases) {
    const unsigned keys = database.keys == Keys::kNumbers ? MDB_INTEGERKEY : 0u;
    databases_.emplace_back();
    code = mdb_dbi_open(txn.get(), database.name.c_str(), keys, &databases_.back());
    if (code == 0) continue;
    if (code == MDB_NOTFOUND)
      return Error(ErrorCode::kCorrupt, options_.folder + " lacks a database that every store has");
    return error_of(code, options_.folder);
  }
  code = txn.commit();  // so the names stay known
  if (code != 0) return error_of(code, options_.folder);
  return {};
}

Environment::~Environment() {
  for (MDB_txn* txn : pool_) mdb_txn_abort(txn);
  room_.give_back(env_);
  if (env_ != nullptr) mdb_env_close(env_);
  if (copy_file_ >= 0) ::close(copy_file_);
  if (registered_) {
    std::lock_guard lock(registry().mutex);
    registry().mine().erase({identity_[0], identity_[1]});
  }
}

// --- transactions of it ---

/// Another process has made the map larger: take its size over, or where there is no room for that, what its file
/// needs by now. @return  MDB_MAP_RESIZED: try again; else why not
int Environment::adopt_map_size() const {
  std::unique_lock map_lock(map_mutex_);
  std::lock_guard lock(pool_mutex_);
  for (MDB_txn* txn : pool_) mdb_txn_abort(txn);
  pool_.clear();
  struct stat info {};
  const std::uint64_t file_bytes = stat((options_.folder + "/data.mdb").c_str(), &info) == 0
                                       ? static_cast<std::uint64_t>(info.st_size)
                                       : 0;
  std::size_t bytes = 0;
  if (is_address_space_limited())
    bytes = std::max<std::uint64_t>(map_bytes_, file_bytes + std::max(file_bytes, kGiB / 16));
  if (bytes > map_bytes_ && !has_address_space(bytes - map_bytes_))
    bytes = std::max<std::uint64_t>(map_bytes_, file_bytes + kGiB / 64);
  if (bytes > map_bytes_ && !has_address_space(bytes - map_bytes_)) return ENOMEM;
  const int code = mdb_env_set_mapsize(env_, bytes);
  has_map_ = code == 0 || code == EINVAL;
  if (!has_map_) return ENOMEM;
  MDB_envinfo now{};
  if (mdb_env_info(env_, &now) == 0) map_bytes_ = now.me_mapsize;
  return MDB_MAP_RESIZED;
}

/// On success `lock` keeps the map as large as it is while the transaction lives.
int Environment::begin(unsigned flags, MDB_txn*& txn, MapLock& lock) const {
  return retry_transient([&] {
    lock.lock();
    int code = has_map_ ? mdb_txn_begin(env_, nullptr, flags, &txn) : ENOMEM;
    if (code == 0) return 0;
    lock.unlock();
    int dead = 0;
    if (code == MDB_READERS_FULL) mdb_reader_check(env_, &dead);
    if (code == MDB_MAP_RESIZED) code = adopt_map_size();
    return code;
  });
}

/// One of the pool if there is one; a fresh one where that can't be renewed.
int Environment::begin_reading(MDB_txn*& txn, MapLock& lock) const {
  lock.lock();
  if (has_map_) {
    std::lock_guard pool_lock(pool_mutex_);
    if (!pool_.empty()) {
      txn = pool_.back();
      pool_.pop_back();
    }
  }
  if (txn != nullptr) {
    if (mdb_txn_renew(txn) == 0) return 0;
    mdb_txn_abort(txn);
    txn = nullptr;
  }
  lock.unlock();
  return begin(MDB_RDONLY, txn, lock);
}

Status Environment::read(const std::function<Status(const Reading&)>& body) const {
  WEFT_ASSERT(getpid() == process_);
  MapLock map_lock(map_mutex_, std::defer_lock);
  MDB_txn* txn = nullptr;
  const int code = begin_reading(txn, map_lock);
  if (code != 0) return cannot_map(code);
  // An exception of `body` passes here: the slot goes back all the same, before the map may change.
  auto give_back = [this](MDB_txn* done) { keep_reader(done); };
  const std::unique_ptr<MDB_txn, decltype(give_back)> scope(txn, give_back);
  return body(Reading(*this, txn));
}

/// Into the pool, looking at nothing.
void Environment::keep_reader(MDB_txn* txn) const noexcept {
  mdb_txn_reset(txn);
  std::lock_guard lock(pool_mutex_);
  try {
    pool_.push_back(txn);
  } catch (...) {
    mdb_txn_abort(txn);
  }
}

Status Environment::check_place() const {
  const std::string path = options_.folder + "/data.mdb";
  int file = -1;
  if (mdb_env_get_fd(env_, &file) == 0 && files::is_at(file, path)) return {};
  return Error(ErrorCode::kIoError, path + ": was taken away or replaced" + kWhileOpen);
}

/// What the file's head says, not LMDB's own count, which lies elsewhere: somebody may have copied an older file over it.
Status Environment::check_last_commit() const {
  MDB_envinfo info{};
  if (!options_.is_only_writer || mdb_env_info(env_, &info) != 0) return {};
  if (info.me_last_txnid == last_commit_) return {};
  return Error(ErrorCode::kIoError, options_.folder + "/data.mdb: was overwritten" + kWhileOpen);
}

Status Environment::try_write(const std::function<Status(Writing&)>& body, Room room,
                              std::uint64_t known_free_bytes, bool& map_full) {
  MapLock map_lock(map_mutex_, std::defer_lock);
  Transaction txn;
  int code = begin(0, txn.get(), map_lock);
  if (code != 0) return cannot_map(code);
  WEFT_TRY(check_place());
  WEFT_TRY(check_last_commit());
  Writing writing(*this, txn.get());
  Status status = body(writing);
  if (!status.ok()) {
    map_full = writing.map_full_;
    return status;
  }
  if (!room_.reserve(env_, {writing.value_bytes_, writing.changes_}, room, known_free_bytes))
    return error_of(ENOSPC, options_.folder);
  code = txn.commit();
  map_full = code == MDB_MAP_FULL;
  if (code != 0) return error_of(code, options_.folder);
  note_last_commit();
  return {};
}

void Environment::note_last_commit() {
  MDB_envinfo info{};
  if (mdb_env_info(env_, &info) == 0) last_commit_ = info.me_last_txnid;
}

Status Environment::write(const std::function<Status(Writing&)>& body, Room room) {
  WEFT_ASSERT(getpid() == process_ && !options_.read_only);
  std::uint64_t known_free_bytes = 0;
  for (;;) {
    bool map_full = false;
    Status status = try_write(body, room, known_free_bytes, map_full);
    if (map_full) {
      WEFT_TRY(grow());
      continue;
    }
    const bool is_full = !status.ok() && status.error().code() == ErrorCode::kDiskFull;
    if (!is_full || known_free_bytes != 0) return status;
    // What is free in the file can't be asked for inside of a transaction that writes.
    const Result<std::uint64_t> found = free_bytes();
    if (!found.ok() || *found == 0) return status;
    known_free_bytes = *found;
  }
}

Status Environment::grow() {
  std::unique_lock map_lock(map_mutex_);
  std::lock_guard lock(pool_mutex_);
  for (MDB_txn* txn : pool_) mdb_txn_abort(txn);
  pool_.clear();
  // LMDB gives the old map up before it makes the new one: a failure would leave it without any.
  std::uint64_t more = map_bytes_;
  while (more > kMapStepMin && !has_address_space(more)) more /= 2;
  if (!has_address_space(more)) return cannot_map(ENOMEM);
  const int code = mdb_env_set_mapsize(env_, map_bytes_ + more / kPageBytes * kPageBytes);
  has_map_ = code == 0;
  if (code != 0) return cannot_map(code);
  map_bytes_ += more / kPageBytes * kPageBytes;
  return {};
}

// --- as a whole ---

Status Environment::copy_to(const std::string& path) const {
  int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) return error_of(errno, path);
  MapLock map_lock(map_mutex_);  // it reads in a transaction of its own
  int code = mdb_env_copyfd2(env_, file, MDB_CP_COMPACT);
  if (code == 0 && fsync(file) != 0) code = errno;
  if (::close(file) != 0 && code == 0) code = errno;
  if (code == 0) return {};
  (void)files::remove_file(path);
  return error_of(code, path);
}

std::uint64_t Environment::file_bytes() const {
  MDB_envinfo info{};
  MDB_stat pages{};
  if (mdb_env_info(env_, &info) != 0 || mdb_env_stat(env_, &pages) != 0) return 0;
  return (info.me_last_pgno + 1) * pages.ms_psize;
}

Result<std::uint64_t> Environment::free_bytes() const {
  MDB_stat pages{};
  if (mdb_env_stat(env_, &pages) != 0) return Error(ErrorCode::kIoError, options_.folder);
  std::uint64_t count = 0;
  WEFT_TRY(read([&](const Reading& reading) -> Status {
    WEFT_ASSIGN(count, reading.free_pages());
    return {};
  }));
  return count * pages.ms_psize;
}

std::vector<Reader> Environment::readers() const {
  int dead = 0;
  mdb_reader_check(env_, &dead);
  MDB_envinfo info{};
  (void)mdb_env_info(env_, &info);
  struct Found {
    std::vector<Reader> readers;
    std::uint64_t newest;
  } found{{}, info.me_last_txnid};
  // A line each: pid, thread, transaction or "-".
  mdb_reader_list(
      env_,
      [](const char* line, void* context) {
        auto& list = *static_cast<Found*>(context);
        char* end = nullptr;
        const long pid = std::strtol(line, &end, 10);
        if (end == line) return 0;  // the heading, or that there are none
        (void)std::strtoull(end, &end, 16);
        char* txn_end = nullptr;
        const std::uint64_t txn = std::strtoull(end, &txn_end, 10);
        Reader reader{static_cast<int>(pid), 0};
        if (txn_end != end && txn < list.newest) reader.lag = list.newest - txn;
        for (Reader& other : list.readers)
          if (other.pid == reader.pid) {
            other.lag = std::max(other.lag, reader.lag);
            return 0;
          }
        list.readers.push_back(reader);
        return 0;
      },
      &found);
  return found.readers;
}

}  // namespace weft::lmdb
