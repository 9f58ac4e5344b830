#include "apps/file_io.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <optional>
#include <utility>

#include "apps/store_access.h"
#include "storage/files/names.h"

namespace weft::cli {
namespace {

namespace fs = std::filesystem;

/// The store whose log, derived data or lock `path` is.
std::optional<std::string> store_of(const std::string& path) {
  std::error_code error;
  const fs::path whole = fs::weakly_canonical(path, error);
  if (error || !fs::is_regular_file(whole, error)) return std::nullopt;
  const fs::path folder = whole.parent_path();
  const fs::path above = folder.parent_path();
  if (is_store(folder.string()) && whole.extension() == ".lock") return folder.string();
  const bool is_part = folder.filename() == "log" || folder.filename() == "derived";
  if (is_part && is_store(above.string())) return above.string();
  return std::nullopt;
}

}  // namespace

Status write_output(const std::string& path, ByteSpan data, Existing existing) {
  if (const std::optional<std::string> store = store_of(path))
    return Error(ErrorCode::kInvalidArgument,
                 path + ": is a file of the store in " + *store + "; name another");
  return files::write_file(path, data, existing);
}

Status check_other_file(const std::string& path, const std::string& source) {
  std::error_code error;
  if (!fs::is_regular_file(path, error) || !fs::equivalent(path, source, error)) return {};
  return Error(ErrorCode::kInvalidArgument,
               path + ": is the document that is read, and would be gone; name another file");
}

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
