#pragma once
// Environment: one LMDB environment, with the rules that LMDB leaves to its users kept by construction.
//
//   - One environment for each path and process, which a second open refuses; not across fork().
//   - Keys and values are multiples of 8 bytes, so values are aligned; nothing in the unnamed database.
//   - Reads take a function: no read transaction lives longer than that, none is left open, also where the
//     function throws. A reader that is kept lets the file grow without bound. Copy out, then go on.
//   - The map is the largest of 1 TiB, 256, 64, 16, 4 GiB and less that opens, and where the address space is
//     limited leaves some of it; it grows between transactions, and where another process made it grow.
//   - Slots of readers that are gone are cleared; what passes (a slot, a lock, another map size) is tried
//     again with growing pauses, damage never.
//   - LMDB checks no page: the head is checked before the file is mapped, and its length made to fit.
//   - Room on the disk is reserved before a commit (DiskRoom).
//   - Nothing is written where another file has taken the place of the one that is open, or was copied over it.
//   - A new environment appears whole or not at all. Not on a network filesystem. Default sync mode: a commit is durable when it returns.
//
// Threads: read() from any thread, at the same time; one write() at a time.
// Source: lmdb.h; what design.md section 6 measured.

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <span>
#include <string>
#include <vector>

#include "crdt/base/bytes.h"
#include "crdt/base/result.h"
#include "storage/lmdb/disk_room.h"
#include "storage/lmdb/files.h"

struct MDB_env;
struct MDB_txn;
struct MDB_val;

namespace weft::lmdb {

/// A key that is a number; ascending in this order.
using Key = std::uint64_t;

class Environment;

/// Valid inside the function that got it. Databases go by their number in Options::databases; their keys
/// are numbers, or, where Options says so, bytes in the order of memcmp.
class Reading {
 public:
  /// nullopt: no such key. The value is valid as long as the transaction.
  Result<std::optional<ByteSpan>> get(std::size_t database, Key key) const;
  Result<std::optional<ByteSpan>> get(std::size_t database, ByteSpan key) const;
  /// Visits entries from `from` on, in order, until `visit` says false.
  Status each(std::size_t database, Key from,
              const std::function<bool(Key, ByteSpan)>& visit) const;
  /// Visits the entries of `keys` in their order, until one is missing or `visit` says false. A key that is the one
  /// before plus one costs a step instead of a search.
  Status each_of(std::size_t database, std::span<const Key> keys,
                 const std::function<bool(ByteSpan)>& visit) const;
  /// Visits the entries of a database whose keys are bytes.
  Status each_bytes(std::size_t database,
                    const std::function<bool(ByteSpan, ByteSpan)>& visit) const;

 protected:
  friend class Environment;
  Reading(const Environment& environment, MDB_txn* txn) : environment_(environment), txn_(txn) {}
  Result<std::uint64_t> free_pages() const;
  Result<std::optional<ByteSpan>> get_value(std::size_t database, MDB_val& key) const;
  Status visit_entries(std::size_t database, MDB_val* from,
                       const std::function<bool(ByteSpan, ByteSpan)>& visit) const;
  const Environment& environment_;
  MDB_txn* txn_;
};

class Writing : public Reading {
 public:
  Status put(std::size_t database, Key key, ByteSpan value);
  Status put(std::size_t database, ByteSpan key, ByteSpan value);
  /// Puts a value of `size` bytes that `fill` writes.
  Status put(std::size_t database, Key key, std::size_t size,
             const std::function<void(std::byte*)>& fill);
  /// The same, behind all other keys: pages get full.
  Status append(std::size_t database, Key key, std::size_t size,
                const std::function<void(std::byte*)>& fill);
  /// Nothing happens where there is no such key.
  Status erase(std::size_t database, Key key);

