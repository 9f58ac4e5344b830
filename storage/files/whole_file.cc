#include "storage/files/whole_file.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>
#include <random>
#include <string_view>

#include "storage/files/names.h"

namespace weft::files {
namespace {

/// As many links as Linux follows.
constexpr int kLinksMax = 40;

/// As a user reads it.
Error file_error(const std::string& path, const std::string& what, int error) {
  if (error == ENOENT) return Error(ErrorCode::kNotFound, path + ": there is no such file");
  const bool is_full = error == ENOSPC || error == EDQUOT;
  return Error(is_full ? ErrorCode::kDiskFull : ErrorCode::kInvalidArgument,
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
    const ssize_t written = ::write(file, data.data(), data.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    data = data.subspan(static_cast<std::size_t>(written));
  }
  return true;
}

/// Where a path ends once its links are followed.
struct Target {
  std::string path;
  bool is_open = false;  ///< it names a file that a process has open
  int open_file = -1;    ///< its number, where that is this process
  bool exists = false;
  struct stat info {};
};

/// Is it a link of a process's folder of open files? Its text is the name that the file had once.
bool is_open_file(const std::string& link) {
  struct statfs info {};
  return ::statfs(parent_of(link).c_str(), &info) == 0 && info.f_type == PROC_SUPER_MAGIC &&
         without_links(parent_of(link)).ends_with("/fd");
}

/// The number of an open file of this process that such a link names; -1: it is another's.
int own_open_file(const std::string& link) {
  const std::string folder = without_links(parent_of(link));
  if (folder != without_links("/proc/self/fd") && folder != without_links("/proc/thread-self/fd"))
    return -1;
  const std::string_view name = std::string_view(link).substr(link.rfind('/') + 1);
  int number = -1;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  return error == std::errc() && end == name.data() + name.size() ? number : -1;
}

/// Follows one link after the other: realpath() would follow that of an open file to a name, which may be
/// another file's by now.
Result<Target> follow(const std::string& path) {
  Target target;
  target.path = path;
  for (int links = 0; links < kLinksMax; ++links) {
    if (::lstat(target.path.c_str(), &target.info) != 0) {
      if (errno != ENOENT) return file_error(path, "look at it", errno);
      return target;
    }
    target.exists = true;
    if (!S_ISLNK(target.info.st_mode)) return target;
    if (is_open_file(target.path)) {
      target.is_open = true;
      target.open_file = own_open_file(target.path);
      if (::stat(target.path.c_str(), &target.info) != 0) return file_error(path, "open", errno);
      return target;
    }
    std::array<char, 4096> text{};
    const ssize_t size = ::readlink(target.path.c_str(), text.data(), text.size());
    if (size < 0) return file_error(path, "follow the link", errno);
    const std::string_view next(text.data(), static_cast<std::size_t>(size));
    target.path = next.starts_with('/') ? std::string(next)
                                        : parent_of(target.path) + "/" + std::string(next);
    target.exists = false;
  }
  return file_error(path, "follow its links", ELOOP);
}

bool is_replaced(const Target& target) {
  return !target.is_open && (!target.exists || S_ISREG(target.info.st_mode));
}

/// A device, a fifo, or a file that is open: it gets the bytes, and stays.
Status write_into(const std::string& path, const Target& target, ByteSpan data) {
  if (S_ISDIR(target.info.st_mode)) return file_error(path, "write", EISDIR);
  if (S_ISSOCK(target.info.st_mode))
    return Error(ErrorCode::kInvalidArgument, path + ": is a socket, which takes no file");
  File file(target.open_file >= 0 ? ::fcntl(target.open_file, F_DUPFD_CLOEXEC, 0)
                                  : ::open(target.path.c_str(), O_WRONLY | O_NOCTTY | O_CLOEXEC));
  if (!file.ok()) return file_error(path, "open for writing", errno);
  if (!write_all(file.get(), data)) return file_error(path, "write", errno);
  // What is no storage can't be flushed.
  if (::fsync(file.get()) != 0 && errno != EINVAL && errno != EROFS && errno != ENOTSUP)
    return file_error(path, "flush", errno);
  return {};
}

/// Writes and flushes `temporary`, a new file.
Status write_new(const std::string& temporary, ByteSpan data, const Target& old) {
  const mode_t mode = old.exists ? old.info.st_mode & 07777 : 0;
  File file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
                   old.exists ? mode & 0777 : 0666));
  if (!file.ok()) return file_error(temporary, "write beside the file", errno);
  bool done = write_all(file.get(), data);
  // Whose it was it stays, where this process may say so.
  if (done && old.exists) (void)!::fchown(file.get(), old.info.st_uid, old.info.st_gid);
  done = done && (!old.exists || ::fchmod(file.get(), mode) == 0) && ::fsync(file.get()) == 0;
  if (done) return {};
  const int error = errno;
  ::unlink(temporary.c_str());
  return file_error(temporary, "write", error);
}

Status replace_with(const std::string& path, const Target& target, ByteSpan data) {
  const std::string folder = parent_of(target.path);
  struct stat info {};
  if (::stat(folder.c_str(), &info) != 0 || !S_ISDIR(info.st_mode))
    return Error(ErrorCode::kNotFound,
                 path + ": there is no directory " + folder + " to write it to");
  std::random_device random;
  const std::string temporary = target.path + ".tmp-" + std::to_string(random());
  WEFT_TRY(write_new(temporary, data, target));
  if (::rename(temporary.c_str(), target.path.c_str()) != 0) {
    const int error = errno;
    ::unlink(temporary.c_str());
    return file_error(path, "replace", error);
  }
  // Without this a power cut could bring the old directory entry back.
  return sync_folder(folder);
}

}  // namespace

Result<Bytes> read_file(const std::string& path) {
  File opened(path == "-" ? -1 : ::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (path != "-" && !opened.ok()) return file_error(path, "open", errno);
  const int file = path == "-" ? STDIN_FILENO : opened.get();
  Bytes data;
  std::size_t used = 0;
  for (;;) {
    if (data.size() - used < 4096) data.resize(std::max<std::size_t>(data.size() * 2, 65536));
    const ssize_t size = ::read(file, data.data() + used, data.size() - used);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return file_error(path == "-" ? "standard input" : path, "read", errno);
    if (size == 0) break;
    used += static_cast<std::size_t>(size);
  }
  data.resize(used);
  return data;
}

Status write_file(const std::string& path, ByteSpan data, Existing existing) {
  WEFT_ASSIGN(const Target target, follow(path));
  if (!is_replaced(target)) return write_into(path, target, data);
  struct stat info {};
  if (existing == Existing::kRefuse && ::lstat(path.c_str(), &info) == 0)
    return Error(ErrorCode::kInvalidArgument,
                 path + ": exists already; choose another name, or give --force to replace it");
  return replace_with(path, target, data);
}

bool is_replaceable(const std::string& path) {
  const Result<Target> target = follow(path);
  return target.ok() && is_replaced(*target);
}

Status write_hint(const std::string& path, ByteSpan data) {
  File file(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666));
  if (!file.ok()) return system_error(errno, path);
  // Truncated behind, not before: so it needs no room on a full disk where it was about as long already.
  if (!write_all(file.get(), data) || ::ftruncate(file.get(), static_cast<off_t>(data.size())) != 0)
    return system_error(errno, path);
  return {};
}

}  // namespace weft::files
