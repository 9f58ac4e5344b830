#pragma once
// UnfinishedFolder: a store that is made beside its place and put there whole, when it is done.
//
//   <to>.unfinished   while it is made; locked by who makes it
//   <to>              when it is whole and on the disk
//
// Invariants
//   I1  There is nothing at <to> before finish(), and a whole store after it, also after a power cut.
//   I2  Nothing is left of one that failed. What a killed process has left goes with the next one that is made
//       in the same folder.

#include <optional>
#include <string>
#include <utility>

#include "storage/lmdb/store_folder.h"

namespace weft::lmdb {

class UnfinishedFolder {
 public:
  /// @errors kInvalidArgument: there is something at `to`; kInUse: another process is making it;
  ///         kNotFound: no folder to make it in
  static Result<UnfinishedFolder> make(const std::string& to);
  UnfinishedFolder(UnfinishedFolder&& other) noexcept;
  UnfinishedFolder& operator=(UnfinishedFolder&&) = delete;
  ~UnfinishedFolder();

  const std::string& path() const { return path_; }
  /// Puts it in its place, durably. @pre  what lies in the files is on the disk
  Status finish();

 private:
  UnfinishedFolder(std::string to, std::string path, FileLock lock)
      : to_(std::move(to)), path_(std::move(path)), lock_(std::move(lock)) {}

  std::string to_;
  std::string path_;  ///< empty: finished
  FileLock lock_;
};

}  // namespace weft::lmdb
