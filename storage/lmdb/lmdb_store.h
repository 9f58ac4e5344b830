#pragma once
// LmdbStore: the log on disk.
//
//   <folder>/writer.lock    held by the process that writes, with its pid
//   <folder>/log/           LMDB: `log`, position -> record; `meta`, see lmdb_store.cc
//
// One thread writes. Batches that come while it commits wait and go into the next transaction together
// (group commit), so that many writers share the cost of a flush. append() returns when the commit that
// holds its batch has returned, which in LMDB's default mode means that it is on the disk.
//
// Invariants beyond those of Store
//   I5  meta's `end` grows in the transaction that appends; positions never come from the last key, so
//       one that was lost to damage is not given again.
//   I6  What LMDB or the disk refuses ends the writer: nothing is appended after a commit whose fate is
//       not known. (A full disk refuses one batch and does not.)
//
// The index is built from the log at every open.

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "storage/lmdb/environment.h"
#include "storage/log_index.h"
#include "storage/store.h"

namespace weft {

class LmdbStore final : public Store {
 public:
  struct Options {
    std::string folder;
    /// Make a store where there is none, with these; else they are not looked at.
    bool create = false;
    ReplicaId replica;
    std::uint64_t epoch = 0;
    /// Called by the writer thread before each transaction; for tests of what happens meanwhile.
    std::function<void()> before_commit;
  };
  /// @errors kNotFound: no store there, and none is to be made; kInUse: another process writes here, its pid
  ///         is in the message; kUnknownVersion: made by a newer weft; kCorrupt, kIoError, kDiskFull
  static Result<std::unique_ptr<LmdbStore>> open(Options options);
  ~LmdbStore() override;

  StoreInfo info() const override;
  Result<AppendResult> append(std::span<const NewRecord> batch) override;
  Status scan(LogPosition from, const std::function<bool(const RecordView&)>& visit) const override;
  Status scan_document(const DocumentId& document, const VersionVector& since,
                       const std::function<bool(const RecordView&)>& visit) const override;
  VersionVector version(const DocumentId& document) const override;
  std::vector<DocumentUsage> documents() const override;
  Result<std::vector<BadRecord>> verify() const override;
  Status close() override;

  /// Batches that wait for the next commit.
  std::size_t waiting_count() const;
  /// Commits since it was opened: appended batches may share one.
  std::uint64_t commit_count() const;
  std::uint64_t file_bytes() const { return environment_->file_bytes(); }
  /// Records that were damaged when the store was opened; they are in no index.
  const std::vector<BadRecord>& damaged() const { return damaged_; }

 private:
  struct Request {
    std::span<const NewRecord> batch;
    Result<AppendResult> result{AppendResult()};
    bool done = false;
  };
  explicit LmdbStore(Options options) : options_(std::move(options)) {}
  Status lock_folder();
  Status read_meta();
  Status create_meta();
  Status build_index();
  void run_writer();
  void commit(std::deque<Request*>& group);

  Options options_;
  int lock_file_ = -1;
  std::unique_ptr<lmdb::Environment> environment_;
  std::vector<BadRecord> damaged_;

  mutable std::mutex mutex_;  ///< of what follows
  StoreInfo info_;
  LogIndex index_;
  Error broken_;  ///< why nothing can be appended any more (I6)
  std::uint64_t commits_ = 0;
  std::deque<Request*> waiting_;
  bool closing_ = false;
  std::condition_variable work_;
  std::condition_variable finished_;
  std::thread writer_;
};

}  // namespace weft
