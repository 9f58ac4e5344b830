#pragma once
// Deletion: what somebody had seen of a document when he deleted it: the deletion vector T. For each replica it holds
// an end of its log and the chain hash there; beside it stands who deleted last and when, for people.
//
//   H, what is held    T, what deletions had seen    the document is
//   any                empty                         live
//   H within T         not empty                     deleted: in the trash, or purged
//   H beyond T         not empty                     contested, or live if a restore names a vector that covers T
//
// Invariants
//   I1  Entries ascend by replica, one each, none with end 0.
//   I2  merge() only grows: it is commutative, associative and idempotent.
// Source: docs/adr/0013.

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "crdt/base/bytes.h"
#include "crdt/base/result.h"
#include "crdt/clock/ids.h"
#include "crdt/clock/version_vector.h"

namespace weft {

/// The key of the root under which a restore writes what it restores, as VersionVector::encode. It is shown nowhere.
inline constexpr std::string_view kRestoredKey = ":weft-restored";

class Deletion {
 public:
  struct Entry {
    ReplicaId replica;
    Seq end = 0;              ///< exclusive
    std::uint64_t chain = 0;  ///< chain hash there; 0: not known, as of deletions by older wefts
    /// The log that is held here has another chain hash there. It counts for nothing: nobody deletes the future. It is a
    /// finding of this device, not sent and not merged into another's.
    bool is_void = false;
    friend bool operator==(const Entry&, const Entry&) = default;
  };

  bool empty() const { return entries_.empty(); }
  const std::vector<Entry>& entries() const { return entries_; }
  ReplicaId by() const { return by_; }
  std::uint64_t at_ms() const { return at_ms_; }  ///< since 1970, by the clock of whoever deleted
  void set_author(ReplicaId by, std::uint64_t at_ms) {
    by_ = by;
    at_ms_ = at_ms;
  }

  /// Raises one entry. Of two with the same end the one with the larger chain hash stays. @return  did it change?
  bool raise(ReplicaId replica, Seq end, std::uint64_t chain);
  /// @return  did an end or chain hash change?
  bool merge(const Deletion& other);
  /// @return  was it not so before?
  bool set_void(ReplicaId replica);

  /// Where it ends in that replica's log; 0: it does not count there.
  Seq end(ReplicaId replica) const;
  /// The ends that count.
  VersionVector version() const;
  /// Did it see all of `held`? Of an empty deletion: no, whatever is held.
  bool covers(const VersionVector& held) const { return !empty() && version().covers(held); }
  /// Of which replicas' logs `held` reaches just the end that the deletion saw: there chain hashes decide.
  std::vector<Entry> to_check(const VersionVector& held) const;

  /// The same ends and chain hashes, whoever deleted and whatever is void?
  bool is_same_vector(const Deletion& other) const;

  void encode(ByteWriter& out) const;
  static Result<Deletion> decode(ByteReader& in);

  friend bool operator==(const Deletion&, const Deletion&) = default;

 private:
  std::vector<Entry> entries_;
  ReplicaId by_;
  std::uint64_t at_ms_ = 0;
};

}  // namespace weft
