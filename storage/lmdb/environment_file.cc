#include "storage/lmdb/environment_file.h"

#include <fcntl.h>
#include <lmdb.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <utility>

#include "storage/lmdb/page_format.h"

namespace weft::lmdb {

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
Status check_file(const std::string& path, bool read_only) {
  int file = ::open(path.c_str(), (read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC);
  if (file < 0) return errno == ENOENT ? Status() : Status(error_of(errno, path));
  struct stat info {};
  std::array<std::byte, 152> head{};
  Status status;
  if (fstat(file, &info) != 0) {
    status = error_of(errno, path);
  } else if (info.st_size ==
             0) {  // LMDB would begin anew in it; whole files are made beside their place
    status = Error(ErrorCode::kCorrupt, path + " is empty: it was cut off", 0);
  } else {
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
    } else if (status.ok() && needed > size && !read_only) {
      const auto length = static_cast<off_t>(needed);
      if (ftruncate(file, length) != 0) status = error_of(errno, path);  // raw file call: longer
    }
  }
  ::close(file);
  return status;
}

bool is_address_space_limited() {
  struct rlimit limit {};
  return getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
}

bool has_address_space(std::uint64_t bytes) {
  if (!is_address_space_limited()) return true;
  void* const probe = mmap(nullptr, static_cast<std::size_t>(bytes), PROT_NONE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (probe == MAP_FAILED) return false;
  munmap(probe, static_cast<std::size_t>(bytes));
  return true;
}

// --- a copy beside a writer ---

namespace {

/// A file descriptor; closed at the end.
class OpenFile {
 public:
  explicit OpenFile(int file) : file_(file) {}
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  ~OpenFile() {
    if (file_ >= 0) ::close(file_);
  }
  int get() const { return file_; }
  int release() { return std::exchange(file_, -1); }

 private:
  int file_;
};

/// Both heads, in the pages that they lie in.
struct Heads {
  Bytes pages;
  std::uint64_t page_bytes = 0;
  std::uint64_t transaction = 0;
  std::uint64_t last_page = 0;
};

Result<Heads> read_heads(int file, const std::string& path) {
  Heads heads;
  heads.pages.resize(2 * 4096);
  const auto corrupt = [&] {
    return Error(ErrorCode::kCorrupt, path + " is no LMDB file, or its head is damaged", 0);
  };
  for (int attempt = 0; attempt < 2; ++attempt) {
    const auto size = static_cast<ssize_t>(heads.pages.size());
    if (pread(file, heads.pages.data(), heads.pages.size(), 0) != size) return corrupt();
    const auto page_bytes = number_at<std::uint32_t>(heads.pages, kHeadBytes + 24);
    if (page_bytes < 512 || page_bytes > 65536 || (page_bytes & (page_bytes - 1)) != 0)
      return corrupt();
    heads.page_bytes = page_bytes;
    if (heads.pages.size() == 2 * heads.page_bytes) break;
    heads.pages.resize(2 * heads.page_bytes);
  }
  for (std::size_t page = 0; page < 2; ++page) {
    const ByteSpan meta = ByteSpan(heads.pages).subspan(page * heads.page_bytes + kHeadBytes);
    if (number_at<std::uint32_t>(meta, 0) != kMagic) return corrupt();
    if (page == 1 && number_at<std::uint64_t>(meta, 128) <= heads.transaction) break;
    heads.transaction = number_at<std::uint64_t>(meta, 128);
    heads.last_page = number_at<std::uint64_t>(meta, 120);
  }
  return heads;
}

Result<int> nameless_file() {
  const char* const folder = std::getenv("TMPDIR");
  const int file = ::open(folder != nullptr && *folder != 0 ? folder : "/tmp",
                          O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (file >= 0) return file;
  const int in_memory = memfd_create("weft", MFD_CLOEXEC);
  if (in_memory < 0) return error_of(errno, "a place for a copy of the store");
  return in_memory;
}

/// As much of [begin, end) as there is.
Status copy_bytes(int from, int to, std::uint64_t begin, std::uint64_t end,
                  const std::string& path) {
  Bytes buffer(std::size_t{1} << 20);
  while (begin < end) {
    const std::size_t want = std::min<std::uint64_t>(buffer.size(), end - begin);
    const ssize_t got = pread(from, buffer.data(), want, static_cast<off_t>(begin));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return error_of(errno, path);
    if (got == 0) return {};
    for (ssize_t done = 0; done < got;) {
      const ssize_t put = pwrite(to, buffer.data() + done, static_cast<std::size_t>(got - done),
                                 static_cast<off_t>(begin) + done);
      if (put < 0 && errno == EINTR) continue;
      if (put <= 0) return error_of(put < 0 ? errno : ENOSPC, "a copy of " + path);
      done += put;
    }
    begin += static_cast<std::uint64_t>(got);
  }
  return {};
}

}  // namespace

std::string path_of_open(int file) { return "/proc/self/fd/" + std::to_string(file); }

/// A page that commit N uses is free from commit N + 1 on at the earliest, and used again by transaction N + 3 at the
/// earliest, which does not begin before commit N + 2. So a copy is as of N where no more than N + 1 has come.
Result<int> copy_beside_writer(const std::string& path) {
  constexpr int kAttempts = 30;
  const OpenFile from(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (from.get() < 0) return error_of(errno, path);
  WEFT_ASSIGN(const int made, nameless_file());
  OpenFile to(made);
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    WEFT_ASSIGN(const Heads heads, read_heads(from.get(), path));
    const std::uint64_t end = (heads.last_page + 1) * heads.page_bytes;
    if (pwrite(to.get(), heads.pages.data(), heads.pages.size(), 0) !=
        static_cast<ssize_t>(heads.pages.size()))
      return error_of(errno, "a copy of " + path);
    WEFT_TRY(copy_bytes(from.get(), to.get(), heads.pages.size(), end, path));
    WEFT_ASSIGN(const Heads after, read_heads(from.get(), path));
    if (after.transaction > heads.transaction + 1) continue;
    // A file may end before its last page, which then was never written (check_file()).
    const auto length = static_cast<off_t>(end);
    if (ftruncate(to.get(), length) != 0) return error_of(errno, path);  // raw file call: the copy
    return to.release();
  }
  return Error(ErrorCode::kInUse,
               path +
                   " is written too fast to be copied, and can't be read beside that by a user who "
                   "may not write there; try again later, or as the user it belongs to");
}

namespace {

/// @return  0, or LMDB's code
}  // namespace

/// Who may only read the folder opens what is there.
Status reserve_lock_file(const std::string& folder) {
  constexpr off_t kLockBytes = 16 << 10;  // more than 126 readers take
  const std::string path = folder + "/lock.mdb";
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) return {};
  struct stat info {};
  const off_t bytes = ::fstat(file, &info) == 0 && info.st_size > 0 ? info.st_size : kLockBytes;
  const bool is_there = info.st_blocks * 512 >= bytes;
  const int code = is_there || ::fallocate(file, FALLOC_FL_KEEP_SIZE, 0, bytes) == 0 ? 0 : errno;
  ::close(file);
  if (code == ENOSPC || code == EDQUOT) return error_of(code, path);
  return {};
}

namespace {

int make_databases(const std::string& folder, const Environment::Options& options) {
  MDB_env* made = nullptr;
  int code = mdb_env_create(&made);
  if (code != 0) return code;
  const std::unique_ptr<MDB_env, void (*)(MDB_env*)> env(made, mdb_env_close);
  mdb_env_set_maxdbs(env.get(), static_cast<MDB_dbi>(options.databases.size()));
  code = mdb_env_open(env.get(), folder.c_str(), MDB_NOTLS, 0600);
  MDB_txn* begun = nullptr;
  if (code == 0) code = mdb_txn_begin(env.get(), nullptr, 0, &begun);
  if (code != 0) return code;
  std::unique_ptr<MDB_txn, void (*)(MDB_txn*)> txn(begun, mdb_txn_abort);
  for (const Environment::Database& database : options.databases) {
    MDB_dbi opened = 0;
    const unsigned keys = database.keys == Environment::Keys::kNumbers ? MDB_INTEGERKEY : 0u;
    code = mdb_dbi_open(txn.get(), database.name.c_str(), MDB_CREATE | keys, &opened);
    if (code != 0) return code;
  }
  return mdb_txn_commit(txn.release());
}

}  // namespace

/// A new environment is made beside its place and put there whole: half a head would be damage.
Status make_environment(const Environment::Options& options) {
  const std::string& folder = options.folder;
  struct stat info {};
  if (stat((folder + "/data.mdb").c_str(), &info) == 0) return {};
  const std::string fresh = folder + ".new";
  WEFT_TRY(remove_environment(fresh));
  WEFT_TRY(make_folder(fresh));
  WEFT_TRY(reserve_lock_file(fresh));
  if (const int code = make_databases(fresh, options); code != 0) return error_of(code, fresh);
  WEFT_TRY(sync_folder(fresh));
  WEFT_TRY(files::replace(fresh, folder));
  return sync_folder(parent_of(parent_of(folder)));
}

}  // namespace weft::lmdb
