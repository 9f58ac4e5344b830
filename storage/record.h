#pragma once
// Record: one entry of a store's log: a delta, a bundle, or what a store notes of a document, with what has
// to be known to find it.
//
//   0   u64   checksum: XXH3-64 of what follows, seeded with the record's position
//   8   u32   payload size in bytes
//   12  u8    kind;  13 u8 version of this layout, 1;  14 u16 zero
//   16  16 B  document id
//   32  u64   replica
//   40  u32   first seq;  44 u32 operations
//   48        payload, then zeros up to a multiple of 8
//
// Little-endian. The seed makes a record that lies at another's place a damaged one.

#include <cstdint>

#include "crdt/base/bytes.h"
#include "crdt/base/result.h"
#include "crdt/clock/deletion.h"
#include "crdt/clock/ids.h"
#include "crdt/clock/version_vector.h"
#include "crdt/document/document.h"

namespace weft {

/// Where a record lies in the log: positions grow by one in the order of arrival, from 1 on.
using LogPosition = std::uint64_t;

enum class RecordKind : std::uint8_t {
  kDelta = 1,     ///< one delta in row form
  kBundle = 2,    ///< a sealed bundle
  kMark = 3,      ///< a document's status from here on; payload: status_payload()
  kState = 4,     ///< what was trimmed away, as state; payload: state_payload()
  kDeletion = 5,  ///< what deletions had seen of a document; payload: deletion_payload()
};

/// What a store does with a document.
enum class DocumentStatus : std::uint8_t {
  kLive = 0,
  kEvicted = 1,  ///< not kept here
  kDeleted = 2,  ///< in the trash: all that is held here was seen by a deletion; it is kept
  kPurged = 3,   ///< it was, and is given up; what is known of the deletion stays
};
const char* status_name(DocumentStatus status);

struct RecordHead {
  RecordKind kind = RecordKind::kDelta;
  DocumentId document;
  ReplicaId replica;  ///< the author of all operations in it
  Seq first_seq = 0;  ///< of the first
  Seq op_count = 0;   ///< at least one, none in marks and states

  Seq end() const { return first_seq + op_count; }
  bool has_operations() const { return kind == RecordKind::kDelta || kind == RecordKind::kBundle; }
  friend bool operator==(const RecordHead&, const RecordHead&) = default;
};

/// Valid as long as the bytes it was decoded from.
struct RecordView : RecordHead {
  LogPosition position = 0;
  ByteSpan payload;
};

inline constexpr std::size_t kRecordHeadBytes = 48;

/// The size of a record in a store.
constexpr std::size_t record_size(std::size_t payload_bytes) {
  return (kRecordHeadBytes + payload_bytes + 7) / 8 * 8;
}

/// Payload of a mark. @param version  what the document had
/// Older wefts wrote kDeleted in marks and gave the document up: such a mark is read as of a purged one whose deletion
/// had seen `version`.
Bytes status_payload(DocumentStatus status, const VersionVector& version);
struct StatusMark {
  DocumentStatus status = DocumentStatus::kLive;
  VersionVector version;
};
Result<StatusMark> read_status_payload(ByteSpan payload);

/// Payload of a deletion record. A document has at most one: the newest says it all.
struct DeletionNote {
  Deletion deletion;
  std::uint64_t since_ms = 0;  ///< retention time (retention.h) when it last grew here
};
Bytes deletion_payload(const DeletionNote& note);
Result<DeletionNote> read_deletion_payload(ByteSpan payload);

/// Payload of a state: the version, then the snapshot.
Bytes state_payload(const VersionVector& version, ByteSpan snapshot);
struct StateView {
  VersionVector version;
  ByteSpan snapshot;  ///< borrowed from the payload
};
Result<StateView> read_state_payload(ByteSpan payload);

/// Writes record_size(payload.size()) bytes to `out`.
void encode_record(LogPosition position, const RecordHead& head, ByteSpan payload, std::byte* out);

/// @errors kCorrupt: checksum or structure; kUnknownVersion: of a newer weft
Result<RecordView> decode_record(LogPosition position, ByteSpan value);

}  // namespace weft
