#pragma once
// LmdbStore: the log on disk, in one LMDB environment, and what is derived from it in a second one
// (lmdb/store_folder.h says which files).
//
// One thread writes the log. Batches that come while it commits wait and go into the next transaction
// together (group commit), so that many writers share the cost of a flush. append() returns when the
// commit that holds its batch has returned, which in LMDB's default mode means that it is on the disk.
// Another thread carries what the log has into the derived environment, in large steps; until then that
// stretch of the log, the tail, is indexed in memory. A read is index plus tail.
//
//        append -> [writer: log] -> tail in memory -> [catching up: derived]
//
// In relaxed mode append() returns at once; its batch is on the disk after at most kRelaxedDelay. What
// can't be written then (disk full, quota) is kept in memory, counted by unsaved_count(), and tried again;
// a store that is not closed cleanly in this mode writes as another replica from then on, since what it
// lost may be known elsewhere.
//
// One process writes; others may open the store read_only and see what is committed.
//
// Invariants beyond those of Store
//   I6  meta's `end` grows in the transaction that appends; positions never come from the last key, so
//       one that was lost to damage is not given again.
//   I7  What LMDB or the disk refuses ends the writer: nothing is appended after a commit whose fate is
//       not known. (A full disk or quota refuses one batch and does not.)
//   I8  Nothing is written under a replica id that another store may write under too: a store that was
//       copied, put back from a backup or lost acknowledged edits takes a new one first. (Where only a peer
//       can know, take_replica() does it.)

#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <thread>

#include "storage/admission.h"
#include "storage/lmdb/derived.h"
#include "storage/lmdb/log_meta.h"
#include "storage/lmdb/store_folder.h"
#include "storage/replacement.h"
#include "storage/store.h"

namespace weft {

class LmdbStore final : public Store {
 public:
  struct Options {
    std::string folder;
    /// Make a store where there is none.
    bool create = false;
    bool read_only = false;
    bool relaxed = false;
    /// Of its files together; 0: no limit.
    std::uint64_t quota_bytes = 0;
    /// Random numbers, for identity, epoch and incarnation. Null: the system's.
    std::function<std::uint64_t()> random;
    /// Called by the writer thread before each transaction; for tests of what happens meanwhile.
    std::function<void()> before_commit;
  };
  /// How long a batch waits in relaxed mode for others.
  static constexpr std::chrono::milliseconds kRelaxedDelay{100};

  /// @errors kNotFound: no store there, and none is to be made; kInUse: another process writes here, its pid
  ///         is in the message; kUnknownVersion: made by a newer weft; kCorrupt, kIoError, kDiskFull
  static Result<std::unique_ptr<LmdbStore>> open(Options options);
  ~LmdbStore() override;

  StoreInfo info() const override;
  using Store::append;
  Result<AppendResult> append(std::span<const NewRecord> batch,
                              std::span<const PeerNote> notes) override;
  Result<std::vector<PeerNote>> peer_notes() const override;
  Result<ReplicaId> take_replica() override;
  Status scan(LogPosition from, const std::function<bool(const RecordView&)>& visit) const override;
  Status scan_document(const DocumentId& document, const VersionVector& since,
                       const std::function<bool(const RecordView&)>& visit) const override;
  VersionVector version(const DocumentId& document) const override;
  Result<std::optional<DocumentUsage>> document(const DocumentId& document) const override;
  Result<std::vector<DocumentUsage>> documents() const override;
  Status set_status(const DocumentId& document, DocumentStatus status) override;
  Status mark_deleted(const DocumentId& document, const Deletion& deletion) override;
  Result<std::uint64_t> note_time(std::uint64_t wall_ms) override;
  Status purge(const DocumentId& document) override;
  std::vector<LateRecord> late_records() const override;
  Status put_state(const DocumentId& document, StoredState state,
                   std::uint64_t live_bytes) override;
  std::optional<StoredState> state(const DocumentId& document) const override;
  Status trim(const DocumentId& document, const StoredState& state) override;
  Status adopt_state(const DocumentId& document, const StoredState& state) override;
  using Store::rewrite;
  Status rewrite(const DocumentId& document, const VersionVector& keep,
                 std::span<const NewRecord> instead) override;
  Status seal(const NewRecord& bundle) override;
  Status seal_all(std::span<const NewRecord> bundles) override;
  Result<std::vector<BadRecord>> verify() const override;
  Status flush() override;
  Status close() override;

