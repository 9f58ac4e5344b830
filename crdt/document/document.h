#pragma once
// Document: one replica's whole view of one document, the public face of the core.
//
// It holds the state (containers), the causal graph, the log (every delta since the base version; a
// document loaded from a snapshot has its base there), and deltas that wait for others. It reads no
// clock, starts no thread and does no I/O.
//
// Invariants
//   I1  State is a function of the set of applied deltas: order, batching and duplicates don't matter.
//   I2  A delta or transaction has its whole effect or none.
//   I3  Equal sets of deltas give equal snapshot bytes.
//
// Threads: none of its own; one thread at a time may use a Document and its handles.
//
// Source: design.md sections 2 to 5; RGA: Roh et al. 2011; FugueMax: Weidner & Kleppmann 2023;
// hybrid logical clocks: Kulkarni et al. 2014.

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "crdt/base/bytes.h"
#include "crdt/base/inline_bytes.h"
#include "crdt/base/result.h"
#include "crdt/clock/version_vector.h"
#include "crdt/clock/weight.h"
#include "crdt/delta/codec.h"
#include "crdt/document/handles.h"
#include "crdt/document/patch.h"

namespace weft {

struct DocumentId {
  std::array<std::uint8_t, 16> bytes{};
  friend auto operator<=>(const DocumentId&, const DocumentId&) = default;
  /// By words, since every look-up compares: std::array's own operator calls memcmp.
  friend bool operator==(const DocumentId& a, const DocumentId& b) {
    return a.word(0) == b.word(0) && a.word(1) == b.word(1);
  }

 private:
  std::uint64_t word(std::size_t index) const {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + 8 * index, sizeof word);
    return word;
  }
};

struct DocumentOptions {
  ReplicaId replica;  ///< who writes here; random, never reused
  DocumentId id;
  /// Milliseconds since 1970; read once per transaction. Without one every time is 0, which gives
  /// plain Lamport order.
  std::function<std::uint64_t()> now_ms;
  /// A time before this means that the clock was never set: edits are then of unknown time. Programs give the
  /// date of their release.
  std::uint64_t clock_floor_ms = 0;
  /// Needed to seal and open compressed bundles; must outlive the document. Null: stored bundles only.
  const Compressor* compressor = nullptr;
  DecodeLimits limits;
  std::size_t pending_bytes_max = std::size_t{16} << 20;  ///< deltas that wait for others
  std::size_t undo_depth = 0;  ///< transactions that undo() can take back; 0: no undo
};

struct TransactionOptions {
  std::string origin;   ///< local tag, handed to observers; not stored
  std::string message;  ///< stored in the delta
};

/// What a commit made. An empty transaction makes no delta.
struct Commit {
  Dot first;
  Seq op_count = 0;
  InlineBytes delta;  ///< its row form
};

struct ApplyReport {
  std::uint32_t applied = 0;    ///< deltas that took effect, those that had waited included
  std::uint32_t duplicate = 0;  ///< already known
  std::uint32_t pending = 0;    ///< now waiting for a dependency
  std::uint32_t dropped = 0;  ///< thrown out of the pending queue at its bound, to be fetched again
  std::uint32_t refused = 0;  ///< waiting deltas that turned out invalid
  /// Deltas that name another history of a replica than is held here. They took effect all the same: to
  /// refuse them would depend on the order of arrival. Somebody uses one replica id twice.
  std::uint32_t forked = 0;
};

/// A delta that waits, and for what.
struct PendingDelta {
  Dot first;
  Seq op_count = 0;
  std::size_t bytes = 0;
  std::vector<Dot> missing;  ///< each one operation that has to come first
};

/// One write of a register, as `conflicts`, `why` and `history` show it.
struct WriteInfo {
  Dot dot;
  Stamp stamp;                        ///< its place in the logical order; no time
  std::uint64_t committed_at_ms = 0;  ///< what its author's clock said; 0: unknown
  Weight weight;                      ///< what decides between concurrent writes
  bool erased = false;
  Value value;
  Json json;  ///< the value, children followed
  std::string message;
};

