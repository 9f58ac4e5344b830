#include "apps/file_io.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <random>
#include <utility>

namespace weft::cli {
namespace {

namespace fs = std::filesystem;

Error system_error(const std::string& path, const std::string& what, int error) {
  if (error == ENOENT) return Error(ErrorCode::kNotFound, path + ": there is no such file");
  return Error(ErrorCode::kInvalidArgument,
               path + ": cannot " + what + ": " + std::strerror(error));
}

/// An open file descriptor; closed at the end.
class File {
 public:
  explicit File(int descriptor) : descriptor_(descriptor) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  int get() const { return descriptor_; }
  bool ok() const { return descriptor_ >= 0; }

 private:
  int descriptor_;
};

bool write_all(int file, ByteSpan data) {
  while (!data.empty()) {
    ssize_t written = ::write(file, data.data(), data.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    data = data.subspan(static_cast<std::size_t>(written));
  }
  return true;
}

/// Writes and flushes `temporary`, a new file.
Status write_new(const std::string& temporary, ByteSpan data, mode_t mode) {
  File file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  if (!file.ok()) return system_error(temporary, "write beside the file", errno);
  bool done = write_all(file.get(), data) && (mode == 0 || ::fchmod(file.get(), mode) == 0) &&
              ::fsync(file.get()) == 0;
  if (done) return Status();
  int error = errno;
  ::unlink(temporary.c_str());
  return system_error(temporary, "write", error);
}

}  // namespace

Result<Bytes> read_file(const std::string& path) {
  File opened(path == "-" ? -1 : ::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (path != "-" && !opened.ok()) return system_error(path, "open", errno);
  int file = path == "-" ? STDIN_FILENO : opened.get();
  Bytes data;
  std::size_t used = 0;
  for (;;) {
    if (data.size() - used < 4096) data.resize(std::max<std::size_t>(data.size() * 2, 65536));
    ssize_t size = ::read(file, data.data() + used, data.size() - used);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return system_error(path == "-" ? "standard input" : path, "read", errno);
    if (size == 0) break;
    used += static_cast<std::size_t>(size);
  }
  data.resize(used);
  return data;
}

Status write_file(const std::string& path, ByteSpan data, Existing existing) {
  std::error_code ignored;
  if (existing == Existing::kRefuse && fs::exists(fs::symlink_status(path, ignored)))
    return Error(ErrorCode::kInvalidArgument,
                 path + ": exists already; choose another name, or give --force to replace it");
  fs::path target = fs::weakly_canonical(path, ignored);
  if (target.empty()) target = path;
  fs::path folder = target.has_parent_path() ? target.parent_path() : fs::path(".");
  if (!fs::is_directory(folder, ignored))
    return Error(ErrorCode::kNotFound,
                 path + ": there is no directory " + folder.string() + " to write it to");
  struct ::stat old {};
  mode_t mode = ::stat(target.c_str(), &old) == 0 ? old.st_mode & 07777 : 0;

  std::random_device random;
  std::string temporary = target.string() + ".tmp-" + std::to_string(random());
  WEFT_TRY(write_new(temporary, data, mode));
  if (::rename(temporary.c_str(), target.c_str()) != 0) {
    int error = errno;
    ::unlink(temporary.c_str());
    return system_error(path, "replace", error);
  }
  // Without this a power cut could bring the old directory entry back.
  File directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.ok()) ::fsync(directory.get());
  return Status();
}

Result<FileLock> FileLock::take(const std::string& path) {
  for (;;) {
    int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) return system_error(path, "open", errno);
    FileLock lock(file);
    while (::flock(file, LOCK_EX) != 0)
      if (errno != EINTR) return system_error(path, "lock", errno);
    // Whoever held it may have put a new file there, by a rename: then this one is out of date.
    struct ::stat held {};
    struct ::stat named {};
    if (::fstat(file, &held) != 0 || ::stat(path.c_str(), &named) != 0)
      return system_error(path, "look at", errno);
    if (held.st_dev == named.st_dev && held.st_ino == named.st_ino) return lock;
  }
}

FileLock::FileLock(FileLock&& other) noexcept : file_(std::exchange(other.file_, -1)) {}

FileLock::~FileLock() {
  if (file_ >= 0) ::close(file_);
}

}  // namespace weft::cli
