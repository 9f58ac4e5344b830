#pragma once
// LogIndex: which operations of which document lie at which position of a store's log. Derived from the
// log alone; a store builds it again by adding every record.
//
// Invariant
//   I1  Of one document and replica the ranges ascend and don't overlap.
// Cost: add O(1) for operations that come in order, O(log n + n) for others; fit, find O(log n).
// Threads: none of its own.

#include <cstdint>
#include <map>
#include <vector>

#include "storage/store.h"

namespace weft {

class LogIndex {
 public:
  enum class Fit : std::uint8_t {
    kNew,      ///< none of its operations is stored
    kKnown,    ///< all are
    kOverlaps  ///< some are
  };
  Fit fit(const RecordHead& record) const;
  /// @pre  fit(record) == kNew
  void add(LogPosition position, const RecordHead& record, std::uint64_t payload_bytes);

  /// Where the operations of `document` lie that are not in `since`; ascending.
  std::vector<LogPosition> positions(const DocumentId& document, const VersionVector& since) const;
  /// Of each replica what there is without a gap.
  VersionVector version(const DocumentId& document) const;
  std::vector<DocumentUsage> documents() const;
  std::uint64_t record_count() const { return record_count_; }
  std::uint64_t payload_bytes() const { return payload_bytes_; }

 private:
  struct Range {
    Seq begin;
    Seq end;
    LogPosition position;
  };
  struct Entry {
    std::map<ReplicaId, std::vector<Range>> replicas;
    std::uint64_t records = 0;
    std::uint64_t payload_bytes = 0;
  };
  static VersionVector version_of(const Entry& entry);

  std::map<DocumentId, Entry> documents_;
  std::uint64_t record_count_ = 0;
  std::uint64_t payload_bytes_ = 0;
};

}  // namespace weft
