#include "apps/file_io.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <utility>

#include "storage/files/names.h"
#include "storage/lmdb/store_folder.h"

namespace weft::cli {

Status write_output(const std::string& path, ByteSpan data, Existing existing) {
  WEFT_TRY(lmdb::StoreFolder::check_no_part(path));
  return files::write_file(path, data, existing);
}

Status check_other_file(const std::string& path, const std::string& source) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error) ||
      !std::filesystem::equivalent(path, source, error))
    return {};
  return Error(ErrorCode::kInvalidArgument,
               path + ": is what is read, and would be gone; name another file");
}

Result<FileLock> FileLock::take(const std::string& path) {
  for (;;) {
    int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) return files::system_error(errno, path);
    FileLock lock(file);
    while (::flock(file, LOCK_EX) != 0)
      if (errno != EINTR) return files::system_error(errno, path + ": locking it");
    // Whoever held it may have put a new file there, by a rename: then this one is out of date.
    if (files::is_at(file, path)) return lock;
  }
}

FileLock::FileLock(FileLock&& other) noexcept : file_(std::exchange(other.file_, -1)) {}

FileLock::~FileLock() {
  if (file_ >= 0) ::close(file_);
}

}  // namespace weft::cli
