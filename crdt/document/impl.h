#pragma once
// DocumentImpl: what stands behind Document and its handles. Its member functions are spread over
// files by concept:
//
//   impl.cc         containers, names, lookup, paths
//   registers.cc    the write rule of map keys and list elements
//   sequences.cc    placing, erasing, revoking; forms of sequence state
//   integrate.cc    where an insertion goes among concurrent siblings
//   apply.cc        operations from outside: validate, apply, take back
//   deliver.cc      deltas: wait, admit, apply whole or not at all
//   replay.cc       bundles, delta by delta;  bulk.cc  whole histories into an empty document
//   transaction.cc  begin, commit, rollback
//   edit.cc         local edits;  view.cc  reading
//   undo.cc  observe.cc  conflicts.cc  time.cc (checkout, diff, blame)  export.cc
//   snapshot.cc     with its writer and its readers of the hot and the cold part
//
// One journal serves rollback of transactions and of deltas refused half-way: it holds what the
// operations themselves don't tell, and rollback walks operations and journal backwards.

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "crdt/base/flat_table.h"
#include "crdt/delta/operation_log.h"
#include "crdt/delta/row_encoder.h"
#include "crdt/document/bounded_stack.h"
#include "crdt/document/document.h"
#include "crdt/document/pending_queue.h"
#include "crdt/document/state.h"
#include "crdt/graph/causal_graph.h"
#include "crdt/map/key_table.h"

namespace weft {

/// What a register was before the first write of a transaction or delta touched it.
struct RegisterBackup {
  ContainerIndex container = 0;
  bool is_element = false;
  std::uint64_t slot = 0;  ///< key, or packed element dot
  bool existed = false;    ///< map only: false = the entry was made
  Register reg;
  Losers losers;
};

struct MoveBackup {
  ContainerIndex container = 0;
  LocalDot element;
  LocalDot slot;
};

/// An erase unit that was revoked or put in force again.
struct Toggle {
  Seq op_seq = 0;
  LocalDot erase;
  LocalDot target;
};

struct RollbackJournal {
  std::vector<RegisterBackup> registers;
  std::vector<MoveBackup> moves;
  std::vector<Toggle> toggles;
  std::size_t containers = 0;  ///< counts before
  std::size_t names = 0;
  std::uint32_t needs_weft = 0;  ///< what it was before
  std::uint32_t epoch = 0;       ///< registers whose `touched` is this are backed up already
};

/// Who makes the operations that are being applied, and what they had seen.
struct OpContext {
  ReplicaIndex author = 0;
  Seq first_seq = 0;
  DeltaClock clock;
  bool covers_everything = true;       ///< the past is all that is known
  const LocalVersion* past = nullptr;  ///< else this
  std::string_view content;            ///< what the ops' content ranges refer to
  bool trusted = false;                ///< from our own snapshot: no validation of neighbours
  bool in_graph = false;               ///< the graph knows the ops already; else clock counts
};

/// The operations of a delta that are applied and not in the log yet.
struct InProgress {
  std::span<const Op> ops;  ///< adjacent, in order
  ReplicaIndex author = 0;
  std::string_view content;
};

/// An operation, wherever it is held, and the buffer that its content lies in.
struct HeldOp {
  const Op* op = nullptr;
  std::string_view buffer;
  bool skeleton = false;  ///< its content is not held

