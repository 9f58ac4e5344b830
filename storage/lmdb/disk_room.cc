#include "storage/lmdb/disk_room.h"

#include <fcntl.h>
#include <lmdb.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <initializer_list>

namespace weft::lmdb {
namespace {

constexpr std::uint64_t kPageBytes = 4096;
/// Of trees of free pages and the like.
constexpr std::uint64_t kSparePages = 64;
/// Reserved beyond what is needed, so that it is not asked for at every commit.
constexpr std::uint64_t kReserveBytes = std::uint64_t{1} << 20;
constexpr std::uint64_t kKeptBytes = std::uint64_t{512} << 10;

}  // namespace

bool DiskRoom::reserve(MDB_env* env, const Written& written, Room room, std::uint64_t free_bytes) {
  MDB_envinfo info{};
  int file = -1;
  if (mdb_env_info(env, &info) != 0 || mdb_env_get_fd(env, &file) != 0) return true;
  const std::uint64_t pages = info.me_last_pgno + 1;
  const std::uint64_t least = pages * kPageBytes + kKeptBytes;
  const std::uint64_t needed = least +
                               (std::min(3 * written.changes, pages) + kSparePages) * kPageBytes +
                               written.value_bytes + written.value_bytes / 4;
  if (needed <= reserved_bytes_) return true;
  for (const std::uint64_t bytes : {needed + kReserveBytes, needed, least}) {
    if (bytes == least && room != Room::kKept && free_bytes < needed - least) break;
    if (fallocate(file, FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(bytes)) == 0) {
      reserved_bytes_ = std::max(reserved_bytes_, bytes);
      return true;
    }
    if (errno != ENOSPC && errno != EDQUOT) {  // a filesystem that can't
      reserved_bytes_ = ~std::uint64_t{0};
      return true;
    }
  }
  return false;
}

/// (A truncation to the same size gives back what lies behind the end.)
void DiskRoom::give_back(MDB_env* env) const {
  int file = -1;
  struct stat info {};
  if (reserved_bytes_ == 0 || env == nullptr) return;
  if (mdb_env_get_fd(env, &file) != 0 || fstat(file, &info) != 0) return;
  (void)!ftruncate(file, info.st_size);  // raw file call: to the size that it has
  (void)!fallocate(file, FALLOC_FL_KEEP_SIZE, 0, info.st_size + static_cast<off_t>(kKeptBytes));
}

}  // namespace weft::lmdb
