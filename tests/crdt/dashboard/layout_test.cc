#include "crdt/dashboard/layout.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "tests/crdt/dashboard/dashboards.h"
#include "tests/histories/harness.h"
#include "tests/support/random.h"

namespace weft {
namespace {

using namespace dashboard;
using Items = std::vector<GridItem>;

bool overlap(const Rect& a, const Rect& b) {
  return a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;
}
bool share_column(const Rect& a, const Rect& b) { return a.x < b.x + b.w && b.x < a.x + a.w; }

/// Row by row downward until it fits: below all that came before it in its columns.
Items by_trying(Items items) {
  std::sort(items.begin(), items.end(), [](const GridItem& a, const GridItem& b) {
    return std::tie(a.rect.y, a.rect.x, a.id) < std::tie(b.rect.y, b.rect.x, b.id);
  });
  for (std::size_t i = 0; i < items.size(); ++i) {
    Rect& rect = items[i].rect;
    const auto is_free = [&] {
      return std::none_of(items.begin(), items.begin() + static_cast<std::ptrdiff_t>(i),
                          [&](const GridItem& earlier) {
                            return overlap(earlier.rect, rect) ||
                                   (share_column(earlier.rect, rect) && earlier.rect.y > rect.y);
                          });
    };
    while (!is_free()) ++rect.y;
  }
  return items;
}

Items by_id(Items items) {
  std::sort(items.begin(), items.end(),
            [](const GridItem& a, const GridItem& b) { return a.id < b.id; });
  return items;
}

Items random_items(test::Random& random) {
  Items items(random.below(24));
  for (std::size_t i = 0; i < items.size(); ++i) {
    Rect& rect = items[i].rect;
    rect.w = 1 + static_cast<std::int64_t>(random.below(kGridColumns));
    rect.x = static_cast<std::int64_t>(
        random.below(static_cast<std::uint64_t>(kGridColumns - rect.w + 1)));
    rect.y = static_cast<std::int64_t>(random.below(30));
    rect.h = 1 + static_cast<std::int64_t>(random.below(9));
    items[i].id = std::to_string(i);
  }
  return items;
}

TEST_CASE("random layouts are those that trying every height gives") {
  const std::uint64_t first = test::first_seed();
  const std::uint64_t count = test::scaled_count(2'000);
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    CAPTURE(seed);
    test::Random random(seed);
    const Items items = random_items(random);
    Items laid_out = items;
    normalise(laid_out);
    REQUIRE(by_id(laid_out) == by_id(by_trying(items)));
    for (std::size_t i = 0; i < items.size(); ++i) {
      REQUIRE(laid_out[i].id == items[i].id);
      REQUIRE(laid_out[i].rect.y >= items[i].rect.y);
      for (std::size_t j = 0; j < i; ++j)
        REQUIRE_FALSE(overlap(laid_out[i].rect, laid_out[j].rect));
    }
    Items again = laid_out;
    normalise(again);
    REQUIRE(again == laid_out);
    Items backward(items.rbegin(), items.rend());
    normalise(backward);
    REQUIRE(by_id(backward) == by_id(laid_out));
  }
}

TEST_CASE("what doesn't overlap stays where it is, gaps included") {
  Items items = {{"a", {0, 2, 12, 4}}, {"b", {12, 0, 12, 4}}, {"c", {0, 40, 24, 1}}};
  const Items before = items;
  CHECK(normalise(items) == 41);
  CHECK(items == before);
}

TEST_CASE("sizes that can't be are clamped, and nothing overflows") {
  constexpr std::int64_t kMin = INT64_MIN;
  constexpr std::int64_t kMax = INT64_MAX;
  CHECK(clamped({-3, -1, 0, 0}) == Rect{0, 0, 1, 1});
  CHECK(clamped({20, 5, 12, 2}) == Rect{12, 5, 12, 2});
  CHECK(clamped({kMax, 0, kMax, 4}) == Rect{0, 0, 24, 4});
  CHECK(clamped({kMin, kMin, kMin, kMin}) == Rect{0, 0, 1, 1});
  Items items = {{"a", {kMax, kMax, kMax, kMax}}, {"b", {kMin, kMax, kMax, kMax}}};
  normalise(items);
  CHECK_FALSE(overlap(items[0].rect, items[1].rect));
  CHECK_FALSE(rect_of(Json::Array{}).has_value());
  CHECK(rect_of(Json::Object{{"x", 1.5}, {"w", "wide"}}) == Rect{});
}

std::map<std::string, Rect> rects_of(const Json& dashboard) {
  std::map<std::string, Rect> result;
  for (GridItem& item : normalised_rects(test::seeded(dashboard).root()))
    result.emplace(item.id, item.rect);
  return result;
}

TEST_CASE("a dashboard without overlap is laid out as it is written") {
  std::vector<test::NamedDashboard> all = test::real_dashboards();
  all.push_back({"own", test::own_dashboard()});
  std::size_t unchanged = 0;
  std::size_t pushed = 0;
  for (const test::NamedDashboard& each : all) {
    CAPTURE(each.name);
    const Json* panels = each.json.find("panels");
    if (panels == nullptr || panels->as_array() == nullptr) continue;
    const Document document = test::seeded(each.json);
    const Items laid_out = normalised_rects(document.root());
    Items items;  // those in the dashboard's own list, as they are written
    for (const Json& panel : *panels->as_array()) {
      const Json* grid = panel.find("gridPos");
      if (grid == nullptr || !rect_of(*grid) || panel.find("id")->as_int() == nullptr) continue;
      items.push_back({std::to_string(*panel.find("id")->as_int()), clamped(*rect_of(*grid))});
    }
    bool is_free = true;
    for (std::size_t i = 0; i < items.size(); ++i)
      for (std::size_t j = 0; j < i; ++j)
        is_free = is_free && !overlap(items[i].rect, items[j].rect) && items[i].id != items[j].id;
    if (!is_free || items.size() != panels->as_array()->size()) {
      ++pushed;
      continue;
    }
    ++unchanged;
    for (const GridItem& item : items)
      CHECK(std::find(laid_out.begin(), laid_out.end(), item) != laid_out.end());
  }
  MESSAGE(unchanged << " as written, " << pushed << " with overlaps");
  CHECK(unchanged > 0);
}

Json panel(int id, Rect rect, const char* type = "stat") {
  return Json::Object{
      {"id", id},
      {"type", type},
      {"gridPos", Json::Object{{"h", rect.h}, {"w", rect.w}, {"x", rect.x}, {"y", rect.y}}}};
}

TEST_CASE("rows are laid out one below the other in the order of the list") {
  // Panel 3 was moved into row 2, panel 5 is still where it was: both rows go down together.
  const std::map<std::string, Rect> rects = rects_of(
      Json::Object{{"panels", Json::Array{panel(1, {0, 0, 24, 6}), panel(2, {0, 4, 24, 1}, "row"),
                                          panel(3, {0, 0, 12, 8}), panel(4, {0, 8, 24, 1}, "row"),
                                          panel(5, {0, 9, 12, 8})}}});
  CHECK(rects.at("1") == Rect{0, 0, 24, 6});
  CHECK(rects.at("2") == Rect{0, 6, 24, 1});
  CHECK(rects.at("3") == Rect{0, 7, 12, 8});
  CHECK(rects.at("4") == Rect{0, 15, 24, 1});
  CHECK(rects.at("5") == Rect{0, 16, 12, 8});
}

TEST_CASE("the panels of a collapsed row lie right below it and take no room") {
  Json row = panel(1, {0, 10, 24, 1}, "row");
  row.as_object()->emplace_back("collapsed", true);
  row.as_object()->emplace_back("panels",
                                Json::Array{panel(2, {0, 50, 12, 4}), panel(3, {6, 52, 12, 4})});
  const std::map<std::string, Rect> rects =
      rects_of(Json::Object{{"panels", Json::Array{row, panel(4, {0, 11, 24, 1}, "row")}}});
  CHECK(rects.at("2") == Rect{0, 11, 12, 4});
  CHECK(rects.at("3") == Rect{6, 15, 12, 4});
  CHECK(rects.at("4") == Rect{0, 11, 24, 1});
}

}  // namespace
}  // namespace weft
