// Seeds: the first import of a document is the same delta on every device.

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "crdt/dashboard/grafana.h"
#include "crdt/document/json_text.h"
#include "tests/crdt/dashboard/dashboards.h"
#include "tests/support/golden.h"

namespace weft {
namespace {

using namespace dashboard;

constexpr DocumentId kBoard{{0x5e, 0xed, 1}};

/// Something of every shape (shape.h).
constexpr const char* kShapes = R"json({
  "title": "Shapes", "tags": ["b", "a"], "description": "Text.", "version": 7, "iteration": 1, "uid": "shapes",
  "time": {"from": "now-1h", "to": "now"}, "refresh": null, "editable": true, "links": [],
  "panels": [
    {"id": 1, "type": "row", "title": "Row", "panels": [
      {"id": 2, "type": "text", "options": {"content": "# Hello"}, "gridPos": {"h": 4, "w": 6, "x": 0, "y": 1}}]},
    {"id": 3, "title": "Twice", "targets": [{"refId": "A", "expr": "up"}, {"refId": "A", "expr": "down"}],
     "fieldConfig": {"defaults": {"min": 0.5, "thresholds": {"steps": [{"color": "green", "value": null}, {"color": "red", "value": 80}]}},
                     "overrides": [{"matcher": {"id": "byName", "options": "x"}, "properties": [{"id": "unit", "value": "s"}]}]},
     "options": {"calcs": ["mean", 1], ":odd": [[1], {}]}},
    {"id": 3, "title": "The same id"}],
  "templating": {"list": [{"name": "job", "query": "up"}]}
})json";

/// Members of all objects the other way round.
Json reversed(const Json& json) {
  if (const Json::Array* array = json.as_array()) {
    Json::Array result;
    for (const Json& each : *array) result.push_back(reversed(each));
    return result;
  }
  const Json::Object* object = json.as_object();
  if (object == nullptr) return json;
  Json::Object result;
  for (auto at = object->rbegin(); at != object->rend(); ++at)
    result.emplace_back(at->first, reversed(at->second));
  return result;
}

TEST_CASE("a seed has the bytes of the golden vector") {
  const Bytes made = seed_delta(kBoard, parse_json(kShapes).value()).value();
  const Bytes held = test::golden("dashboard_seed", "the seed of a dashboard with every shape",
                                  "tests/crdt/dashboard/seed_test.cc", made);
  CHECK(test::to_hex(made) == test::to_hex(held));
}

// Written in the order of the file, two devices made two contents of the same dots: a fork.
TEST_CASE("files that say the same in another order are one seed") {
  std::vector<test::NamedDashboard> all{{"shapes", parse_json(kShapes).value()},
                                        {"own", test::own_dashboard()}};
  const std::vector<test::NamedDashboard> real = test::real_dashboards();
  for (std::size_t i = 0; i < real.size(); i += 20) all.push_back(real[i]);
  for (const test::NamedDashboard& each : all) {
    CAPTURE(each.name);
    CHECK(seed_delta(kBoard, each.json).value() == seed_delta(kBoard, reversed(each.json)).value());
    const Json exported = parse_json(canonical_text(each.json)).value();
    CHECK(seed_delta(kBoard, each.json).value() == seed_delta(kBoard, exported).value());
  }
}

TEST_CASE("Grafana's own counters are no part of a seed, everything else is") {
  const Json board = parse_json(kShapes).value();
  Json later = board;
  for (auto& member : *later.as_object())
    if (member.first == "version" || member.first == "iteration") member.second = 99;
  CHECK(seed_delta(kBoard, board).value() == seed_delta(kBoard, later).value());
  for (auto& member : *later.as_object())
    if (member.first == "title") member.second = "Another";
  CHECK(seed_replica(kBoard, board) != seed_replica(kBoard, later));
  CHECK(seed_replica(kBoard, board) != seed_replica(DocumentId{{1}}, board));
  CHECK(document_of_uid(board) == document_of_uid(later));
}

TEST_CASE("no device writes as a seed") {
  const ReplicaId seed = seed_replica(kBoard, parse_json(kShapes).value());
  CHECK(is_seed_replica(seed));
  CHECK(!is_seed_replica(device_replica(seed.value)));
  CHECK(device_replica(77) == ReplicaId{77});
}

}  // namespace
}  // namespace weft
