#pragma once
// Message: what two peers say to each other, as plain structs. How they lie on a wire is the business of
// transport/ (schema/session.capnp); the session (session.h) reads and writes only these.
//
//   both:      Hello, Welcome                       who I am; what I know of you
//   catch up:  Have for what changed, AllAnnounced   or, at first contact, SymbolRequest and Symbols
//   data:      NameDocument, then Deltas, State; what is large in Parts
//   control:   Ack, Mark, Credit, LogRequest, Presence, Prune, Bye
//
// Every message travels in an Envelope, numbered from 0 on by its sender. Data (Deltas, State, Part) costs
// byte credit, charge() bytes; everything else needs none.
//
// Limits are those of the struct `Limits`; a decoder checks them before it allocates, the session once more.
//
// Source: design.md section 8; Symbols: Yang et al. 2024, "Practical Rateless Set Reconciliation".

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "crdt/base/bytes.h"
#include "crdt/clock/deletion.h"
#include "crdt/clock/ids.h"
#include "crdt/clock/version_vector.h"
#include "crdt/document/document.h"

namespace weft::sync {

/// 2: what deletions had seen travels with what is held (1 gave up what somebody else had deleted).
inline constexpr std::uint16_t kProtocolVersion = 2;

/// What a message may hold. A message over one of these closes the link (kLimit).
struct Limits {
  static constexpr std::size_t kFrameBytes = std::size_t{256} << 10;  ///< memory: one frame
  static constexpr std::size_t kPartBytes = std::size_t{128}
                                            << 10;  ///< what is larger goes in parts
  static constexpr std::size_t kTransferBytes = std::size_t{64} << 20;  ///< memory: one transfer
  /// Memory: one state. It can't be cut, since a document begins with all of it; one at a time may be larger than other
  /// transfers are.
  static constexpr std::size_t kStateBytes = (std::size_t{1} << 30) + (std::size_t{1} << 20);
  static constexpr std::size_t kTransfers = 4;  ///< open at once on a link
  static constexpr std::size_t kIncarnations = 64;
  static constexpr std::size_t kAgentBytes = 64;
  static constexpr std::size_t kTextBytes = 512;  ///< of a Bye
  static constexpr std::size_t kSymbols = 4096;   ///< of one message
  static constexpr std::size_t kNames = 4096;
  static constexpr std::size_t kDocuments = 1024;  ///< of one Have
  static constexpr std::size_t kReplicas =
      8192;  ///< log ends of one Have together, those of deletions too
  static constexpr std::size_t kReplicasOfDeletion = 2;  ///< a deletion counts as so many more
  static constexpr std::size_t kDeltas = 4096;           ///< of one Deltas
  static constexpr std::size_t kAcks = 4096;
  static constexpr std::size_t kPresenceBytes = 1024;
  static constexpr std::size_t kNumberedDocuments = std::size_t{1} << 20;  ///< of one link
  /// Memory: documents that the other end has named and of which nothing is here, and log ends of writers of whom
  /// nothing is. Who sends waits before it names more (kNamedAhead).
  static constexpr std::size_t kUnknownDocuments = 32'768;
  static constexpr std::size_t kUnknownEnds = std::size_t{1} << 18;
  static constexpr std::size_t kNamedAhead = 8'192;
  static constexpr std::size_t kPruned =
      4'096;  ///< writers left to others; beyond, they come twice
};

/// What a transfer may have altogether.
constexpr std::size_t transfer_bytes_max(bool is_state) {
  return is_state ? Limits::kStateBytes : Limits::kTransferBytes;
}

/// A sum over the (document, version) pairs of a device, in 128 bits: equal sets have equal sums in
/// whatever order they were made.
struct Digest {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  friend bool operator==(const Digest&, const Digest&) = default;
};

/// The first thing that each end says.
struct Hello {
  std::uint16_t version_min = kProtocolVersion;  ///< protocol versions it speaks
  std::uint16_t version_max = kProtocolVersion;
  ReplicaId replica;               ///< who writes at this end
  std::uint64_t epoch = 0;         ///< of its log
  std::uint64_t log_end = 1;       ///< position behind the log's last record
  std::uint64_t set_key = 0;       ///< keys the symbols that this end makes
  std::uint64_t time_ms = 0;       ///< its clock, milliseconds since 1970
  std::uint64_t credit_bytes = 0;  ///< that the other end may send before the first Credit
  std::uint64_t document_count = 0;
  Digest sum;                               ///< over its documents
  std::vector<std::uint64_t> incarnations;  ///< one for each of its openings, the newest last
  std::string agent;                        ///< program and version, for people
  friend bool operator==(const Hello&, const Hello&) = default;
};

/// A transfer that broke off: how much of it is there.
struct Resumable {
  std::uint64_t transfer = 0;
  std::uint64_t received_bytes = 0;
  friend bool operator==(const Resumable&, const Resumable&) = default;
};

/// The answer to a Hello.
struct Welcome {
  std::uint16_t version = kProtocolVersion;  ///< that both speak from here on
  std::uint64_t known_incarnation = 0;       ///< the newest of yours that I have seen; 0: none
  std::uint64_t cursor =
      0;  ///< what your log has below this position I have; 0: I don't know your log
  std::vector<Resumable> resumable;
  friend bool operator==(const Welcome&, const Welcome&) = default;
};

enum class ByeReason : std::uint16_t {
  kDone = 0,             ///< a clean end
  kProtocol = 1,         ///< a message that may not come here, or makes no sense
  kLimit = 2,            ///< over a limit, or sent without credit
  kGarbage = 3,          ///< bytes that are no message
  kVersion = 4,          ///< no protocol version in common
  kIdentityChanged = 5,  ///< this end writes as another replica from now on: connect again
  kSelf = 6,             ///< both ends are the same device
  kTimeout = 7,          ///< nothing came for too long
  kLost = 8,             ///< a message is missing: connect again
  kOverloaded = 9,       ///< too many links
  kStore = 10,           ///< this end's store takes nothing any more
  kDouble = 11,          ///< another link between the same two devices stands
};
const char* reason_name(ByeReason reason);

/// The last message of a link.
struct Bye {
  ByeReason reason = ByeReason::kDone;
  std::string text;  ///< for people
  friend bool operator==(const Bye&, const Bye&) = default;
};

/// Asks the other end for coded symbols of its set, keyed by its set_key. The answer begins at 0 where the
/// set has changed since the symbols before `begin` were sent.
struct SymbolRequest {
  std::uint64_t begin = 0;  ///< index of the first one
  std::uint32_t count = 0;  ///< 0: too much differs for symbols; name all your documents in Haves
  friend bool operator==(const SymbolRequest&, const SymbolRequest&) = default;
};

/// A cell of a rateless invertible Bloom lookup table: sums (xor) over the items that are mapped to it.
struct Symbol {
  std::uint64_t name = 0;     ///< keyed hashes of document ids
  std::uint64_t version = 0;  ///< keyed hashes of their versions
  std::uint64_t check = 0;    ///< checksums of items
  std::int32_t count = 0;     ///< how many items, modulo 2^32
  friend bool operator==(const Symbol&, const Symbol&) = default;
};

struct Symbols {
  std::uint64_t begin = 0;
  std::uint64_t set_size = 0;  ///< items of the whole set
  std::vector<Symbol> symbols;
  friend bool operator==(const Symbols&, const Symbols&) = default;
};

/// Asks which documents have these keyed names; the answer is a Have of those documents.
struct NameRequest {
  std::vector<std::uint64_t> names;
  friend bool operator==(const NameRequest&, const NameRequest&) = default;
};

enum class HeldAs : std::uint8_t {
  kLive = 0,
  kEvicted = 1,  ///< not kept at this end: send nothing of it, leave it out of sums
  kPurged = 2,   ///< deleted, and given up here: only what lies beyond the deletion is wanted back
};

/// How far a replica's log is held.
struct LogEnd {
  ReplicaId replica;
  Seq end = 0;
  std::uint64_t chain = 0;  ///< chain hash there; 0: not told
  friend bool operator==(const LogEnd&, const LogEnd&) = default;
};

struct HeldDocument {
  DocumentId document;
  HeldAs as = HeldAs::kLive;
  bool answer = false;           ///< wants to know what the other end holds
  std::vector<LogEnd> log_ends;  ///< sorted by replica; durable at the sender
  Deletion deletion;             ///< what deletions had seen, as it is known at the sender
  friend bool operator==(const HeldDocument&, const HeldDocument&) = default;
};

/// What this end holds of some documents. It replaces what the other end believed of that.
struct Have {
  std::vector<HeldDocument> documents;
  friend bool operator==(const Have&, const Have&) = default;
};

/// Every document in which this end could differ was named in a Have before this.
struct AllAnnounced {
  friend bool operator==(const AllAnnounced&, const AllAnnounced&) = default;
};

/// From here on the sender of this names the document by this number; numbers ascend from 0.
struct NameDocument {
  std::uint32_t number = 0;
  DocumentId document;
  friend bool operator==(const NameDocument&, const NameDocument&) = default;
};

/// Deltas (row form) and bundles of a document, as they lie in a store, dependencies first.
struct Deltas {
  std::uint32_t number = 0;  ///< of the document
  std::uint32_t chain = 0;   ///< low half of the chain hash behind the last one; 0: not told
  std::vector<Bytes> deltas;
  friend bool operator==(const Deltas&, const Deltas&) = default;
};

/// What was trimmed away, as state: a version and a snapshot of it (storage/record.h, state_payload).
struct State {
  std::uint32_t number = 0;
  Bytes payload;
  friend bool operator==(const State&, const State&) = default;
};

/// A stretch of a delta, bundle or state that is too large for one message.
struct Part {
  std::uint32_t number = 0;
  bool is_state = false;
  std::uint64_t transfer = 0;  ///< XXH3-64 of the whole
  std::uint64_t offset = 0;
  std::uint64_t total = 0;
  Bytes bytes;
  friend bool operator==(const Part&, const Part&) = default;
};

/// How many bytes the other end may have sent, counted from the link's begin.
struct Credit {
  std::uint64_t total_bytes = 0;
  friend bool operator==(const Credit&, const Credit&) = default;
};

struct AckedEnd {
  std::uint32_t number = 0;  ///< of the document, as the receiver of this numbered it
  ReplicaId replica;
  Seq end = 0;
  friend bool operator==(const AckedEnd&, const AckedEnd&) = default;
};

/// What is durable at this end.
struct Ack {
  std::vector<AckedEnd> ends;
  friend bool operator==(const Ack&, const Ack&) = default;
};

/// Heartbeat: everything of my log below `position` that you had not was sent before this.
struct Mark {
  std::uint64_t position = 0;  ///< 0: not everything yet
  std::uint64_t document_count = 0;
  Digest sum;  ///< over what is durable here and not evicted at either end
  std::uint64_t time_ms = 0;
  friend bool operator==(const Mark&, const Mark&) = default;
};

/// Asks for a replica's log from `begin` on, known or not: somebody has another history of it.
struct LogRequest {
  DocumentId document;
  ReplicaId replica;
  Seq begin = 0;
  friend bool operator==(const LogRequest&, const LogRequest&) = default;
};

/// What somebody does right now (a cursor, a selection): passed on, never stored, gone after its time.
struct Presence {
  DocumentId document;
  ReplicaId replica;         ///< whose
  std::uint64_t age = 0;     ///< counts up with each word of that replica; older words are dropped
  std::uint32_t ttl_ms = 0;  ///< 0: gone now
  Bytes data;
  friend bool operator==(const Presence&, const Presence&) = default;
};

/// What a writer writes comes to the sender of this on another link first: leave it to that one, and send only what does
/// not come there for long. Or the opposite, of all writers. (Leitao et al. 2007, "Epidemic Broadcast Trees")
struct Prune {
  ReplicaId replica;  ///< whose; none: all, and they are wanted again
  friend bool operator==(const Prune&, const Prune&) = default;
};

/// The numbers of the alternatives, counted from 1, are the wire's: append only.
using Message =
    std::variant<Hello, Welcome, Bye, SymbolRequest, Symbols, NameRequest, Have, AllAnnounced,
                 NameDocument, Deltas, State, Part, Credit, Ack, Mark, LogRequest, Presence, Prune>;

constexpr std::uint16_t type_of(const Message& message) {
  return static_cast<std::uint16_t>(message.index() + 1);
}
const char* type_name(const Message& message);

/// What a message costs of the receiver's credit; 0: nothing.
std::size_t charge(const Message& message);

struct Envelope {
  std::uint32_t sequence = 0;
  Message message;
  friend bool operator==(const Envelope&, const Envelope&) = default;
};

}  // namespace weft::sync
