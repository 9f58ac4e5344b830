// SeqMap against one number for each seq: enough intervals that chunks split and empty.

#include "crdt/weave/dot_index.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "tests/support/random.h"

namespace weft::test {
namespace {

constexpr Seq kSeqs = 6000;

/// Assigns at random and compares what was ever assigned; `longest` bounds the ranges.
void compare_with_array(std::uint64_t seed, Seq longest, int assignments) {
  CAPTURE(seed);
  Random random(seed);
  SeqMap map;
  std::vector<SeqMap::LeafId> expected(kSeqs, SeqMap::kNoLeaf);
  for (int i = 0; i < assignments; ++i) {
    const Seq begin = static_cast<Seq>(random.below(kSeqs));
    const Seq length = static_cast<Seq>(1 + random.below(random.chance(1, 50) ? 2000 : longest));
    const Seq end = std::min(kSeqs, begin + length);
    const auto leaf = static_cast<SeqMap::LeafId>(random.below(40));
    map.assign(begin, end, leaf);
    for (Seq seq = begin; seq < end; ++seq) expected[seq] = leaf;
    if (i % 97 != 0 && i + 1 != assignments) continue;
    map.check_invariants();
    for (Seq seq = 0; seq < kSeqs; ++seq)
      if (expected[seq] != SeqMap::kNoLeaf) REQUIRE(map.find(seq) == expected[seq]);
  }
}

TEST_CASE("a seq map finds the last leaf assigned to each seq") {
  const char* text = std::getenv("WEFT_SEED");
  const std::uint64_t seed = text == nullptr ? 20'240'611 : std::strtoull(text, nullptr, 10);
  for (std::uint64_t i = 0; i < 10; ++i) {
    compare_with_array(seed + i, 1, 6000);
    compare_with_array(seed + i, 12, 3000);
  }
}

TEST_CASE("a seq map keeps one interval for a replica that types in one leaf") {
  SeqMap map;
  for (Seq seq = 0; seq < 1000; ++seq) map.assign(seq, seq + 1, 7);
  CHECK(map.size() == 1);
  CHECK(map.find(999) == 7);
  CHECK(map.find(1000) == SeqMap::kNoLeaf);
}

TEST_CASE("a move joins what others have cut apart") {
  DotIndex index;
  index.build({{{0, 0}, 100, 1}, {{1, 0}, 10, 1}});
  {
    IndexMove move(index, 2);
    for (Seq i = 0; i < 10; ++i) {
      move.add({0, 40 + i}, 1);
      move.add({1, i}, 1);
    }
  }
  CHECK(index.size() == 4);
  CHECK(index.find({0, 39}) == 1);
  CHECK(index.find({0, 40}) == 2);
  CHECK(index.find({0, 49}) == 2);
  CHECK(index.find({0, 50}) == 1);
  CHECK(index.find({1, 9}) == 2);
  CHECK(index.find({2, 0}) == DotIndex::kNoLeaf);
}

}  // namespace
}  // namespace weft::test
