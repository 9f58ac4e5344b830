#include "storage/lmdb/store_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <fstream>
#include <iterator>

#include "crdt/base/bytes.h"
#include "crdt/base/checksum.h"
#include "storage/lmdb/environment.h"

namespace weft::lmdb {
namespace {

std::uint64_t machine_hash() {
  std::ifstream file("/etc/machine-id");
  const std::string id((std::istreambuf_iterator<char>(file)), {});
  return id.empty() ? 0 : xxh3_64(as_bytes(id));
}

Result<struct statx> look_at(const std::string& file) {
  struct statx info {};
  if (statx(AT_FDCWD, file.c_str(), 0, STATX_BASIC_STATS | STATX_BTIME, &info) != 0)
    return error_of(errno, file);
  return info;
}

/// As it stands in the file `closed`.
std::string change_time(const struct statx& info) {
  return std::to_string(info.stx_ctime.tv_sec) + " " + std::to_string(info.stx_ctime.tv_nsec) +
         "\n";
}

}  // namespace

FileLock::~FileLock() {
  if (file_ >= 0) ::close(file_);
}

StoreFolder::~StoreFolder() {
  if (lock_file_ >= 0) ::close(lock_file_);
}

bool StoreFolder::has_store() const {
  struct stat info {};
  return stat(log_file().c_str(), &info) == 0;
}

Result<FileLock> StoreFolder::lock_opening(bool alone) const {
  const std::string path = path_ + "/opening.lock";
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) return error_of(errno, path);
  FileLock lock(file);
  while (flock(file, alone ? LOCK_EX : LOCK_SH) != 0)
    if (errno != EINTR) return error_of(errno, path);
  return lock;
}

Status StoreFolder::lock() {
  const std::string path = path_ + "/writer.lock";
  lock_file_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock_file_ < 0) return error_of(errno, path);
  if (flock(lock_file_, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return error_of(errno, path);
    std::array<char, 24> text{};
    const ssize_t size = pread(lock_file_, text.data(), text.size() - 1, 0);
    return Error(ErrorCode::kInUse,
                 path_ + " is open for writing by process " +
                     (size > 0 ? std::string(text.data()) : std::string("unknown")) +
                     "; close it there, or edit through that process");
  }
  const std::string pid = std::to_string(getpid());
  if (ftruncate(lock_file_, 0) != 0 ||
      pwrite(lock_file_, pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size()))
    return error_of(errno, path);
  return {};
}

Result<Home> StoreFolder::home(const std::string& file) const {
  static const std::uint64_t machine = machine_hash();
  WEFT_ASSIGN(struct statx info, look_at(file));
  Home home{machine, info.stx_ino, 0, 0};
  if ((info.stx_mask & STATX_BTIME) != 0) {
    home.birth_s = static_cast<std::uint64_t>(info.stx_btime.tv_sec);
    home.birth_ns = info.stx_btime.tv_nsec;
  }
  return home;
}

Result<bool> StoreFolder::changed_since_close() const {
  const std::string path = path_ + "/closed";
  std::ifstream file(path);
  if (!file) return false;
  const std::string noted((std::istreambuf_iterator<char>(file)), {});
  WEFT_ASSIGN(struct statx info, look_at(log_file()));
  return noted != change_time(info);
}

/// Not made durable: where it is lost the next opening only knows less.
Status StoreFolder::note_close() const {
  WEFT_ASSIGN(struct statx info, look_at(log_file()));
  std::ofstream file(path_ + "/closed", std::ios::trunc);
  file << change_time(info);
  file.close();
  if (!file) return Error(ErrorCode::kIoError, path_ + "/closed could not be written");
  return {};
}

void StoreFolder::forget_close() const { (void)unlink((path_ + "/closed").c_str()); }

}  // namespace weft::lmdb
