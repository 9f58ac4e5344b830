#include "storage/lmdb/files.h"

#include <fcntl.h>
#include <lmdb.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace weft::lmdb {

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
      return Error(ErrorCode::kCorrupt, text);
    case MDB_VERSION_MISMATCH:
      return Error(ErrorCode::kUnknownVersion, text);
    default:
      return Error(ErrorCode::kIoError, text);
  }
}

Status make_folder(const std::string& folder) {
  if (mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) return error_of(errno, folder);
  return {};
}

Status sync_folder(const std::string& folder) {
  const int file = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (file < 0) return error_of(errno, folder);
  const int code = fsync(file) == 0 ? 0 : errno;
  ::close(file);
  if (code != 0) return error_of(code, folder);
  return {};
}

std::string parent_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

Status replace_file(const std::string& from, const std::string& to) {
  if (rename(from.c_str(), to.c_str()) != 0) return error_of(errno, to);
  return sync_folder(parent_of(to));
}

Status remove_environment(const std::string& folder) {
  for (const char* name : {"/data.mdb", "/lock.mdb"})
    if (unlink((folder + name).c_str()) != 0 && errno != ENOENT)
      return error_of(errno, folder + name);
  if (rmdir(folder.c_str()) != 0 && errno != ENOENT) return error_of(errno, folder);
  return {};
}

}  // namespace weft::lmdb
