#pragma once
// StoreFolder: the files of a store and where it lives.
//
//   <folder>/writer.lock   held by the process that writes, with its pid
//   <folder>/closed        made by a clean close: when the log's file was changed last; goes with the
//                          first thing that is written
//   <folder>/opening.lock  shared while a process opens the store, alone while files are replaced
//   <folder>/log/          LMDB: the log, the truth
//   <folder>/derived/      LMDB: what can be made again from it; may be deleted
//
// A store knows when it was copied, moved to another disk or put back from a backup: the log's file then
// has another inode, another birth time, or was changed after the clean close. (The device number says
// nothing: it changes between boots.) Source: design.md section 7.

#include <cstdint>
#include <string>
#include <utility>

#include "storage/lmdb/environment.h"
#include "storage/lmdb/files.h"

namespace weft::lmdb {

/// Where a log's file lies; equal for one file on one machine.
struct Home {
  std::uint64_t machine = 0;  ///< hash of the machine id; 0: it has none
  std::uint64_t inode = 0;
  std::uint64_t birth_s = 0;  ///< 0: the filesystem does not say
  std::uint64_t birth_ns = 0;
  friend bool operator==(const Home&, const Home&) = default;
};

/// An flock() that ends with it.
class FileLock {
 public:
  explicit FileLock(int file) : file_(file) {}
  FileLock(FileLock&& other) noexcept : file_(std::exchange(other.file_, -1)) {}
  FileLock& operator=(FileLock&&) = delete;
  ~FileLock();

 private:
  int file_;
};

class StoreFolder {
 public:
  explicit StoreFolder(std::string path) : path_(std::move(path)) {}
  StoreFolder(const StoreFolder&) = delete;
  StoreFolder& operator=(const StoreFolder&) = delete;
  ~StoreFolder();

  const std::string& path() const { return path_; }
  std::string log() const { return path_ + "/log"; }
  std::string log_file() const { return path_ + "/log/data.mdb"; }
  std::string derived() const { return path_ + "/derived"; }

  /// Refuses to write to `file` where it is a store's: nobody but the store may.
  /// @errors kInvalidArgument
  static Status check_no_part(const std::string& file);

  bool has_store() const;
  /// @errors kNotFound: there is none; kIoError: this user may not look
  Status find_store() const;
  /// How its environments are to be read. A user who may not write there keeps writers out as long as this lives, or
  /// where one is there already, reads copies.
  Result<Environment::Sharing> prepare_reading();
  /// Makes sure that nobody writes: as lock() does, or as a user who may only read can.
  /// @errors kInUse
  Status lock_for_reading();
  /// @errors kInUse: another process has it; its pid is in the message
  Status lock();
  /// Waits until no files are being replaced; where `alone`, until nobody is opening the store. The lock
  /// ends with the returned object.
  Result<FileLock> lock_opening(bool alone) const;
  /// Of the log's file, or of another that will take its place.
  Result<Home> home(const std::string& file) const;
  /// Is there word of a clean close, and has the log's file been changed since?
  Result<bool> changed_since_close() const;
  Status note_close() const;
  /// Where there is word of a clean close, nothing was written since, but the file may have another time: a refused
  /// write and an attempt to reserve room leave one.
  Status note_nothing_written() const;
  void forget_close() const;

 private:
  Result<bool> lock_out_writers();

  std::string path_;
  int lock_file_ = -1;
};

}  // namespace weft::lmdb
