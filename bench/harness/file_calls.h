#pragma once
// File calls: what this process asks of its files, seen by one observer, which may also refuse a call, cut a
// write short, or swallow it. For counting flushes and bytes, for disks that fail, for models of power cuts.
//
// How: file_calls.cc defines open, pwrite, fdatasync and their like; in an executable that links it these come
// before libc's, for shared libraries (liblmdb, libsqlite3, librocksdb) as well, and hand on to libc's.
//
// Not seen: what libc does inside (fopen, stdio), writes through a mapping, io_uring. close is not
// intercepted: the path of a descriptor is asked of the kernel when there is something to tell.
//
// Invariants
//   I1  Without an observer a call costs one relaxed load more, and works before static constructors.
//   I2  Calls that the observer itself makes are not observed.
//   I3  When observe_file_calls() returns, the observer before is not being called any more.
//
// Threads: calls are told on the thread that makes them, several at the same time.

#include <sys/uio.h>

#include <cstdint>
#include <limits>
#include <span>
#include <string_view>

#include "crdt/base/bytes.h"

namespace weft::bench {

enum class FileCall : std::uint8_t {
  kOpen,
  kWrite,
  kSync,  ///< fsync, fdatasync, msync, sync_file_range; of a folder, too
  kTruncate,
  kReserve,  ///< fallocate and posix_fallocate: room for `size` bytes at `offset`
  kRename,
  kLink,
  kUnlink,  ///< rmdir, too
  kMakeFolder,
};

/// Valid during the call that got it.
struct FileCallInfo {
  FileCall call = FileCall::kOpen;
  /// Absolute, links in the folder's path followed; of an open file where it lies now, with " (deleted)"
  /// behind it if it lies nowhere. Empty for msync.
  std::string_view path;
  std::string_view target;            ///< of kRename and kLink: the new name
  std::uint64_t offset = 0;           ///< of kWrite
  std::uint64_t size = 0;             ///< of kWrite: bytes; of kTruncate: the new size
  std::span<const ::iovec> pieces{};  ///< of kWrite: the bytes
  int open_flags = 0;                 ///< of kOpen: O_CREAT, O_TRUNC, ...
  int reserve_mode = 0;               ///< of kReserve: FALLOC_FL_KEEP_SIZE, ...
  /// Durable when it returns: fsync, fdatasync, msync(MS_SYNC), a write through O_DSYNC or O_SYNC.
  bool is_flush = false;

  /// The bytes of a write, copied.
  Bytes bytes() const;
};

struct Verdict {
  static constexpr std::uint64_t kNoLimit = std::numeric_limits<std::uint64_t>::max();

  int error = 0;                   ///< an errno value: the call fails with it and is not made
  std::uint64_t limit = kNoLimit;  ///< of a write: the bytes that are written at most
  bool swallow = false;            ///< the call succeeds and is not made; not for kOpen
};

class FileCallObserver {
 public:
  virtual ~FileCallObserver() = default;
  /// Whether writes that are no flush come with their path: asking for it costs more than a small write, which
  /// an observer that measures time must not add.
  virtual bool wants_write_paths() const { return true; }
  virtual Verdict before(const FileCallInfo&) { return {}; }
  /// @param result  what it returned; a negative errno value where it failed
  virtual void after(const FileCallInfo&, std::int64_t /*result*/, std::uint64_t /*nanoseconds*/) {}
};

/// From now on `observer` sees the calls; null: nobody does. Not to be called from an observer.
void observe_file_calls(FileCallObserver* observer);

/// Sees the calls as long as it lives.
class FileCallScope {
 public:
  explicit FileCallScope(FileCallObserver& observer) { observe_file_calls(&observer); }
  FileCallScope(const FileCallScope&) = delete;
  FileCallScope& operator=(const FileCallScope&) = delete;
  ~FileCallScope() { observe_file_calls(nullptr); }
};

}  // namespace weft::bench
