#include "crdt/dashboard/model.h"

#include <doctest/doctest.h>

#include <functional>
#include <string>
#include <vector>

#include "crdt/dashboard/grafana.h"
#include "crdt/dashboard/view_state.h"
#include "crdt/document/splice_text.h"
#include "tests/crdt/dashboard/dashboards.h"

namespace weft {
namespace {

using namespace dashboard;
using Strings = std::vector<std::string>;

Document own(std::uint64_t replica = 1) { return test::seeded(test::own_dashboard(), replica); }

template <typename Body>
Result<Commit> edit(Document& document, Body&& body) {
  return document.transact([&](Transaction& tx) -> Status {
    DashboardEdit dashboard(tx);
    return body(dashboard);
  });
}

Strings keys_of(const Document& document) {
  Strings result;
  for (const PanelInfo& panel : Dashboard(document).panels()) result.push_back(panel.key);
  return result;
}
Strings panels_in(const Document& document, std::string_view row) {
  Strings result;
  for (const PanelInfo& panel : Dashboard(document).panels())
    if (panel.row == row && panel.type != "row") result.push_back(panel.key);
  return result;
}
std::vector<std::string> names_of(const std::vector<VariableInfo>& variables) {
  Strings result;
  for (const VariableInfo& variable : variables) result.push_back(variable.name);
  return result;
}

/// Each gets what the other wrote.
void exchange(Document& a, Document& b) {
  const auto from_a = a.deltas_since(b.version()).value();
  const auto from_b = b.deltas_since(a.version()).value();
  for (const Bytes& delta : from_a) b.apply(delta).value();
  for (const Bytes& delta : from_b) a.apply(delta).value();
}

/// Grafana's JSON with a collapsed row that holds panels 2 and 3, and panel 4 above it.
Json with_collapsed_row() {
  const auto panel = [](int id, int y) {
    return Json::Object{{"id", id},
                        {"type", "stat"},
                        {"gridPos", Json::Object{{"h", 4}, {"w", 12}, {"x", 0}, {"y", y}}}};
  };
  const Json row = Json::Object{{"id", 1},
                                {"type", "row"},
                                {"collapsed", true},
                                {"gridPos", Json::Object{{"h", 1}, {"w", 24}, {"x", 0}, {"y", 4}}},
                                {"panels", Json::Array{panel(2, 30), panel(3, 34)}}};
  return Json::Object{{"panels", Json::Array{panel(4, 0), row}}, {"title", "rows"}};
}

TEST_CASE("panels are listed in their order with key, id, type, title, rectangle and row") {
  const Document document = own();
  const std::vector<PanelInfo> panels = Dashboard(document).panels();
  REQUIRE(panels.size() == 11);
  CHECK(panels[3].key == "4");
  CHECK(panels[3].id == 4);
  CHECK(panels[3].type == "timeseries");
  CHECK(panels[3].title == "Errors");
  CHECK(panels[3].rect == Rect{12, 4, 12, 8});
  CHECK(panels[3].row == "2");
  CHECK(panels[0].row == "");
  const std::vector<RowInfo> rows = Dashboard(document).rows();
  REQUIRE(rows.size() == 2);
  CHECK(rows[1].title == "Machines");
  CHECK(rows[1].panels == Strings{"8", "9", "10", "11"});
}

TEST_CASE("a panel that is made has a fresh key, the next id, and stands where it was asked for") {
  Document document = own();
  std::string key;
  edit(document, [&](DashboardEdit& dashboard) -> Status {
    WEFT_ASSIGN(key, dashboard.create_panel("x", Json::Object{{"type", "stat"}, {"title", "New"}},
                                            {"2", 1}));
    return {};
  }).value();
  CHECK(key == "+x");
  CHECK(panels_in(document, "2") == Strings{"3", "+x", "4", "5", "6"});
  const PanelInfo panel = *Dashboard(document).find_panel(key);
  CHECK(panel.id == 12);
  CHECK(panel.rect == Rect{0, 20, 12, 8});  // below the row's panels
  const Json before = to_grafana(document).value();
  document.transact([&](Transaction& tx) { return import_grafana(tx, before); }).value();
  CHECK(to_grafana(document).value() == before);
  CHECK(Dashboard(document).find_panel(key).has_value());  // found again by its id

  CHECK(edit(document,
             [](DashboardEdit& dashboard) -> Status {
               WEFT_TRY(dashboard.create_panel("x", Json::Object{}));
               return {};
             })
            .error()
            .code() == ErrorCode::kInvalidArgument);
}

TEST_CASE("fields are written by path, and what is above them is made") {
  Document document = own();
  edit(document, [](DashboardEdit& dashboard) -> Status {
    WEFT_TRY(dashboard.set_field("3", "/fieldConfig/defaults/custom/lineWidth", 2));
    WEFT_TRY(dashboard.set_field("3", "/targets/A/expr", "up"));
    WEFT_TRY(dashboard.set_field("3", "/options/legend/displayMode", "table"));
    WEFT_TRY(dashboard.set("/templating/list/env/hide", 2));
    WEFT_TRY(dashboard.erase_field("3", "/fieldConfig/defaults/unit"));
    return dashboard.rename_panel("3", "Renamed");
  }).value();
  CHECK(document.get("/panels/3/fieldConfig/defaults/custom/lineWidth").value() == Value(2));
  CHECK(document.get("/panels/3/targets/A/expr").value() == Value("up"));
  CHECK(document.get("/panels/3/options/legend/displayMode").value() == Value("table"));
  CHECK(document.get("/templating/list/env/hide").value() == Value(2));
  CHECK_FALSE(document.get("/panels/3/fieldConfig/defaults/unit").ok());
  CHECK(Dashboard(document).find_panel("3")->title == "Renamed");

  const auto code_of = [&](std::string_view panel, std::string_view path) {
    return edit(document,
                [&](DashboardEdit& dashboard) { return dashboard.set_field(panel, path, 1); })
        .error()
        .code();
  };
  CHECK(code_of("3", "/gridPos/x") == ErrorCode::kWrongKind);  // a rectangle is never torn
  CHECK(code_of("3", "/panels") == ErrorCode::kInvalidArgument);
  CHECK(code_of("3", "/targets/:order") == ErrorCode::kInvalidArgument);
  CHECK(code_of("3", "/targets/Z/expr") == ErrorCode::kNotFound);
  CHECK(code_of("3", "unit") == ErrorCode::kInvalidArgument);
  CHECK(code_of("99", "/unit") == ErrorCode::kNotFound);
}

TEST_CASE("writing what is there already writes nothing") {
  Document document = own();
  const VersionVector before = document.version();
  edit(document, [](DashboardEdit& dashboard) -> Status {
    WEFT_TRY(dashboard.set_field("3", "/id", 3));  // the key says it
    WEFT_TRY(dashboard.rename(Part::kVariables, "env", "env"));
    WEFT_TRY(dashboard.set_rect("3", {0, 4, 12, 8}));
    WEFT_TRY(dashboard.move_panel("3", {"2", 0}));
    WEFT_TRY(dashboard.move_target("4", "B", 1));
    WEFT_TRY(dashboard.add_tag("parcel"));
    WEFT_TRY(dashboard.edit_content("1"));
    return dashboard.set_title("Parcel tracker: overview");
  }).value();
  CHECK(document.version() == before);
}

TEST_CASE("a rectangle is written whole and keeps what else it holds") {
  Document document = own();
  edit(document, [](DashboardEdit& dashboard) -> Status {
    WEFT_TRY(dashboard.set_field(
        "3", "/gridPos", Json::Object{{"h", 1}, {"static", true}, {"w", 1}, {"x", 0}, {"y", 0}}));
    return dashboard.set_rect("3", {6, 5, 4, 3});
  }).value();
  const Json grid = document.get("/panels/3/gridPos")->json();
  CHECK(*grid.find("static") == Json(true));
  CHECK(rect_of(grid) == Rect{6, 5, 4, 3});
}

TEST_CASE("two rectangles written at once leave one of them whole") {
  Document a = own(1);
  Document b = own(2);
  edit(a, [](DashboardEdit& dashboard) { return dashboard.set_rect("3", {1, 1, 1, 1}); }).value();
  edit(b, [](DashboardEdit& dashboard) { return dashboard.set_rect("3", {2, 2, 2, 2}); }).value();
  exchange(a, b);
  const Rect rect = *Dashboard(a).find_panel("3")->rect;
  CHECK((rect == Rect{1, 1, 1, 1} || rect == Rect{2, 2, 2, 2}));
  CHECK(Dashboard(b).find_panel("3")->rect == rect);
}

TEST_CASE(
    "a copy has a new id, the same targets by the same keys, and stands behind the original") {
  Document document = own();
  edit(document, [](DashboardEdit& dashboard) -> Status {
    WEFT_TRY(dashboard.add_target("4", "t", Json::Object{{"expr", "up"}}));
    WEFT_TRY(dashboard.duplicate_panel("4", "copy"));
    return {};
  }).value();
  const Dashboard dashboard(document);
  CHECK(panels_in(document, "2") == Strings{"3", "4", "+copy", "5", "6"});
  Json::Object copy = *dashboard.panel("+copy")->as_object();
  Json::Object original = *dashboard.panel("4")->as_object();
  CHECK(dashboard.find_panel("+copy")->id == 12);
  CHECK(dashboard.find_panel("+copy")->rect == Rect{12, 12, 12, 8});  // no room to the right
  for (Json::Object* panel : {&copy, &original})
    std::erase_if(*panel, [](const auto& member) {
      return member.first == "id" || member.first == "gridPos";
    });
  CHECK(Json(copy) == Json(original));
  const std::vector<TargetInfo> targets = dashboard.targets("+copy");
  REQUIRE(targets.size() == 3);
  CHECK(targets[2].key == "+t");
  CHECK(targets[2].ref_id == "C");
}

TEST_CASE("a deleted panel leaves its place; one that was edited meanwhile can be restored") {
  Document a = own(1);
  Document b = own(2);
  edit(a, [](DashboardEdit& dashboard) { return dashboard.delete_panel("4"); }).value();
  CHECK(panels_in(a, "2") == Strings{"3", "5", "6"});
  edit(b, [](DashboardEdit& dashboard) { return dashboard.rename_panel("4", "Kept"); }).value();
  exchange(a, b);
  CHECK(to_grafana_text(a).value() == to_grafana_text(b).value());
  CHECK_FALSE(Dashboard(a).find_panel("4"));
  a.restore("/panels/4").value();
  CHECK(Dashboard(a).find_panel("4")->title == "Kept");
}

TEST_CASE("a deleted row leaves its panels, unless they are to go with it") {
  SUBCASE("open") {
    Document document = own();
    edit(document, [](DashboardEdit& dashboard) { return dashboard.delete_panel("7"); }).value();
    CHECK(keys_of(document) == Strings{"1", "2", "3", "4", "5", "6", "8", "9", "10", "11"});
    CHECK(panels_in(document, "2").size() == 8);
  }
  SUBCASE("open, with them") {
    Document document = own();
    edit(document, [](DashboardEdit& dashboard) {
      return dashboard.delete_panel("7", DashboardEdit::RowPanels::kDelete);
    }).value();
    CHECK(keys_of(document) == Strings{"1", "2", "3", "4", "5", "6"});
  }
  SUBCASE("collapsed") {
    Document document = test::seeded(with_collapsed_row());
    edit(document, [](DashboardEdit& dashboard) { return dashboard.delete_panel("1"); }).value();
    CHECK(keys_of(document) == Strings{"4", "2", "3"});
    CHECK(panels_in(document, "") == Strings{"4", "2", "3"});
    CHECK(Dashboard(document).find_panel("3")->rect == Rect{0, 8, 12, 4});  // up to where it was
  }
  SUBCASE("of an old dashboard") {
    const Json panel = Json::Object{{"id", 5}, {"type", "graph"}};
    Document document = test::seeded(Json::Object{
        {"rows", Json::Array{Json::Object{{"panels", Json::Array{panel}}, {"title", "r"}}}}});
    const std::string row = Dashboard(document).rows().at(0).key;
    CHECK(Dashboard(document).rows().at(0).panels == Strings{"5"});
    edit(document, [&](DashboardEdit& dashboard) { return dashboard.delete_panel(row); }).value();
    CHECK(Dashboard(document).rows().empty());
    CHECK(Dashboard(document).find_panel("5")->row == "");
  }
}

TEST_CASE("panels move within a row, into another one, and out of all") {
  Document document = own();
  const auto move = [&](std::string_view panel, PanelPlace place) {
    edit(document, [&](DashboardEdit& dashboard) {
      return dashboard.move_panel(panel, place);
    }).value();
  };
  move("6", {"2", 0});
  CHECK(panels_in(document, "2") == Strings{"6", "3", "4", "5"});
  CHECK(Dashboard(document).find_panel("6")->rect == Rect{16, 12, 8, 8});  // the row is the same
  move("3", {"7", 1});
  CHECK(panels_in(document, "7") == Strings{"8", "3", "9", "10", "11"});
  CHECK(Dashboard(document).find_panel("3")->rect == Rect{0, 36, 12, 8});  // below the others there
  move("3", {});
  CHECK(panels_in(document, "") == Strings{"1", "3"});
  const auto code_of = [&](std::string_view panel, PanelPlace place) {
    return edit(document,
                [&](DashboardEdit& dashboard) { return dashboard.move_panel(panel, place); })
        .error()
        .code();
  };
  CHECK(code_of("2", {}) == ErrorCode::kInvalidArgument);
  CHECK(code_of("3", {"4", 0}) == ErrorCode::kNotFound);
  CHECK(code_of("3", {"7", 9}) == ErrorCode::kOutOfRange);
}

TEST_CASE("panels move into a collapsed row's list and out of it") {
  Document document = test::seeded(with_collapsed_row());
  edit(document, [](DashboardEdit& dashboard) {
    return dashboard.move_panel("4", {"1", 1});
  }).value();
  CHECK(panels_in(document, "1") == Strings{"2", "4", "3"});
  CHECK(Dashboard(document).find_panel("4")->is_nested);
  edit(document, [](DashboardEdit& dashboard) { return dashboard.move_panel("3", {}); }).value();
  CHECK(panels_in(document, "1") == Strings{"2", "4"});
  CHECK_FALSE(Dashboard(document).find_panel("3")->is_nested);
  CHECK(keys_of(document) == Strings{"3", "1", "2", "4"});
}

TEST_CASE("two devices that move different panels keep both moves") {
  Document a = own(1);
  Document b = own(2);
  edit(a, [](DashboardEdit& dashboard) { return dashboard.move_panel("3", {"7", {}}); }).value();
  edit(b, [](DashboardEdit& dashboard) { return dashboard.move_panel("11", {"2", 0}); }).value();
  exchange(a, b);
  CHECK(to_grafana_text(a).value() == to_grafana_text(b).value());
  CHECK(panels_in(a, "2") == Strings{"11", "4", "5", "6"});
  CHECK(panels_in(a, "7") == Strings{"8", "9", "10", "3"});
}

TEST_CASE("a panel that is moved into a row which another device deletes is still shown") {
  Document a = test::seeded(with_collapsed_row(), 1);
  Document b = test::seeded(with_collapsed_row(), 2);
  edit(a, [](DashboardEdit& dashboard) { return dashboard.delete_panel("1"); }).value();
  edit(b, [](DashboardEdit& dashboard) { return dashboard.move_panel("4", {"1", 0}); }).value();
  exchange(a, b);
  CHECK(to_grafana_text(a).value() == to_grafana_text(b).value());
  CHECK(keys_of(a) == Strings{"2", "3", "4"});
}

TEST_CASE("a row moves with its panels, and rectangles follow") {
  Document document = own();
  edit(document, [](DashboardEdit& dashboard) { return dashboard.move_row("7", 0); }).value();
  CHECK(keys_of(document) == Strings{"1", "7", "8", "9", "10", "11", "2", "3", "4", "5", "6"});
  const Dashboard dashboard(document);
  CHECK(dashboard.find_panel("7")->rect == Rect{0, 3, 24, 1});
  CHECK(dashboard.find_panel("11")->rect == Rect{0, 11, 24, 8});
  CHECK(dashboard.find_panel("2")->rect == Rect{0, 19, 24, 1});
  CHECK(dashboard.find_panel("3")->rect == Rect{0, 20, 12, 8});
}

TEST_CASE("targets are added under the next refId, reordered and removed") {
  Document document = own();
  edit(document, [](DashboardEdit& dashboard) -> Status {
    WEFT_TRY(dashboard.add_target("4", "t", Json::Object{{"expr", "up"}, {"refId", "A"}}));
    WEFT_TRY(dashboard.move_target("4", "+t", 0));
    WEFT_TRY(dashboard.remove_target("4", "A"));
    return dashboard.set_expr("4", "B", "down");
  }).value();
  const std::vector<TargetInfo> targets = Dashboard(document).targets("4");
  REQUIRE(targets.size() == 2);
  CHECK(targets[0].ref_id == "C");
  CHECK(targets[0].expr == "up");
  CHECK(targets[1].ref_id == "B");
  CHECK(targets[1].expr == "down");
  CHECK(edit(document, [](DashboardEdit& dashboard) { return dashboard.set_expr("4", "A", "x"); })
            .error()
            .code() == ErrorCode::kNotFound);
}

TEST_CASE("two devices that add a target have two, shown under two refIds") {
  Document a = own(1);
  Document b = own(2);
  for (const auto& each : {std::pair(&a, "a"), std::pair(&b, "b")})
    edit(*each.first, [&](DashboardEdit& dashboard) -> Status {
      WEFT_TRY(dashboard.add_target("3", each.second, Json::Object{{"expr", each.second}}));
      return {};
    }).value();
  exchange(a, b);
  CHECK(to_grafana_text(a).value() == to_grafana_text(b).value());
  Strings shown;
  for (const TargetInfo& target : Dashboard(a).targets("3"))
    shown.push_back(target.ref_id + "=" + target.expr.substr(0, 3));
  std::sort(shown.begin(), shown.end());
  CHECK(shown == Strings{"A=sum", "B=a", "C=b"});
}

TEST_CASE("variables, annotations and links are added, renamed, reordered and removed") {
  Document document = own();
  edit(document, [](DashboardEdit& dashboard) -> Status {
    WEFT_TRY(dashboard.add(Part::kVariables, "v", Json::Object{{"name", "depot"}}));
    WEFT_TRY(dashboard.move(Part::kVariables, "+v", 0));
    WEFT_TRY(dashboard.rename(Part::kVariables, "env", "environment"));
    WEFT_TRY(dashboard.remove(Part::kVariables, "service"));
    WEFT_TRY(dashboard.set(Part::kAnnotations, "Deployments", "/enable", false));
    WEFT_TRY(dashboard.add(Part::kLinks, "l", Json::Object{{"title", "More"}}));
    return dashboard.move(Part::kLinks, "+l", 1);
  }).value();
  const Dashboard dashboard(document);
  CHECK(names_of(dashboard.variables()) == Strings{"depot", "datasource", "environment"});
  CHECK(*dashboard.elements(Part::kAnnotations).at(0).json.find("enable") == Json(false));
  CHECK(*dashboard.elements(Part::kLinks).at(1).json.find("title") == Json("More"));
  CHECK(edit(document,
             [](DashboardEdit& edit) { return edit.rename(Part::kVariables, "nothing", "x"); })
            .error()
            .code() == ErrorCode::kNotFound);
}

TEST_CASE("elements are added to a dashboard that holds nothing") {
  DocumentOptions options;
  options.replica = {1};
  Document document = Document::create(options);
  edit(document, [](DashboardEdit& dashboard) -> Status {
    WEFT_TRY(dashboard.set_title("New"));
    WEFT_TRY(dashboard.add_tag("a"));
    WEFT_TRY(dashboard.set_time({"now-1h", "now"}));
    WEFT_TRY(dashboard.create_panel("row", Json::Object{{"type", "row"}}));
    WEFT_TRY(dashboard.create_panel("p", Json::Object{{"type", "stat"}}, {"+row", {}}));
    WEFT_TRY(dashboard.add_target("+p", "t", Json::Object{{"expr", "up"}}));
    WEFT_TRY(dashboard.add(Part::kVariables, "v", Json::Object{{"name", "env"}}));
    return {};
  }).value();
  const Dashboard dashboard(document);
  CHECK(dashboard.title() == "New");
  CHECK(dashboard.tags() == Strings{"a"});
  CHECK(dashboard.time() == TimeRange{"now-1h", "now"});
  CHECK(panels_in(document, "+row") == Strings{"+p"});
  CHECK(dashboard.targets("+p").at(0).ref_id == "A");
  CHECK(dashboard.variables().at(0).name == "env");
}

TEST_CASE("tags are a set") {
  Document a = own(1);
  Document b = own(2);
  for (Document* document : {&a, &b})
    edit(*document, [](DashboardEdit& dashboard) { return dashboard.add_tag("new"); }).value();
  edit(a, [](DashboardEdit& dashboard) { return dashboard.remove_tag("parcel"); }).value();
  exchange(a, b);
  CHECK(Dashboard(a).tags() == Strings{"service", "new"});
  CHECK(Dashboard(b).tags() == Strings{"service", "new"});
}

TEST_CASE("texts are edited live by two devices, and made where there are none") {
  Document a = own(1);
  Document b = own(2);
  edit(a, [](DashboardEdit& dashboard) -> Status {
    WEFT_ASSIGN(TextEdit content, dashboard.edit_content("1"));
    WEFT_TRY(content.insert(utf8(0), "First. "));
    WEFT_ASSIGN(TextEdit made, dashboard.edit_description("5"));
    return made.insert(utf8(0), "From a. ");
  }).value();
  edit(b, [](DashboardEdit& dashboard) -> Status {
    WEFT_ASSIGN(TextEdit content, dashboard.edit_content("1"));
    WEFT_TRY(splice_text(content, content.str() + "Last.\n"));
    WEFT_ASSIGN(TextEdit made, dashboard.edit_description("5"));
    return made.insert(utf8(0), "From b. ");
  }).value();
  exchange(a, b);
  CHECK(to_grafana_text(a).value() == to_grafana_text(b).value());
  const std::string content = a.text("/panels/1/options/content")->str();
  CHECK(content.starts_with("First. The parcel"));
  CHECK(content.ends_with("Last.\n"));
  CHECK(a.text("/panels/5/description")->size() == 16);  // both
}

TEST_CASE("an emptied text is imported again without a write") {
  Document document = own();
  edit(document, [](DashboardEdit& dashboard) -> Status {
    WEFT_ASSIGN(const TextEdit text, dashboard.edit_description("3"));
    return splice_text(text, "");
  }).value();
  const VersionVector before = document.version();
  const Json exported = to_grafana(document).value();
  document.transact([&](Transaction& tx) { return import_grafana(tx, exported); }).value();
  CHECK(document.version() == before);
}

TEST_CASE("a search finds titles, descriptions and queries whatever the case") {
  const Document document = own();
  const auto paths = [&](std::string_view text) {
    Strings result;
    for (const SearchHit& hit : Dashboard(document).search(text))
      result.push_back(hit.panel + hit.path);
    return result;
  };
  CHECK(paths("PARCEL") == Strings{"/title", "/description"});
  CHECK(paths("unloaded") == Strings{"3/description"});
  CHECK(paths("Code=~\"4") == Strings{"4/targets/B/expr"});
  CHECK(paths("queue") == Strings{"10/title", "10/targets/A/expr"});
  CHECK(paths("").empty());
}

TEST_CASE("a person's view state is laid over the JSON and leaves the document") {
  const Document document = own();
  ViewState state;
  state.current["env"] = Json::Object{{"text", "staging"}, {"value", "staging"}};
  state.time = TimeRange{"now-7d", "now-1d"};
  state.is_row_collapsed[2] = true;
  const Json shared = to_grafana(document).value();
  const Json shown = apply_view_state(shared, state);
  CHECK(*shown.find("time")->find("from") == Json("now-7d"));
  const Json& env = shown.find("templating")->find("list")->as_array()->at(1);
  CHECK(*env.find("current")->find("text") == Json("staging"));
  const Json::Array& panels = *shown.find("panels")->as_array();
  REQUIRE(panels.size() == 7);
  CHECK(*panels[1].find("collapsed") == Json(true));
  CHECK(panels[1].find("panels")->as_array()->size() == 4);

  SUBCASE("a row that is closed and opened again is as before") {
    ViewState open;
    open.is_row_collapsed[2] = false;
    ViewState closed;
    closed.is_row_collapsed[2] = true;
    const Json once = apply_view_state(shared, closed);
    const Json again = apply_view_state(once, open);
    CHECK(again.find("panels")->as_array()->size() == 11);
    const Json& below = again.find("panels")->as_array()->at(6);
    CHECK(rect_of(*below.find("gridPos")) ==
          Rect{0, 20 + 16, 24, 1});  // moved down by what came in
    CHECK(apply_view_state(shared, {}) == shared);
  }
}

}  // namespace
}  // namespace weft
