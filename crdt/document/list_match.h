#pragma once
// Which elements of an old and a new array stay, for write_json: equal ones, in the same order.
//
// First from both ends; between them by a longest common subsequence where the rest is small enough,
// so that one element inserted in front and another changed at the end leave all others alone.

#include <cstddef>
#include <span>
#include <vector>

#include "crdt/map/value.h"

namespace weft {

/// A place where the arrays differ: old[old_begin, +old_count) became new[new_begin, +new_count).
struct ListGap {
  std::size_t equal_before = 0;  ///< elements that stay, between the gap before and this one
  std::size_t old_begin = 0;
  std::size_t old_count = 0;
  std::size_t new_begin = 0;
  std::size_t new_count = 0;
  friend bool operator==(const ListGap&, const ListGap&) = default;
};

/// The gaps, in order; none where the arrays are equal.
/// @cost  O(n) comparisons of elements, and O(m k) time and memory for m and k elements between the
///        equal ends, up to kMatchCellsMax; beyond that everything between the ends is one gap
std::vector<ListGap> unequal_gaps(std::span<const Json> old_elements,
                                  std::span<const Json> new_elements);

inline constexpr std::size_t kMatchCellsMax = std::size_t{1} << 20;

}  // namespace weft
