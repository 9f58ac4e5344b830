#pragma once
// What a Node tells of itself: plain values for status commands, metrics, logs and tests.

#include <cstdint>
#include <string>
#include <vector>

#include "crdt/sync/message.h"
#include "storage/record.h"

namespace weft {

using LinkId = std::uint32_t;

struct NodeEvent {
  enum class Kind : std::uint8_t {
    kLinkUp,         ///< both ends know each other
    kLinkDown,       ///< text: why
    kCaughtUp,       ///< both ends of a link hold the same
    kDocumentAdded,  ///< came from a link
    kDocumentDeleted,  ///< somebody deleted it; count: operations that the deletion had not seen: not 0: contested
    kDocumentRestored,  ///< one that was deleted shows again: somebody edited, or restored it
    kDocumentPurged,    ///< its time in the trash has run
    kDeltaRefused,      ///< text: which and why
    kReplicaForked,     ///< one dot has two contents: replica, document, text names both sources
    kTrimmedApart,  ///< this device and another have each trimmed what the other lacks: document, text names it
    kIdentityChanged,  ///< this device was rolled back or cloned; replica: what it writes as now
    kEditsRewritten,   ///< own edits whose dots were used already were made anew; count: operations
    kClockSkew,        ///< count: milliseconds that the other clock differs
    kClockCorrected,  ///< count: milliseconds by which edits are stamped beside this device's clock
    kStoreFailed,     ///< text: why nothing is stored any more
    kDiverged,        ///< sums differ though everything was sent: compared from scratch
    kPending,         ///< a document has own edits that no other device is known to have
    kSettled,         ///< it has none any more
    kClaimRefused,  ///< a link says that this device was rolled back; too many have said so lately
  };
  Kind kind = Kind::kLinkUp;
  LinkId link = 0;
  DocumentId document;
  ReplicaId replica;
  std::uint64_t count = 0;
  std::string text;
};
const char* event_name(NodeEvent::Kind kind);

enum class LinkState : std::uint8_t {
  kGreeting,    ///< the other end has not said who it is
  kCatchingUp,  ///< finding out and sending what differs
  kLive,        ///< nothing is known to differ but what is on its way
  kEnded,
};

struct LinkStatus {
  LinkId link = 0;
  std::string name;
  bool dialled = false;
  LinkState state = LinkState::kGreeting;
  ReplicaId replica;  ///< of the other end
  std::string agent;
  std::uint64_t documents_to_send = 0;
  std::uint64_t documents_awaited = 0;  ///< asked for, no answer yet
  std::uint64_t behind_operations = 0;  ///< that the other end said it has and that are not here
  std::uint64_t unacknowledged_operations = 0;  ///< sent, not known to be durable there
  std::uint64_t bytes_sent = 0;                 ///< charged bytes
  std::uint64_t bytes_received = 0;
  std::uint64_t messages_sent = 0;
  std::uint64_t messages_received = 0;
  std::uint64_t credit_bytes = 0;  ///< that may be sent
  std::uint64_t duplicates = 0;    ///< deltas that were known
  std::uint64_t refused = 0;
  std::uint64_t synced_ms_ago = 0;  ///< since both were last known to hold the same; ~0: never
  std::int64_t clock_skew_ms = 0;   ///< the other clock minus this one
  std::string words;  ///< the state for people: "behind by 214 operations, waiting for a1:77"
};

struct ForkReport {
  DocumentId document;
  ReplicaId replica;
  Seq seq = 0;             ///< the first operation with two contents
  std::string held_from;   ///< where what is held here came from
  std::string other_from;  ///< who has the other
};

/// A document of which this device and another have each trimmed what the other lacks. A state has no deltas, so neither can
/// go on from the other's; who has both, in whatever form, brings them together.
struct TrimReport {
  DocumentId document;
  std::string other;  ///< who has the other state
};

/// Another device that was met, perhaps long ago.
struct KnownPeer {
  ReplicaId replica;
  std::uint64_t seen_ms = 0;  ///< when it was met last, since 1970
  bool is_linked = false;
};

struct NodeStatus {
  ReplicaId replica;
  std::uint64_t documents = 0;
  std::uint64_t open_documents = 0;
  std::uint64_t open_bytes = 0;  ///< about
  std::uint64_t cache_hits = 0;  ///< documents asked for that were open
  std::uint64_t cache_misses = 0;
  std::uint64_t pending_deltas = 0;   ///< received, waiting for others
  std::uint64_t unsaved_records = 0;  ///< not durable yet
  std::uint64_t unsaved_bytes = 0;
  std::string store_error;  ///< empty: none
  std::int64_t clock_offset_ms =
      0;  ///< added to this device's clock: several others agree that it is off
  std::vector<LinkStatus> links;
  std::vector<ForkReport> forks;
  std::vector<TrimReport> trimmed_apart;
  std::vector<KnownPeer> known_peers;  ///< the one met last first
  /// Own edits that no other device is known to have: that the node is not *in step* (docs/glossary.md).
  std::uint64_t pending_documents = 0;
  std::uint64_t pending_operations = 0;
  std::uint64_t oldest_pending_ms = 0;  ///< how old the oldest is, about; 0: none is pending
};

struct DocumentOverview {
  DocumentId document;
  DocumentStatus status = DocumentStatus::kLive;
  VersionVector version;  ///< durable
  bool is_open = false;
  bool is_contested = false;  ///< shown as live; see contested()
};

/// One document as one link sees it.
struct DocumentLinkStatus {
  LinkId link = 0;
  std::string name;
  std::uint64_t to_send_operations = 0;
  std::uint64_t unacknowledged_operations = 0;
  std::uint64_t behind_operations = 0;
  std::string words;
};

/// How a document stands to other devices, as an application shows it.
enum class SyncState : std::uint8_t {
  kSynced,   ///< another device is known to have all that was edited here
  kPending,  ///< some of it is on its way
  kOffline,  ///< no other device is linked; what is edited goes out with the next link
};
const char* state_name(SyncState state);

/// An own edit that no other device is known to have.
struct PendingChange {
  Dot first;
  Seq op_count = 0;
  std::uint64_t committed_at_ms = 0;  ///< since 1970
  std::string message;
};

struct DocumentSyncStatus {
  DocumentOverview overview;
  SyncState state = SyncState::kSynced;
  std::uint64_t pending_operations = 0;  ///< own ones that no other device is known to have
  std::uint64_t synced_at_ms = 0;  ///< when there were none last, since 1970, about; 0: not known
  std::uint64_t unsaved_operations = 0;
  bool is_trimmed_apart = false;  ///< see TrimReport
  std::vector<Dot> waiting_for;   ///< that deltas which came lack
  std::vector<DocumentLinkStatus> links;
  std::string words;
};

struct PresenceEntry {
  ReplicaId replica;
  std::uint64_t expires_in_ms = 0;
  Bytes data;
};

}  // namespace weft
