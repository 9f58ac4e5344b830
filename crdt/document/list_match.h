#pragma once
// Which elements of an old and a new array stay, for write_json: equal ones, in the same order; and which are moved.
//
// First from both ends; between them by a longest common subsequence where the rest is small enough,
// so that one element inserted in front and another changed at the end leave all others alone.

#include <cstddef>
#include <functional>
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

/// What becomes of each element of a new array.
struct ListPlan {
  static constexpr std::size_t kNew = ~std::size_t{0};
  struct Element {
    std::size_t source = kNew;  ///< the old element that it is; kNew: none
    bool is_equal = false;      ///< ... and has that one's content
    bool stays = false;         ///< ... at its place among the others that stay; else it is moved
  };
  std::vector<Element> elements;  ///< one for each new element
};

/// Equal elements are the same ones, also where they stand elsewhere: these are moved. What is left between two of
/// them is taken in pairs, each a change of one element; what is left then is new, or gone.
/// @param may_become  (old index, new index): can that pair be a change of one element?
/// @cost  as unequal_gaps, and O(n log n); beyond kMatchCellsMax moves times elements nothing is moved
ListPlan plan_list(std::span<const Json> old_elements, std::span<const Json> new_elements,
                   const std::function<bool(std::size_t, std::size_t)>& may_become);

/// Indices of a longest ascending subsequence of `numbers`; kSkipped is in none.
/// Source: Fredman 1975, "On computing the length of longest increasing subsequences".
inline constexpr std::size_t kSkipped = ~std::size_t{0};
std::vector<std::size_t> longest_ascending(std::span<const std::size_t> numbers);

}  // namespace weft
