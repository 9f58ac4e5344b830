#pragma once
// The inside of a Node, in parts:
//
//   node.cc            links, time, the public face
//   node_documents.cc  documents: opening, closing, editing, their status
//   node_batches.cc    what is on its way to the store, and what is told once it is durable
//   node_reading.cc    what sessions ask: what is held, and what another device lacks of it
//   node_taking.cc     deltas that come
//   node_states.cc     states that come in the place of deltas
//   node_deletion.cc   deleting, restoring, purging, evicting (docs/adr/0013)
//   node_identity.cc   rolled back, cloned, forked: whose operations are whose
//   node_looks.cc      status
//
// A document has three versions: what is durable (Entry::durable), what is on its way to the store, and what
// is applied (Open::document). They differ only while batches fly; a document is closed only when they are one.

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "crdt/sync/budget.h"
#include "crdt/sync/digest.h"
#include "crdt/sync/session.h"
#include "peer/clock_agreement.h"
#include "peer/node.h"
#include "peer/outgoing_rows.h"
#include "storage/documents.h"
#include "storage/log_index.h"

namespace weft {

/// How many operations of `version` are not in `since`.
inline std::uint64_t count_ops_beyond(const VersionVector& version, const VersionVector& since) {
  std::uint64_t count = 0;
  for (const VersionVector::Entry& entry : version.entries()) {
    const Seq known = since.end(entry.replica);
    if (entry.end > known) count += entry.end - known;
  }
  return count;
}

/// As sessions call a status.
inline sync::HeldAs held_as_of(DocumentStatus status) {
  switch (status) {
    case DocumentStatus::kLive:
      return sync::HeldAs::kLive;
    case DocumentStatus::kEvicted:
      return sync::HeldAs::kEvicted;
    case DocumentStatus::kPurged:
      return sync::HeldAs::kPurged;
    case DocumentStatus::kDeleted:  // in the trash: it is held
      break;
  }
  return sync::HeldAs::kLive;
}

class Node::Impl final : public sync::SyncHost {
 public:
  Impl(Store& store, Committer& committer, Options options)
      : store_(store), committer_(committer), options_(std::move(options)) {}

  // --- documents ---

  /// A delta that came or was made lately, to be sent without a look into the store.
  struct Recent {
    Dot first;
    Seq end = 0;
    bool is_own = false;
    std::uint32_t chain = 0;  ///< low half of the chain hash behind it; 0: not known
    Bytes bytes;
  };
  struct Watcher {
    std::function<void(const Patch&)> callback;
    Observer observer;
  };
  struct Open {
    explicit Open(Document opened) : document(std::move(opened)) {}
    Document document;
    VersionVector noted;  ///< what of it is durable or on its way there
    std::deque<Recent> recent;
    VersionVector recent_base;  ///< what was there before the first of them
    std::uint64_t recent_number =
        0;  ///< of the first of them; grows through openings (next_recent_)
    std::size_t recent_bytes = 0;
    std::uint64_t ops_since_state = 0;
    std::uint64_t bytes = 0;  ///< about what it takes; grows with what comes (grow())
  };
  struct Entry {
    DocumentId id;
    /// Live, evicted or purged, as the store's. Whether it is deleted follows from versions: Impl::shown_status().
    DocumentStatus status = DocumentStatus::kLive;
    VersionVector durable;
    std::vector<sync::LogEnd> log_ends;   ///< of it, as they were asked for last (durable_ends())
    VersionVector last_version;           ///< of one that was evicted or purged: what it had
    Deletion deletion;                    ///< durable
    Deletion deletion_coming;             ///< with what is on its way to the store
    std::uint64_t deletion_since_ms = 0;  ///< retention time when it last grew
    bool was_deleted = false;             ///< when it was last told
    /// Ends of logs whose chain hashes were found to be, or not to be, what a deletion had seen.
    std::set<std::tuple<ReplicaId, Seq, std::uint64_t>> checked_ends;
    sync::Digest digest;          ///< as it is summed up
    bool is_summed = false;       ///< in sketch_ and sum_, with `digest`
    bool is_unsummed = false;     ///< in unsummed_
    bool is_read_again = false;   ///< a session could not read all that it may send
    std::uint32_t rewrites = 0;   ///< batches that were on their way before don't count
    std::uint32_t changing = 0;   ///< jobs on their way that change its status
    std::uint32_t rewriting = 0;  ///< or take operations back: the store still has these
    std::uint64_t used = 0;
    std::unique_ptr<Open> open;
    std::map<std::uint64_t, std::shared_ptr<Watcher>> watchers;  ///< it may be closed meanwhile
    std::set<ReplicaId> forked;    ///< nothing more is taken of these (I4)
    std::set<ReplicaId> verified;  ///< former own replicas whose log here is the one others have
    Seq sent_end = 0;       ///< of that log, as it was read for any link since the node began
    Seq confirmed_end = 0;  ///< of the log of this device's replica, as others are known to have it
    Seq opened_end = 0;     ///< of the log of this device's replica, when the node began
    Seq settled_end = 0;    ///< what of that others were known to have as it is then
    std::uint64_t settled_ms = 0;  ///< when nothing was left to confirm last, since 1970
    VersionVector trimmed;         ///< what the store was asked to trim since the node began
    std::map<ReplicaId, Seq> verified_end;  ///< of those that are being compared
    std::map<std::pair<LinkId, ReplicaId>, Seq> compare_until;  ///< where the other's log ends
    std::map<ReplicaId, LinkId> source;  ///< which link brought a replica's newest
    std::set<LinkId> in_doubt;  ///< links whose log of a former replica could not be compared yet
    std::set<std::pair<LinkId, ReplicaId>> doubted;  ///< logs that were asked for again

