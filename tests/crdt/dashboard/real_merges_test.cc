// The real merges: two people had changed one dashboard at the same time. What one side alone changed survives, and
// what both changed is in the inbox, nothing else.

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "crdt/dashboard/grafana.h"
#include "crdt/dashboard/inbox.h"
#include "crdt/document/json_text.h"
#include "tests/crdt/dashboard/dashboards.h"
#include "tests/crdt/dashboard/leaves.h"
#include "tests/support/size.h"

namespace weft {
namespace {

using namespace dashboard;

DocumentOptions device(std::uint64_t replica) {
  DocumentOptions options;
  options.replica = {replica};
  options.id = {{1}};
  options.now_ms = [replica] { return 1'700'000'000'000 + replica; };
  return options;
}

void exchange(Document& a, Document& b) {
  const VersionVector of_a = a.version();
  const VersionVector of_b = b.version();
  for (const Bytes& delta : a.deltas_since(of_b).value()) b.apply(delta).value();
  for (const Bytes& delta : b.deltas_since(of_a).value()) a.apply(delta).value();
}

void import(Document& document, const Json& json) {
  document.transact([&](Transaction& tx) { return import_grafana(tx, json); }).value();
}

/// Is the leaf what the item is about, or below it?
bool covers(const InboxItem& item, const std::string& leaf) {
  // Old rows have no names: the oracle counts them.
  if (item.path.starts_with("/rows/") && leaf.starts_with("/rows/")) return true;
  if (!leaf.starts_with(item.path)) return false;
  return leaf.size() == item.path.size() || leaf[item.path.size()] == '/' ||
         leaf[item.path.size()] == '@';
}
/// Does the item lie within an array that is one leaf to the oracle?
bool lies_within(const InboxItem& item, const std::string& leaf) {
  return item.path.starts_with(leaf + "/");
}

TEST_CASE("the real merges: one side's edits survive, the others are in the inbox") {
  const std::vector<test::RealMerge> merges = test::real_merges();
  if (merges.empty()) return;
  std::size_t one_sided = 0, concurrent = 0, items = 0;
  for (const test::RealMerge& merge : merges) {
    CAPTURE(merge.name);
    Document ours = Document::create(device(1));
    ours.apply(seed_delta({{1}}, merge.base).value()).value();
    Document theirs = ours.fork({2});
    import(ours, merge.ours);
    import(theirs, merge.theirs);
    exchange(ours, theirs);
    CHECK(to_grafana_text(ours).value() == to_grafana_text(theirs).value());
    CHECK(ours.snapshot() == theirs.snapshot());

    const std::vector<InboxItem> inbox = dashboard::inbox(ours).value();
    const std::vector<InboxItem> other = dashboard::inbox(theirs).value();
    REQUIRE(inbox.size() == other.size());
    for (std::size_t i = 0; i < inbox.size(); ++i) {
      CHECK(inbox[i].id == other[i].id);
      CHECK(inbox[i].path == other[i].path);
    }
    const test::FlatDashboard flat_base = test::flatten(merge.base);
    const test::FlatDashboard flat_ours = test::flatten(merge.ours);
    const test::FlatDashboard flat_theirs = test::flatten(merge.theirs);
    if (flat_base.is_ambiguous || flat_ours.is_ambiguous || flat_theirs.is_ambiguous) {
      MESSAGE(merge.name, ": two panels have one id, so no oracle");
      continue;
    }
    const test::ThreeWay sides =
        test::compare_sides(flat_base.leaves, flat_ours.leaves, flat_theirs.leaves);
    const test::FlatDashboard merged = test::flatten(to_grafana(ours).value());
    for (const auto& leaf : sides.one_sided) {
      const std::string& path = leaf.first;
      const std::string& value = leaf.second;
      bool is_in_inbox = false;
      for (const InboxItem& item : inbox) is_in_inbox = is_in_inbox || covers(item, path);
      if (is_in_inbox) continue;
      const auto found = merged.leaves.find(path);
      CAPTURE(path);
      CHECK((found == merged.leaves.end() ? std::string() : found->second) == value);
    }
    for (const auto& leaf : sides.concurrent) {
      const std::string& path = leaf.first;
      const std::string& values = leaf.second;
      if (path.ends_with("@") || values[0] == '[') continue;
      bool is_in_inbox = false;
      for (const InboxItem& item : inbox) is_in_inbox = is_in_inbox || covers(item, path);
      CHECK_MESSAGE(is_in_inbox, path << ": " << values.substr(0, 200));
    }
    for (const InboxItem& item : inbox) {
      bool is_concurrent = false;
      for (const auto& leaf : sides.concurrent)
        is_concurrent = is_concurrent || covers(item, leaf.first) || lies_within(item, leaf.first);
      CHECK_MESSAGE(is_concurrent,
                    item.path << ": " << print_json(item.winner.shown).substr(0, 200));
    }
    one_sided += sides.one_sided.size();
    concurrent += sides.concurrent.size();
    items += inbox.size();
    MESSAGE(merge.name, ": ", sides.one_sided.size(), " changed by one side, ",
            sides.concurrent.size(), " by both, ", inbox.size(), " in the inbox");
  }
  CHECK(one_sided > (test::size() == test::Size::kSmoke ? 100 : 1000));
  MESSAGE(one_sided, " leaves changed by one side, ", concurrent, " by both; ", items,
          " in the inbox");
}

TEST_CASE(
    "where people merged otherwise, they took one of two sides, or dropped what one side did") {
  std::size_t took_a_side = 0, dropped = 0;
  for (const test::RealMerge& merge : test::real_merges()) {
    CAPTURE(merge.name);
    Document document = Document::create(device(1));
    document.apply(seed_delta({{1}}, merge.base).value()).value();
    Document other = document.fork({2});
    import(document, merge.ours);
    import(other, merge.theirs);
    exchange(document, other);
    const test::Leaves weft = test::flatten(to_grafana(document).value()).leaves;
    const test::Leaves people = test::flatten(merge.merged).leaves;
    const test::ThreeWay sides =
        test::compare_sides(test::flatten(merge.base).leaves, test::flatten(merge.ours).leaves,
                            test::flatten(merge.theirs).leaves);
    const std::vector<InboxItem> inbox = dashboard::inbox(document).value();
    // What differs, as what people would have had to change in ours.
    const test::ThreeWay others = test::compare_sides(weft, people, weft);
    for (const auto& leaf : others.one_sided) {
      const std::string& path = leaf.first;
      const std::string& value = leaf.second;
      CAPTURE(path);
      const auto both = sides.concurrent.find(path);
      if (both != sides.concurrent.end()) {
        ++took_a_side;
        CHECK(both->second.find(value) != std::string::npos);
        CHECK(std::any_of(inbox.begin(), inbox.end(),
                          [&](const InboxItem& item) { return covers(item, path); }));
      } else {
        ++dropped;
        CHECK(sides.one_sided.contains(path));
      }
    }
  }
  MESSAGE(took_a_side, " leaves where people took one of two sides, ", dropped,
          " where they dropped what one side did (docs/real-merges.md)");
  if (test::real_merges().size() != 17) return;  // no data, or a smoke test
  CHECK(took_a_side == 11);
  CHECK(dropped == 5);
}

}  // namespace
}  // namespace weft