/// What decided between two writes that had not seen each other, in words.
std::string decision_words(const WriteInfo& winner, const WriteInfo& loser);

struct Conflict {
  enum class Kind : std::uint8_t {
    kConcurrentWrites,  ///< several writes of one key or list element; losers lists the others
    kEditInErased,      ///< an edit inside a child, concurrent with the write that hid the child
    kErasedElement,     ///< a list element's set or move, concurrent with its erasure
  };
  Kind kind = Kind::kConcurrentWrites;
  std::string path;
  WriteInfo winner;
  std::vector<WriteInfo> losers;  ///< largest weight first; those equal to the winner are left out
};

/// Why a path has the value it has.
struct Explanation {
  std::string path;
  WriteInfo winner;
  std::vector<WriteInfo> losers;
  std::string text;  ///< in words
};

/// A delta as `log` lists it.
struct DeltaInfo {
  Dot first;
  Seq op_count = 0;
  std::uint64_t committed_at_ms = 0;
  Stamp stamp;  ///< of its first operation
  std::string message;
  std::vector<Dot> dependencies;  ///< the author's previous delta is implied
};

struct UndoReport {
  std::uint32_t undone = 0;   ///< operations taken back
  std::uint32_t skipped = 0;  ///< not taken back, because of what someone else has done since
  std::uint32_t kept = 0;  ///< of these: children that stay, since someone else has edited in them
};

class Transaction;

/// Ends the observation when destroyed.
class [[nodiscard]] Observer {
 public:
  Observer() = default;
  explicit Observer(std::function<void()> stop) : stop_(std::move(stop)) {}
  Observer(Observer&& other) noexcept : stop_(std::exchange(other.stop_, nullptr)) {}
  Observer& operator=(Observer&& other) noexcept {
    std::swap(stop_, other.stop_);
    return *this;
  }
  ~Observer() {
    if (stop_) stop_();
  }

 private:
  std::function<void()> stop_;
};

/// What a snapshot file says in front.
struct SnapshotInfo {
  DocumentId document;
  std::uint64_t live_bytes = 0;  ///< of the file: what can be seen; the rest orders and explains it
};
/// @errors kCorrupt, kUnknownVersion; the checksum is not looked at
Result<SnapshotInfo> read_snapshot_info(ByteSpan snapshot);
/// The chain hashes of a snapshot file, at the end of each replica's log that it shows, by replica.
/// @errors kCorrupt, kUnknownVersion; the checksum is not looked at
Result<std::vector<std::pair<ReplicaId, std::uint64_t>>> read_snapshot_chains(ByteSpan snapshot);

class Document {
 public:
  static Document create(DocumentOptions options);
  /// From a snapshot file; takes the buffer over and decodes containers on first touch.
  /// @errors kCorrupt, kLimit, kUnknownVersion
  static Result<Document> load(Bytes snapshot, DocumentOptions options);
  /// From a snapshot or a history file, whichever the bytes are.
  static Result<Document> open_file(ByteSpan file, DocumentOptions options);

  Document(Document&&) noexcept;
  Document& operator=(Document&&) noexcept;
  ~Document();

  // --- reading ---
  const DocumentId& id() const;
  ReplicaId replica() const;
  VersionVector version() const;
  Frontier frontier() const;
  /// Deltas before this version are not held here (empty: the whole history is).
  VersionVector base() const;
  MapView root() const;
  /// What a JSON pointer (RFC 6901) names: a value; a child gives a container Value.
  Result<Value> get(std::string_view path) const;
  Result<MapView> map(std::string_view path) const;
  Result<ListView> list(std::string_view path) const;
  Result<TextView> text(std::string_view path) const;
  Result<CounterView> counter(std::string_view path) const;
  /// @errors kCorrupt: the snapshot that it was loaded from is damaged where the order of lists stands
  Result<Json> to_json() const;
  /// Decodes all that reading can need. Without an error nothing that is read later can meet damage; only
  /// what was loaded from a snapshot can have one. @errors kCorrupt
  Status check_readable() const;
  /// 0, or the least weft version that knows every operation in the log.
  std::uint32_t needs_weft() const;