    /// Does the set of documents have it?
    bool is_in_set() const {
      const bool has_something = !deletion.empty() || !durable.empty();
      return has_something && status != DocumentStatus::kEvicted;
    }
  };

  /// What waits to be durable, and who wants to know.
  struct Cover {
    DocumentId document;
    VersionVector version;
    std::uint32_t rewrites = 0;
    bool has_own = false;
  };
  struct Flight {
    CommitBatch batch;
    std::vector<Cover> covers;
    std::vector<std::function<void(Status)>> callbacks;
    std::size_t bytes = 0;
    std::size_t records = 0;
  };

  Status load();
  Entry& entry(const DocumentId& id);
  Entry* find_entry(const DocumentId& id);
  const Entry* find_entry(const DocumentId& id) const;
  DocumentOptions document_options(const DocumentId& id) const;
  Result<Open*> open(Entry& entry);
  bool can_close(const Entry& entry) const;
  void note_pending(const DocumentId& id);
  void close(Entry& entry);
  void close_unused();
  void keep_state(Entry& entry);
  void replace_document(Entry& entry, Document document);
  void watch(Open& open, const std::shared_ptr<Watcher>& watcher);
  void grow(Entry& entry, std::size_t payload_bytes);
  void forget_empty();
  void remember_recent(Open& open, const VersionVector& before, Recent recent);
  void note_change(Entry& entry, bool is_own);
  void add_record(Entry& entry, const RecordHead& head, Bytes payload);
  void cover(Entry& entry, bool has_own);
  void submit();
  void landed(Flight& flight, Result<AppendResult> result);
  void became_durable(Entry& entry, const VersionVector& version);
  void unsum(Entry& entry);
  void sum_up();
  const std::vector<sync::LogEnd>& durable_ends(Entry& entry);
  std::optional<std::uint64_t> chain_at(const Entry& entry, ReplicaId replica, Seq end) const;
  void advance(const DocumentId& id, LinkId except);
  void store_failed(const Error& error);
  /// kBeforeWaiting: it makes room, so it goes before what waits for room.
  enum class Turn : std::uint8_t { kInOrder, kBeforeWaiting };
  void run(std::function<Status(Store&)> job, std::function<void(Status)> done,
           Turn turn = Turn::kInOrder);
  bool has_nothing_on_its_way(const Entry& entry) const;
  VersionVector applied(const Entry& entry) const;
  VersionVector sendable(const Entry& entry) const;
  void change_status(Entry& entry, DocumentStatus status, Evict how,
                     std::function<void(Status)> done);
  void evict(Entry& entry, std::function<void(Status)> done);
  void keep_all_the_same(Entry& entry);
  Result<Commit> edit_open(Entry& entry,
                           const std::function<Status(const Document&, Transaction&)>& body,
                           std::function<void(Status)> durable, TransactionOptions transaction);
  void revive(Entry& entry, std::function<void(Status)> done);

