#pragma once
// Session: one end of a link, without the link. Messages go in (receive) and are asked for (poll), time is
// told (tick); what the device has and does is behind SyncHost. Nothing here blocks, sleeps or draws.
//
//   Greeting    Hello <-> Hello, Welcome <-> Welcome: who is it, was one of us rolled back, who knows
//               whose log up to where
//   CatchingUp  both know the other's log: each names (Have) the documents that changed since.
//               Else, where the sums differ: the end that dialled asks for symbols of the other's set,
//               decodes what differs and names that. Then AllAnnounced.
//   Live        what becomes sendable is sent
//
// One mechanism sends everything: for each document that was spoken of, `theirs` says what the other end
// has or was sent; whatever the device has beyond it is read and sent, as credit allows. There is no queue of
// messages, only one of documents. Catching up is a large difference, a keystroke a small one.
//
// Invariants
//   S1  Data is sent only for documents of which the other end has said what it holds.
//   S2  Envelopes are numbered without gap; one that is missing ends the link. A duplicate is dropped.
//   S3  A Mark with a position is sent only when all that lies below it was sent before.
//   S4  Memory is bounded by the limits of message.h, four transfers, and the documents that are here. What
//       the other end may make this one do beyond that draws on budgets (docs/adr/0019).
//   S5  What is durable at both ends is known to be so at both ends, soon after nothing else is on its way.
//   S6  No data is sent before the other end has said what it has of each document in which this device's own
//       operations are in doubt: that may show that it was rolled back, in another document than is sent.
//
// What others wrote goes to the other end at once, until that says that it had it already: then it gets that
// writer's operations sooner from somebody else (Prune), and they are held back for a while. An Ack, or a Mark
// with an equal sum, shows that they did come; else they are sent, and go at once from then on.
//
// What came on this link is acknowledged at once, when it is durable. Of the rest Marks tell (marks.cc), and Acks of many
// edits together where they do not.
//
// A link that ended is over: poll() gives what is left, last a Bye; then ended() says why.
//
// Source: design.md section 8.

#include <cstdint>
#include <cstring>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "crdt/sync/budget.h"
#include "crdt/sync/digest.h"
#include "crdt/sync/host.h"
#include "crdt/sync/transfer.h"

