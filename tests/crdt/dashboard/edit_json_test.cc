// Edits as JSON: what each writes, and what is refused with which words.

#include "crdt/dashboard/edit_json.h"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include "crdt/dashboard/grafana.h"
#include "crdt/dashboard/inbox.h"
#include "crdt/dashboard/names.h"
#include "crdt/document/json_text.h"

namespace weft {
namespace {

using namespace dashboard;

constexpr std::string_view kBoard = R"({
  "title": "Nodes", "uid": "nodes", "tags": ["linux", "prod"],
  "templating": {"list": [{"name": "job", "type": "query"}, {"name": "node", "type": "query"}]},
  "links": [{"title": "docs", "url": "a"}, {"title": "runbook", "url": "b"}],
  "panels": [
    {"id": 1, "type": "graph", "title": "CPU", "gridPos": {"x": 0, "y": 0, "w": 12, "h": 8},
     "targets": [{"refId": "A", "expr": "cpu"}, {"refId": "B", "expr": "steal"}]},
    {"id": 2, "type": "graph", "title": "Memory", "gridPos": {"x": 12, "y": 0, "w": 12, "h": 8}},
    {"id": 3, "type": "row", "title": "Disks", "gridPos": {"x": 0, "y": 8, "w": 24, "h": 1}},
    {"id": 4, "type": "graph", "title": "Reads", "gridPos": {"x": 0, "y": 9, "w": 12, "h": 8}},
    {"id": 5, "type": "graph", "title": "CPU", "gridPos": {"x": 12, "y": 9, "w": 12, "h": 8}}
  ]})";

Document board(std::uint64_t replica = 1) {
  DocumentOptions options;
  options.replica = {replica};
  options.id = {{1}};
  options.now_ms = [replica] { return 1'700'000'000'000 + replica; };
  Document document = Document::create(std::move(options));
  const Json edits =
      Json::Array{Json::Object{{"do", "import"}, {"dashboard", parse_json(kBoard).value()}}};
  CHECK(apply_edits(document, edits, {}).value().is_seeded);
  return document;
}

Status run(Document& document, std::string_view edit) {
  Result<EditReport> report =
      apply_edits(document, Json::Array{parse_json(edit).value()}, {.origin = {}, .message = {}});
  return report.ok() ? Status() : Status(report.take_error());
}
std::string error_of(Document& document, std::string_view edit) {
  const VersionVector before = document.version();
  const Status status = run(document, edit);
  CHECK(document.version() == before);
  return status.ok() ? "no error" : status.error().context();
}
std::string at(const Document& document, std::string_view path) {
  const Result<Json> json = shown_at(document, path);
  return json.ok() ? print_json(*json, {.indent = 0, .sort_keys = true}) : json.error().context();
}
std::string titles(const Document& document) {
  std::string result;
  for (const PanelInfo& panel : Dashboard(document).panels())
    result += (result.empty() ? "" : " ") + panel.title + "@" + panel.row;
  return result;
}

TEST_CASE("the first import is a seed: two devices have it once") {
  Document a = board(1);
  Document b = board(2);
  CHECK(a.snapshot() == b.snapshot());
  const VersionVector version = a.version();
  CHECK(version.entries().size() == 1);
  const Json again =
      Json::Array{Json::Object{{"do", "import"}, {"dashboard", parse_json(kBoard).value()}}};
  const EditReport report = apply_edits(a, again, {}).value();
  CHECK(report.op_count == 0);
  CHECK_FALSE(report.is_seeded);
}

TEST_CASE("parts go by key, by id, by name, by title and by place") {
  const Document document = board();
  CHECK(at(document, "/panels/1/title") == "\"CPU\"");
  CHECK(at(document, "/panels/Memory/id") == "2");
  CHECK(at(document, "/panels/Memory/gridPos/x") == "12");
  CHECK(at(document, "/templating/list/node/type") == "\"query\"");
  CHECK(at(document, "/links/1/title") == "\"runbook\"");
  CHECK(at(document, "/panels/CPU/title") ==
        "/panels/CPU/title: several panels have the title 'CPU'; name one by its key: 1, 5");
  CHECK(at(document, "/panels/1/nothing") == "/panels/1/nothing: nothing is there");
  CHECK(at(document, "title") != "\"Nodes\"");
}