  // --- editing ---
  /// Writes as `replica` from now on, which must be new: the one before turned out to be in use elsewhere.
  /// What could be undone is forgotten, since only its author may revoke an erasure.
  /// @errors kTransactionOpen, kReadOnly
  Status write_as(ReplicaId replica);
  /// One transaction at a time.
  /// @errors kReadOnly, kTransactionOpen; kTooLarge, kInvalidUtf8: the message
  Result<Transaction> begin(TransactionOptions options = {});
  /// Runs `body(Transaction&)`, which returns void or Status, and commits; an error rolls back and is returned.
  template <typename Body>
  Result<Commit> transact(TransactionOptions options, Body&& body);
  template <typename Body>
  Result<Commit> transact(Body&& body) {
    return transact(TransactionOptions{}, std::forward<Body>(body));
  }
  Result<UndoReport> undo();  ///< @errors kNothingToUndo, kReadOnly, kTransactionOpen
  Result<UndoReport> redo();
  std::size_t undo_size() const;
  std::size_t redo_size() const;
  /// Makes an erased or lost child reachable again, at the place it was made for.
  Result<Commit> restore(std::string_view path);

  // --- deltas ---
  /// One delta in row form.
  /// @errors those of decode_delta; kInvalidDelta, kForkedReplica; the document is unchanged
  Result<ApplyReport> apply(ByteSpan delta);
  /// A sealed bundle. Valid members before an invalid one stay applied.
  Result<ApplyReport> apply_bundle(ByteSpan bundle);
  Result<ApplyReport> apply_bundles(std::span<const ByteSpan> bundles);
  /// A history file of this document.
  Result<ApplyReport> apply_history(ByteSpan file);
  /// Row forms of every delta not in `since`, dependencies first.
  /// @errors kNeedHistory: some of them lie before base()
  Result<std::vector<Bytes>> deltas_since(const VersionVector& since) const;
  /// Everything not in `since` as bundles, to be applied together: one per replica, or several where one would be
  /// more than readers take (limits.h).
  Result<std::vector<Bytes>> bundles_since(const VersionVector& since) const;
  /// Some consecutive deltas of a replica as one bundle.
  /// @param end_chain  the chain hash behind the last of them; chain() is that of the log's end
  /// @errors kNeedHistory; kNotFound: it has no such operations, or `begin` or `end` cuts a delta
  Result<Bytes> seal(ReplicaId replica, Seq begin, Seq end, std::uint64_t end_chain) const;
  /// The whole history as a file. @errors kNeedHistory: loaded from a snapshot
  Result<Bytes> export_history() const;
  /// The state as a file; canonical (I3). An open transaction has no part in it.
  Bytes snapshot() const;
  /// One container and everything below it, for caches and comparisons: edits elsewhere don't change it.
  /// `load` makes a read-only document of it whose root, at the path "", is that container; it can be
  /// read, positions and anchors included, but says nothing of versions, times and conflicts.
  /// @errors kNotFound; kWrongKind: a plain value is there
  Result<Bytes> container_snapshot(std::string_view path) const;
  /// Logs of which whoever made this delta had another history than is held here: where each was named.
  std::vector<Dot> contradictions(ByteSpan delta) const;
  std::vector<PendingDelta> pending() const;
  std::vector<DeltaInfo> log() const;            ///< causal order: by stamp
  std::uint64_t chain(ReplicaId replica) const;  ///< chain hash at the end of its log
  /// The chain hash of that replica's log up to `end`; 0 at 0.
  /// @errors kNotFound: no delta ends there; kNeedHistory: it lies before base()
  /// @cost   O(operations between `end` and the last place before whose chain hash is held)
  Result<std::uint64_t> chain_at(ReplicaId replica, Seq end) const;
  /// Row form of the delta that begins at `first`.
  /// @errors kNotFound: none begins there; kNeedHistory: it lies before base()
  Result<Bytes> delta_at(const Dot& first) const;