  std::string_view content() const { return buffer.substr(op->content_begin, op->content_size); }
};

/// Collects what observers have to be told; null where nobody observes.
struct PatchCollector;
struct CollectedPatch;

struct UndoItem {
  Seq begin = 0;
  Seq end = 0;
  std::vector<RegisterBackup> saved;
};

struct ContainerIdHash {
  std::size_t operator()(const ContainerId& id) const noexcept {
    std::uint64_t words[2];
    std::memcpy(words, id.bytes.data(), 16);
    return static_cast<std::size_t>((words[0] ^ (words[1] * 0x9e37'79b9'7f4a'7c15)) *
                                    0xd6e8'feb8'6659'fd93);
  }
};

class Translator;

class DocumentImpl {
 public:
  explicit DocumentImpl(DocumentOptions options);
  ~DocumentImpl();

  // --- state ---
  DocumentOptions options;
  CausalGraph graph;
  OperationLog log;
  KeyTable keys;
  std::vector<Container> containers;
  std::vector<ContainerName> names;  ///< names[0] is the root
  // Filled with the snapshot's cold part; reading needs neither.
  FlatTable<std::uint32_t> name_by_dot;  ///< packed dot -> index into names
  std::unordered_map<ContainerId, ContainerIndex, ContainerIdHash> container_by_id;
  bool read_only = false;
  std::uint32_t needs_weft = 0;
  ReplicaIndex self = 0;      ///< index of options.replica
  Bytes snapshot_bytes;       ///< what was loaded, while something borrows from it
  bool has_skeleton = false;  ///< some of the history is not held
  /// Loaded from the snapshot of one container, which is the root here: read-only, without history.
  bool is_part() const { return !(containers[kRootContainer].id == ContainerId()); }
  bool skeleton_pending = false;   ///< the snapshot's cold part is not decoded yet
  std::size_t skeleton_begin = 0;  ///< where it lies in snapshot_bytes
  std::size_t skeleton_end = 0;
  std::vector<ReplicaIndex> snapshot_replicas;  ///< the snapshot's replica numbers

  // --- names (impl.cc) ---
  ReplicaIndex intern_replica(ReplicaId replica);
  /// The container a handle means, or null: it may come from a failed ensure or a rolled back transaction.
  Container* find_container(ContainerIndex container, ContainerKind kind) {
    if (container >= containers.size() || containers[container].kind != kind) return nullptr;
    return &containers[container];
  }
  ContainerIndex resolve(std::uint32_t name) const { return names[name].container; }
  std::uint32_t name_of(ContainerIndex container) const {
    return container == kRootContainer ? 0 : containers[container].names.front();
  }
  std::optional<std::uint32_t> find_name(LocalDot dot) const;
  /// One that no table knows yet; its depth is the caller's.
  Container& add_container(const ContainerId& id, ContainerKind kind, ContainerIndex parent);
  /// Adds `dot` to the names of the container with this id, made where it doesn't exist.
  ContainerIndex add_container(const ContainerId& id, ContainerKind kind, ContainerIndex parent,
                               LocalDot dot);
  ContainerId mergeable_id(ContainerIndex parent, std::string_view key, ContainerKind kind,
                           std::uint32_t generation) const;
  ContainerId distinct_id(LocalDot dot) const;
  /// The register that `container` was made for; null where it has never been written.
  Register* place_of(ContainerIndex container);
  /// Is the container what a reader finds at its place?
  bool is_shown(ContainerIndex container);
  bool is_reachable(ContainerIndex container);
  std::optional<std::string> path_of(ContainerIndex container);
  std::string slot_path(ContainerIndex container, std::uint64_t slot, bool is_element);

  /// A value or register by JSON pointer.
  struct Target {
    ContainerIndex parent = kNoContainer;  ///< kNoContainer: the root itself
    bool is_element = false;
    std::uint64_t slot = 0;
    Value value;
    bool visible = false;  ///< false: only for keys that were erased
  };
  Result<Target> find_path(std::string_view path, bool allow_erased = false);
  Result<ContainerIndex> container_at(std::string_view path, ContainerKind kind);
  bool is_reserved(ContainerIndex container, std::uint32_t key) const;
  /// @errors kCorrupt: the order of a list can't be read
  Result<Json> try_json_of(ContainerIndex container);
  /// @pre  ensure_skeleton() was ok: the order of every list is there
  Json json_of(const Value& value);
  Json json_of(const Value& value, Error& damaged);
  Json json_of(ContainerIndex container, Error& damaged);

  // --- registers (registers.cc) ---
  /// Applies a write by the rule of register.h. @return whether what is visible may have changed
  bool write_register(Register& reg, FlatTable<Losers>& losers, std::uint64_t slot, Write write,
                      LocalDot overwritten, const OpContext& context);
  Register* find_register(ContainerIndex container, bool is_element, std::uint64_t slot);
  Losers* find_losers(ContainerIndex container, bool is_element, std::uint64_t slot);
  void backup_register(ContainerIndex container, bool is_element, std::uint64_t slot);
  void restore_register(const RegisterBackup& backup);
  /// Is it one of the operations that are being applied, which the graph does not know yet?
  static bool is_fresh(LocalDot dot, const OpContext& context) {
    return !context.in_graph && dot.replica == context.author && dot.seq >= context.first_seq;
  }
  Stamp stamp(LocalDot dot, const OpContext& context) const {
    if (!is_fresh(dot, context)) return graph.stamp_of(dot);
    return {context.clock.hlc + (dot.seq - context.first_seq), graph.id(dot.replica)};
  }
  Weight weight(LocalDot dot, const OpContext& context) const {
    if (!is_fresh(dot, context)) return graph.weight_of(dot);
    Hlc hlc = context.clock.hlc + (dot.seq - context.first_seq);
    return {DeltaClock::weigh(hlc, context.clock.weight_ms), graph.id(dot.replica)};
  }

  // --- sequences (sequences.cc, integrate.cc) ---
  /// The tree of a sequence, made from its packed form where needed.
  /// @errors kCorrupt: the snapshot's skeleton does not fit
  Result<RunTree*> tree_of(ContainerIndex container);
  Status ensure_skeleton();
  static void index_cold_text(SequenceState& sequence);
  bool in_past(LocalDot dot, const OpContext& context, Seq before) const;
  /// After which element `op` goes (kNoDot: the begin).
  /// @errors kInvalidDelta: lo or ro is not what the author can have seen
  Result<LocalDot> place(SequenceState& sequence, RunTree& tree, LocalDot lo, LocalDot ro,
                         LocalDot dot, const OpContext& context);
  /// The same through a sibling table. nullopt: the table can't tell
  std::optional<Result<LocalDot>> place_by_table(SiblingTable& table, RunTree& tree, LocalDot lo,
                                                 LocalDot ro, LocalDot dot,
                                                 const OpContext& context);
  SiblingTable& make_siblings(SequenceState& sequence, RunTree& tree, LocalDot lo,
                              const OpContext& context);
  /// Tells the sibling tables of an insertion that was made.
  void note_sibling(SequenceState& sequence, RunTree& tree, LocalDot lo, LocalDot ro, LocalDot dot,
                    const OpContext& context) {
    if (!sequence.siblings.empty()) [[unlikely]]
      add_sibling(sequence, tree, lo, ro, dot, context);
  }
  void add_sibling(SequenceState& sequence, RunTree& tree, LocalDot lo, LocalDot ro, LocalDot dot,
                   const OpContext& context);
  std::optional<Neighbour> origin_of(LocalDot dot) const;
  /// The operation that `dot` belongs to, in the log or in the delta that is being applied: while a delta is
  /// checked, applied and taken back, nothing may be looked up in `log` alone.
  std::optional<HeldOp> find_op(LocalDot dot) const;
  /// What the erase unit `dot` erases, if it is one.
  std::optional<LocalDot> erase_target(LocalDot dot) const;
  void drop_siblings();
  std::vector<SequenceState*> crowded;  ///< sequences that have sibling tables
  InProgress in_progress;
  bool hangs_on(LocalDot element, LocalDot ancestor) const;
  /// The text of `count` elements from `first` on, which one insertion made. @errors kNeedHistory
  Result<std::string> text_of(SequenceState& sequence, LocalDot first, Seq count) const;
  Status insert_elements(ContainerIndex container, const Op& op, const OpContext& context);
  void add_element(SequenceState& sequence, ContainerIndex container, LocalDot dot, ByteSpan value);
  Status erase_elements(ContainerIndex container, const Op& op, const OpContext& context);
  void count_erasure(ContainerIndex container, RunTree& tree, LocalDot first, Seq count);
  Status uncount_erasure(ContainerIndex container, RunTree& tree, LocalDot first, Seq count);
  void stash_text(SequenceState& sequence, RunTree& tree, LocalDot first, Seq count);
  Status toggle_erasures(ContainerIndex container, const Op& op, const OpContext& context,
                         bool revoke);
  Status move_element(ContainerIndex container, const Op& op, const OpContext& context);
  void show_slot(ContainerIndex container, RunTree& tree, LocalDot slot, bool shown);

  // --- applying (apply.cc, deliver.cc, replay.cc, bulk.cc) ---
  /// Would `op` make a container below kContainerDepthMax?
  bool nests_too_deep(const Op& op, std::string_view content) const;
  Status apply_op(const Op& op, const OpContext& context);
  Status apply_map_op(ContainerIndex container, const Op& op, const OpContext& context);
  void begin_journal();
  /// Takes the ops back, last first; they were applied and lie in `content`.
  void rollback_ops(std::span<const Op> ops, const OpContext& context);
  struct Admission {
    enum class Kind : std::uint8_t { kReady, kDuplicate, kWaits } kind = Kind::kReady;
    std::vector<Dot> missing;
    bool forked = false;  ///< a dependency names another history than is held
  };
  Result<Admission> admit(const Batch& batch) const;
  Status take_delta(Batch& batch, ByteSpan bytes, ApplyReport& report);
  /// The row form of a delta that is known. nullopt: its content is not held; empty: the log is cut in
  /// another way there
  std::optional<Bytes> logged_row(ReplicaIndex author, Seq first_seq, Seq op_count);
  static Error two_histories(const Dot& first);
  Status check_duplicate(const Batch& batch, ByteSpan bytes);
  Status apply_one_by_one(std::vector<OpenedBundle>& bundles, ApplyReport& report);
  static Batch single_delta(const Batch& batch, std::size_t run_index, std::uint32_t member);
  void bring_chain_up(ReplicaIndex author);
  Result<std::uint64_t> chain_at(ReplicaIndex author, Seq end);
  std::uint64_t chain_over(ReplicaIndex author, CausalGraph::ChainMark from, Seq end);
  Status set_element(ContainerIndex container, const Op& op, const OpContext& context);
  Status write_element(ContainerIndex container, LocalDot element, Write write,
                       LocalDot overwritten, const OpContext& context);
  Status restore_child(ContainerIndex child, const Op& op, const OpContext& context);
  /// Tells observers by how much what is shown has changed.
  void add_to_counter(ContainerIndex container, CounterSum amount);
  Bytes encode_logged(ReplicaIndex author, const LogChunk& chunk, const DeltaRun& run,
                      Seq first_seq);
  /// Checks and applies one delta whose dependencies are there; its chain hash is the caller's.
  Status apply_ready_delta(const Batch& batch, const DeltaRun& delta, std::span<const Op> ops,
                           Translator& translator);
  Result<ApplyReport> apply_delta(ByteSpan bytes);
  void drain_pending(std::vector<ReplicaId> advanced, ApplyReport& report);
  void add_pending(ByteSpan bytes, const Batch& batch, std::vector<Dot> missing,
                   ApplyReport& report);
  Result<ApplyReport> apply_opened(std::vector<OpenedBundle> bundles);
  /// Whole histories into an empty document. @return false: not possible, nothing was changed
  bool apply_in_bulk(std::vector<OpenedBundle>& bundles, ApplyReport& report);
  Status weave_skeleton();
  Status check_sequences();
  template <class Sequences>
  bool replay_skeleton(std::span<const Seq> ends, Sequences& sequences);
  static Op slice_skeleton(const Op& op, Seq begin, Seq end, ReplicaIndex author);
  void reset_state();
  PendingQueue pending;
  RollbackJournal journal;

  // --- transactions (transaction.cc) ---
  struct OpenTransaction {
    bool open = false;
    bool failed = false;
    Error error;
    Seq begin = 0;
    DeltaClock clock;
    std::uint64_t time_ms = 0;
    std::size_t text_size = 0;
    std::size_t first_op = 0;  ///< index in the open chunk of the op that may hold `begin`
    TransactionOptions options;
    bool journaling = true;
  } tx;
  LogChunk* own_chunk = nullptr;  ///< the open chunk, while a transaction is
  DeltaEncoder encoder;
  Bytes delta_bytes;  ///< the last commit's row form
  Status write_as(ReplicaId replica);
  Status begin_transaction(TransactionOptions options);
  Result<Commit> commit_transaction();
  /// The same, but observers are told by the caller (deliver_patches).
  Result<Commit> seal_transaction();
  Status check_limits(std::size_t run_count, std::size_t dependency_count) const;
  void rollback_transaction();
  Status fail_transaction(Error error);
  OpContext own_context() const;
  Seq next_seq() const { return own_chunk->end; }
  /// Checks that an edit may be made now. The hot path tests `can_edit` alone.
  bool can_edit() const { return tx.open && !tx.failed; }
  Status check_edit();
  Status check_room(std::size_t units);
  /// Appends a unit op of our own, applies it, and records it.
  void log_own(const Op& op, std::string_view content);

  // --- local edits (edit.cc) ---
  Status edit_map_set(ContainerIndex container, std::string_view key, const Value* value,
                      const NewContainer* child);
  /// @param anew  also where it is erased already
  Status edit_map_erase(ContainerIndex container, std::string_view key, bool anew);
  Result<ContainerIndex> edit_ensure(ContainerIndex container, std::string_view key,
                                     ContainerKind kind);
  Status edit_text_insert(ContainerIndex container, Position at, std::string_view utf8);
  Status insert_text(ContainerIndex container, Position at, std::string_view utf8);
  Status edit_text_erase(ContainerIndex container, Position begin, std::size_t count);
  Status erase_text(ContainerIndex container, Position begin, std::size_t count);
  /// The text that is being typed in: a transaction is open and has not failed, nobody observes.
  struct Typing {
    ContainerIndex container = kRootContainer;  ///< the root, which is no text: none
    std::uint32_t name = 0;
    RunTree* tree = nullptr;
  } typing;
  void note_typing(ContainerIndex container, RunTree& tree);
  Status edit_list_insert(ContainerIndex container, std::size_t index,
                          std::span<const Value> values, const NewContainer* child);
  Status edit_list_erase(ContainerIndex container, std::size_t index, std::size_t count);
  Status edit_list_set(ContainerIndex container, std::size_t index, const Value& value);
  Status edit_list_move(ContainerIndex container, std::size_t from, std::size_t to);
  /// @param anew  also where it is shown
  Status edit_restore(ContainerIndex child, bool anew);
  /// Anew, a child of the map `container`.
  Status edit_restore_in(ContainerIndex container, const Value& child);
  Status edit_counter_add(ContainerIndex container, std::int64_t amount);
  Status check_value(const Value& value) const;
  Status check_nesting(ContainerIndex container) const;
  Result<std::size_t> scalar_position(RunTree& tree, Position at) const;
  Result<LocalDot> element_at(ContainerIndex container, std::size_t index);
  std::optional<LocalDot> find_own_or_known(const Dot& dot) const;
  void write_own_key(ContainerIndex container, std::uint32_t key, Write write, OpKind kind,
                     std::uint32_t generations, std::string_view content);
  Status own_element_write(ContainerIndex container, LocalDot element, Value value, OpKind kind);
  Status own_move(ContainerIndex container, LocalDot element, LocalDot lo);
  void stash_range(SequenceState& sequence, RunTree& tree, std::size_t pos, std::size_t units);
  Bytes scratch;

  // --- undo (undo.cc) ---
  BoundedStack<UndoItem> undo_stack;
  BoundedStack<UndoItem> redo_stack;
  bool undoing = false;
  FlatTable<std::uint64_t> stands_for;  ///< our undo's write or move -> the one it brought back
  LocalDot original(LocalDot dot) const;
  struct ForeignEdit {
    ContainerIndex container = 0;
    LocalDot newest;
  };
  std::optional<std::vector<ForeignEdit>>
      foreign_edits;  ///< of one undo, listed when it needs them
  void list_foreign_edits();
  bool keeps_child(const Value& value, LocalDot made, UndoReport& report);
  void push_undo(Seq begin, Seq end);
  Result<UndoReport> run_undo(BoundedStack<UndoItem>& from, BoundedStack<UndoItem>& to);
  Status invert(const UndoItem& item, UndoReport& report);
  Status invert_op(const Op& op, std::string_view content, const UndoItem& item,
                   UndoReport& report);
  Status invert_write(ContainerIndex container, bool is_element, std::uint64_t slot, const Op& op,
                      const UndoItem& item, UndoReport& report);
  Result<LocalDot> slot_before(ContainerIndex container, LocalDot element, Seq seq);

  // --- observers (observe.cc) ---
  struct ObserverEntry {
    std::uint64_t id = 0;
    std::function<void(const Patch&)> callback;
    std::string path_prefix;
    Unit unit = Unit::kScalar;
  };
  std::vector<ObserverEntry> observers;
  std::uint64_t next_observer = 1;
  std::shared_ptr<bool> alive = std::make_shared<bool>(true);
  std::unique_ptr<PatchCollector> collector;  ///< not null while somebody observes
  bool observing() const { return collector != nullptr; }
  bool is_observing(std::uint64_t id) const;  ///< not ended meanwhile
  void note_text(ContainerIndex container, RunTree& tree, std::size_t pos,
                 const TextMetrics& before, std::string_view inserted);
  void note_list(ContainerIndex container, std::size_t pos, std::size_t erased,
                 std::vector<Value> inserted);
  void note_key(ContainerIndex container, std::uint32_t key);
  void note_counter(ContainerIndex container, std::int64_t before, std::int64_t after);
  void note_whole_document();
  void discard_patches();
  /// What one commit or delta has to tell, as it is now: a callback may change the document before all is told.
  struct Delivery {
    struct Call {
      std::size_t listener = 0;
      std::size_t patch = 0;
    };
    std::vector<ObserverEntry> listeners;
    std::vector<Patch> patches;
    std::vector<Call> calls;
  };
  std::deque<Delivery> deliveries;
  bool delivering = false;
  void deliver_patches(bool local, std::string origin);
  Delivery make_delivery(bool local, const std::string& origin);
  Patch make_patch(const CollectedPatch& from, const std::string& path, Unit unit);
  void run_deliveries();

  // --- snapshots, export, time ---
  Bytes make_snapshot();
  Result<Bytes> make_part(std::string_view path);
  Result<std::unique_ptr<DocumentImpl>> committed();
  Status load_snapshot(Bytes bytes);
  bool frontier_fits() const;
  Error damage;  ///< what is wrong with the cold part of the snapshot, if anything
  Result<Batch> batch_of(ReplicaIndex replica, Seq begin, Seq end, std::string& content) const;
  /// The same as a bundle that holds its content; its chain hash is the caller's.
  Result<OpenedBundle> bundle_of(ReplicaIndex replica, Seq begin, Seq end) const;
  Result<std::unique_ptr<DocumentImpl>> checkout(const VersionVector& version);

  // --- conflicts (conflicts.cc) ---
  // As the graph's, but they know the open transaction too.
  bool is_uncommitted(LocalDot dot) const;
  Stamp stamp_of(LocalDot dot) const;
  Weight weight_of(LocalDot dot) const;
  bool happened_before(LocalDot a, LocalDot b) const;
  void add_past(LocalVersion& version, LocalDot dot) const;
  WriteInfo write_info(const Write& write);
  std::string clock_words(const WriteInfo& write) const;
  WriteInfo edit_info(LocalDot dot);
  void losers_of(ContainerIndex container, bool is_element, std::uint64_t slot,
                 std::vector<WriteInfo>& out);
  void register_conflicts(ContainerIndex container, std::vector<Conflict>& out);
  void erased_element_conflicts(ContainerIndex container, std::vector<Conflict>& out);
  void hidden_child_conflict(ContainerIndex child, std::vector<Conflict>& out);
  template <typename Visit>
  void for_each_op_in(ContainerIndex container, bool below, Visit&& visit);
  std::vector<LocalDot> erasures_of(ContainerIndex container, LocalDot element);
  bool are_concurrent(LocalDot a, LocalDot b) const;
  std::optional<DeltaRun> delta_of(LocalDot dot, const LogChunk** chunk) const;
  Seq base_of(ReplicaIndex replica) const;
  /// The hidden child of the key at `path`: the one written last.
  Result<ContainerIndex> hidden_child_at(std::string_view path);
};

/// Visible elements of a sequence.
inline std::size_t visible_size(const RunTree& tree) {
  return static_cast<std::size_t>(tree.visible().scalars);
}

/// Names for the row encoder, straight from the document's tables.
struct DocumentNames {
  const DocumentImpl& impl;
  ReplicaId replica(ReplicaIndex index) const { return impl.graph.id(index); }
  LocalDot container(std::uint32_t name) const { return impl.names[name].dot; }
  std::string_view key(std::uint32_t index) const { return impl.keys[index]; }
};

}  // namespace weft
