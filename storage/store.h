#pragma once
// Store: where deltas are kept. One log in the order of arrival is the truth; everything else (which
// operations of which document lie where, the state of documents) is derived from it and made again when
// it is missing, old or damaged.
//
// Two engines: memory (memory/memory_store.h) and LMDB (lmdb/lmdb_store.h); both pass the same contract
// tests (tests/storage/store_contract.h).
//
// Invariants
//   I1  A batch is in the log whole or not at all; its records lie next to each other.
//   I2  Of one document and replica, records don't overlap: an operation is stored once.
//   I3  What append() has acknowledged is there at every later open (of a store that is on disk).
//   I4  Positions ascend and are never used again.
//   I5  Own operations are stored without a gap: no own delta overtakes one that could not be stored.
//
// Threads: all functions may be called from any thread. Visitors run on the caller's; none of them holds
// anything that others wait for.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "crdt/base/result.h"
#include "crdt/clock/version_vector.h"
#include "storage/record.h"

namespace weft {

/// What is handed in to be kept.
struct NewRecord : RecordHead {
  ByteSpan payload;
};

struct AppendResult {
  LogPosition first = 0;    ///< of the batch's first new record; 0 where all were known
  std::uint32_t known = 0;  ///< records whose operations were all stored already: left out
  std::uint32_t late = 0;   ///< records of purged documents: left out, listed by late_records()
};

struct StoreInfo {
  std::uint32_t format = 0;
  std::uint64_t epoch = 0;  ///< random; another one after creation, restore, salvage and fork
  ReplicaId replica;        ///< who writes here
  LogPosition end = 1;      ///< behind the last record
  std::uint64_t records = 0;
  std::uint64_t payload_bytes = 0;
  std::uint64_t retained_ms = 0;  ///< retention time, see note_time()
  /// One random number for each opening for writing, the newest last; at most 64.
  std::vector<std::uint64_t> incarnations;
};

/// What is known of another store, whose log is followed. Documents that are evicted or deleted here, and
/// records that are damaged here, don't count: who wants them back compares versions.
struct PeerNote {
  ReplicaId replica;              ///< who writes there: the key
  std::uint64_t epoch = 0;        ///< of its log
  LogPosition position = 0;       ///< all that its log has below this is here; 0: nothing is known
  std::uint64_t incarnation = 0;  ///< the newest that it has shown
  std::uint64_t seen_ms = 0;      ///< when it was met last
  friend bool operator==(const PeerNote&, const PeerNote&) = default;
};
inline constexpr std::size_t kPeerNotesMax = 4096;

/// What a document takes, in bytes.
struct DocumentUsage {
  DocumentId document;
  DocumentStatus status = DocumentStatus::kLive;
  VersionVector version;  ///< what is stored without a gap; of one that is not live, what it had
  /// Of a live document: chain hashes at the ends in `version`, in their order; 0: not known (read_chains()).
  std::vector<std::uint64_t> chains;
  VersionVector base;  ///< what was trimmed away: of it only the state is kept
  Deletion deletion;   ///< what deletions had seen of it; empty: nobody ever deleted it
  std::uint64_t deletion_since_ms = 0;  ///< retention time when that last grew
  std::uint64_t records = 0;
  std::uint64_t history_bytes = 0;  ///< payloads of deltas and bundles, and of the state at `base`
  std::uint64_t live_bytes = 0;     ///< of the kept state: what can be seen
  std::uint64_t tombstone_bytes = 0;  ///< of the kept state: what only orders and explains
};

/// So long a deleted document stays in the trash.
inline constexpr std::uint64_t kRetentionMs = std::uint64_t{30} * 24 * 3'600 * 1'000;
/// What one note adds to retention time at most.
inline constexpr std::uint64_t kRetentionStepMaxMs = std::uint64_t{24} * 3'600 * 1'000;

/// Retention time, as a store keeps it.
struct Retention {
  std::uint64_t elapsed_ms = 0;
  std::uint64_t noted_wall_ms = 0;  ///< 0: nothing was noted yet

