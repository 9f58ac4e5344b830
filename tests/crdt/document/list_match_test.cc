#include "crdt/document/list_match.h"

#include <cmath>
#include <span>
#include <vector>

#include <doctest/doctest.h>

#include "tests/support/random.h"

namespace {

using weft::Json;
using weft::ListGap;
using weft::unequal_gaps;
using Array = Json::Array;
using Gaps = std::vector<ListGap>;

/// What a caller makes of the gaps: the old array with each gap replaced.
Array applied(const Array& old_elements, const Array& new_elements, const Gaps& gaps) {
  Array result;
  std::size_t at = 0;
  for (const ListGap& gap : gaps) {
    for (std::size_t i = 0; i < gap.equal_before; ++i) result.push_back(old_elements[at++]);
    REQUIRE(at == gap.old_begin);
    REQUIRE(result.size() == gap.new_begin);
    for (std::size_t i = 0; i < gap.new_count; ++i)
      result.push_back(new_elements[gap.new_begin + i]);
    at += gap.old_count;
  }
  for (; at < old_elements.size(); ++at) result.push_back(old_elements[at]);
  return result;
}

}  // namespace

TEST_CASE("equal arrays have no gaps") {
  CHECK(unequal_gaps(Array{}, Array{}).empty());
  CHECK(unequal_gaps(Array{1, "a", Array{}}, Array{1, "a", Array{}}).empty());
}

TEST_CASE("one element inserted in front and one changed at the end leave the others alone") {
  Array old_elements{"a", "b", "c", "d"};
  Array new_elements{"x", "a", "b", "c", "y"};
  CHECK(unequal_gaps(old_elements, new_elements) == Gaps{{0, 0, 0, 0, 1}, {3, 3, 1, 4, 1}});
}

TEST_CASE("appending, erasing and changing in between are one gap each") {
  CHECK(unequal_gaps(Array{1, 2}, Array{1, 2, 3}) == Gaps{{2, 2, 0, 2, 1}});
  CHECK(unequal_gaps(Array{1, 2, 3}, Array{1, 3}) == Gaps{{1, 1, 1, 1, 0}});
  CHECK(unequal_gaps(Array{1, 2, 3}, Array{1, 9, 3}) == Gaps{{1, 1, 1, 1, 1}});
  CHECK(unequal_gaps(Array{}, Array{1}) == Gaps{{0, 0, 0, 0, 1}});
  CHECK(unequal_gaps(Array{1}, Array{}) == Gaps{{0, 0, 1, 0, 0}});
}

TEST_CASE("values that print alike but differ are not matched") {
  CHECK(unequal_gaps(Array{0, nullptr, 0}, Array{1, std::nan(""), 1}) == Gaps{{0, 0, 3, 0, 3}});
}

TEST_CASE("beyond the bound everything between the ends is one gap") {
  Array old_elements(2000, Json(1));
  Array new_elements(2000, Json(2));
  new_elements[1000] = 1;
  CHECK(unequal_gaps(old_elements, new_elements) == Gaps{{0, 0, 2000, 0, 2000}});
}

TEST_CASE("replacing the gaps gives the new array, for random arrays") {
  weft::test::Random random(11);
  for (int round = 0; round < 2000; ++round) {
    auto random_array = [&] {
      Array array;
      for (std::uint64_t n = random.below(12); n > 0; --n)
        array.emplace_back(static_cast<int>(random.below(4)));
      return array;
    };
    Array old_elements = random_array();
    Array new_elements = random_array();
    Gaps gaps = unequal_gaps(old_elements, new_elements);
    REQUIRE(applied(old_elements, new_elements, gaps) == new_elements);
    for (std::size_t i = 0; i < gaps.size(); ++i) {
      REQUIRE(gaps[i].old_count + gaps[i].new_count > 0);
      if (i > 0) REQUIRE(gaps[i].equal_before > 0);
    }
  }
}