  // --- causality ---
  /// Was `a` known to whoever made `b`? @errors kNotFound
  Result<bool> happened_before(const Dot& a, const Dot& b) const;
  /// @errors kCorrupt
  Result<Frontier> frontier_of(const VersionVector& version) const;
  /// Everything in the causal past of `frontier`, the frontier included. @errors kNotFound
  Result<VersionVector> version_of(const Frontier& frontier) const;

  // --- time ---
  /// The document as it was; read-only. @errors kNeedHistory, kNotFound: not a version of this document
  Result<Document> at(const VersionVector& version) const;
  /// Patches that lead from `from` to `to`; containers are named by path.
  Result<std::vector<Patch>> diff(const VersionVector& from, const VersionVector& to,
                                  Unit unit = Unit::kScalar) const;
  /// The same from `before`, another version of this document, to this one: where the history between is
  /// not held, as behind a snapshot. @errors kInvalidArgument: not of one document; kTransactionOpen
  Result<std::vector<Patch>> diff(const Document& before, Unit unit = Unit::kScalar) const;
  /// A copy that another replica goes on with.
  Document fork(ReplicaId replica) const;

  // --- conflicts ---
  /// @errors kCorrupt: the snapshot is damaged where history stands
  Result<std::vector<Conflict>> conflicts(std::string_view path_prefix = "") const;
  Result<Explanation> why(std::string_view path) const;
  /// Every write of the key or element at `path`, newest first. @errors kNotFound, kNeedHistory
  Result<std::vector<WriteInfo>> history(std::string_view path) const;

  // --- observing ---
  /// Calls back once per changed container after each transaction, applied delta, undo or redo.
  /// `path_prefix` limits it to a part of the document; positions in text come in `unit`.
  /// A callback may read, edit, apply and undo: the document has changed when that returns, and every observer hears
  /// of it behind all patches of what it answers to, in the order in which the changes were made.
  Observer observe(std::function<void(const Patch&)> callback, std::string_view path_prefix = "",
                   Unit unit = Unit::kScalar);

  /// Aborts with a message where an internal invariant is broken; for tests.
  void check_invariants() const;

 private:
  friend class Transaction;
  explicit Document(std::unique_ptr<DocumentImpl> impl);
  std::unique_ptr<DocumentImpl> impl_;
};

/// An open transaction; dropping it without commit() takes everything back.
class Transaction {
 public:
  Transaction(Transaction&& other) noexcept : impl_(std::exchange(other.impl_, nullptr)) {}
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();

  MapEdit root();
  /// What a JSON pointer names. @errors kNotFound, kWrongKind
  Result<MapEdit> map(std::string_view path);
  Result<ListEdit> list(std::string_view path);
  Result<TextEdit> text(std::string_view path);
  Result<CounterEdit> counter(std::string_view path);
  /// As Document::restore. @errors kNotFound: no erased or lost child was made there
  Status restore(std::string_view path);
  bool failed() const;
  /// Marks the transaction failed, as a failing operation does.
  void fail(Error error);
  /// @errors the first operation's error, after taking everything back; kTooLarge
  Result<Commit> commit();
  void rollback();

 private:
  friend class Document;
  explicit Transaction(DocumentImpl* impl) : impl_(impl) {}
  DocumentImpl* impl_;
};

template <typename Body>
Result<Commit> Document::transact(TransactionOptions options, Body&& body) {
  auto begun = begin(std::move(options));
  if (!begun.ok()) return begun.take_error();
  Transaction transaction = *std::move(begun);
  if constexpr (std::is_void_v<decltype(body(transaction))>) {
    body(transaction);
  } else {
    Status status = body(transaction);
    if (!status.ok() && status.error().code() != ErrorCode::kTransactionFailed) {
      transaction.rollback();
      return status.take_error();
    }
    // The error of the operation that failed before says more.
    if (!status.ok()) transaction.fail(status.take_error());
  }
  return transaction.commit();
}

}  // namespace weft