  void note(std::uint64_t wall_ms) {
    if (noted_wall_ms != 0 && wall_ms > noted_wall_ms) {
      const std::uint64_t step = wall_ms - noted_wall_ms;
      elapsed_ms += step < kRetentionStepMaxMs ? step : kRetentionStepMaxMs;
    }
    noted_wall_ms = wall_ms;
  }
};

/// A record that can't be used, and why.
struct BadRecord {
  LogPosition position = 0;
  Error error;
};

/// A record that came for a document that was purged.
struct LateRecord : RecordHead {
  std::uint64_t payload_bytes = 0;
};

/// A document's state as it was kept: a snapshot file and the version that it shows.
struct StoredState {
  VersionVector version;
  Bytes snapshot;
};

class Store {
 public:
  virtual ~Store() = default;

  virtual StoreInfo info() const = 0;
  /// info().end alone: looked at behind each batch.
  virtual LogPosition log_end() const { return info().end; }

  /// Appends a batch; returns when it is durable (in relaxed mode: when it is taken).
  /// @errors kInvalidArgument: a record without operations or larger than a value can be, an own delta
  ///         that leaves a gap (I5); kForkedReplica: a record overlaps what is stored without being all of
  ///         it known; kNotKept: its document is evicted; kQuota, kDiskFull, kIoError: nothing was stored
  Result<AppendResult> append(std::span<const NewRecord> batch) { return append(batch, {}); }

  /// The same, and notes of peers in the same transaction: each takes the place of the one before of its
  /// replica. Where the batch is refused no note is written; without records the notes alone are. More
  /// than kPeerNotesMax are not kept: the one with the oldest seen_ms goes.
  virtual Result<AppendResult> append(std::span<const NewRecord> batch,
                                      std::span<const PeerNote> notes) = 0;
  /// Sorted by replica. A note is a hint: one that was lost or damaged is as if it had never been.
  virtual Result<std::vector<PeerNote>> peer_notes() const = 0;

  /// Writes as another, new replica from now on, because others hold other operations under the dots that
  /// would come next. What was handed in before is still appended; the epoch stays. Durable on return.
  /// @return  who writes here now: info().replica, with a new incarnation as its only one
  virtual Result<ReplicaId> take_replica() = 0;

  /// Visits the records from `from` on in the order of arrival, as they were when the call began; stops
  /// when the visitor says false. The view is valid during its visit only.
  /// @errors kCorrupt: a record is damaged; those before it were visited
  virtual Status scan(LogPosition from,
                      const std::function<bool(const RecordView&)>& visit) const = 0;

  /// The records of a document that have operations which are not in `since`, in the order of arrival;
  /// where `since` lacks some of what was trimmed away, first the state (kState) that stands for it.
  /// @errors as scan(); kNeedHistory: it was trimmed meanwhile: read it again from the begin
  virtual Status scan_document(const DocumentId& document, const VersionVector& since,
                               const std::function<bool(const RecordView&)>& visit) const = 0;

  /// What is stored of a document without a gap.
  virtual VersionVector version(const DocumentId& document) const = 0;

  /// nullopt: nothing was ever stored of it.
  virtual Result<std::optional<DocumentUsage>> document(const DocumentId& document) const = 0;

  /// All of them, evicted and deleted ones too, sorted by id.
  virtual Result<std::vector<DocumentUsage>> documents() const = 0;

  /// Evicted: what is stored of it is given up here, others may send it again once it is live.
  /// Deleted: mark_deleted() with all that is stored, chain hashes unknown. (delete_document() knows them.)
  /// Live, of one that was evicted or purged: it is kept again, empty at first; what is known of deletions stays. Where
  /// this store's replica had written in it, the store takes another replica id (info() tells), since others have what
  /// it wrote under the dots that would come next here. Durable on return.
  /// @errors kInvalidArgument: a deleted document can't be evicted; a document in the trash is live again by an edit
  ///         (restore_document()); a document is purged by purge()
  virtual Status set_status(const DocumentId& document, DocumentStatus status) = 0;

