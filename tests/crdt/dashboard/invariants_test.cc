#include "crdt/dashboard/invariants.h"

#include <doctest/doctest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "crdt/dashboard/grafana.h"
#include "crdt/dashboard/model.h"
#include "tests/crdt/dashboard/dashboards.h"

namespace weft {
namespace {

using namespace dashboard;
using Kind = Finding::Kind;
using Strings = std::vector<std::string>;

template <typename Body>
void edit(Document& document, Body&& body) {
  document
      .transact([&](Transaction& tx) -> Status {
        DashboardEdit dashboard(tx);
        return body(dashboard);
      })
      .value();
}

void exchange(Document& a, Document& b) {
  const auto from_a = a.deltas_since(b.version()).value();
  const auto from_b = b.deltas_since(a.version()).value();
  for (const Bytes& delta : from_a) b.apply(delta).value();
  for (const Bytes& delta : from_b) a.apply(delta).value();
}

Seq import_again(Document& document, const Json& json) {
  const Commit commit =
      document.transact([&](Transaction& tx) { return import_grafana(tx, json); }).value();
  return commit.op_count;
}

/// Two devices that each add a panel, a target, a variable and an annotation of the same names.
Document merged(std::string_view fresh_a = "a", std::string_view fresh_b = "b",
                std::uint64_t shown_by = 1) {
  Document a = test::seeded(test::own_dashboard(), 1);
  Document b = test::seeded(test::own_dashboard(), 2);
  for (const auto& each : {std::pair(&a, fresh_a), std::pair(&b, fresh_b)})
    edit(*each.first, [&](DashboardEdit& dashboard) -> Status {
      const Json named = Json::Object{{"name", "depot"}};
      WEFT_TRY(dashboard.create_panel(each.second,
                                      Json::Object{{"title", each.second}, {"type", "stat"}}));
      WEFT_TRY(dashboard.add_target("3", each.second, Json::Object{{"expr", each.second}}));
      WEFT_TRY(dashboard.add(Part::kVariables, each.second, named));
      WEFT_TRY(dashboard.add(Part::kAnnotations, each.second, named));
      return {};
    });
  exchange(a, b);
  return shown_by == 1 ? std::move(a) : std::move(b);
}

TEST_CASE("names that clash after a merge are reported and shown apart") {
  Document document = merged();
  using F = Finding;
  CHECK(check_dashboard(document) ==
        std::vector<F>{{Kind::kAnnotationName, "/annotations/list/+b", "depot", "depot_2"},
                       {Kind::kPanelId, "/panels/+b", "12", "13"},
                       {Kind::kRefId, "/panels/3/targets/+b", "B", "C"},
                       {Kind::kVariableName, "/templating/list/+b", "depot", "depot_2"}});
  const Dashboard dashboard(document);
  CHECK(dashboard.find_panel("+a")->id == 12);
  CHECK(dashboard.find_panel("+b")->id == 13);
  const std::string text = to_grafana_text(document).value();
  CHECK(text.find("\"id\": 13") != std::string::npos);
  CHECK(text.find("\"name\": \"depot_2\"") != std::string::npos);
  CHECK(to_grafana_text(document, {.repair = false}).value().find("depot_2") == std::string::npos);
  CHECK(describe(check_dashboard(document)[1]) ==
        "/panels/+b: another panel has the id 12, shown as 13");
}

TEST_CASE("every device says the same of what it merged") {
  const Document one = merged("a", "b", 1);
  const Document other = merged("a", "b", 2);
  CHECK(check_dashboard(one) == check_dashboard(other));
  CHECK(to_grafana_text(one).value() == to_grafana_text(other).value());
}

TEST_CASE("importing the export writes the names that were shown, once, and finds each element") {
  Document document = merged();
  const Json exported = to_grafana(document).value();
  CHECK(import_again(document, exported) == 4);
  CHECK(to_grafana(document).value() == exported);
  CHECK(check_dashboard(document).empty());
  CHECK(import_again(document, exported) == 0);
  CHECK(document.get("/panels/+b/title").value() == Value("b"));
  CHECK(document.get("/panels/+b/id").value() == Value(13));
}

TEST_CASE("importing an export without repair writes nothing") {
  Document document = merged();
  CHECK(import_again(document, to_grafana(document, {.repair = false}).value()) == 0);
}

TEST_CASE("whose key is the name keeps it, whatever the order") {
  Document document = test::seeded(test::own_dashboard());
  edit(document, [](DashboardEdit& dashboard) -> Status {
    WEFT_TRY(dashboard.set_field("3", "/id", 4));
    WEFT_TRY(dashboard.add(Part::kVariables, "a", Json::Object{{"name", "env"}}));
    return dashboard.move(Part::kVariables, "+a", 0);
  });
  const Dashboard dashboard(document);
  CHECK(dashboard.find_panel("4")->id == 4);
  CHECK(dashboard.find_panel("3")->id == 12);
  CHECK(dashboard.variables().at(0).name == "env_2");
  CHECK(dashboard.variables().at(2).key == "env");
  const Json exported = to_grafana(document).value();
  CHECK(import_again(document, exported) == 2);
  CHECK(to_grafana(document).value() == exported);
}

TEST_CASE("a free name is one that no other element has or is shown by") {
  Document document = test::seeded(test::own_dashboard());
  edit(document, [](DashboardEdit& dashboard) -> Status {
    for (const char* fresh : {"a", "b", "c"})
      WEFT_TRY(dashboard.add(Part::kVariables, fresh, Json::Object{{"name", "env"}}));
    WEFT_TRY(dashboard.add(Part::kVariables, "d", Json::Object{{"name", "env_2"}}));
    return {};
  });
  std::map<std::string, std::string> names;
  for (const VariableInfo& variable : Dashboard(document).variables())
    names[variable.key] = variable.name;
  CHECK(names["+a"] == "env_3");
  CHECK(names["+b"] == "env_4");
  CHECK(names["+c"] == "env_5");
  CHECK(names["+d"] == "env_2");
}

TEST_CASE("duplicates that were imported stay, and are reported") {
  const auto panel = [](int id, const char* title) {
    return Json::Object{{"id", id}, {"title", title}, {"type", "stat"}};
  };
  const Json dashboard =
      Json::Object{{"panels", Json::Array{panel(5, "one"), panel(5, "two"), panel(6, "three")}}};
  Document document = test::seeded(dashboard);
  CHECK(to_grafana_text(document).value() == canonical_text(dashboard));
  const std::vector<Finding> found = check_dashboard(document);
  REQUIRE(found.size() == 1);
  CHECK(found[0].kind == Kind::kImportedDuplicate);
  CHECK(found[0].name == "5");
  CHECK(import_again(document, dashboard) == 0);

  // One that was made here gives way to both.
  edit(document, [](DashboardEdit& edit) -> Status {
    WEFT_TRY(edit.create_panel("a", Json::Object{{"type", "stat"}}));
    return edit.set_field("+a", "/id", 5);
  });
  CHECK(Dashboard(document).find_panel("+a")->id == 7);
  const Json exported = to_grafana(document).value();
  CHECK(import_again(document, exported) == 1);
  CHECK(to_grafana(document).value() == exported);
}

TEST_CASE("references to variables are found in every notation, Grafana's own left out") {
  CHECK(variables_in(
            "a{b=\"$env\", c=~\"${node:regex}\", d=\"[[zone]]\", e=\"[[x:csv]]\"}[$__range]") ==
        Strings{"env", "node", "zone", "x"});
  CHECK(variables_in(
            "${__from:date} $1 ${2} $timeFilter a$ $ ${ [[ ${a b} $env.x ${row.text} $env") ==
        Strings{"env", "row"});
  CHECK(variables_in("").empty());
}

TEST_CASE("references to what doesn't exist are reported where they stand") {
  Document document = test::seeded(test::own_dashboard());
  CHECK(check_dashboard(document).empty());
  edit(document, [](DashboardEdit& dashboard) -> Status {
    WEFT_TRY(dashboard.rename_panel("3", "In $nowhere"));
    WEFT_TRY(dashboard.set_expr("5", "A", "up{a=\"$gone\"}"));
    WEFT_TRY(dashboard.set_field("8", "/datasource/uid", "${lost}"));
    WEFT_TRY(dashboard.set_field("8", "/repeat", "absent"));
    return dashboard.rename(Part::kVariables, "datasource", "ds");
  });
  std::vector<Finding> found = check_dashboard(document);
  std::set<std::string> of_datasource;
  std::erase_if(found, [&](const Finding& finding) {
    if (finding.name != "datasource") return false;
    CHECK(finding.kind == Kind::kUnknownDatasource);
    return of_datasource.insert(finding.path).second;
  });
  CHECK(of_datasource.contains("/panels/3/targets/A/datasource"));
  CHECK(of_datasource.contains("/annotations/list/Deployments/datasource"));
  CHECK(found ==
        std::vector<Finding>{{Kind::kUnknownVariable, "/panels/3/title", "nowhere", ""},
                             {Kind::kUnknownVariable, "/panels/5/targets/A/expr", "gone", ""},
                             {Kind::kUnknownDatasource, "/panels/8/datasource", "lost", ""},
                             {Kind::kUnknownVariable, "/panels/8/repeat", "absent", ""}});
}

TEST_CASE("a shared dashboard's inputs are variables") {
  const Json dashboard = Json::Object{
      {"__inputs", Json::Array{Json::Object{{"name", "DS_MAIN"}, {"type", "datasource"}}}},
      {"panels",
       Json::Array{Json::Object{{"datasource", "${DS_MAIN}"}, {"id", 1}, {"type", "stat"}}}}};
  CHECK(check_dashboard(test::seeded(dashboard)).empty());
}

TEST_CASE("places without a panel, panels without a place and with two are reported") {
  Document document = test::seeded(test::own_dashboard());
  document
      .transact([](Transaction& tx) -> Status {
        WEFT_ASSIGN(ListEdit order, tx.list("/panels/:order"));
        WEFT_TRY(order.push_back("99"));
        WEFT_TRY(order.erase(0));  // of panel 1
        WEFT_ASSIGN(MapEdit row, tx.map("/panels/2"));
        return row.ensure_map("panels").ensure_list(":order").push_back("8");
      })
      .value();
  CHECK(check_dashboard(document) ==
        std::vector<Finding>{
            {Kind::kPanelWithoutPlace, "/panels/1", "1", ""},
            {Kind::kPlaceWithoutPanel, "/panels/:order", "99", ""},
            {Kind::kPanelInTwoPlaces, "/panels/:order", "8", "/panels/2/panels/:order"}});
  std::multiset<std::string> shown;
  for (const PanelInfo& panel : Dashboard(document).panels()) shown.insert(panel.key);
  CHECK(shown.size() == 11);
  CHECK(shown.count("8") == 1);

  // An import settles them.
  const Json exported = to_grafana(document).value();
  CHECK(import_again(document, exported) > 0);
  CHECK(to_grafana(document).value() == exported);
  CHECK(check_dashboard(document).empty());
}

}  // namespace
}  // namespace weft
