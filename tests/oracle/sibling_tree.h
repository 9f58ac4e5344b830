#pragma once
// The order of a sequence, built from scratch from the set of its slots: the two-sided insertion tree
// of design.md section 4, not the engine's scan.
//
//   n is a left child of ro(n) if lo(ro(n)) == lo(n), else a right child of lo(n).
//   In order: left children, the slot itself, right children.
//   Left siblings: descending stamp.
//   Right siblings: the one whose ro lies farther right first (the end is farthest), then descending
//   stamp.
//
// Why comparing the ro of right siblings ends: if n is a right child of p, then p had no right subtree
// in n's past (else n would be a left child of its leftmost slot), so ro(n) lies outside of it. Two such
// positions are told apart by the children of an ancestor of p or of p's parent: strictly higher up.
//
// Source: RGA: Roh et al. 2011; FugueMax: Weidner & Kleppmann 2023.

#include <cstdint>
#include <optional>
#include <vector>

#include "crdt/clock/ids.h"

namespace weft::test {

struct Slot {
  Dot dot;
  Stamp stamp;
  std::optional<Dot> lo;
  std::optional<Dot> ro;
};

/// kFugueMax is the rule; the others are wrong on purpose, for canaries.
enum class SiblingRule : std::uint8_t {
  kFugueMax,
  kLeftAscending,   ///< left siblings by ascending stamp
  kRightNearFirst,  ///< right siblings: the one whose ro is nearer first
  kRightStampOnly,  ///< right siblings by stamp alone
  kNoLeftChildren,  ///< plain RGA
};

/// The dots of `slots` in weave order. Every lo and ro must be among them.
std::vector<Dot> weave_order(const std::vector<Slot>& slots,
                             SiblingRule rule = SiblingRule::kFugueMax);

}  // namespace weft::test
