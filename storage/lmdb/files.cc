#include "storage/lmdb/files.h"

#include <lmdb.h>

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

Status remove_environment(const std::string& folder) {
  for (const char* name : {"/data.mdb", "/lock.mdb"}) WEFT_TRY(files::remove_file(folder + name));
  return files::remove_empty_folder(folder);
}

}  // namespace weft::lmdb