  // --- upkeep ---

  struct Space {
    std::uint64_t log_bytes = 0;       ///< the log's file
    std::uint64_t log_free_bytes = 0;  ///< of it in free pages
    std::uint64_t derived_bytes = 0;
    std::uint64_t derived_free_bytes = 0;
    std::uint64_t quota_bytes = 0;  ///< 0: no limit
    std::uint64_t total() const { return log_bytes + derived_bytes; }
    /// Four fifths of the quota are used: time to compact, or to empty the trash.
    bool near_quota() const { return quota_bytes != 0 && total() >= quota_bytes / 10 * 8; }
  };
  Result<Space> space() const;
  /// Are its files still in their place? Else what is written here is gone with them.
  /// @errors kIoError: no
  Status check_place() const;
  /// A consistent copy of the log in a new folder, durable on return; others may write meanwhile. Opened
  /// for writing it is a store of its own (I8).
  Status backup(const std::string& folder) const;
  /// Copies the files without their free pages: LMDB's files never shrink otherwise. Waits for what
  /// runs, others wait for it.
  /// @errors kInUse: other processes have the store open, by pid; kDiskFull: nothing was changed
  Status shrink();
  /// Carries everything into the derived environment now.
  Status catch_up();
  /// Processes that have the store open, and how far what they look at lies back.
  std::vector<lmdb::Reader> readers() const;

  /// Batches that wait for the next commit.
  std::size_t waiting_count() const;
  /// Commits of batches since it was opened: appended batches may share one.
  std::uint64_t commit_count() const;
  /// Records that were taken in relaxed mode and are not on the disk yet.
  std::size_t unsaved_count() const;
  /// Records that were found damaged since the store was opened; they are in no index.
  std::vector<BadRecord> damaged() const;
  /// Why derived data had to be made anew since the store was opened; empty: it had not.
  std::string derived_fault() const;
  /// Why this opening writes as another replica than the last one; empty: it does not.
  const std::string& new_identity() const { return new_identity_; }

 private:
  struct Request;
  struct Stored {
    LogPosition position;
    const NewRecord* record;
  };
  using Requests = std::deque<std::shared_ptr<Request>>;
  /// How much more, or less, there is of records and their payloads.
  struct DocumentCounts {
    std::uint64_t records = 0;  ///< modulo 2^64, as the other
    std::uint64_t history_bytes = 0;
  };
  /// What the derived environment does not have yet.
  struct Tail {
    LogIndex documents;
    LogPosition begin = 1;
    LogPosition end = 1;
    std::uint64_t rewrites = 0;
    std::uint64_t bytes = 0;
    lmdb::NewStates states;
    std::uint64_t state_bytes = 0;
    /// Of these the states kept before it are no longer true: a rewrite took operations back.
    lmdb::DocumentSet dropped_states;
    void drop_state(const DocumentId& id);
  };

  explicit LmdbStore(Options options) : options_(std::move(options)), folder_(options_.folder) {}

  // lmdb_open.cc
  Status open_log();
  Result<std::unique_ptr<lmdb::Derived>> open_checked_derived() const;
  Status open_derived();
  Status recreate_derived(std::string why);
  Status check_identity(bool rolled_back);
  void take_identity(std::string why, bool new_epoch);
  void note_opening();
  void forget_index() const;
  Status index_tail();
  Status index_record(const RecordView& record) const;
  Status index_log(LogPosition from, bool in_parts) const;

