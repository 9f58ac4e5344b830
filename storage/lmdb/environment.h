#pragma once
// Environment: one LMDB environment, with the rules that LMDB leaves to its users kept by construction.
//
//   - One environment for each path and process, which a second open refuses; not across fork().
//   - Keys and values are multiples of 8 bytes, so values are aligned; nothing in the unnamed database.
//   - Reads take a function: no read transaction lives longer than that, none is left open. A reader
//     that is kept lets the file grow without bound. Copy out, then go on.
//   - The map is the largest of 1 TiB, 256, 64, 16 GiB that opens; it grows between transactions.
//   - LMDB checks no page: the head is checked before the file is mapped, and its length made to fit.
//   - Not on a network filesystem. Default sync mode: a commit is durable when it returns.
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

#include <lmdb.h>

#include "crdt/base/bytes.h"
#include "crdt/base/result.h"

namespace weft::lmdb {

/// The error of an LMDB or system call's code.
Error error_of(int code, const std::string& what);

/// A key that is a number; ascending in this order.
using Key = std::uint64_t;

class Environment;

/// Valid inside the function that got it.
class Reading {
 public:
  /// nullopt: no such key. The value is valid as long as the transaction.
  /// @param database  number in Options::databases
  Result<std::optional<ByteSpan>> get(std::size_t database, Key key) const;
  /// Visits entries from `from` on, in order, until `visit` says false.
  Status each(std::size_t database, Key from,
              const std::function<bool(Key, ByteSpan)>& visit) const;
  /// The largest key; nullopt: empty.
  Result<std::optional<Key>> last_key(std::size_t database) const;

 protected:
  friend class Environment;
  Reading(const Environment& environment, MDB_txn* txn) : environment_(environment), txn_(txn) {}
  const Environment& environment_;
  MDB_txn* txn_;
};

class Writing : public Reading {
 public:
  Status put(std::size_t database, Key key, ByteSpan value);
  /// Behind all other keys; `fill` writes the `size` bytes of the value.
  Status append(std::size_t database, Key key, std::size_t size,
                const std::function<void(std::byte*)>& fill);

 private:
  friend class Environment;
  using Reading::Reading;
  bool map_full_ = false;
};

class Environment {
 public:
  struct Options {
    std::string folder;                  ///< made where it is not there; its parent has to be
    std::vector<std::string> databases;  ///< names; made where they are not there
  };
  /// @errors kInUse: open in this process already; kCorrupt: no LMDB file, or its head is damaged;
  ///         kInvalidArgument: a network filesystem; kIoError, kDiskFull
  static Result<std::unique_ptr<Environment>> open(Options options);
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;
  ~Environment();

  /// Runs `body` in a read transaction.
  Status read(const std::function<Status(const Reading&)>& body) const;
  /// Runs `body` in a write transaction and commits it durably; an error of `body` takes all back. Where
  /// the map is full it grows and `body` runs again.
  Status write(const std::function<Status(Writing&)>& body);

  /// Bytes of the file in use, free pages included.
  std::uint64_t file_bytes() const;

 private:
  friend class Reading;
  friend class Writing;
  explicit Environment(Options options) : options_(std::move(options)) {}
  Status open_environment();
  Status open_databases();
  Status try_write(const std::function<Status(Writing&)>& body, bool& map_full);
  Status grow();

  Options options_;
  MDB_env* env_ = nullptr;
  std::vector<MDB_dbi> databases_;
  std::uint64_t map_bytes_ = 0;
  std::uint64_t identity_[2] = {0, 0};  ///< device and inode, registered
  bool registered_ = false;
  int process_ = 0;
  mutable std::shared_mutex map_mutex_;  ///< exclusive: the map's size changes
  mutable std::mutex pool_mutex_;
  mutable std::vector<MDB_txn*> pool_;  ///< read transactions that are reset
};

}  // namespace weft::lmdb