TEST_CASE("set writes fields, whole panels and rectangles, and makes what is above") {
  Document document = board();
  run(document, R"({"do": "set", "path": "/title", "value": "All nodes"})").value();
  run(document,
      R"({"do": "set", "path": "/panels/Memory/fieldConfig/defaults/unit", "value": "bytes"})")
      .value();
  run(document, R"({"do": "set", "path": "/panels/1/targets/B/expr", "value": "idle"})").value();
  run(document, R"({"do": "set", "path": "/panels/4", "value": {"id": 4, "type": "stat"}})")
      .value();
  run(document, R"({"do": "set", "path": "/tags", "value": ["prod", "eu"]})").value();
  CHECK(at(document, "/title") == "\"All nodes\"");
  CHECK(at(document, "/panels/2/fieldConfig") == R"({"defaults":{"unit":"bytes"}})");
  CHECK(at(document, "/panels/1/targets/B") == R"({"expr":"idle","refId":"B"})");
  CHECK(at(document, "/panels/4") == R"({"id":4,"type":"stat"})");
  CHECK(at(document, "/tags") == R"(["prod","eu"])");
  CHECK(error_of(document, R"({"do": "set", "path": "", "value": 1})").find("import") !=
        std::string::npos);
  CHECK(error_of(document, R"({"do": "set", "path": "/version", "value": 1})") ==
        "/version: is counted by the document itself; an export says it");
  CHECK(error_of(document, R"({"do": "set", "path": "/panels/99/title", "value": 1})") ==
        "there is no panel '99'; name it by its key, its id or its title");
  CHECK(error_of(document, R"({"do": "set", "path": "/panels", "value": []})").find("/panels") ==
        0);
  CHECK(error_of(document,
                 R"({"do": "set", "path": "/panels/1/gridPos", "value": {"x": 20, "w": 9}})")
            .find("24 columns") != std::string::npos);
  CHECK(error_of(document, R"({"do": "set", "path": "/title"})") == "the edit has no \"value\"");
}

TEST_CASE("what is removed leaves its order, and comes back where it was") {
  Document document = board();
  const std::string whole = to_grafana_text(document).value();
  run(document, R"({"do": "remove", "path": "/panels/Memory"})").value();
  CHECK(titles(document) == "CPU@ Disks@ Reads@3 CPU@3");
  CHECK(document.list("/panels/:order").value().size().value() == 4);
  CHECK(error_of(document, R"({"do": "restore", "path": "/panels/2/title"})") ==
        "/panels/2/title: what it was in is not there; restore /panels/2 first");
  run(document, R"({"do": "restore", "path": "/panels/2", "after": "1"})").value();
  CHECK(to_grafana_text(document).value() == whole);

  run(document, R"({"do": "remove", "path": "/panels/1/targets/A"})").value();
  CHECK(document.list("/panels/1/targets/:order").value().size().value() == 1);
  run(document, R"({"do": "restore", "path": "/panels/1/targets/A", "after": ""})").value();
  run(document, R"({"do": "remove", "path": "/tags/linux"})").value();
  CHECK(at(document, "/tags") == R"(["prod"])");
  run(document, R"({"do": "restore", "path": "/tags/linux", "after": ""})").value();
  run(document, R"({"do": "remove", "path": "/title"})").value();
  CHECK(at(document, "/title") == "/title: nothing is there");
  run(document, R"({"do": "restore", "path": "/title"})").value();
  CHECK(to_grafana_text(document).value() == whole);

  CHECK(error_of(document, R"({"do": "restore", "path": "/title"})") ==
        "/title: is there; there is nothing to restore");
  CHECK(error_of(document, R"({"do": "restore", "path": "/never"})").find("/never") !=
        std::string::npos);
  CHECK(error_of(document, R"({"do": "remove", "path": "/never"})").find("/never: ") == 0);
}

