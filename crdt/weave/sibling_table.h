#pragma once
// SiblingTable: every element of a sequence that was inserted right after one element L (lo == L), so
// that an insertion into a crowded gap finds its place without walking the gap. Made when a walk got
// long (integrate.cc), kept up to date from then on, dropped when an insertion is rolled back.
//
// In the tree of insertions (Weidner & Kleppmann 2023) these are L's right children and, below them,
// left children of each other: n is a left child of ro(n) if that is a member too. Members with the
// same ro are a group, sorted by falling stamp; the groups whose ro is no member are L's right
// children, sorted by where ro stands, rightmost first. In weave order the members are an in-order walk:
//
//     L  (left children of a)  a  what hangs on a  (left children of b)  b  ...  ro(a)
//
// Invariants
//   I1  members() is all elements of the sequence with lo == L.
//   I2  A member's nearest member ancestor precedes it, or is itself.
//   I3  The versions that is_first_in_past remembers have some entries for each member, not one for each pair of
//       authors: n siblings of n replicas take memory that grows with n. Beyond that they are forgotten, and
//       looked at again.
// Cost: O(log n) comparisons and one memmove an insertion; a walk down the left edge of one subtree.

#include <algorithm>
#include <cstdint>
#include <vector>

#include "crdt/base/flat_table.h"
#include "crdt/clock/ids.h"
#include "crdt/graph/causal_graph.h"

namespace weft {

class SiblingTable {
 public:
  bool is_member(LocalDot dot) const { return members_.find(dot.packed()) != nullptr; }

  /// @param stamp_less   stamp_less(a, b) for members
  /// @param position     position(a, b): weave order of two elements; kNoDot is the end
  template <typename StampLess, typename Position>
  void add(LocalDot dot, LocalDot ro, StampLess&& stamp_less, Position&& position) {
    members_[dot.packed()] = 1;
    std::vector<Seq>& seqs = by_replica_[dot.replica];
    seqs.insert(std::lower_bound(seqs.begin(), seqs.end(), dot.seq), dot.seq);
    std::uint32_t& number = group_of_[ro.packed()];
    if (number == 0) {
      groups_.push_back({ro, {}});
      number = static_cast<std::uint32_t>(groups_.size());
      if (ro.is_none() || !is_member(ro)) {
        auto at = std::lower_bound(
            right_.begin(), right_.end(), ro,
            [&](std::uint32_t g, LocalDot other) { return position(groups_[g].ro, other) > 0; });
        right_.insert(at, number - 1);
      }
    }
    std::vector<LocalDot>& group = groups_[number - 1].members;
    group.insert(first_smaller(group, dot, stamp_less), dot);
  }

  /// Before which element an insertion with this ro and stamp goes; kNoDot: after the last right child
  /// of L and all that hangs on it.
  template <typename StampLess, typename Position>
  LocalDot successor(LocalDot dot, LocalDot ro, StampLess&& stamp_less, Position&& position) const {
    const std::uint32_t* number = group_of_.find(ro.packed());
    if (number != nullptr) {
      const std::vector<LocalDot>& group = groups_[*number - 1].members;
      auto at = first_smaller(group, dot, stamp_less);
      if (at != group.end()) return leftmost(*at);
    }
    if (!ro.is_none() && is_member(ro)) return ro;
    auto next = std::upper_bound(
        right_.begin(), right_.end(), ro,
        [&](LocalDot other, std::uint32_t g) { return position(other, groups_[g].ro) > 0; });
    return next == right_.end() ? kNoDot : leftmost(groups_[*next].members.front());
  }

  /// Is `ro` the first member, or before the first, that the version contains? What was found for the
  /// same author before is not looked at again: versions of one author only grow.
  template <typename Position>
  bool is_first_in_past(ReplicaIndex author, LocalDot ro, const LocalVersion& past, Seq own_end,
                        Position&& position) {
    Check& check = checks_[author];
    LocalDot first = check.has_first ? check.first : kNoDot;
    auto look_at = [&](ReplicaIndex replica, Seq end) {
      const std::vector<Seq>* seqs = by_replica_.find(replica);
      if (seqs == nullptr) return;
      Seq begin = check.version.end(replica);
      for (auto at = std::lower_bound(seqs->begin(), seqs->end(), begin);
           at != seqs->end() && *at < end; ++at) {
        LocalDot member{replica, *at};
        if (first.is_none() || position(member, first) < 0) first = member;
      }
    };
    for (const LocalVersion::Entry& entry : past.entries())
      if (entry.replica != author) look_at(entry.replica, entry.end);
    look_at(author, own_end);
    held_entries_ -= check.version.entries().size();
    check.version = past;
    check.version.raise(author, own_end);
    held_entries_ += check.version.entries().size();
    check.first = first;
    check.has_first = !first.is_none();
    if (held_entries_ > 1'024 + kEntriesPerMember * members_.size()) {
      checks_.clear();
      held_entries_ = 0;
    }
    return first.is_none() || (!ro.is_none() && position(ro, first) <= 0);
  }

  /// Entries of the versions that is_first_in_past keeps (I3).
  std::size_t held_entries() const { return held_entries_; }

 private:
  static constexpr std::size_t kEntriesPerMember = 16;

  struct Group {
    LocalDot ro;
    std::vector<LocalDot> members;  ///< falling stamp
  };
  struct Check {
    LocalVersion version;
    LocalDot first;
    bool has_first = false;
  };

  template <typename Members, typename StampLess>
  static auto first_smaller(Members& group, LocalDot dot, StampLess& stamp_less) {
    return std::partition_point(group.begin(), group.end(),
                                [&](LocalDot other) { return stamp_less(dot, other); });
  }
  LocalDot leftmost(LocalDot dot) const {
    while (const std::uint32_t* number = group_of_.find(dot.packed()))
      dot = groups_[*number - 1].members.front();
    return dot;
  }

  FlatTable<std::uint8_t> members_;
  FlatTable<std::vector<Seq>> by_replica_;
  FlatTable<std::uint32_t> group_of_;  ///< ro -> 1 + index into groups_
  std::vector<Group> groups_;
  std::vector<std::uint32_t> right_;  ///< groups of L's right children
  FlatTable<Check> checks_;
  std::size_t held_entries_ = 0;  ///< of all versions in checks_
};

}  // namespace weft
