#pragma once
// DocumentHead: what a store knows of a document without looking at its records: which operations it
// holds, since when their history is kept, how much they take.
//
// Invariants
//   I1  `held` ascends by replica and seq; ranges neither overlap nor touch.
//   I2  `held` covers `base`.
//   I3  Of a range that begins with the log, `chain` is the chain hash at its end, or 0: not known. It is not where
//       a gap was closed, or operations were taken back; read_chains() (documents.h) finds it in the records.

#include <cstdint>
#include <optional>

#include <boost/container/small_vector.hpp>

#include "storage/store.h"

namespace weft {

/// How many operations of [begin, end) are not below `known_end`.
inline std::uint64_t ops_beyond(Seq begin, Seq end, Seq known_end) {
  return end > known_end ? end - (begin > known_end ? begin : known_end) : 0;
}

struct DocumentHead {
  struct Range {
    ReplicaId replica;
    Seq begin = 0;
    Seq end = 0;
    std::uint64_t chain = 0;  // (I3)
  };
  enum class Fit : std::uint8_t {
    kNew,      ///< none of its operations is stored
    kKnown,    ///< all are
    kOverlaps  ///< some are
  };

  DocumentStatus status = DocumentStatus::kLive;  ///< live, evicted or purged; see shown_status()
  boost::container::small_vector<Range, 2> held;
  VersionVector base;             ///< of it only the state is kept
  LogPosition base_position = 0;  ///< where that state lies; 0: nothing was trimmed
  LogPosition mark_position = 0;  ///< where its status lies; 0: it was never changed
  VersionVector last_version;     ///< of a document that was evicted or purged: what it had
  Deletion deletion;  ///< what deletions had seen; stays whatever becomes of the document
  LogPosition deletion_position = 0;    ///< where it lies; 0: nowhere, or in an old mark
  std::uint64_t deletion_since_ms = 0;  ///< retention time when it last grew
  std::uint64_t records = 0;
  std::uint64_t history_bytes = 0;

  /// Nothing of it is stored, nor that something was.
  bool is_unknown() const { return records == 0 && mark_position == 0 && deletion_position == 0; }
  /// Is all that is held in what deletions had seen?
  bool is_deleted() const { return status == DocumentStatus::kLive && covers_held(); }
  /// Also of what is held behind gaps.
  bool covers_held() const;
  /// As people see it: kDeleted where it is in the trash.
  DocumentStatus shown_status() const { return is_deleted() ? DocumentStatus::kDeleted : status; }
  Fit fit(const RecordHead& record) const;
  /// Where the replica's operations end that are stored without a gap.
  Seq end(ReplicaId replica) const;
  /// Behind the last that is stored, with gaps or without.
  Seq last_end(ReplicaId replica) const;
  VersionVector version() const;
  bool covers(const VersionVector& other) const;
  /// How many operations are held that are not in `version`.
  std::uint64_t count_beyond(const VersionVector& version) const;
  /// The chain hash of the replica's log up to `end`; nullopt: not known.
  std::optional<std::uint64_t> chain_at(ReplicaId replica, Seq end) const;
  /// The operations of a record from `begin` on. @pre  none of them is held
  void add(const RecordHead& record, ByteSpan payload, Seq begin);
  /// Everything of the replica up to `end`, whatever of it is held. @param chain  chain hash there; 0: not known
  void cover(ReplicaId replica, Seq end, std::uint64_t chain);
  /// Takes back an add() of just these. @param chain  chain hash at `begin`; 0: not known
  void remove(ReplicaId replica, Seq begin, Seq end, std::uint64_t chain = 0);
  DocumentUsage usage(const DocumentId& document) const;

 private:
  void add(const Range& range);
};

/// The chain hash behind a record of operations. @param before  at its begin; nullopt: not known
std::optional<std::uint64_t> chain_behind(const RecordHead& record, ByteSpan payload,
                                          std::optional<std::uint64_t> before);

}  // namespace weft