  // --- deletion ---
  bool is_deleted(const Entry& entry) const;
  DocumentStatus shown_status(const Entry& entry) const;
  std::optional<Contested> contested_of(Entry& entry);
  Status check_not_deleted(const Entry& entry) const;
  void delete_document(Entry& entry, std::function<void(Status)> done);
  void restore(Entry& entry, std::function<void(Status)> done);
  void record_deletion(Entry& entry, const Deletion& deletion, LinkId link,
                       std::function<void(Status)> done);
  void check_deletion(Entry& entry, LinkId link);
  void tell_deletion(Entry& entry, LinkId link);
  Status check_evictable(const Entry& entry) const;
  bool is_untold(const Entry& entry) const;
  void evict_when_told(Entry& entry, std::function<void(Status)> done);
  void look_at_evictions();
  void keep_again(Entry& entry, std::function<void(Status)> done);
  void note_time();
  bool is_due(const Entry& entry) const;
  bool purge(Entry& entry, std::function<void(Status)> done);
  void flush_notes();

  // --- SyncHost ---
  std::uint64_t now_ms() const override { return now_ms_; }
  std::uint64_t wall_ms() const override { return options_.wall_ms ? options_.wall_ms() : 0; }
  sync::Hello greeting() override;
  std::uint64_t log_end() const override { return log_end_; }
  bool is_congested() const override { return unsaved_bytes_ > options_.commit_bytes_max; }
  bool may_buffer(std::size_t more_bytes) const override;
  bool may_remember() const override;
  sync::KnownPeer known_peer(ReplicaId replica) const override;
  sync::PeerBudgets& budgets_of(ReplicaId replica) override;
  void met(ReplicaId replica, std::uint64_t epoch, std::uint64_t incarnation) override;
  void reached(ReplicaId replica, std::uint64_t epoch, std::uint64_t position) override;
  void rolled_back(LinkId link, const std::string& why) override;
  std::vector<sync::Part> take_partials(ReplicaId replica) override;
  void keep_partials(ReplicaId replica, std::vector<sync::Part> partials) override;
  std::uint64_t document_count() override {
    sum_up();
    return sketch_.size();
  }
  sync::Digest sum() override {
    sum_up();
    return sum_;
  }
  std::optional<sync::HeldAs> held_as(const DocumentId& document) const override;
  VersionVector durable_version(const DocumentId& document) const override;
  VersionVector sendable_version(const DocumentId& document) const override;
  bool is_unknown(const DocumentId& document) const override;
  sync::Digest digest(const DocumentId& document) override;
  sync::SetSketch& sketch() override {
    sum_up();
    return sketch_;
  }
  void for_each_document(
      const std::function<void(const DocumentId&, const sync::Digest&)>& visit) override;
  void for_each_evicted(const std::function<void(const DocumentId&)>& visit) const override;
  void for_each_doubtful(const std::function<void(const DocumentId&)>& visit) const override;
  void changed_since(std::uint64_t position,
                     const std::function<void(const DocumentId&)>& visit) const override;
  sync::HeldDocument describe(const DocumentId& document, bool thorough) override;
  sync::Judgement judge(LinkId link, const sync::HeldDocument& theirs) override;
  sync::Outgoing read(const DocumentId& document, const VersionVector& since, std::uint64_t hint,
                      std::size_t bytes_max, bool one_state) override;
  std::uint64_t count_beyond(const DocumentId& document, const VersionVector& since) override;
  sync::Taken take(LinkId link, const DocumentId& document, std::vector<Bytes> deltas,
                   std::uint32_t chain) override;
  void go_on_from(LinkId link, Entry& entry, const StateView& view, Document loaded,
                  const Bytes& anew, sync::Taken& taken);
  void note_trimmed_apart(LinkId link, const Entry& entry, const VersionVector& state);
  bool is_trimmed_apart(const Entry& entry) const;
  sync::Taken take_state(LinkId link, const DocumentId& document, Bytes payload) override;
  void confirmed(const DocumentId& document, Seq end) override;
  void take_deletion(LinkId link, const sync::HeldDocument& theirs) override;
  void take_offer(LinkId link, const sync::HeldDocument& theirs) override;
  bool knows_more_of_deletion(const sync::HeldDocument& theirs) const override;
  bool holds_beyond_deletion(const DocumentId& document) const override;
  void take_presence(LinkId link, const sync::Presence& presence) override;
  void caught_up(LinkId link) override;
  void diverged(LinkId link) override;
  void met_clock(LinkId link, std::int64_t skew_ms) override;
  void judge_clock();

