// The tree against the scan: design.md section 4 gives the order twice, as a tree and as the rule by
// which an engine integrates one element after the other. The two have to agree on every history.

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include "tests/oracle/typist.h"
#include "tests/support/random.h"

namespace weft::test {
namespace {

/// The weave as a plain list, and `integrate` of design.md word by word.
class Scan {
 public:
  void integrate(const Slot& n) {
    std::size_t p = after(n.lo);
    std::size_t dest = p;
    bool scanning = false;
    for (std::size_t i = p; i < weave_.size() && weave_[i].dot != n.ro; ++i) {
      const Slot& o = weave_[i];
      if (o.lo == n.lo) {
        std::size_t ro_of_o = position(o.ro);
        std::size_t ro_of_n = position(n.ro);
        if (ro_of_o == ro_of_n) {
          if (n.stamp > o.stamp) break;
          scanning = false;
        } else {
          scanning = ro_of_o < ro_of_n;
        }
      } else if (after(o.lo) < after(n.lo)) {
        break;
      }
      if (!scanning) dest = i + 1;
    }
    weave_.insert(weave_.begin() + static_cast<std::ptrdiff_t>(dest), n);
  }
  std::vector<Dot> order() const {
    std::vector<Dot> result;
    for (const Slot& slot : weave_) result.push_back(slot.dot);
    return result;
  }

 private:
  std::size_t position(const std::optional<Dot>& dot) const {
    if (!dot.has_value()) return weave_.size();
    for (std::size_t i = 0; i < weave_.size(); ++i)
      if (weave_[i].dot == *dot) return i;
    std::abort();
  }
  std::size_t after(const std::optional<Dot>& dot) const {
    return dot.has_value() ? position(dot) + 1 : 0;
  }
  std::vector<Slot> weave_;
};

/// Random typing of up to four replicas, merged now and then.
std::vector<Typist> random_typing(Random& random, Dot& text) {
  std::vector<Typist> typists;
  std::uint64_t replicas = 2 + random.below(3);
  for (std::uint64_t i = 0; i < replicas; ++i) typists.emplace_back(i + 1);
  text = typists[0].ensure("t", ContainerKind::kText);
  for (std::size_t i = 1; i < typists.size(); ++i) typists[i].merge(typists[0]);
  std::uint64_t actions = 6 + random.below(24);
  for (std::uint64_t i = 0; i < actions; ++i) {
    Typist& typist = typists[random.below(replicas)];
    std::size_t size = scalars_of(typist.oracle().text(typist.oracle().name_of(text))).size();
    std::size_t at = random.below(std::min<std::size_t>(size, 4) + 1);
    typist.set_time(random.below(2));
    switch (random.below(7)) {
      case 0:
      case 1:
        typist.merge(typists[random.below(replicas)]);
        break;
      case 2:
        if (at < size) typist.erase(text, at);
        break;
      case 3:  // backward
        for (std::uint64_t n = random.below(4); n-- > 0;) typist.type(text, at, 'b');
        break;
      default:
        for (std::uint64_t n = random.below(4); n-- > 0;) typist.type(text, at++, 'f');
    }
  }
  for (std::size_t i = 1; i < typists.size(); ++i) typists[0].merge(typists[i]);
  return typists;
}

std::vector<Slot> slots_of(const Oracle& oracle) {
  std::vector<Slot> slots;
  for (const auto& [dot, op] : oracle.ops())
    if (op.makes_slot()) slots.push_back({dot, op.stamp(), op.lo, op.ro});
  return slots;
}

/// In some random order that respects the causal past.
std::vector<Dot> scan_shuffled(const Oracle& oracle, const std::vector<Slot>& slots,
                               Random& random) {
  std::vector<Slot> waiting = slots;
  Scan scan;
  while (!waiting.empty()) {
    std::size_t pick = random.below(waiting.size());
    const Past& past = oracle.ops().at(waiting[pick].dot).past;
    bool ready = std::none_of(waiting.begin(), waiting.end(),
                              [&](const Slot& slot) { return past.contains(slot.dot); });
    if (!ready) continue;
    scan.integrate(waiting[pick]);
    waiting.erase(waiting.begin() + static_cast<std::ptrdiff_t>(pick));
  }
  return scan.order();
}

TEST_CASE("the tree and the scan give the same order for any causal order of arrival") {
  for (std::uint64_t seed = 1; seed <= 2'000; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    Dot text;
    Oracle oracle = random_typing(random, text)[0].oracle();
    std::vector<Slot> slots = slots_of(oracle);
    std::vector<Dot> expected = weave_order(slots);
    REQUIRE(scan_shuffled(oracle, slots, random) == expected);
    REQUIRE(scan_shuffled(oracle, slots, random) == expected);
  }
}

TEST_CASE("every other sibling rule disagrees with the scan somewhere") {
  for (SiblingRule rule : {SiblingRule::kLeftAscending, SiblingRule::kRightNearFirst,
                           SiblingRule::kRightStampOnly, SiblingRule::kNoLeftChildren}) {
    CAPTURE(static_cast<int>(rule));
    bool disagrees = false;
    for (std::uint64_t seed = 1; seed <= 3'000 && !disagrees; ++seed) {
      Random random(seed);
      Dot text;
      Oracle oracle = random_typing(random, text)[0].oracle();
      std::vector<Slot> slots = slots_of(oracle);
      disagrees = scan_shuffled(oracle, slots, random) != weave_order(slots, rule);
    }
    CHECK(disagrees);
  }
}

}  // namespace
}  // namespace weft::test