  /// Merges what a deletion had seen into what is known of deletions of this document. Nothing is given up. Durable on
  /// return. Entries that are void in `deletion` become void here where they are the same.
  virtual Status mark_deleted(const DocumentId& document, const Deletion& deletion) = 0;

  /// Retention time: grows by what the wall clock has moved since the last note, at most a day for each note, and never
  /// shrinks; notes are to be made daily. So a clock that jumps makes retention late or a day early, never more.
  /// @return  retention time now, in milliseconds
  virtual Result<std::uint64_t> note_time(std::uint64_t wall_ms) = 0;

  /// Gives up what is stored of a deleted document, in one transaction; what is known of its deletion stays.
  /// It needs no room on a full disk and none of the quota.
  /// @errors kInvalidArgument: it is not deleted, or kRetentionMs have not passed since its deletion last grew
  virtual Status purge(const DocumentId& document) = 0;

  /// What came for purged documents since the store was opened, the last 1,000.
  virtual std::vector<LateRecord> late_records() const = 0;

  /// Keeps a document's state beside the log, so that it opens fast. A hint: it may be lost, never wrong.
  /// @param live_bytes  how much of the snapshot can be seen; the rest is tombstones and causal graph
  /// @errors kInvalidArgument: the log lacks some of the state's version; kNotKept: it is not live
  virtual Status put_state(const DocumentId& document, StoredState state,
                           std::uint64_t live_bytes) = 0;
  /// nullopt: none is kept, or it was damaged.
  virtual std::optional<StoredState> state(const DocumentId& document) const = 0;

  /// Replaces what lies below `state.version` by that state; what only a version below shows is gone.
  /// @errors kInvalidArgument: the log lacks some of it; kNotKept: it is not live
  virtual Status trim(const DocumentId& document, const StoredState& state) = 0;

  /// Starts a document from another's state, or goes on from it: like trim(), but the store need not have
  /// what lies below `state.version`. Operations beyond it stay.
  /// @errors kInvalidArgument: more than this was trimmed before; kNotKept: it is not live; kQuota
  virtual Status adopt_state(const DocumentId& document, const StoredState& state) = 0;

  /// Takes back what is stored of a document beyond `keep`, of every replica, and appends `instead`, in one
  /// transaction: for own operations whose dots turned out to be used already. The kept state goes too.
  /// Who has the document open has to open it again.
  /// @param instead  admitted as append() does, once the rest is gone
  /// @errors kInvalidArgument: `keep` cuts a record (of a bundle, let `keep` end where it begins and hand in
  ///         anew what of it is to stay) or lacks some of what was trimmed away; kNotKept: it is not live;
  ///         those of append() for `instead`
  virtual Status rewrite(const DocumentId& document, const VersionVector& keep,
                         std::span<const NewRecord> instead) = 0;
  /// The same with one record, or none: null.
  Status rewrite(const DocumentId& document, const VersionVector& keep, const NewRecord* instead) {
    return rewrite(document, keep, std::span(instead, instead != nullptr ? 1 : 0));
  }

  /// Replaces records of one document and replica, consecutive and all stored, by one bundle of the same
  /// operations, which takes the position of the last of them.
  /// @errors kInvalidArgument: they are not just what is stored
  virtual Status seal(const NewRecord& bundle) = 0;
  /// Several at once, for the price of one where the engine can. An engine on disk seals all or, where one can't be,
  /// none.
  /// @return  seal()'s error for the first that can't be
  virtual Status seal_all(std::span<const NewRecord> bundles) {
    for (const NewRecord& bundle : bundles) WEFT_TRY(seal(bundle));
    return {};
  }

  /// Reads everything. @return what is damaged
  virtual Result<std::vector<BadRecord>> verify() const = 0;

  /// Waits until all that was taken is durable. @errors why it can't be: it is kept and tried again
  virtual Status flush() = 0;

  /// Makes everything durable and closes; the destructor does the same and can't tell of errors.
  virtual Status close() = 0;
};

}  // namespace weft
