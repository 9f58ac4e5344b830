#include "storage/lmdb/unfinished_folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <string_view>
#include <vector>

namespace weft::lmdb {
namespace {

constexpr std::string_view kSuffix = ".unfinished";

/// Held by who makes the folder. @return  nullopt: by another process
Result<std::optional<FileLock>> lock_folder(const std::string& folder) {
  const int file = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (file < 0) return error_of(errno, folder);
  FileLock lock(file);
  if (flock(file, LOCK_EX | LOCK_NB) == 0) return std::optional<FileLock>(std::move(lock));
  if (errno != EWOULDBLOCK) return error_of(errno, folder);
  return std::optional<FileLock>();
}

/// What this file makes there, and nothing else: a folder with anything else in it stays.
void remove_store(const std::string& folder) {
  for (const char* name : {"/log.new", "/log", "/derived"})
    if (!remove_environment(folder + name).ok()) return;
  for (const char* name : {"/writer.lock", "/opening.lock", "/closed"})
    (void)files::remove_file(folder + name);
  (void)files::remove_empty_folder(folder);
}

std::vector<std::string> unfinished_in(const std::string& folder) {
  std::vector<std::string> found;
  const std::unique_ptr<DIR, int (*)(DIR*)> open(opendir(folder.c_str()), closedir);
  if (!open) return found;
  while (const dirent* entry = readdir(open.get()))
    if (std::string_view(entry->d_name).ends_with(kSuffix))
      found.push_back(folder + "/" + entry->d_name);
  return found;
}

/// (I2)
void remove_abandoned(const std::string& folder) {
  for (const std::string& each : unfinished_in(folder)) {
    const Result<std::optional<FileLock>> lock = lock_folder(each);
    if (lock.ok() && *lock) remove_store(each);
  }
}

std::string without_slashes(std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path;
}

}  // namespace

Result<UnfinishedFolder> UnfinishedFolder::make(const std::string& given) {
  const std::string to = without_slashes(given);
  struct stat info {};
  if (lstat(to.c_str(), &info) == 0)
    return Error(ErrorCode::kInvalidArgument, to + " is there already; name a new folder");
  if (errno != ENOENT) return error_of(errno, to);
  remove_abandoned(parent_of(to));
  const std::string path = to + std::string(kSuffix);
  if (mkdir(path.c_str(), 0700) != 0) {
    if (errno == EEXIST)
      return Error(ErrorCode::kInUse,
                   path +
                       " is there: another process is making it, or something else lies in it; "
                       "wait until that is done, remove it, or name another folder");
    return errno == ENOENT ? Error(ErrorCode::kNotFound,
                                   to + ": there is no folder " + parent_of(to) + " to make it in")
                           : error_of(errno, path);
  }
  Result<std::optional<FileLock>> locked = lock_folder(path);
  if (!locked.ok()) {
    (void)files::remove_empty_folder(path);
    return locked.take_error();
  }
  std::optional<FileLock> lock = *std::move(locked);
  if (!lock) return Error(ErrorCode::kInUse, path + " is being made by another process");
  return UnfinishedFolder(to, path, *std::move(lock));
}

UnfinishedFolder::UnfinishedFolder(UnfinishedFolder&& other) noexcept
    : to_(std::move(other.to_)),
      path_(std::exchange(other.path_, {})),
      lock_(std::move(other.lock_)) {}

UnfinishedFolder::~UnfinishedFolder() {
  if (!path_.empty()) remove_store(path_);
}

Status UnfinishedFolder::finish() {
  WEFT_TRY(sync_folder(path_));
  struct stat info {};
  if (lstat(to_.c_str(), &info) == 0)
    return Error(ErrorCode::kInvalidArgument, to_ + " is there by now; name another folder");
  if (Status moved = files::replace(path_, to_); !moved.ok()) {
    // Moved, and the disk may not know it: then it is not there (I1).
    if (lstat(path_.c_str(), &info) != 0) path_ = to_;
    return moved;
  }
  path_.clear();
  return {};
}

}  // namespace weft::lmdb