 private:
  friend class Environment;
  using Reading::Reading;
  Status put_value(std::size_t database, MDB_val& key, MDB_val& value, unsigned flags);
  bool map_full_ = false;
  std::uint64_t value_bytes_ = 0;
  std::uint64_t changes_ = 0;
};

/// A process that has the environment open.
struct Reader {
  int pid = 0;
  std::uint64_t lag = 0;  ///< commits since what it is looking at now; 0: it looks at nothing
};

class Environment {
 public:
  enum class Keys : std::uint8_t { kNumbers, kBytes };
  /// How what is only read is kept from changing meanwhile.
  enum class Sharing : std::uint8_t {
    kRegistered,    ///< the reader is in LMDB's list, which has to be writable
    kNobodyWrites,  ///< the caller makes sure of that
    kCopied         ///< reads a copy that is made at opening, beside a process that may be writing
  };
  struct Database {
    std::string name;
    Keys keys = Keys::kNumbers;
  };
  struct Options {
    std::string folder;                      ///< made where it is not there; its parent has to be
    std::vector<Database> databases;         ///< made where they are not there
    bool read_only = false;                  ///< then everything has to be there
    Sharing sharing = Sharing::kRegistered;  ///< of read_only
    /// Nobody else writes while it is open, which the caller makes sure of. A commit of somebody else then means that an
    /// older file was copied over this one.
    bool is_only_writer = true;
    /// Of the map; 0: the largest that opens. For tests of its growing.
    std::uint64_t map_bytes = 0;
  };
  /// @errors kNotFound: nothing there (read_only); kInUse: open in this process already; kCorrupt: no LMDB
  ///         file, or its head is damaged; kInvalidArgument: a network filesystem; kIoError, kDiskFull
  static Result<std::unique_ptr<Environment>> open(Options options);
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;
  ~Environment();

  /// Runs `body` in a read transaction.
  Status read(const std::function<Status(const Reading&)>& body) const;
  /// Runs `body` in a write transaction and commits it durably; an error of `body` takes all back. Where
  /// the map is full it grows and `body` runs again.
  Status write(const std::function<Status(Writing&)>& body, Room room = Room::kFree);

  /// Does its file still have its name? Where somebody put another in its place, what is written goes with the old one.
  /// @errors kIoError: no
  Status check_place() const;

  /// A consistent copy without free pages in a new file, durable on return; others may write meanwhile.
  Status copy_to(const std::string& file) const;

  /// Bytes of the file in use, free pages included.
  std::uint64_t file_bytes() const;
  /// Of these in free pages, which are used before the file grows.
  Result<std::uint64_t> free_bytes() const;
  /// Processes that have it open, this one included.
  std::vector<Reader> readers() const;

 private:
  friend class Reading;
  friend class Writing;
  explicit Environment(Options options) : options_(std::move(options)) {}
  Status open_environment();
  int open_mapped(const std::string& path, unsigned flags);
  Error cannot_map(int code) const;
  Status open_databases();
  Status try_write(const std::function<Status(Writing&)>& body, Room room,
                   std::uint64_t known_free_bytes, bool& map_full);
  using MapLock = std::shared_lock<std::shared_mutex>;
  Status check_last_commit() const;
  int begin_reading(MDB_txn*& txn, MapLock& lock) const;
  void keep_reader(MDB_txn* txn) const noexcept;
  int begin(unsigned flags, MDB_txn*& txn, MapLock& lock) const;
  int adopt_map_size() const;
  void note_last_commit();
  Status grow();

  Options options_;
  MDB_env* env_ = nullptr;
  std::vector<unsigned> databases_;
  mutable std::uint64_t map_bytes_ = 0;
  DiskRoom room_;
  std::uint64_t last_commit_ = 0;  ///< LMDB's number of it
  int copy_file_ = -1;             ///< kCopied
  mutable bool has_map_ = true;  ///< false: it was to be made larger, and there was no room for it
  std::uint64_t identity_[2] = {0, 0};  ///< device and inode, registered
  bool registered_ = false;
  int process_ = 0;
  mutable std::shared_mutex map_mutex_;  ///< exclusive: the map's size changes
  mutable std::mutex pool_mutex_;
  mutable std::vector<MDB_txn*> pool_;  ///< read transactions that are reset
};

}  // namespace weft::lmdb
