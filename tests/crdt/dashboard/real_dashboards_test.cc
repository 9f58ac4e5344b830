// Every dashboard there is: what is imported is exported again, and importing it twice writes nothing.

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "crdt/dashboard/grafana.h"
#include "crdt/document/json_text.h"
#include "tests/crdt/dashboard/dashboards.h"

namespace weft {
namespace {

using namespace dashboard;

TEST_CASE("every dashboard is exported as it was imported") {
  std::vector<test::NamedDashboard> all = test::real_dashboards();
  all.push_back({"service-overview.json", test::own_dashboard()});
  for (const test::NamedDashboard& each : all) {
    CAPTURE(each.name);
    Document document = test::seeded(each.json);
    CHECK(to_grafana_text(document).value() == canonical_text(without_derived(each.json)));
    const VersionVector before = document.version();
    document.transact([&](Transaction& tx) { return import_grafana(tx, each.json); }).value();
    CHECK(document.version() == before);
  }
}

TEST_CASE("the project's own dashboard lies in its file in canonical form") {
  CHECK(canonical_text(test::own_dashboard()) == test::own_dashboard_text());
}

}  // namespace
}  // namespace weft
