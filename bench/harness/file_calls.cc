// The checked forms of libc's headers would be inline functions of the names that are defined here.
#undef _FORTIFY_SOURCE
#include "bench/harness/file_calls.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <climits>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <type_traits>

namespace weft::bench {
namespace {

// Constant-initialised all: libraries make calls before this file's constructors would have run.
constinit std::atomic<FileCallObserver*> current{nullptr};
constinit std::atomic<int> in_flight{0};
constinit thread_local bool is_inside = false;

/// libc's own, of the same name.
template <auto kFunction>
auto next(const char* name) {
  static constinit std::atomic<void*> found{nullptr};
  void* function = found.load(std::memory_order_relaxed);
  if (function == nullptr) {
    function = dlsym(RTLD_NEXT, name);
    if (function == nullptr) std::abort();
    found.store(function, std::memory_order_relaxed);
  }
  return reinterpret_cast<decltype(kFunction)>(function);
}

/// Holds the observer for one call (I2, I3).
class Watch {
 public:
  Watch() {
    if (current.load(std::memory_order_relaxed) == nullptr || is_inside) [[likely]]
      return;
    in_flight.fetch_add(1);
    observer_ = current.load();
    if (observer_ == nullptr) {
      in_flight.fetch_sub(1);
    } else {
      is_inside = true;
    }
  }
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;
  ~Watch() {
    if (observer_ == nullptr) return;
    is_inside = false;
    in_flight.fetch_sub(1);
  }
  explicit operator bool() const { return observer_ != nullptr; }
  bool wants_write_paths() const { return observer_->wants_write_paths(); }

  /// Makes the call as the observer has it. `call` gets the bytes it may write.
  template <typename Call>
  auto run(const FileCallInfo& info, const Call& call) -> decltype(call(info.size)) {
    using Value = decltype(call(info.size));
    const Verdict verdict = observer_->before(info);
    const auto begin = std::chrono::steady_clock::now();
    Value value = -1;
    if (verdict.error != 0) {
      errno = verdict.error;
    } else if (verdict.swallow) {
      value = info.call == FileCall::kWrite ? static_cast<Value>(info.size) : Value{0};
    } else {
      value = call(std::min(verdict.limit, info.size));
    }
    const int code = errno;
    const auto taken = std::chrono::steady_clock::now() - begin;
    observer_->after(info, value < 0 ? -code : value,
                     static_cast<std::uint64_t>(
                         std::chrono::duration_cast<std::chrono::nanoseconds>(taken).count()));
    errno = code;
    return value;
  }

