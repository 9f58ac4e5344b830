#pragma once
// Node: one device without its sockets: documents, store, and a session for each link. It does no I/O of
// its own but reading the store: messages are handed in and polled, batches go to a Committer, time is told.
// The daemon (peer/) and the simulator (tests/sim) drive the same Node.
//
//   link --receive()--> session --> document (applied) --> Committer --> store (durable)
//   link <---poll()---- session <-- what is sendable: own deltas once durable, others' once applied
//
// Invariants
//   I1  An own delta is sent to nobody before it is durable, and on no link before both ends have
//       found that neither was rolled back or cloned.
//   I2  What is told as held (Have, Ack, Mark, cursors) is durable.
//   I3  A document that is open holds what the store has of it, and what is on its way there.
//   I4  Of a replica with two histories in a document nothing more is taken in that document.
//
// Threads: none of its own; one thread at a time may use a Node. Nothing blocks but reads of the store.
//
// Source: design.md sections 7 and 8.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crdt/document/document.h"
#include "crdt/sync/message.h"
#include "peer/committer.h"
#include "peer/node_status.h"
#include "storage/documents.h"

namespace weft {

struct LinkOptions {
  bool dialled = false;  ///< this end made the link
  std::string name;      ///< for people: "tcp:10.0.0.7:7400"
};

class Node {
 public:
  struct Options {
    /// Milliseconds since 1970, for the times of edits and for comparing clocks.
    std::function<std::uint64_t()> wall_ms;
    /// Earlier times mean that a clock was never set: edits are of unknown time then.
    std::uint64_t clock_floor_ms = 0;
    std::function<std::uint64_t()> random;
    /// Called when poll() may have something for this link, or it is to be closed.
    std::function<void(LinkId)> wake;
    std::function<void(const NodeEvent&)> on_event;
    std::string agent = "weft";  ///< told to the other ends
    const Compressor* compressor = nullptr;
    std::size_t open_documents_max = 128;  ///< least recently used ones are closed beyond
    std::size_t open_bytes_max = std::size_t{256} << 20;   ///< of their states, about
    std::size_t pending_bytes_max = std::size_t{4} << 20;  ///< of a document, as DocumentOptions
    std::uint64_t credit_bytes = std::uint64_t{1} << 20;   ///< a link's window
    std::size_t commit_bytes_max = std::size_t{32}
                                   << 20;  ///< waiting for the store: beyond, no credit
    std::uint64_t coalesce_ms = 0;  ///< own edits wait so long for others before they are sent
    std::uint64_t heartbeat_ms = 5'000;
    std::uint64_t timeout_ms = 20'000;  ///< without a message the link is closed
  };
  /// @param store, committer  must outlive the node; all writing goes through the committer
  /// @errors those of Store::documents
  static Result<std::unique_ptr<Node>> open(Store& store, Committer& committer, Options options);
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;
  ~Node();

  // --- links ---
  LinkId add_link(LinkOptions options);
  /// A message that came. What may not come ends the link: see ended().
  void receive(LinkId link, sync::Envelope envelope);
  /// Bytes came that are no message.
  void receive_garbage(LinkId link, const Error& error);
  /// The next message to send; nullopt: nothing now.
  std::optional<sync::Envelope> poll(LinkId link);
  /// Is the link to be closed, once poll() has nothing more? Says why.
  std::optional<sync::Bye> ended(LinkId link) const;
  /// The link is gone; its id is not used again.
  void remove_link(LinkId link);

  /// Lets time pass. @param monotonic_ms  of any begin, never goes back; call it every 20 to 100 ms
  void tick(std::uint64_t monotonic_ms);

  /// Whoever keeps the store has found that nothing which is written to it lasts.
  void fail_store(const Error& why);
  /// Ends all links cleanly: what can be polled is sent, then Bye. Edits are refused from here on.
  void shut_down();
  /// Is everything that was edited or received durable?
  bool is_flushed() const;

  // --- documents ---
  ReplicaId replica() const;
  std::vector<DocumentOverview> documents() const;  ///< sorted by id
  /// Reads; valid until the next call of this node. @errors as open_latest; kNotFound, kNotKept
  Result<const Document*> read(const DocumentId& id);
  /// Edits, making the document where there is none. Visible at once, sent and acknowledged when durable.
  /// @param durable  called when it is, or with why it is not; it is tried again while it can pass
  /// @errors those of `body`; kReadOnly: shut down; kNotKept
  Result<Commit> edit(const DocumentId& id, const std::function<Status(Transaction&)>& body,
                      std::function<void(Status)> durable = nullptr,
                      TransactionOptions transaction = {});
  /// The same for a body that reads the document while it edits.
  Result<Commit> edit_reading(const DocumentId& id,
                              const std::function<Status(const Document&, Transaction&)>& body,
                              std::function<void(Status)> durable = nullptr,
                              TransactionOptions transaction = {});
  /// Takes another's delta that came by no link: an import that seeds a document. Makes the document where there
  /// is none; what is known already changes nothing. @param durable  as for edit
  /// @errors kReadOnly, kNotKept; those of Document::apply
  Status apply(const DocumentId& id, Bytes delta, std::function<void(Status)> durable = nullptr);
  /// Undoes this node's last edit of a document, as Document::undo.
  Result<UndoReport> undo(const DocumentId& id, std::function<void(Status)> durable = nullptr);
  /// Every patch of a document, own edits included. The document is kept open as long as it is observed.
  Result<Observer> observe(const DocumentId& id, std::function<void(const Patch&)> callback);
  /// Evicts, deletes (everywhere), restores from the trash, settles as live what is contested, or keeps again.
  /// Deleting gives nothing up, and deletes nothing that this device has not seen.
  /// @errors kInvalidArgument: a deleted document can't be evicted; kNotKept: a purged one can't be restored;
  ///         kNotFound: nothing of what is to be deleted is here;
  ///         kNotKept: no linked device that this one may rely on is known to keep all of it: the message says how
  ///         much, and who lacks it (unless `how` is kUnconditionally)
  enum class Evict : std::uint8_t { kIfKeptElsewhere, kUnconditionally };
  void set_status(const DocumentId& id, DocumentStatus status, std::function<void(Status)> done,
                  Evict how = Evict::kIfKeptElsewhere);
  /// What is contested of a document: deleted by somebody, edited by somebody else. nullopt: nothing.
  Result<std::optional<Contested>> contested(const DocumentId& id);
  /// Purges every document in the trash whose time has run. @param done  how many were
  void empty_trash(std::function<void(Status, std::size_t)> done);
  /// Trims the history of a document below what it holds now.
  void trim(const DocumentId& id, std::function<void(Status)> done);

  // --- presence ---
  /// Says what this device does in a document; passed on to all, gone after `ttl_ms` unless said again.
  /// @errors kTooLarge
  Status set_presence(const DocumentId& id, ByteSpan data, std::uint32_t ttl_ms);
  std::vector<PresenceEntry> presence(const DocumentId& id) const;

  // --- looking ---
  NodeStatus status() const;
  /// Of one document, link by link. @errors kNotFound
  Result<DocumentSyncStatus> sync_status(const DocumentId& id) const;
  /// The own edits of a document that no other device is known to have, oldest first; durable ones only.
  /// @errors kNotFound; those of reading the store. @cost  O(these and all that came since)
  Result<std::vector<PendingChange>> pending_changes(const DocumentId& id) const;
  /// Which frames of links may hold how much, for tests: aborts where an invariant is broken.
  void check_invariants() const;

 private:
  class Impl;
  explicit Node(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace weft
