#pragma once
// Whole files in and out (files/whole_file.h), and a lock on one.

#include <string>

#include "crdt/base/result.h"
#include "storage/files/whole_file.h"

namespace weft::cli {

using files::Existing;
using files::read_file;

/// files::write_file(), but for the files of a store, which nothing may replace.
/// @errors its own; kInvalidArgument: it is one of these
Status write_output(const std::string& path, ByteSpan data, Existing existing);
/// Refuses to write `path` where that is the file that `source` names: what was read would be gone.
/// @errors kInvalidArgument
Status check_other_file(const std::string& path, const std::string& source);

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