namespace weft::sync {

struct DocumentIdHash {
  std::size_t operator()(const DocumentId& id) const noexcept {
    std::uint64_t a = 0;
    std::uint64_t b = 0;
    std::memcpy(&a, id.bytes.data(), 8);
    std::memcpy(&b, id.bytes.data() + 8, 8);
    return static_cast<std::size_t>(a ^ (b * 0x9e37'79b9'7f4a'7c15));
  }
};

class Session {
 public:
  struct Options {
    LinkId link = 0;
    bool dialled = false;
    std::uint64_t credit_bytes = std::uint64_t{1} << 20;
    std::uint64_t heartbeat_ms = 5'000;
    std::uint64_t timeout_ms = 20'000;
    std::uint64_t ack_delay_ms = 100;
    // In hundredths of a heartbeat: a Mark with an equal sum makes both needless.
    std::uint64_t tell_delay = 110;   ///< an Ack that nobody waits for
    std::uint64_t relay_delay = 150;  ///< what the other end gets from somebody else
    std::uint64_t retry_ms = 2'000;   ///< asks again for what does not come, at first
  };
  enum class Phase : std::uint8_t { kGreeting, kCatchingUp, kLive, kEnded };

  Session(SyncHost& host, Options options);

  void receive(Envelope envelope);
  std::optional<Envelope> poll();
  void tick();
  /// Ends the link: what the control queue holds is sent, then Bye.
  void end(ByeReason reason, std::string text);
  std::optional<Bye> ended() const;

  // --- told by the host ---
  /// There is more of it that can be sent.
  void document_advanced(const DocumentId& document);
  /// More of it is durable.
  void document_durable(const DocumentId& document);
  /// It was evicted, deleted, purged, or is kept again, or more is known of its deletion: say so.
  void document_changed_status(const DocumentId& document);
  void send_presence(const Presence& presence);
  /// Its logs that were in doubt are the same at both ends now.
  void release(const DocumentId& document);
  /// A link of this device has gone: whoever left something to it sends that again.
  void want_everything();
  /// Has poll() anything to give? May say yes in vain, never no.
  bool wants_poll() const { return wants_poll_; }

  // --- looking ---
  struct Counters {
    std::uint64_t bytes_sent = 0;
    std::uint64_t bytes_received = 0;
    std::uint64_t messages_sent = 0;
    std::uint64_t messages_received = 0;
    std::uint64_t duplicates = 0;
    std::uint64_t refused = 0;
  };
  LinkId link() const { return options_.link; }
  Phase phase() const { return phase_; }
  const Counters& counters() const { return counters_; }
  const std::optional<Hello>& other() const { return hello_; }
  std::uint64_t credit() const;
  std::size_t documents_to_send() const {
    return queue_.size() + to_transfer_.size() + (outgoing_ ? 1 : 0);
  }
  std::size_t documents_awaited() const { return awaited_ + to_announce_.size(); }
  /// When both were last known to hold the same.
  std::optional<std::uint64_t> agreed_at_ms() const { return agreed_at_ms_; }
  std::int64_t clock_skew_ms() const { return clock_skew_ms_; }
  /// Of transfers that are not complete.
  std::size_t buffered_bytes() const { return incoming_.bytes(); }
  /// Of these, of a state larger than other transfers may be.
  std::size_t large_state_bytes() const { return incoming_.large_bytes(); }
  /// What was named on this link and is not here.
  std::size_t unknown_documents() const { return unknown_documents_; }
  std::size_t unknown_ends() const { return unknown_ends_; }
  /// Both ends know who the other is.
  bool is_greeted() const { return greeted(); }
  bool is_known(const DocumentId& document) const { return documents_.contains(document); }
  /// What the other end has said to hold, durable; null: nothing was said.
  const VersionVector* held_there(const DocumentId& document) const;
  /// Is it kept there, neither evicted nor purged, as far as was said?
  bool is_kept_there(const DocumentId& document) const;
  /// The same, with what was sent.
  const VersionVector* sent_there(const DocumentId& document) const;
  void for_each_known(
      const std::function<void(const DocumentId&, const VersionVector& held)>& visit) const;

 private:
  /// A document that was spoken of on this link.
  struct Shared {
    VersionVector theirs;  ///< what they hold or were sent
    VersionVector held;    ///< what they said is durable there
    VersionVector told;    ///< what we said last
    VersionVector
        acked;  ///< what we have shown to hold: by Acks, sums, the last Have, or by sending it
    VersionVector brought;  ///< what came on this link and is to be acknowledged once it is durable
    std::optional<std::uint32_t> number_out;
    std::optional<std::uint32_t> number_in;
    std::uint64_t hint = 0;  ///< of the last read
    VersionVector stated;    ///< what they had when a state was sent to them last
    VersionVector resend;    ///< logs to send again: for each replica 1 + the first operation
    std::uint32_t unknown_ends = 0;  ///< in `held`, of writers of whom nothing is here
    HeldAs as = HeldAs::kLive;
    bool is_unknown = false;      ///< counted in unknown_documents_
    bool is_to_announce = false;  ///< in to_announce_
    bool is_to_answer = false;    ///< there before those that wait to be named
    bool announce_wants_answer = false;
    bool is_to_tell_all = false;  ///< by the next Ack, not only what was brought
    bool is_theirs_known = false;
    bool was_told = false;
    bool was_told_chains = false;   ///< as far as they are held
    bool was_asked_chains = false;  ///< what they did not say then can't be had
    bool is_awaited = false;
    bool is_queued = false;
    bool is_held_back = false;
    std::uint64_t ask_at_ms = 0;  ///< 0: nothing to ask for
    std::uint32_t asked_count = 0;
    // They have less than they had, or want a log again: ever more rarely, if they do that again and again.
    std::uint32_t lowered_count = 0;
    std::uint64_t lowered_ms = 0;
    std::uint64_t not_before_ms = 0;
  };
  /// What of a document is left to others to send.
  struct HeldBack {
    std::uint64_t until_ms = 0;
    VersionVector version;  ///< what was left out when it began
  };

  // session.cc
  void on(Hello&& hello);
  void on(Welcome&& welcome);
  void on(Bye&& bye);
  void on(Credit&& credit);
  void on(Ack&& ack);
  void on(Presence&& presence);
  void on(Prune&& prune);
  void put(Message message);
  Envelope sealed(Message message);
  void fail(const std::string& text) { end(ByeReason::kProtocol, text); }
  bool may_spend(Budget& budget, std::uint64_t amount, const char* what);
  bool greeted() const { return hello_.has_value() && welcome_.has_value(); }
  void give_credit();
  std::optional<Message> due_ack();
  std::optional<Message> make_ack();
  void tell_now();
  void add_ends(const DocumentId& document, Shared& shared, Ack& ack);
  void tell_later(const DocumentId& document);
  Shared& shared_of(const DocumentId& document);
  void count_unknown(const DocumentId& document, Shared& shared);
  void note_answered(const DocumentId& document);
  void ask_again();
  void note_progress(Shared& shared);
  bool is_waiting() const;
  std::uint64_t tell_pause_ms() const { return options_.heartbeat_ms * options_.tell_delay / 100; }

  // marks.cc
  void on(Mark&& mark);
  bool is_drained() const;
  Mark make_mark() const;
  bool mark_is_due() const;
  std::optional<Message> due_mark();
  void note_marked(const Digest& sum);
  void compare(const Mark& mark);
  void compare_with_last();
  bool is_summed(const DocumentId& document, const Shared& shared) const;
  void note_held(const DocumentId& document, const VersionVector& version);
  void note_told(const DocumentId& document, const VersionVector& version);
  void holds_the_same();
  void held_the_same();
  void note_agreed();

  // catch_up.cc
  void on(SymbolRequest&& request);
  void on(Symbols&& symbols);
  void on(NameRequest&& request);
  void on(Have&& have);
  void on(AllAnnounced&& all);
  void on(LogRequest&& request);
  void begin_catching_up();
  void begin_reconciling();
  void ask_for_symbols(std::size_t count);
  void announce_everything();
  void give_up_reconciling();
  void announce_difference();
  void announce(const DocumentId& document, bool wants_answer);
  void ask_for(const std::vector<LogRequest>& logs);
  bool may_name(const Shared& shared) const;
  std::optional<Message> due_have();
  void take_have(const HeldDocument& theirs);
  void take_purged(const HeldDocument& theirs, Shared& shared, std::optional<HeldAs> here,
                   bool knows_more);
  void check_caught_up();

  // send.cc
  void on(NameDocument&& name);
  void on(Deltas&& deltas);
  void on(State&& state);
  void on(Part&& part);
  void enqueue(const DocumentId& document, Shared& shared);
  void note_shown(Shared& shared, const VersionVector& reached);
  void note_lowered(Shared& shared);
  void note_duplicates(const Taken& taken);
  VersionVector without_held_back(const DocumentId& document, Shared& shared);
  Outgoing read(const DocumentId& document, Shared& shared);
  std::optional<Message> due_data();
  Message start_transfer(const DocumentId& document, std::uint32_t number, Bytes bytes,
                         bool is_state);
  void took(const DocumentId& document, Shared& shared, Taken taken);
  const DocumentId* numbered(std::uint32_t number);
  void deliver(std::uint32_t number, Bytes bytes, bool is_state);
  void ask_later(const DocumentId& document, Shared& shared);

  SyncHost& host_;
  const Options options_;
  Phase phase_ = Phase::kGreeting;
  bool wants_poll_ = true;
  std::optional<Bye> ended_;
  bool said_bye_ = false;
  Counters counters_;
  std::uint32_t sequence_out_ = 0;
  std::uint32_t sequence_in_ = 0;
  std::deque<Message> control_;

  std::optional<Hello> hello_;      ///< theirs
  std::optional<Welcome> welcome_;  ///< theirs
  Hello own_hello_;
  std::uint64_t own_cursor_ = 0;  ///< what we told them in our Welcome
  void note_clock(std::uint64_t time_ms);
  std::int64_t clock_skew_ms_ = 0;  ///< by the newest Hello or Mark

  std::uint64_t last_received_ms_ = 0;
  std::uint64_t last_sent_ms_ = 0;
  std::uint64_t last_mark_ms_ = 0;
  std::uint64_t last_ack_ms_ = 0;
  std::uint64_t last_data_ms_ = 0;  ///< received

  // credit, bytes from the link's begin
  std::uint64_t charged_out_ = 0;
  std::uint64_t credit_out_ = 0;
  std::uint64_t charged_in_ = 0;
  std::uint64_t granted_ = 0;

  // documents
  std::unordered_map<DocumentId, Shared, DocumentIdHash> documents_;
  std::vector<DocumentId> numbers_in_;   ///< by their numbers
  std::vector<DocumentId> numbers_out_;  ///< by ours
  std::deque<DocumentId> queue_;         ///< of which there may be something to send
  std::vector<DocumentId> to_transfer_;  ///< those that wait for the transfer to end
  std::deque<DocumentId> to_announce_;   ///< those that they have named first; some twice
  std::unordered_set<DocumentId, DocumentIdHash> to_ack_;
  std::unordered_set<DocumentId, DocumentIdHash>
      to_tell_;  ///< acknowledged when nothing else tells
  std::uint64_t tell_at_ms_ = 0;
  /// Writers whose operations the other end gets from somebody else; those of which it leaves them to others.
  std::unordered_set<ReplicaId> left_to_others_;
  std::unordered_set<ReplicaId> pruned_;
  bool wants_everything_ = false;  ///< to be said: want_everything()
  std::uint64_t prune_again_ms_ = 0;
  std::unordered_map<DocumentId, HeldBack, DocumentIdHash> held_back_;
  std::unordered_map<DocumentId, std::uint64_t, DocumentIdHash>
      delayed_;                                            ///< enqueued at that time
  std::unordered_set<DocumentId, DocumentIdHash> to_ask_;  ///< those with ask_at_ms
  std::size_t awaited_ = 0;

  // catching up
  struct Reconciling {
    SetDifference difference;
    std::unordered_map<std::uint64_t, DocumentId> names;
    std::uint64_t set_size = 0;
  };
  std::optional<Reconciling> reconciling_;
  std::uint64_t sketch_revision_ = 0;
  std::uint32_t restarts_ = 0;
  std::uint32_t name_requests_ = 0;
  bool answers_symbols_ = false;  ///< an answer waits in control_
  std::size_t unknown_documents_ = 0;
  std::size_t unknown_ends_ = 0;
  PeerBudgets* budgets_ = nullptr;  ///< the host's
  Budget presence_budget_;
  std::unordered_set<DocumentId, DocumentIdHash> doubtful_;  ///< of which nothing was said yet (S6)
  bool has_announced_ = false;  ///< everything of ours that may differ is in to_announce_ or was
  bool said_all_announced_ = false;
  bool heard_all_announced_ = false;
  std::unordered_set<DocumentId, DocumentIdHash> unshared_;  ///< evicted at one end
  bool is_rolled_back_ =
      false;  ///< they are: they write as another replica as soon as they hear of it

  // comparing sums
  std::optional<std::uint64_t> agreed_at_ms_;
  std::uint64_t activity_ = 0;  ///< data messages both ways
  std::uint64_t activity_at_mismatch_ = 0;
  Digest mismatch_here_;
  Digest mismatch_there_;
  std::uint32_t mismatches_ = 0;
  std::uint64_t compare_again_ms_ = 0;
  std::uint64_t compare_pause_ms_ = 0;
  std::uint64_t position_marked_ = 0;
  Digest sum_marked_;
  bool is_thorough_ =
      false;  ///< sums differ where versions don't: chain hashes are told from now on
  bool is_mark_wanted_ = false;  ///< something was said on this link since the last
  /// What was durable here when the last Mark was sent, of documents that were not known to be equal.
  struct Marked {
    std::optional<Digest> sum;
    std::vector<std::pair<DocumentId, VersionVector>> versions;
  };
  Marked marked_;
  /// Of which something became durable since both ends were known to hold the same.
  std::unordered_set<DocumentId, DocumentIdHash> unagreed_;
  std::optional<Digest> theirs_marked_;  ///< the sum of their last Mark
  std::uint64_t theirs_marked_ms_ = 0;
  bool is_to_compare_ = false;     ///< with that: something became durable since
  bool is_answer_wanted_ = false;  ///< they don't know yet that both hold the same

  // transfers
  std::optional<OutgoingTransfer> outgoing_;
  bool part_is_next_ = false;  ///< the transfer and the documents take turns
  IncomingTransfers incoming_;
};

}  // namespace weft::sync
