// Every real dashboard there is: what is imported is exported again, and importing it twice writes nothing.

#include <doctest/doctest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "crdt/dashboard/grafana.h"
#include "crdt/document/json_text.h"
#include "tests/crdt/dashboard/dashboards.h"

namespace weft {
namespace {

using namespace dashboard;

TEST_CASE("every real dashboard is exported as it was imported") {
  const std::vector<test::NamedDashboard> all = test::real_dashboards();
  if (all.empty()) {
    MESSAGE("skipped: no dashboards; see tests/README");
    return;
  }
  for (const test::NamedDashboard& each : all) {
    CAPTURE(each.name);
    DocumentOptions options;
    options.replica = {1};
    options.id = document_of_uid(each.json).value_or(DocumentId{});
    const Bytes seed = seed_delta(options.id, each.json).value();
    Document document = Document::create(options);
    document.apply(seed).value();
    CHECK(to_grafana_text(document) == canonical_text(test::without_counters(each.json)));
    const VersionVector before = document.version();
    document.transact([&](Transaction& tx) { return import_grafana(tx, each.json); }).value();
    CHECK(document.version() == before);
  }
}

}  // namespace
}  // namespace weft
