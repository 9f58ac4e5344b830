#include "apps/file_io.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "storage/files/names.h"

namespace weft::cli {

Result<FileLock> FileLock::take(const std::string& path) {
  for (;;) {
    int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) return files::system_error(errno, path);
    FileLock lock(file);
    while (::flock(file, LOCK_EX) != 0)
      if (errno != EINTR) return files::system_error(errno, path + ": locking it");
    // Whoever held it may have put a new file there, by a rename: then this one is out of date.
    struct ::stat held {};
    struct ::stat named {};
    if (::fstat(file, &held) != 0 || ::stat(path.c_str(), &named) != 0)
      return files::system_error(errno, path);
    if (held.st_dev == named.st_dev && held.st_ino == named.st_ino) return lock;
  }
}

FileLock::FileLock(FileLock&& other) noexcept : file_(std::exchange(other.file_, -1)) {}

FileLock::~FileLock() {
  if (file_ >= 0) ::close(file_);
}

}  // namespace weft::cli
