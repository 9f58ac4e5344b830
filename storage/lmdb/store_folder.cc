#include "storage/lmdb/store_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "crdt/base/bytes.h"
#include "crdt/base/checksum.h"
#include "storage/files/whole_file.h"
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

Status StoreFolder::check_no_part(const std::string& file) {
  std::error_code error;
  const std::filesystem::path whole = std::filesystem::weakly_canonical(file, error);
  if (error || !std::filesystem::is_regular_file(whole, error)) return {};
  const StoreFolder around(whole.parent_path().string());
  const StoreFolder above(whole.parent_path().parent_path().string());
  const auto refuse = [&](const StoreFolder& store) {
    return Error(ErrorCode::kInvalidArgument,
                 file + ": is a file of the store in " + store.path() + "; name another");
  };
  if (around.has_store() && (whole.extension() == ".lock" || whole.filename() == "closed"))
    return refuse(around);
  const bool is_inside = around.path() == above.log() || around.path() == above.derived();
  if (is_inside && above.has_store()) return refuse(above);
  return {};
}

bool StoreFolder::has_store() const { return find_store().ok(); }

Status StoreFolder::find_store() const {
  struct stat info {};
  if (stat(log_file().c_str(), &info) == 0) return {};
  if (errno == ENOENT || errno == ENOTDIR)
    return Error(ErrorCode::kNotFound, "there is no store in " + path_);
  return Error(ErrorCode::kIoError,
               path_ + ": this user may not look into it: " + std::string(std::strerror(errno)));
}

namespace {

bool cannot_write(int code) { return code == EACCES || code == EPERM || code == EROFS; }

/// Can this process put itself into the list of readers that LMDB keeps in `folder`?
bool can_register(const std::string& folder) {
  const std::string list = folder + "/lock.mdb";
  struct stat info {};
  const bool is_there = stat(list.c_str(), &info) == 0;
  return access(is_there ? list.c_str() : folder.c_str(), R_OK | W_OK) == 0;
}

}  // namespace

Result<Environment::Sharing> StoreFolder::prepare_reading() {
  if (can_register(log())) return Environment::Sharing::kRegistered;
  Result<bool> alone = lock_out_writers();
  if (!alone.ok()) return alone.take_error();
  return *alone ? Environment::Sharing::kNobodyWrites : Environment::Sharing::kCopied;
}

/// @return  false: somebody writes, or may
Result<bool> StoreFolder::lock_out_writers() {
  const std::string path = path_ + "/writer.lock";
  lock_file_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  // A store that was never opened for writing, as a backup is, has no such file.
  if (lock_file_ < 0) return errno == ENOENT;
  if (flock(lock_file_, LOCK_SH | LOCK_NB) == 0) return true;
  if (errno != EWOULDBLOCK) return error_of(errno, path);
  return false;
}

Status StoreFolder::lock_for_reading() {
  Status locked = lock();
  if (locked.ok() || locked.error().code() == ErrorCode::kInUse || can_register(log()))
    return locked;
  WEFT_ASSIGN(const bool alone, lock_out_writers());
  if (alone) return {};
  return Error(ErrorCode::kInUse, path_ +
                                      " is open for writing by another process; try again when "
                                      "it is closed, or as the user it belongs to");
}

Result<FileLock> StoreFolder::lock_opening(bool alone) const {
  const std::string path = path_ + "/opening.lock";
  int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0 && !alone && cannot_write(errno)) {
    file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) return FileLock(-1);  // then files that are open stay as they are
  }
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
    if (flock(lock_file_, LOCK_SH | LOCK_NB) == 0)
      return Error(ErrorCode::kInUse, path_ +
                                          " is being read by a user who may not write there; "
                                          "try again when that is done");
    std::array<char, 24> text{};
    const ssize_t size = pread(lock_file_, text.data(), text.size() - 1, 0);
    return Error(ErrorCode::kInUse,
                 path_ + " is open for writing by process " +
                     (size > 0 ? std::string(text.data()) : std::string("unknown")) +
                     "; close it there, or edit through that process");
  }
  const std::string pid = std::to_string(getpid());
  // In place, which needs no room; that it is locked counts, and not who is named.
  const auto length = static_cast<ssize_t>(pid.size());
  const bool is_noted = pwrite(lock_file_, pid.data(), pid.size(), 0) == length &&
                        ftruncate(lock_file_, length) == 0;  // raw file call: a shorter pid
  if (!is_noted && errno != ENOSPC && errno != EDQUOT) return error_of(errno, path);
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
  std::ifstream file(path_ + "/closed");
  if (!file) return false;
  const std::string noted((std::istreambuf_iterator<char>(file)), {});
  WEFT_ASSIGN(struct statx info, look_at(log_file()));
  return !noted.starts_with(change_time(info));
}

/// Not made durable: where it is lost the next opening only knows less.
Status StoreFolder::note_close() const {
  WEFT_ASSIGN(struct statx info, look_at(log_file()));
  return files::write_hint(path_ + "/closed", as_bytes(change_time(info)));
}

Status StoreFolder::note_nothing_written() const {
  struct stat info {};
  return ::stat((path_ + "/closed").c_str(), &info) == 0 ? note_close() : Status();
}

void StoreFolder::forget_close() const { (void)files::remove_file(path_ + "/closed"); }

}  // namespace weft::lmdb
