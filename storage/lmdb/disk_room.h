#pragma once
// DiskRoom: room on the disk for the next commit. LMDB takes a disk that gets full within a write for a failing one.
//
//   |<- the file's pages ->|<- what the next commit may need ->|<- kept ->|
//
// What is kept is on the disk also while nobody has the file open. Ordinary writes leave it alone; it is there for what
// gives more up than it takes, as emptying the trash does, where nothing else is free.
//
// Threads: that of the writer.

#include <cstdint>

struct MDB_env;

namespace weft::lmdb {

/// Which room on the disk a write may take.
enum class Room : std::uint8_t {
  kFree,  ///< what is free, on the disk or in the file; so much that the rest is there for kKept
  kKept   ///< also what is kept
};

/// What a transaction has written.
struct Written {
  std::uint64_t value_bytes = 0;
  std::uint64_t changes = 0;
};

class DiskRoom {
 public:
  /// Makes sure of room behind the file of `env` for the most that a transaction can need: its values, and copies of
  /// pages, three for each change or all there are. Where that is not free, what is kept has to do: if the file has as
  /// much in pages of its own that are free, or with kKept, since pages of what is given up become free while it runs.
  /// If that was too little the commit fails, and nothing has changed.
  /// @param free_bytes  of the file's own pages, where that is known; 0: it is not
  /// @return  false: the disk is too full
  bool reserve(MDB_env* env, const Written& written, Room room, std::uint64_t free_bytes);
  /// Of what was reserved all but what is kept.
  void give_back(MDB_env* env) const;

 private:
  std::uint64_t reserved_bytes_ = 0;  ///< of the file, on the disk
};

}  // namespace weft::lmdb
