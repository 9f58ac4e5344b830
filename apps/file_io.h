#pragma once
// Whole files in and out (files/whole_file.h), and a lock on one.

#include <string>

#include "crdt/base/result.h"
#include "storage/files/whole_file.h"

namespace weft::cli {

using files::Existing;
using files::read_file;
using files::write_file;

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
