#pragma once
// Whole files in and out. Every error names the file and says what to do.

#include <string>
#include <string_view>

#include "crdt/base/bytes.h"
#include "crdt/base/result.h"

namespace weft::cli {

/// "-" reads standard input. @errors kNotFound: no such file; kInvalidArgument: cannot be read
Result<Bytes> read_file(const std::string& path);

enum class Existing { kReplace, kRefuse };

/// All or nothing: writes beside `path`, flushes to the disk, renames. A symbolic link stays one, the
/// file it names is replaced; a replaced file's permissions stay.
/// @errors kInvalidArgument: it exists (kRefuse), or cannot be written
Status write_file(const std::string& path, ByteSpan data, Existing existing);

/// Keeps other weft processes from changing `path` as long as it lives: read, change and write between.
class FileLock {
 public:
  /// Waits for whoever holds the lock. @errors kNotFound, kInvalidArgument: cannot be locked
  static Result<FileLock> take(const std::string& path);
  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&&) = delete;
  ~FileLock();

 private:
  explicit FileLock(int file) : file_(file) {}
  int file_;
};

}  // namespace weft::cli