  // --- delivery ---
  /// A delta or bundle that came, with what is to be known to store it.
  struct Item {
    NewRecord head;
    Bytes bytes;
  };
  Status unpack(const DocumentId& document, std::vector<Bytes> deltas, std::vector<Item>& items);
  Status unpack_bundle(const Item& bundle, std::vector<Item>& rows) const;
  bool may_take(LinkId link, Entry& entry, const Item& item, sync::Taken& taken);
  void apply(LinkId link, Entry& entry, std::vector<Item>& items, sync::Taken& taken);
  bool apply_bundles(LinkId link, Entry& entry, std::span<const Item> items, sync::Taken& taken);
  bool is_of_same_logs(LinkId link, Entry& entry, const Document& state);
  void check_past(LinkId link, Entry& entry, const Item& item, sync::Taken& taken, bool is_refused);
  void apply_row(LinkId link, Entry& entry, const Item& item, sync::Taken& taken);
  void store_applied(Entry& entry, std::vector<Item>& items);
  void check_chains(LinkId link, Entry& entry, const std::vector<Item>& items, std::uint32_t chain,
                    sync::Taken& taken);
  sync::Outgoing read_nearest(Entry& entry, const VersionVector& since, std::uint64_t hint,
                              std::size_t bytes_max);
  sync::Outgoing read_recent(const Entry& entry, const VersionVector& since, std::uint64_t hint,
                             std::size_t bytes_max) const;
  sync::Outgoing read_whole(Entry& entry, const VersionVector& since) const;
  bool read_one_state(Entry& entry, const VersionVector& since, sync::Outgoing& out);
  sync::Outgoing read_store(const Entry& entry, const VersionVector& since,
                            std::size_t bytes_max) const;
  void send_rows(const Entry& entry, const VersionVector& since, std::size_t bytes_max,
                 const OutgoingRows& rows, sync::Outgoing& out) const;

  // --- identity ---
  bool is_former(ReplicaId replica) const;
  /// Former own replicas of which it is not known whether others have the same log.
  bool is_suspect(const Entry& entry, ReplicaId replica) const;
  /// Is a log being compared with that link's? Then its other deltas may stand on other operations than are here.
  bool is_in_doubt(const Entry& entry, LinkId link) const;
  /// The first operation with another content came: own edits from there on are made anew.
  Status rewrite(Entry& entry, ReplicaId replica, Seq from);
  void become(const StoreInfo& info, LinkId link, const std::string& why);
  void rewrite_unsent(ReplicaId former);
  Status load_settled();
  Seq settled_end(const Entry& entry) const;
  Seq known_elsewhere(const Entry& entry) const;
  Seq pending_end(const Entry& entry) const;
  bool has_met_others() const;
  void add_known_peers(NodeStatus& status) const;
  void met_for_the_first_time();
  void when_flushed(std::function<void(Status)> durable);
  void note_unsettled(Entry& entry);
  void note_settled(LogPosition position);
  Result<StoredState> state_to_keep(const Entry& entry) const;
  Status rewrite_suspects(Entry& entry, const VersionVector& theirs);
  Result<Bytes> made_anew(const Entry& entry, const VersionVector& theirs) const;
  void forked(LinkId link, Entry& entry, const Dot& first);
  void verified(Entry& entry, ReplicaId replica);
  void compared(LinkId link, Entry& entry, const Item& item);

  // --- links ---
  void touch_all();
  void wake_touched();
  void end_all(sync::ByeReason reason, const std::string& text);
  void end_doubles();
  void note_doubt(LinkId link, const DocumentId& document);
  void forget_doubts(LinkId link, const std::set<DocumentId>& documents);
  bool make_room_for_note();
  void store_first_meeting();
  void keep_presence_small();
  void after();
  void tell(NodeEvent event) const {
    if (options_.on_event) options_.on_event(event);
  }
  std::string link_name(LinkId link) const;

  Store& store_;
  Committer& committer_;
  Options options_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::uint64_t now_ms_ = 0;
  bool is_shut_down_ = false;
  Error broken_;  ///< why the store takes nothing any more

  ReplicaId replica_;
  std::uint64_t epoch_ = 0;
  LogPosition log_end_ = 1;
  std::vector<std::uint64_t> incarnations_;
  std::uint64_t set_key_ = 0;
  ReplicaId opened_as_;  ///< who wrote here when the node began
  /// What this device wrote as before others told that it was rolled back.
  std::vector<ReplicaId> former_;
  std::ptrdiff_t older_ = 0;  ///< how many of these were so before the node began
  bool is_changing_ = false;

  std::unordered_map<DocumentId, Entry, DocumentHash> entries_;
  std::unordered_set<DocumentId, DocumentHash> open_ids_;
  // The set of documents as it is durable, but for those in unsummed_: a keystroke changes it, and seldom somebody looks.
  sync::SetSketch sketch_{0};
  sync::Digest sum_;
  std::vector<Entry*> unsummed_;  ///< entries stay where they are, and for good
  std::uint64_t use_count_ = 0;
  std::uint64_t open_bytes_ = 0;
  std::uint64_t cache_hits_ = 0;
  std::uint64_t cache_misses_ = 0;
  std::uint64_t next_watcher_ = 0;
  /// Where the numbers of an opening's recent deltas begin: a session's hint must not outlive the opening that it
  /// is of.
  std::uint64_t next_recent_ = 1;
  std::deque<DocumentId> with_pending_;  ///< those in which deltas wait for others

