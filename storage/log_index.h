#pragma once
// LogIndex: which operations of which document lie at which position of a store's log, for a stretch of
// the log that is held in memory: all of it (memory engine), or what the index on disk does not have yet.
//
// A store builds it again by replaying every record of the stretch in order. What changes records that
// lie before the stretch (statuses, trimming, seals) makes a document `complete`: its entries are then all
// there are, and the index on disk has nothing to say about it.
//
// Invariants
//   I1  A document's entries ascend by position.
//   I2  Its head is that of the whole log, not of the stretch alone.
// Threads: none of its own.

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "storage/document_head.h"

namespace weft {

struct IndexEntry {
  LogPosition position = 0;
  ReplicaId replica;
  Seq begin = 0;
  Seq end = 0;
  friend bool operator==(const IndexEntry&, const IndexEntry&) = default;
};

struct IndexedDocument {
  DocumentHead head;
  std::vector<IndexEntry> entries;
  bool complete = false;

  /// @pre  head.fit(record) == kNew; `position` is behind all others
  void add(LogPosition position, const RecordHead& record, ByteSpan payload);
  /// The same, where head.held has its operations already.
  void add_entry(LogPosition position, const RecordHead& record, std::size_t payload_bytes);
  /// Takes a record that is read from the log again. What does not fit, as damage may leave it, is passed
  /// over. @errors kCorrupt: a mark or a state that can't be read
  Status replay(const RecordView& record);
  void set_status(LogPosition position, const StatusMark& mark);
  void set_deletion(LogPosition position, DeletionNote note);
  /// Forgets the entries that lie wholly below the state's version. @return  their positions, and of an older state
  std::vector<LogPosition> set_base(LogPosition position, const StateView& state);
  /// The entries that hold just the operations of `bundle`, in the order of those; empty: none do.
  std::vector<IndexEntry> members(const RecordHead& bundle) const;
  /// Puts one entry at the last member's position. @pre  complete @return  the positions of the others
  std::vector<LogPosition> seal(const std::vector<IndexEntry>& members);
};

struct DocumentHash {
  std::size_t operator()(const DocumentId& id) const noexcept;
};
using LogIndex = std::unordered_map<DocumentId, IndexedDocument, DocumentHash>;

/// Adds the positions of `entries`, from `begin` on, that have operations which are not in `since`.
void add_positions(const std::vector<IndexEntry>& entries, const VersionVector& since,
                   LogPosition begin, std::vector<LogPosition>& out);

}  // namespace weft
