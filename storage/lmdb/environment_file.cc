#include "storage/lmdb/environment_file.h"

#include <fcntl.h>
#include <lmdb.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

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
    } else if (status.ok() && needed > size && !read_only &&
               ftruncate(file, static_cast<off_t>(needed)) != 0) {
      status = error_of(errno, path);
    }
  }
  ::close(file);
  return status;
}

/// A new environment is made beside its place and put there whole: half a head would be damage.
Status make_environment(const Environment::Options& options) {
  const std::string& folder = options.folder;
  struct stat info {};
  if (stat((folder + "/data.mdb").c_str(), &info) == 0) return {};
  const std::string fresh = folder + ".new";
  WEFT_TRY(remove_environment(fresh));
  WEFT_TRY(make_folder(fresh));
  MDB_env* env = nullptr;
  MDB_txn* txn = nullptr;
  int code = mdb_env_create(&env);
  if (code != 0) return error_of(code, fresh);
  mdb_env_set_maxdbs(env, static_cast<MDB_dbi>(options.databases.size()));
  code = mdb_env_open(env, fresh.c_str(), MDB_NOTLS, 0600);
  if (code == 0) code = mdb_txn_begin(env, nullptr, 0, &txn);
  for (const Environment::Database& database : options.databases) {
    MDB_dbi opened = 0;
    const unsigned keys = database.keys == Environment::Keys::kNumbers ? MDB_INTEGERKEY : 0u;
    if (code == 0) code = mdb_dbi_open(txn, database.name.c_str(), MDB_CREATE | keys, &opened);
  }
  if (code == 0) {
    code = mdb_txn_commit(txn);
  } else if (txn != nullptr) {
    mdb_txn_abort(txn);
  }
  mdb_env_close(env);
  if (code != 0) return error_of(code, fresh);
  WEFT_TRY(sync_folder(fresh));
  WEFT_TRY(replace_file(fresh, folder));
  return sync_folder(parent_of(parent_of(folder)));
}

}  // namespace weft::lmdb