TEST_CASE("a document without history restores children, and a value that is handed in") {
  Document before = board();
  run(before, R"({"do": "remove", "path": "/panels/2"})").value();
  run(before, R"({"do": "remove", "path": "/title"})").value();
  DocumentOptions options;
  options.replica = {7};
  Document document = Document::load(before.snapshot(), std::move(options)).value();
  run(document, R"({"do": "restore", "path": "/panels/2"})").value();
  CHECK(at(document, "/panels/2/title") == "\"Memory\"");
  CHECK(error_of(document, R"({"do": "restore", "path": "/title"})") ==
        "/title: nothing that was removed there is held here; set it instead");
  run(document, R"({"do": "restore", "path": "/title", "value": "Nodes"})").value();
  CHECK(at(document, "/title") == "\"Nodes\"");
}

TEST_CASE("move changes rectangles, places and rows") {
  Document document = board();
  run(document, R"({"do": "move", "panel": 2, "grid": {"x": 6, "y": 4}})").value();
  CHECK(at(document, "/panels/2/gridPos") == R"({"h":8,"w":12,"x":6,"y":4})");
  run(document, R"({"do": "move", "panel": "Memory", "before": "1"})").value();
  CHECK(titles(document) == "Memory@ CPU@ Disks@ Reads@3 CPU@3");
  run(document, R"({"do": "move", "panel": "Memory", "into_row": "Disks"})").value();
  CHECK(titles(document) == "CPU@ Disks@ Reads@3 CPU@3 Memory@3");
  run(document, R"({"do": "move", "panel": "Memory", "after": "Reads"})").value();
  CHECK(titles(document) == "CPU@ Disks@ Reads@3 Memory@3 CPU@3");
  run(document, R"({"do": "move", "panel": "Reads", "out_of_row": true})").value();
  CHECK(titles(document) == "CPU@ Reads@ Disks@ Memory@3 CPU@3");
  run(document, R"({"do": "move", "panel": "Reads", "after": "Disks"})").value();
  CHECK(titles(document) == "CPU@ Disks@ Reads@3 Memory@3 CPU@3");

  CHECK(error_of(document, R"({"do": "move", "panel": 1})").find("say where to") == 0);
  CHECK(error_of(document, R"({"do": "move", "panel": 1, "after": "1"})").find("itself") !=
        std::string::npos);
  CHECK(error_of(document, R"({"do": "move", "panel": 1, "before": "2", "after": "4"})")
            .find("say one of") == 0);
  CHECK(error_of(document, R"({"do": "move", "panel": 1, "into_row": "Memory"})") ==
        "panel 'Memory' is no row");
  CHECK(error_of(document, R"({"do": "move", "panel": 1, "grid": {"x": 13}})").find("24 columns") !=
        std::string::npos);
  CHECK(error_of(document, R"({"do": "move", "panel": 1, "grid": {"z": 1}})").find("'z'") !=
        std::string::npos);
}

TEST_CASE("new panels, targets, variables and links; a renamed variable") {
  Document document = board();
  run(document,
      R"({"do": "add-panel", "fresh": "f1", "panel": {"type": "stat", "title": "Load"}, "after": "1"})")
      .value();
  CHECK(titles(document) == "CPU@ Load@ Memory@ Disks@ Reads@3 CPU@3");
  run(document,
      R"({"do": "add", "fresh": "f2", "path": "/panels/Load/targets", "value": {"expr": "load1"}})")
      .value();
  CHECK(at(document, "/panels/Load/targets/A/expr") == "\"load1\"");
  run(document,
      R"({"do": "add", "fresh": "f3", "path": "/templating/list", "value": {"name": "dc"}})")
      .value();
  run(document, R"({"do": "rename-variable", "variable": "job", "name": "task"})").value();
  CHECK(at(document, "/templating/list/dc/name") == "\"dc\"");
  CHECK(at(document, "/templating/list/task/type") == "\"query\"");
  CHECK(error_of(document, R"({"do": "rename-variable", "variable": "dc", "name": "task"})")
            .find("'task'") != std::string::npos);
  CHECK(error_of(
            document,
            R"({"do": "add", "fresh": "f4", "path": "/templating/list", "value": {"name": "dc"}})")
            .find("'dc'") != std::string::npos);
  CHECK(error_of(document, R"({"do": "add", "fresh": "f5", "path": "/tags", "value": {}})")
            .find("/tags: takes no new elements") == 0);
  CHECK(error_of(document, R"({"do": "dance"})").find("there is no edit 'dance'") == 0);
  CHECK(error_of(document, "{}") == "the edit has no text \"do\"");
}

