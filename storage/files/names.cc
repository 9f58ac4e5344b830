#include "storage/files/names.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>

namespace weft::files {
namespace {

Error of_another_kind(const std::string& path, const char* expected) {
  return Error(ErrorCode::kInvalidArgument,
               path + " is no " + expected + "; it stays as it is, choose another name");
}

/// @return  0 or errno
int look_at(const std::string& path, struct stat& info) {
  return ::lstat(path.c_str(), &info) == 0 ? 0 : errno;
}

}  // namespace

bool is_at(int file, const std::string& path) {
  struct stat held {};
  struct stat named {};
  return ::fstat(file, &held) == 0 && ::stat(path.c_str(), &named) == 0 &&
         held.st_dev == named.st_dev && held.st_ino == named.st_ino;
}

Error system_error(int code, const std::string& what) {
  const std::string text = what + ": " + std::strerror(code);
  switch (code) {
    case ENOENT:
      return Error(ErrorCode::kNotFound, text);
    case ENOSPC:
    case EDQUOT:
      return Error(ErrorCode::kDiskFull, text);
    case EBUSY:
    case EAGAIN:
      return Error(ErrorCode::kInUse, text);
    default:
      return Error(ErrorCode::kIoError, text);
  }
}

std::string parent_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

std::string without_links(const std::string& path) {
  const std::unique_ptr<char, void (*)(void*)> real(::realpath(path.c_str(), nullptr), std::free);
  return real ? std::string(real.get()) : path;
}

Status make_folder(const std::string& folder) {
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) return system_error(errno, folder);
  return {};
}

Status sync_folder(const std::string& folder) {
  const int file = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (file < 0) return system_error(errno, folder);
  const int code = ::fsync(file) == 0 ? 0 : errno;
  ::close(file);
  if (code != 0) return system_error(code, folder);
  return {};
}

Status replace(const std::string& from, const std::string& to) {
  struct stat info {};
  std::string target = to;
  const int code = look_at(to, info);
  if (code != 0 && code != ENOENT) return system_error(code, to);
  if (code == 0 && S_ISLNK(info.st_mode)) {
    target = without_links(to);
    if (::stat(target.c_str(), &info) != 0) return system_error(errno, target);
  }
  if (code == 0 && !S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode))
    return of_another_kind(to, "regular file");
  if (::rename(from.c_str(), target.c_str()) != 0) return system_error(errno, target);
  return sync_folder(parent_of(target));
}

Status remove_file(const std::string& path) {
  struct stat info {};
  const int code = look_at(path, info);
  if (code == ENOENT || code == ENOTDIR) return {};
  if (code != 0) return system_error(code, path);
  if (!S_ISREG(info.st_mode) && !S_ISLNK(info.st_mode))
    return of_another_kind(path, "regular file");
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return system_error(errno, path);
  return {};
}

void remove_link(const std::string& path) {
  struct stat info {};
  if (look_at(path, info) == 0 && S_ISLNK(info.st_mode)) ::unlink(path.c_str());
}

Status remove_empty_folder(const std::string& folder) {
  if (::rmdir(folder.c_str()) != 0 && errno != ENOENT) return system_error(errno, folder);
  return {};
}

}  // namespace weft::files
