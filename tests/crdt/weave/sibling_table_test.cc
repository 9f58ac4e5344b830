// The table of a crowded gap against a plain list of its members.

#include <algorithm>
#include <cstdlib>
#include <vector>

#include <doctest/doctest.h>

#include "crdt/weave/sibling_table.h"
#include "tests/support/random.h"

using namespace weft;

namespace {

/// Members of one gap whose order in the weave is that of `order`; every ro is the end.
struct Gap {
  std::vector<LocalDot>
      order;  ///< weave order: falling stamp, here the order of insertion backwards
  SiblingTable table;

  int position(LocalDot a, LocalDot b) const {
    auto at = [&](LocalDot dot) {
      return dot.is_none() ? order.end() - order.begin()
                           : std::find(order.begin(), order.end(), dot) - order.begin();
    };
    return at(a) < at(b) ? -1 : at(a) > at(b) ? 1 : 0;
  }
  void add(LocalDot dot) {
    order.insert(order.begin(), dot);
    // The later one has the larger stamp, and comes first.
    table.add(
        dot, kNoDot, [&](LocalDot a, LocalDot b) { return position(a, b) > 0; },
        [&](LocalDot a, LocalDot b) { return position(a, b); });
  }
  bool is_first(ReplicaIndex author, LocalDot ro, const LocalVersion& past, Seq own_end) {
    return table.is_first_in_past(author, ro, past, own_end,
                                  [&](LocalDot a, LocalDot b) { return position(a, b); });
  }
  bool naive_is_first(ReplicaIndex author, LocalDot ro, const LocalVersion& past,
                      Seq own_end) const {
    for (LocalDot dot : order) {
      const Seq end = dot.replica == author ? own_end : past.end(dot.replica);
      if (dot.seq < end) return !ro.is_none() && position(ro, dot) <= 0;
    }
    return true;
  }
};

}  // namespace

TEST_CASE("n siblings of n replicas that know of each other take memory that grows with n") {
  for (const ReplicaIndex count : {200u, 400u, 800u}) {
    Gap gap;
    LocalVersion past;
    std::size_t held_max = 0;
    for (ReplicaIndex author = 0; author < count; ++author) {
      const LocalDot newest = gap.order.empty() ? kNoDot : gap.order.front();
      REQUIRE(gap.is_first(author, newest, past, 0));
      held_max = std::max(held_max, gap.table.held_entries());
      gap.add({author, 0});
      past.raise(author, 1);
    }
    CAPTURE(count);
    CHECK(held_max <= 1'024 + 17 * count + count);  // n * n / 2 before: 320,000 for 800
  }
}

TEST_CASE("what is first in an author's past is the same with and without remembered versions") {
  const char* given = std::getenv("WEFT_SEED");
  const std::uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 10) : 7;
  CAPTURE(seed);
  test::Random random(seed);
  for (int round = 0; round < 20; ++round) {
    Gap gap;
    const auto replicas = static_cast<ReplicaIndex>(2 + random.below(60));
    std::vector<LocalVersion> known(replicas);  // grow only
    std::vector<Seq> ends(replicas, 0);
    for (int step = 0; step < 300; ++step) {
      const auto author = static_cast<ReplicaIndex>(random.below(replicas));
      for (std::uint64_t more = random.below(4); more > 0; --more) {
        const auto other = static_cast<ReplicaIndex>(random.below(replicas));
        if (other != author && ends[other] > 0)
          known[author].raise(other, 1 + static_cast<Seq>(random.below(ends[other])));
      }
      LocalDot ro = kNoDot;
      if (!gap.order.empty() && random.chance(3, 4)) {
        const std::uint64_t pick = random.below(gap.order.size());
        ro = gap.order[random.chance(1, 2) ? pick / 8 : pick];
      }
      REQUIRE(gap.is_first(author, ro, known[author], ends[author]) ==
              gap.naive_is_first(author, ro, known[author], ends[author]));
      gap.add({author, ends[author]++});
    }
  }
}