  Flight next_;
  std::size_t flights_ = 0;
  std::size_t jobs_ = 0;
  std::size_t unsaved_bytes_ = 0;
  std::size_t unsaved_records_ = 0;
  std::map<DocumentId, std::uint64_t> coalescing_;  ///< own edits, sent at that time

  std::unordered_map<ReplicaId, PeerNote> notes_;
  std::unordered_set<ReplicaId> changed_notes_;
  /// Documents in which own operations are durable that nobody has confirmed, and since when, about (1970).
  std::unordered_map<DocumentId, std::uint64_t, DocumentHash> unsettled_;
  /// It had met nobody when the node began: nothing of what it held then is known to be anywhere else.
  bool was_alone_ = false;
  std::uint64_t notes_flushed_ms_ = 0;
  struct WaitingEviction {
    DocumentId document;
    std::uint64_t until_ms = 0;
    std::function<void(Status)> done;
  };
  static constexpr std::uint64_t kEvictionWaitMs = 2'000;
  std::vector<WaitingEviction> evictions_;  ///< until linked devices have said what they hold
  std::uint64_t retained_ms_ = 0;           ///< retention time
  std::uint64_t time_noted_ms_ = 0;         ///< when it was noted last
  bool was_time_noted_ = false;
  bool is_meeting_durable_ = false;  ///< the store knows that this device has met another
  bool is_meeting_on_its_way_ = false;
  /// Transfers that broke off; for a while.
  struct Partials {
    std::vector<sync::Part> parts;
    std::size_t bytes = 0;
    std::size_t large_bytes = 0;  ///< beside these, of a state larger than other transfers
    std::uint64_t kept_ms = 0;
  };
  std::map<ReplicaId, Partials> partials_;

  struct Link {
    std::string name;
    bool dialled = false;
    bool is_woken = true;
    std::unique_ptr<sync::Session> session;
    /// Own documents that are opened for what the other end says of them.
    sync::Budget looks{4'096, 2'048};
    std::set<DocumentId> doubted_in;  ///< whose entries speak of this link
    // Another link to the same device: what both had received when that was noticed. See end_doubles().
    LinkId double_of = 0;
    std::uint64_t received_here = 0;
    std::uint64_t received_there = 0;
  };
  std::map<LinkId, Link> links_;
  ClockCorrection clock_;
  LinkId next_link_ = 1;
  std::vector<LinkId> touched_;       ///< whose sessions may have something to send now
  std::optional<sync::Bye> end_all_;  ///< as soon as no session is running
  std::vector<std::pair<LinkId, sync::Bye>> to_end_;
  std::vector<DocumentId> maybe_empty_;  ///< closed with nothing in them
  std::vector<std::pair<DocumentId, LinkId>> to_advance_;
  std::vector<std::pair<DocumentId, LinkId>> to_release_;  ///< link 0: all
  std::vector<DocumentId> changed_status_;
  std::vector<std::pair<sync::Presence, LinkId>> presence_out_;

  struct Present {
    std::uint64_t age = 0;
    std::uint64_t expires_ms = 0;
    LinkId link = 0;  ///< that brought it first; 0: this device's own
    Bytes data;
  };
  std::map<std::pair<DocumentId, ReplicaId>, Present> presence_;
  std::uint64_t presence_age_ = 0;
  std::map<LinkId, std::size_t> present_of_;  ///< how many a link has brought

  // What strangers can make this device do, however many links they use. (docs/adr/0019)
  static constexpr std::uint64_t kIdentityCost = 10;
  sync::Budget identity_budget_{3 * kIdentityCost, 1};  ///< 3 at once, then one in ten minutes
  sync::Budget notes_budget_{256, 60};                  ///< of peers that were not known
  sync::PeerBudgets strangers_budgets_{8};
  std::unordered_map<ReplicaId, sync::PeerBudgets> budgets_;

  std::vector<ForkReport> forks_;
  /// Of documents: a state that could not be gone on from, and who sent it. See is_trimmed_apart().
  struct Apart {
    std::string other;
    VersionVector version;
  };
  std::map<DocumentId, Apart> trimmed_apart_;
};

}  // namespace weft