/// Two devices that did not know of each other, and then do.
Document quarrel() {
  Document a = board(1);
  Document b = a.fork({2});
  run(a, R"({"do": "set", "path": "/title", "value": "Nodes of a"})").value();
  run(b, R"({"do": "set", "path": "/title", "value": "Nodes of b"})").value();
  run(a, R"({"do": "remove", "path": "/panels/2"})").value();
  run(b, R"({"do": "set", "path": "/panels/2/title", "value": "RAM"})").value();
  run(a, R"({"do": "set", "path": "/panels/1/title", "value": "CPU a"})").value();
  run(b, R"({"do": "set", "path": "/panels/1/title", "value": "CPU b"})").value();
  for (const Bytes& delta : b.deltas_since(a.version()).value()) a.apply(delta).value();
  return a;
}

TEST_CASE("conflicts are resolved by id and by pattern, in one delta") {
  Document document = quarrel();
  const std::vector<InboxItem> items = inbox(document).value();
  REQUIRE(items.size() == 3);
  for (const InboxItem& item : items) {
    const std::string id = item.id.substr(0, 6);
    CHECK(error_of(document, R"({"do": "resolve", "id": ")" + id + "\"}").find("say what") == 0);
    CHECK(error_of(document, R"({"do": "resolve", "id": ")" + id + R"(", "side": 7})").find("7") !=
          std::string::npos);
  }
  const Json edits = parse_json(R"([
      {"do": "resolve", "pattern": "/panels/*/title", "strategy": "local"},
      {"do": "resolve", "pattern": "/title", "value": "Nodes of both"},
      {"do": "resolve", "pattern": "/panels/*", "strategy": "merge"}])")
                         .value();
  apply_edits(document, edits, {}).value();
  CHECK(inbox(document).value().empty());
  CHECK(at(document, "/title") == "\"Nodes of both\"");
  CHECK(at(document, "/panels/1/title") == "\"CPU a\"");
  CHECK(at(document, "/panels/2/title") == "\"RAM\"");

  CHECK(error_of(document, R"({"do": "resolve", "pattern": "/**", "side": 0})").find("/**: ") == 0);
  CHECK(error_of(document, R"({"do": "resolve", "id": "12345678", "side": 0})").find("12345678") !=
        std::string::npos);
  document = quarrel();
  CHECK(error_of(document, R"({"do": "resolve", "pattern": "/title", "strategy": "count"})")
            .find("/title: that strategy has no answer") == 0);
  CHECK(error_of(document, R"({"do": "resolve", "pattern": "/title", "strategy": "mine"})")
            .find("'mine'") != std::string::npos);
  CHECK(error_of(document,
                 R"({"do": "resolve", "pattern": "/title", "strategy": "merge", "side": 0})")
            .find("say one of") == 0);
}

TEST_CASE("of several edits the one that fails is named, and none is written") {
  Document document = board();
  const VersionVector before = document.version();
  const Json edits = parse_json(R"([{"do": "set", "path": "/title", "value": "x"},
                                    {"do": "remove", "path": "/panels/99"}])")
                         .value();
  const Result<EditReport> report = apply_edits(document, edits, {});
  REQUIRE_FALSE(report.ok());
  CHECK(report.error().context().find("edit 2 of 2: there is no panel '99'") == 0);
  CHECK(document.version() == before);
}

}  // namespace
}  // namespace weft