 private:
  FileCallObserver* observer_ = nullptr;
};

// --- paths ---

std::string read_link(const std::string& link) {
  std::array<char, PATH_MAX> path;
  const ssize_t size = readlink(link.c_str(), path.data(), path.size());
  return size > 0 ? std::string(path.data(), static_cast<std::size_t>(size)) : std::string();
}

std::string path_of(int file) { return read_link("/proc/self/fd/" + std::to_string(file)); }

/// Absolute, the folder's links followed and those of the name itself not.
std::string path_of(int folder, const char* name) {
  std::string path = name;
  if (path.empty() || path.front() != '/')
    path.insert(0, (folder == AT_FDCWD ? read_link("/proc/self/cwd") : path_of(folder)) + "/");
  const std::size_t slash = path.rfind('/');
  std::array<char, PATH_MAX> resolved;
  if (realpath(path.substr(0, slash + 1).c_str(), resolved.data()) == nullptr) return path;
  const std::string parent = resolved.data();
  return (parent == "/" ? "" : parent) + path.substr(slash);
}

// --- the calls, by kind ---

template <typename Call>
int open_call(int folder, const char* name, int flags, const Call& call) {
  Watch watch;
  if (!watch) return call();
  const std::string path = path_of(folder, name);
  FileCallInfo info;
  info.path = path;
  info.open_flags = flags;
  return watch.run(info, [&](std::uint64_t) { return call(); });
}

bool needs_mode(int flags) { return (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE; }

/// Where write() would write.
std::uint64_t position_of(int file) {
  if ((fcntl(file, F_GETFL) & O_APPEND) != 0) {
    struct stat status {};
    return fstat(file, &status) == 0 ? static_cast<std::uint64_t>(status.st_size) : 0;
  }
  return static_cast<std::uint64_t>(std::max<off_t>(lseek(file, 0, SEEK_CUR), 0));
}

/// `call` gets the pieces to write.
template <typename Call>
ssize_t write_call(Watch& watch, int file, std::span<const ::iovec> pieces, std::uint64_t offset,
                   const Call& call) {
  FileCallInfo info;
  info.call = FileCall::kWrite;
  info.is_flush = (fcntl(file, F_GETFL) & O_DSYNC) != 0;  // O_SYNC contains it
  const std::string path =
      info.is_flush || watch.wants_write_paths() ? path_of(file) : std::string();
  info.path = path;
  info.offset = offset;
  for (const ::iovec& piece : pieces) info.size += piece.iov_len;
  info.pieces = pieces;
  return watch.run(info, [&](std::uint64_t limit) {
    if (limit == info.size) return call(pieces);
    std::array<::iovec, IOV_MAX> cut;
    std::size_t count = 0;
    for (; limit > 0; ++count) {
      cut[count] = pieces[count];
      cut[count].iov_len = std::min<std::uint64_t>(limit, pieces[count].iov_len);
      limit -= cut[count].iov_len;
    }
    return call(std::span<const ::iovec>(cut.data(), count));
  });
}

std::span<const ::iovec> span_of(const ::iovec* pieces, int count) {
  return {pieces, static_cast<std::size_t>(std::clamp(count, 0, IOV_MAX))};
}

::iovec piece_of(const void* data, std::size_t size) { return {const_cast<void*>(data), size}; }

template <typename Call>
int sync_call(int file, bool is_flush, const Call& call) {
  Watch watch;
  if (!watch) return call();
  const std::string path = file >= 0 ? path_of(file) : std::string();
  FileCallInfo info;
  info.call = FileCall::kSync;
  info.path = path;
  info.is_flush = is_flush;
  return watch.run(info, [&](std::uint64_t) { return call(); });
}

template <typename Call>
int truncate_call(int file, off_t size, const Call& call) {
  Watch watch;
  if (!watch) return call();
  const std::string path = path_of(file);
  FileCallInfo info;
  info.call = FileCall::kTruncate;
  info.path = path;
  info.size = static_cast<std::uint64_t>(std::max<off_t>(size, 0));
  return watch.run(info, [&](std::uint64_t) { return call(); });
}

template <typename Call>
int reserve_call(int file, int mode, off_t offset, off_t size, const Call& call) {
  Watch watch;
  if (!watch) return call();
  const std::string path = path_of(file);
  FileCallInfo info;
  info.call = FileCall::kReserve;
  info.path = path;
  info.offset = static_cast<std::uint64_t>(std::max<off_t>(offset, 0));
  info.size = static_cast<std::uint64_t>(std::max<off_t>(size, 0));
  info.reserve_mode = mode;
  return watch.run(info, [&](std::uint64_t) { return call(); });
}

/// posix_fallocate() returns its errno value and leaves errno alone.
template <typename Call>
int reserve_call_posix(int file, off_t offset, off_t size, const Call& call) {
  const int before = errno;
  const int result = reserve_call(file, 0, offset, size, [&] {
    errno = call();
    return errno == 0 ? 0 : -1;
  });
  const int code = result == 0 ? 0 : errno;
  errno = before;
  return code;
}

/// A call about names; `target` may be null.
template <typename Call>
int name_call(FileCall kind, int folder, const char* name, int target_folder, const char* target,
              const Call& call) {
  Watch watch;
  if (!watch) return call();
  const std::string path = path_of(folder, name);
  const std::string target_path = target != nullptr ? path_of(target_folder, target) : "";
  FileCallInfo info;
  info.call = kind;
  info.path = path;
  info.target = target_path;
  return watch.run(info, [&](std::uint64_t) { return call(); });
}

}  // namespace

Bytes FileCallInfo::bytes() const {
  Bytes copy;
  copy.reserve(size);
  for (const ::iovec& piece : pieces) {
    const auto* begin = static_cast<const std::byte*>(piece.iov_base);
    copy.insert(copy.end(), begin, begin + piece.iov_len);
  }
  return copy;
}

void observe_file_calls(FileCallObserver* observer) {
  current.store(nullptr);
  while (in_flight.load() != 0) std::this_thread::yield();  // (I3)
  current.store(observer);
}

}  // namespace weft::bench

// --- what comes before libc's ---

using weft::bench::FileCall;
using weft::bench::Watch;
using namespace weft::bench;  // the helpers above have no other user

#define WEFT_NEXT(name) next<&::name>(#name)
#define WEFT_OPEN_MODE(flags)         \
  mode_t mode = 0;                    \
  if (needs_mode(flags)) {            \
    va_list arguments;                \
    va_start(arguments, flags);       \
    mode = va_arg(arguments, mode_t); \
    va_end(arguments);                \
  }

extern "C" {

int open(const char* path, int flags, ...) {
  WEFT_OPEN_MODE(flags)
  return open_call(AT_FDCWD, path, flags, [&] { return WEFT_NEXT(open)(path, flags, mode); });
}
int open64(const char* path, int flags, ...) {
  WEFT_OPEN_MODE(flags)
  return open_call(AT_FDCWD, path, flags, [&] { return WEFT_NEXT(open64)(path, flags, mode); });
}
int openat(int folder, const char* path, int flags, ...) {
  WEFT_OPEN_MODE(flags)
  return open_call(folder, path, flags,
                   [&] { return WEFT_NEXT(openat)(folder, path, flags, mode); });
}
int openat64(int folder, const char* path, int flags, ...) {
  WEFT_OPEN_MODE(flags)
  return open_call(folder, path, flags,
                   [&] { return WEFT_NEXT(openat64)(folder, path, flags, mode); });
}

ssize_t write(int file, const void* data, size_t size) {
  Watch watch;
  if (!watch) return WEFT_NEXT(write)(file, data, size);
  const ::iovec piece = piece_of(data, size);
  return write_call(watch, file, {&piece, 1}, position_of(file), [&](auto pieces) {
    return WEFT_NEXT(write)(file, data, pieces.empty() ? 0 : pieces[0].iov_len);
  });
}
ssize_t writev(int file, const ::iovec* pieces, int count) {
  Watch watch;
  if (!watch) return WEFT_NEXT(writev)(file, pieces, count);
  return write_call(watch, file, span_of(pieces, count), position_of(file), [&](auto cut) {
    return WEFT_NEXT(writev)(file, cut.data(), static_cast<int>(cut.size()));
  });
}

#define WEFT_DEFINE_PWRITE(name, offset_type)                                                 \
  ssize_t name(int file, const void* data, size_t size, offset_type offset) {                 \
    Watch watch;                                                                              \
    if (!watch) return WEFT_NEXT(name)(file, data, size, offset);                             \
    const ::iovec piece = piece_of(data, size);                                               \
    return write_call(                                                                        \
        watch, file, {&piece, 1}, static_cast<std::uint64_t>(offset), [&](auto pieces) {      \
          return WEFT_NEXT(name)(file, data, pieces.empty() ? 0 : pieces[0].iov_len, offset); \
        });                                                                                   \
  }
#define WEFT_DEFINE_PWRITEV(name, offset_type)                                                   \
  ssize_t name(int file, const ::iovec* pieces, int count, offset_type offset) {                 \
    Watch watch;                                                                                 \
    if (!watch) return WEFT_NEXT(name)(file, pieces, count, offset);                             \
    return write_call(                                                                           \
        watch, file, span_of(pieces, count), static_cast<std::uint64_t>(offset), [&](auto cut) { \
          return WEFT_NEXT(name)(file, cut.data(), static_cast<int>(cut.size()), offset);        \
        });                                                                                      \
  }
WEFT_DEFINE_PWRITE(pwrite, off_t)
WEFT_DEFINE_PWRITE(pwrite64, off64_t)
WEFT_DEFINE_PWRITEV(pwritev, off_t)
WEFT_DEFINE_PWRITEV(pwritev64, off64_t)

int fsync(int file) {
  return sync_call(file, true, [&] { return WEFT_NEXT(fsync)(file); });
}
int fdatasync(int file) {
  return sync_call(file, true, [&] { return WEFT_NEXT(fdatasync)(file); });
}
int sync_file_range(int file, off64_t offset, off64_t size, unsigned flags) {
  return sync_call(file, false,
                   [&] { return WEFT_NEXT(sync_file_range)(file, offset, size, flags); });
}
int msync(void* begin, size_t size, int flags) {
  return sync_call(-1, (flags & MS_SYNC) != 0,
                   [&] { return WEFT_NEXT(msync)(begin, size, flags); });
}

int ftruncate(int file, off_t size) noexcept {
  return truncate_call(file, size, [&] { return WEFT_NEXT(ftruncate)(file, size); });
}
int ftruncate64(int file, off64_t size) noexcept {
  return truncate_call(file, size, [&] { return WEFT_NEXT(ftruncate64)(file, size); });
}

int fallocate(int file, int mode, off_t offset, off_t size) {
  return reserve_call(file, mode, offset, size,
                      [&] { return WEFT_NEXT(fallocate)(file, mode, offset, size); });
}
int fallocate64(int file, int mode, off64_t offset, off64_t size) {
  return reserve_call(file, mode, offset, size,
                      [&] { return WEFT_NEXT(fallocate64)(file, mode, offset, size); });
}
int posix_fallocate(int file, off_t offset, off_t size) {
  return reserve_call_posix(file, offset, size,
                            [&] { return WEFT_NEXT(posix_fallocate)(file, offset, size); });
}
int posix_fallocate64(int file, off64_t offset, off64_t size) {
  return reserve_call_posix(file, offset, size,
                            [&] { return WEFT_NEXT(posix_fallocate64)(file, offset, size); });
}

int rename(const char* from, const char* to) noexcept {
  return name_call(FileCall::kRename, AT_FDCWD, from, AT_FDCWD, to,
                   [&] { return WEFT_NEXT(rename)(from, to); });
}
int renameat(int from_folder, const char* from, int to_folder, const char* to) noexcept {
  return name_call(FileCall::kRename, from_folder, from, to_folder, to,
                   [&] { return WEFT_NEXT(renameat)(from_folder, from, to_folder, to); });
}
int renameat2(int from_folder, const char* from, int to_folder, const char* to,
              unsigned flags) noexcept {
  return name_call(FileCall::kRename, from_folder, from, to_folder, to,
                   [&] { return WEFT_NEXT(renameat2)(from_folder, from, to_folder, to, flags); });
}
int link(const char* from, const char* to) noexcept {
  return name_call(FileCall::kLink, AT_FDCWD, from, AT_FDCWD, to,
                   [&] { return WEFT_NEXT(link)(from, to); });
}
int unlink(const char* path) noexcept {
  return name_call(FileCall::kUnlink, AT_FDCWD, path, 0, nullptr,
                   [&] { return WEFT_NEXT(unlink)(path); });
}
int unlinkat(int folder, const char* path, int flags) noexcept {
  return name_call(FileCall::kUnlink, folder, path, 0, nullptr,
                   [&] { return WEFT_NEXT(unlinkat)(folder, path, flags); });
}
int rmdir(const char* path) noexcept {
  return name_call(FileCall::kUnlink, AT_FDCWD, path, 0, nullptr,
                   [&] { return WEFT_NEXT(rmdir)(path); });
}
int mkdir(const char* path, mode_t mode) noexcept {
  return name_call(FileCall::kMakeFolder, AT_FDCWD, path, 0, nullptr,
                   [&] { return WEFT_NEXT(mkdir)(path, mode); });
}
int mkdirat(int folder, const char* path, mode_t mode) noexcept {
  return name_call(FileCall::kMakeFolder, folder, path, 0, nullptr,
                   [&] { return WEFT_NEXT(mkdirat)(folder, path, mode); });
}

}  // extern "C"
