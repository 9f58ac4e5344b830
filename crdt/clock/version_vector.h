#pragma once
// VersionVector and Frontier: the two public forms of a version.
//
// Invariants
//   I1  VersionVector: sorted by replica, one entry each, no entry with end 0.
//   I2  Frontier: sorted, an antichain (no dot in another's past).
// A document's internal forms are arrays by replica index (graph/causal_graph.h); these are made when
// a version leaves the document.

#include <boost/container/small_vector.hpp>
#include <span>
#include <utility>
#include <vector>

#include "crdt/base/bytes.h"
#include "crdt/clock/ids.h"

namespace weft {

class VersionVector {
 public:
  struct Entry {
    ReplicaId replica;
    Seq end = 0;  ///< exclusive end of the known prefix of the replica's log
    friend auto operator<=>(const Entry&, const Entry&) = default;
  };

  VersionVector() = default;
  VersionVector(const VersionVector& other);
  VersionVector& operator=(const VersionVector& other);
  VersionVector(VersionVector&& other) noexcept;
  VersionVector& operator=(VersionVector&& other) noexcept;
  ~VersionVector() = default;
  Seq end(ReplicaId replica) const;
  bool contains(const Dot& dot) const { return dot.seq < end(dot.replica); }
  /// Every dot of `other` is in this.
  bool covers(const VersionVector& other) const;
  void raise(ReplicaId replica, Seq end);  ///< to at least `end`
  void set(ReplicaId replica, Seq end);    ///< to exactly `end`; 0 removes the entry
  void merge(const VersionVector& other);
  std::span<const Entry> entries() const& { return entries_; }
  std::span<const Entry> entries() && = delete;  // they would be gone at once
  bool empty() const { return entries_.empty(); }

  /// "a1:77 b2:3" with full replica ids; parse reads that back.
  std::string to_string() const;
  static Result<VersionVector> parse(std::string_view text);
  void encode(ByteWriter& out) const;
  static Result<VersionVector> decode(ByteReader& in);

  friend bool operator==(const VersionVector&, const VersionVector&) = default;

 private:
  /// Most documents have one or two writers, and versions are copied with each keystroke.
  boost::container::small_vector<Entry, 2> entries_;
};

using Frontier = std::vector<Dot>;

}  // namespace weft
