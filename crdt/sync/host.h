#pragma once
// SyncHost: what a session asks of the device that it runs on, and what it tells it. peer/node.h implements
// it on documents and a store; tests implement it on less.
//
// Everything is asked and told on one thread. Nothing here may call back into a session.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "crdt/sync/budget.h"
#include "crdt/sync/message.h"
#include "crdt/sync/set_sketch.h"

namespace weft::sync {

using LinkId = std::uint32_t;

/// What is remembered of another device.
struct KnownPeer {
  std::uint64_t epoch = 0;
  std::uint64_t position = 0;     ///< of its log: everything below is here
  std::uint64_t incarnation = 0;  ///< the newest that it has shown
};

/// What can be sent of a document now.
struct Outgoing {
  std::vector<Bytes>
      deltas;  ///< deltas, bundles or history files, dependencies first; or one state
  bool is_state = false;
  std::uint32_t chain = 0;  ///< as Deltas::chain
  std::uint64_t hint = 0;   ///< for the next read of this document on this link
  VersionVector reached;    ///< what the other end has once it has these
  bool more = false;        ///< it did not all fit
};

/// What became of deltas that came.
struct Taken {
  VersionVector shown;  ///< what the sender has shown to have
  std::uint32_t applied = 0;
  std::uint32_t duplicates = 0;
  std::uint32_t refused = 0;
  bool has_gap = false;  ///< some wait for others, or were dropped: ask again if nothing comes
  /// Ask for these logs from these operations on, known or not.
  std::vector<LogRequest> doubtful;
  Error broken;  ///< bytes that are no delta: the link is to be closed
};

/// What the device makes of what the other end says it holds of a document.
struct Judgement {
  bool rolled_back =
      false;  ///< the other end knows own operations that are not here: rolled_back() was done
  bool hold = false;     ///< send nothing of it until the logs asked for have come
  bool unclear = false;  ///< the same, until they say their chain hashes
  std::vector<LogRequest> doubtful;
};

class SyncHost {
 public:
  virtual ~SyncHost() = default;

  // --- this device ---
  virtual std::uint64_t now_ms() const = 0;  ///< monotonic
  virtual std::uint64_t wall_ms() const = 0;
  /// All but the credit.
  virtual Hello greeting() = 0;
  virtual std::uint64_t log_end() const = 0;
  /// Too much waits for the store: no credit is given.
  virtual bool is_congested() const = 0;
  /// May a link hold so much more of transfers that are not complete?
  virtual bool may_buffer(std::size_t more_bytes) const = 0;
  /// Do all links together remember no more documents and log ends of which nothing is here than they may?
  virtual bool may_remember() const = 0;

  // --- other devices ---
  virtual KnownPeer known_peer(ReplicaId replica) const = 0;
  /// What that device may ask for. Those that this one has never been in step with share one.
  virtual PeerBudgets& budgets_of(ReplicaId replica) = 0;
  virtual void met(ReplicaId replica, std::uint64_t epoch, std::uint64_t incarnation) = 0;
  /// Everything that was taken so far, once durable, covers that log below `position`.
  virtual void reached(ReplicaId replica, std::uint64_t epoch, std::uint64_t position) = 0;
  /// Another device has seen what this one wrote and no longer has.
  virtual void rolled_back(LinkId link, const std::string& why) = 0;
  /// Transfers of a link to that replica that broke off, to go on with.
  virtual std::vector<Part> take_partials(ReplicaId replica) = 0;
  virtual void keep_partials(ReplicaId replica, std::vector<Part> partials) = 0;

  // --- the set of documents, as it is durable ---
  // What is summed up may be brought up to date only when it is asked for.
  virtual std::uint64_t document_count() = 0;  ///< without evicted ones
  virtual Digest sum() = 0;
  /// Nothing: nothing was ever held of it.
  virtual std::optional<HeldAs> held_as(const DocumentId& document) const = 0;
  virtual VersionVector durable_version(const DocumentId& document) const = 0;
  /// What read() could send to one who has nothing.
  virtual VersionVector sendable_version(const DocumentId& document) const = 0;
  /// Nothing of it is here, whatever was said of it.
  virtual bool is_unknown(const DocumentId& document) const = 0;
  virtual Digest digest(const DocumentId& document) = 0;
  /// Those not evicted. The sketch is keyed by the greeting's set_key.
  virtual SetSketch& sketch() = 0;
  virtual void for_each_document(
      const std::function<void(const DocumentId&, const Digest&)>& visit) = 0;
  virtual void for_each_evicted(const std::function<void(const DocumentId&)>& visit) const = 0;
  /// Those in which this device wrote, lately or as an earlier replica, what others may know with another content: to
  /// be spoken of on every link, whatever sums and cursors say.
  virtual void for_each_doubtful(const std::function<void(const DocumentId&)>& visit) const = 0;
  /// Documents of which something came into the log at `position` or behind it; each at least once.
  virtual void changed_since(std::uint64_t position,
                             const std::function<void(const DocumentId&)>& visit) const = 0;

  // --- documents ---
  /// What to say in a Have. @param thorough  chain hashes too, also where it is not open
  virtual HeldDocument describe(const DocumentId& document, bool thorough) = 0;
  virtual Judgement judge(LinkId link, const HeldDocument& theirs) = 0;
  /// What is here and durable, or another's and applied, and not in `since`.
  /// @param hint       that of the last read with this `since`, 0 where it went back
  /// @param bytes_max  about; at least one delta is read
  /// @param one_state  where a state has to be sent, let it show all that is here: they could not go on from the one
  ///                   that lies here, having trimmed what that lacks
  virtual Outgoing read(const DocumentId& document, const VersionVector& since, std::uint64_t hint,
                        std::size_t bytes_max, bool one_state) = 0;
  /// Of how many operations `since` lacks what could be sent.
  virtual std::uint64_t count_beyond(const DocumentId& document, const VersionVector& since) = 0;
  virtual Taken take(LinkId link, const DocumentId& document, std::vector<Bytes> deltas,
                     std::uint32_t chain) = 0;
  virtual Taken take_state(LinkId link, const DocumentId& document, Bytes payload) = 0;
  /// The other end has stored what this device's replica wrote, up to `end`.
  virtual void confirmed(const DocumentId& document, Seq end) = 0;
  /// Merges what they know of deletions, once that is durable.
  virtual void take_deletion(LinkId link, const HeldDocument& theirs) = 0;
  /// Of a document that was purged here, and that they hold: is some of it beyond its deletion? Then it is kept again
  /// from here on, which document_changed_status() tells.
  virtual void take_offer(LinkId link, const HeldDocument& theirs) = 0;
  /// Is more known here of deletions of that document than they said?
  virtual bool knows_more_of_deletion(const HeldDocument& theirs) const = 0;
  /// Is something held, durable, that no deletion had seen?
  virtual bool holds_beyond_deletion(const DocumentId& document) const = 0;
  virtual void take_presence(LinkId link, const Presence& presence) = 0;

  // --- for people ---
  virtual void caught_up(LinkId link) = 0;  ///< both ends hold the same
  virtual void diverged(LinkId link) = 0;   ///< they don't, though everything was sent
  virtual void met_clock(LinkId link, std::int64_t skew_ms) = 0;
};

}  // namespace weft::sync