  // lmdb_read.cc
  Status read_log(const std::function<Status(const lmdb::Reading&)>& body) const;
  Status refresh() const;
  Result<IndexedDocument> look_up(const DocumentId& id, bool with_entries,
                                  const VersionVector* since = nullptr) const;
  Status read_slice(std::span<const LogPosition> positions, Bytes& bytes,
                    std::vector<std::size_t>& ends) const;
  Status index_whole_log() const;
  Status lose_derived(const Error& why) const;
  Status drop_damaged(const DocumentId& id, LogPosition position, Error why) const;

  // lmdb_write.cc
  Status run_job(std::function<Status()> job) const;
  Admission make_admission() const;
  void run_writer();
  Requests next_group(std::unique_lock<std::mutex>& lock);
  void write_group(Requests& group);
  Status commit_group(const Requests& group, Admission& admission, std::vector<Stored>& stored);
  void index_stored(const std::vector<Stored>& stored, const Admission& admission);
  Status write_as_another();
  Status write_meta(const std::function<void(lmdb::LogMeta&)>& change);
  Status check_quota(std::uint64_t more_bytes) const;
  Status write_log(const std::function<Status(lmdb::Writing&)>& body,
                   lmdb::Room room = lmdb::Room::kFree) const;
  Status carry_out(const DocumentHead& before, Replacement plan,
                   lmdb::Room room = lmdb::Room::kFree) const;
  void note_meta_written() const;
  Result<std::uint64_t> payload_bytes(const Replacement& plan) const;
  Status carry_out_seals(std::span<const Replacement> plans, const DocumentCounts& more,
                         LogIndex documents);

  // lmdb_upkeep.cc
  void run_catching_up();
  Status carry_tail();
  Status take_tail();
  Result<lmdb::Home> copy_files(const std::string& new_log, const std::string& new_derived);
  void open_replaced();
  Status replace_files();
  Status verify_pages() const;
  std::uint64_t epoch() const;

  Options options_;
  lmdb::StoreFolder folder_;
  lmdb::Environment::Sharing sharing_ = lmdb::Environment::Sharing::kRegistered;  ///< read_only
  std::string new_identity_;

  /// Exclusive: the environments are being replaced.
  mutable std::shared_mutex files_mutex_;
  std::unique_ptr<lmdb::Environment> log_;
  std::unique_ptr<lmdb::Derived> derived_;

  mutable std::mutex mutex_;  ///< of what follows
  mutable std::vector<BadRecord> damaged_;
  mutable lmdb::LogMeta meta_;
  mutable lmdb::Stamp stamp_;          ///< of the derived environment when it was looked at last
  mutable lmdb::Totals totals_;        ///< of everything, the tail included
  mutable bool derived_lost_ = false;  ///< then the tail is the whole log
  mutable std::string derived_fault_;
  mutable Tail tail_;
  mutable std::shared_ptr<const Tail> taking_;  ///< what is being carried over
  std::deque<LateRecord> late_;
  mutable Error broken_;  ///< why nothing can be appended any more (I7)
  Error unsaved_;         ///< why what was taken could not be written yet
  Error refused_;         ///< why some of it never will be: it contradicts other writes
  /// Own records turned out damaged: nothing own is taken any more.
  mutable bool own_are_lost_ = false;
  mutable bool meta_is_new_ = false;  ///< this opening's meta is not written yet
  std::uint64_t commits_ = 0;
  mutable Requests waiting_;
  std::uint64_t waiting_bytes_ = 0;  ///< of relaxed batches, stuck ones included
  Requests stuck_;                   ///< taken in relaxed mode, refused by the disk: written first
  std::chrono::steady_clock::time_point retry_at_;
  std::chrono::milliseconds retry_pause_{0};
  bool closing_ = false;
  bool writer_done_ = false;
  mutable std::condition_variable work_;
  mutable std::condition_variable finished_;
  mutable std::condition_variable taking_work_;
  std::mutex taking_mutex_;  ///< one carries over at a time; locked before all others
  std::thread writer_;
  std::thread catching_up_;
};

}  // namespace weft
