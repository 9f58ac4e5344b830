#include "storage/lmdb/environment.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <set>
#include <utility>

#include "crdt/base/assert.h"

namespace weft::lmdb {
namespace {

constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;
constexpr std::array<std::uint64_t, 4> kMapBytes = {1024 * kGiB, 256 * kGiB, 64 * kGiB, 16 * kGiB};
constexpr unsigned kReaders = 126;

/// Paths that are open in this process, by device and inode.
struct Registry {
  std::mutex mutex;
  std::set<std::pair<std::uint64_t, std::uint64_t>> open;
};
Registry& registry() {
  static Registry instance;
  return instance;
}

Status check_filesystem(const std::string& folder) {
  struct statfs info {};
  if (statfs(folder.c_str(), &info) != 0) return error_of(errno, folder);
  constexpr std::array<std::uint32_t, 5> kNetwork = {0x6969, 0x517b, 0xff53'4d42, 0xfe53'4d42,
                                                     0x0102'1997};  // NFS, SMB, CIFS, SMB2, 9P
  for (std::uint32_t type : kNetwork)
    if (static_cast<std::uint32_t>(info.f_type) == type)
      return Error(ErrorCode::kInvalidArgument,
                   folder +
                       " is on a network filesystem, where two machines would write at once; "
                       "put the store on a local disk");
  return {};
}

/// LMDB maps whatever is there and would read beyond the file's end. A sound file may end a little before
/// its last page, where that was freed before it was ever written: so what is missing becomes zeros, which
/// no root, and no page of records, can be. The two meta pages lie at 0 and at one page: a head of 16 bytes, then
/// magic, version, address, map size, two databases of 48 bytes (the page size is the first word of the
/// first), last page, transaction.
Status check_file(const std::string& path) {
  int file = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (file < 0) return errno == ENOENT ? Status() : Status(error_of(errno, path));
  struct stat info {};
  std::array<std::byte, 152> head{};
  Status status;
  if (fstat(file, &info) != 0) {
    status = error_of(errno, path);
  } else if (info.st_size > 0) {
    auto word = [&head](std::size_t at) {
      std::uint64_t value;
      std::memcpy(&value, head.data() + at, sizeof value);
      return value;
    };
    std::uint64_t page_bytes = 0;
    std::uint64_t last_page = 0;
    std::uint64_t newest = 0;
    for (int meta = 0; meta < 2 && status.ok(); ++meta) {
      const auto at = static_cast<off_t>(meta == 0 ? 0 : page_bytes);
      if (pread(file, head.data(), head.size(), at) != static_cast<ssize_t>(head.size()) ||
          (word(16) & 0xffff'ffff) != 0xbeef'c0de) {
        status = Error(ErrorCode::kCorrupt, path + " is no LMDB file, or its head is damaged",
                       static_cast<std::uint64_t>(at));
        break;
      }
      if (meta == 0) page_bytes = word(40) & 0xffff'ffff;
      if (page_bytes < 512 || page_bytes > 65536 || (page_bytes & (page_bytes - 1)) != 0)
        status = Error(ErrorCode::kCorrupt, path + ": its page size can't be", 40);
      if (word(144) >= newest) {
        newest = word(144);
        last_page = word(136);
      }
    }
    const auto size = static_cast<std::uint64_t>(info.st_size);
    const std::uint64_t needed = (last_page + 1) * page_bytes;
    if (status.ok() && last_page > kMapBytes[0] / page_bytes) {
      status = Error(ErrorCode::kCorrupt, path + ": its number of pages can't be", 136);
    } else if (status.ok() && needed > size && ftruncate(file, static_cast<off_t>(needed)) != 0) {
      status = error_of(errno, path);
    }
  }
  ::close(file);
  return status;
}

MDB_val value_of(ByteSpan bytes) {
  return {bytes.size(), const_cast<std::byte*>(bytes.data())};  // LMDB does not write to it
}
ByteSpan bytes_of(const MDB_val& value) {
  return {static_cast<const std::byte*>(value.mv_data), value.mv_size};
}

Error bad_key() { return Error(ErrorCode::kCorrupt, "a key of another size than 8 bytes"); }

}  // namespace

Error error_of(int code, const std::string& what) {
  const std::string text = what + ": " + mdb_strerror(code);
  switch (code) {
    case ENOSPC:
    case EDQUOT:
    case MDB_MAP_FULL:
      return Error(ErrorCode::kDiskFull, text);
    case EBUSY:
    case EAGAIN:
      return Error(ErrorCode::kInUse, text);
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INVALID:
    case MDB_PANIC:
      return Error(ErrorCode::kCorrupt, text);
    case MDB_VERSION_MISMATCH:
      return Error(ErrorCode::kUnknownVersion, text);
    default:
      return Error(ErrorCode::kIoError, text);
  }
}

// --- transactions ---

Result<std::optional<ByteSpan>> Reading::get(std::size_t database, Key key) const {
  MDB_val name{sizeof key, &key};
  MDB_val value{};
  int code = mdb_get(txn_, environment_.databases_[database], &name, &value);
  if (code == MDB_NOTFOUND) return std::optional<ByteSpan>();
  if (code != 0) return error_of(code, "reading");
  return std::optional<ByteSpan>(bytes_of(value));
}

Status Reading::each(std::size_t database, Key from,
                     const std::function<bool(Key, ByteSpan)>& visit) const {
  MDB_cursor* cursor = nullptr;
  int code = mdb_cursor_open(txn_, environment_.databases_[database], &cursor);
  if (code != 0) return error_of(code, "reading");
  MDB_val name{sizeof from, &from};
  MDB_val value{};
  Status status;
  for (code = mdb_cursor_get(cursor, &name, &value, MDB_SET_RANGE); code == 0;
       code = mdb_cursor_get(cursor, &name, &value, MDB_NEXT)) {
    Key key = 0;
    if (name.mv_size != sizeof key) {
      status = bad_key();
      break;
    }
    std::memcpy(&key, name.mv_data, sizeof key);
    if (!visit(key, bytes_of(value))) break;
  }
  mdb_cursor_close(cursor);
  if (status.ok() && code != 0 && code != MDB_NOTFOUND) return error_of(code, "reading");
  return status;
}

Result<std::optional<Key>> Reading::last_key(std::size_t database) const {
  MDB_cursor* cursor = nullptr;
  int code = mdb_cursor_open(txn_, environment_.databases_[database], &cursor);
  if (code != 0) return error_of(code, "reading");
  MDB_val name{};
  MDB_val value{};
  code = mdb_cursor_get(cursor, &name, &value, MDB_LAST);
  std::optional<Key> key;
  const bool sound = code != 0 || name.mv_size == sizeof(Key);
  if (code == 0 && sound) {
    key.emplace();
    std::memcpy(&*key, name.mv_data, sizeof(Key));
  }
  mdb_cursor_close(cursor);
  if (!sound) return bad_key();
  if (code != 0 && code != MDB_NOTFOUND) return error_of(code, "reading");
  return key;
}

Status Writing::put(std::size_t database, Key key, ByteSpan bytes) {
  WEFT_ASSERT(bytes.size() % 8 == 0);
  MDB_val name{sizeof key, &key};
  MDB_val value = value_of(bytes);
  int code = mdb_put(txn_, environment_.databases_[database], &name, &value, 0);
  map_full_ = map_full_ || code == MDB_MAP_FULL;
  if (code != 0) return error_of(code, "writing");
  return {};
}

Status Writing::append(std::size_t database, Key key, std::size_t size,
                       const std::function<void(std::byte*)>& fill) {
  WEFT_ASSERT(size % 8 == 0);
  MDB_val name{sizeof key, &key};
  MDB_val value{size, nullptr};
  int code =
      mdb_put(txn_, environment_.databases_[database], &name, &value, MDB_APPEND | MDB_RESERVE);
  map_full_ = map_full_ || code == MDB_MAP_FULL;
  if (code != 0) return error_of(code, "writing");
  fill(static_cast<std::byte*>(value.mv_data));
  return {};
}

// --- the environment ---

Result<std::unique_ptr<Environment>> Environment::open(Options options) {
  std::unique_ptr<Environment> made(new Environment(std::move(options)));
  WEFT_TRY(made->open_environment());
  WEFT_TRY(made->open_databases());
  return made;
}

Status Environment::open_environment() {
  const std::string& folder = options_.folder;
  if (mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) return error_of(errno, folder);
  WEFT_TRY(check_filesystem(folder));
  WEFT_TRY(check_file(folder + "/data.mdb"));
  struct stat info {};
  if (stat(folder.c_str(), &info) != 0) return error_of(errno, folder);
  identity_[0] = info.st_dev;
  identity_[1] = info.st_ino;
  {
    std::lock_guard lock(registry().mutex);
    registered_ = registry().open.insert({identity_[0], identity_[1]}).second;
  }
  if (!registered_)
    return Error(ErrorCode::kInUse, folder + " is open in this process already; share that one");
  process_ = getpid();
  int code = 0;
  for (std::uint64_t bytes : kMapBytes) {
    code = mdb_env_create(&env_);
    if (code != 0) return error_of(code, folder);
    mdb_env_set_maxdbs(env_, static_cast<MDB_dbi>(options_.databases.size()));
    mdb_env_set_maxreaders(env_, kReaders);
    mdb_env_set_mapsize(env_, bytes);
    code = mdb_env_open(env_, folder.c_str(), MDB_NOTLS, 0600);
    if (code == 0) {
      map_bytes_ = bytes;
      break;
    }
    mdb_env_close(env_);  // also where opening failed
    env_ = nullptr;
    if (code != ENOMEM && code != EINVAL && code != EFBIG) break;
  }
  if (code != 0) return error_of(code, folder);
  int dead = 0;
  mdb_reader_check(env_, &dead);  // slots of processes that are gone
  return {};
}

Status Environment::open_databases() {
  MDB_txn* txn = nullptr;
  int code = mdb_txn_begin(env_, nullptr, 0, &txn);
  for (const std::string& name : options_.databases) {
    if (code != 0) break;
    databases_.emplace_back();
    code = mdb_dbi_open(txn, name.c_str(), MDB_CREATE | MDB_INTEGERKEY, &databases_.back());
  }
  if (code == 0) {
    code = mdb_txn_commit(txn);
  } else if (txn != nullptr) {
    mdb_txn_abort(txn);
  }
  if (code != 0) return error_of(code, options_.folder);
  return {};
}

Environment::~Environment() {
  for (MDB_txn* txn : pool_) mdb_txn_abort(txn);
  if (env_ != nullptr) mdb_env_close(env_);
  if (registered_) {
    std::lock_guard lock(registry().mutex);
    registry().open.erase({identity_[0], identity_[1]});
  }
}

Status Environment::read(const std::function<Status(const Reading&)>& body) const {
  WEFT_ASSERT(getpid() == process_);
  std::shared_lock map_lock(map_mutex_);
  MDB_txn* txn = nullptr;
  {
    std::lock_guard lock(pool_mutex_);
    if (!pool_.empty()) {
      txn = pool_.back();
      pool_.pop_back();
    }
  }
  int code = txn != nullptr ? mdb_txn_renew(txn) : mdb_txn_begin(env_, nullptr, MDB_RDONLY, &txn);
  if (code != 0) {
    if (txn != nullptr) mdb_txn_abort(txn);
    return error_of(code, options_.folder);
  }
  Status status = body(Reading(*this, txn));
  mdb_txn_reset(txn);
  std::lock_guard lock(pool_mutex_);
  pool_.push_back(txn);
  return status;
}

Status Environment::try_write(const std::function<Status(Writing&)>& body, bool& map_full) {
  std::shared_lock map_lock(map_mutex_);
  MDB_txn* txn = nullptr;
  int code = mdb_txn_begin(env_, nullptr, 0, &txn);
  if (code != 0) return error_of(code, options_.folder);
  Writing writing(*this, txn);
  Status status = body(writing);
  if (!status.ok()) {
    mdb_txn_abort(txn);
    map_full = writing.map_full_;
    return status;
  }
  code = mdb_txn_commit(txn);
  map_full = code == MDB_MAP_FULL;
  if (code != 0) return error_of(code, options_.folder);
  return {};
}

Status Environment::write(const std::function<Status(Writing&)>& body) {
  WEFT_ASSERT(getpid() == process_);
  for (;;) {
    bool map_full = false;
    Status status = try_write(body, map_full);
    if (!map_full) return status;
    WEFT_TRY(grow());
  }
}

Status Environment::grow() {
  std::unique_lock map_lock(map_mutex_);
  std::lock_guard lock(pool_mutex_);
  for (MDB_txn* txn : pool_) mdb_txn_abort(txn);
  pool_.clear();
  int code = mdb_env_set_mapsize(env_, map_bytes_ * 2);
  if (code != 0) return error_of(code, options_.folder + ": growing the map");
  map_bytes_ *= 2;
  return {};
}

std::uint64_t Environment::file_bytes() const {
  MDB_envinfo info{};
  MDB_stat pages{};
  if (mdb_env_info(env_, &info) != 0 || mdb_env_stat(env_, &pages) != 0) return 0;
  return (info.me_last_pgno + 1) * pages.ms_psize;
}

}  // namespace weft::lmdb
