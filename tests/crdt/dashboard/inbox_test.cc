// Conflicts of two devices, as people see and resolve them.

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "crdt/dashboard/grafana.h"
#include "crdt/dashboard/inbox.h"
#include "crdt/dashboard/merge3.h"
#include "crdt/dashboard/resolve.h"
#include "crdt/document/json_text.h"

namespace weft {
namespace {

using namespace dashboard;

constexpr const char* kBoard = R"json({
  "title": "Service", "tags": ["api", "prod"], "description": "The service.",
  "panels": [
    {"id": 1, "type": "row", "title": "Traffic", "panels": [
      {"id": 2, "type": "timeseries", "title": "Requests", "gridPos": {"x": 0, "y": 0, "w": 12, "h": 8},
       "targets": [{"refId": "A", "expr": "rate(requests[5m])"
}],
       "fieldConfig": {"defaults": {"unit": "reqps", "decimals": 2}, "overrides": []}
}]
},
    {"id": 3, "type": "stat", "title": "Errors", "gridPos": {"x": 12, "y": 0, "w": 12, "h": 8},
     "options": {"calcs": ["mean", "max"], "limit": 10}}],
  "templating": {
  "list" : [ {"name" : "job", "query" : "up", "type" : "query"} ]
}
})json";

struct Pair {
  explicit Pair(const char* board = kBoard)
      : a(Document::create(device(1))), b(Document::create(device(2))) {
    const Bytes seed = seed_delta({{1}}, parse_json(board).value()).value();
    a.apply(seed).value();
    b.apply(seed).value();
  }
  DocumentOptions device(std::uint64_t replica) {
    DocumentOptions options;
    options.replica = {replica};
    options.id = {{1}};
    options.now_ms = [this] { return now_ms += 1000; };
    return options;
  }
  static void write(Document& document, const char* path, const Json& value) {
    document.transact([&](Transaction& tx) { return write_at(tx, path, value); }).value();
  }
  static void erase(Document& document, const char* parent, const char* key) {
    document.transact([&](Transaction& tx) { return tx.map(parent)->erase(key); }).value();
  }
  void exchange() {
    const VersionVector of_a = a.version();
    const VersionVector of_b = b.version();
    for (const Bytes& delta : a.deltas_since(of_b).value()) b.apply(delta).value();
    for (const Bytes& delta : b.deltas_since(of_a).value()) a.apply(delta).value();
    CHECK(a.snapshot() == b.snapshot());
    CHECK(to_grafana_text(a).value() == to_grafana_text(b).value());
  }
  /// Resolves all of a's inbox by one strategy, and lets b see it.
  std::size_t resolve(Strategy strategy) {
    const std::vector<PathRule> rules{{"**", [&](const Document& document, const InboxItem& item) {
                                         return decide(strategy, document, item);
                                       }}};
    const std::vector<InboxItem> items = inbox(a).value();
    const std::vector<Resolution> resolutions = plan(a, items, rules);
    a.transact([&](Transaction& tx) -> Status {
       for (const Resolution& each : resolutions) WEFT_TRY(dashboard::resolve(tx, each));
       return {};
     }).value();
    exchange();
    return resolutions.size();
  }
  std::string at(const char* path) { return print_json(a.get(path)->json()); }

  std::uint64_t now_ms = 1'700'000'000'000;
  Document a;
  Document b;
};

TEST_CASE("a path writes one place, and nothing beside it") {
  Pair pair;
  const auto refused = [&](const char* path, const Json& value) {
    const auto commit = pair.a.transact([&](Transaction& tx) { return write_at(tx, path, value); });
    return commit.ok() ? ErrorCode::kOk : commit.error().code();
  };
  // A row that is written without its panels keeps them; a list of that name elsewhere goes as every field does.
  Pair::write(pair.a, "/panels/1", Json::Object{{"type", "row"}, {"title", "All traffic"}});
  CHECK(print_json(pair.a.list("/panels/1/panels/:order")->json().value()) == R"(["2"])");
  Pair::write(pair.a, "/panels/3/options", Json::Object{{"panels", Json::Array{"x"}}, {"n", 1}});
  Pair::write(pair.a, "/panels/3/options", Json::Object{{"n", 1}});
  CHECK(print_json(pair.a.map("/panels/3/options")->json().value()) == R"({"n":1})");
  // What is above is made, elements are not; a new one is last.
  Pair::write(pair.a, "/panels/3/fieldConfig/defaults/min", 0);
  CHECK(pair.at("/panels/3/fieldConfig/defaults/min") == "0");
  CHECK(refused("/panels/3/targets/A/expr", "up") == ErrorCode::kOk);  // no array yet: an object
  CHECK(refused("/panels/2/targets/B/expr", "up") == ErrorCode::kNotFound);
  Pair::write(pair.a, "/templating/list/node", Json::Object{{"name", "node"}});
  CHECK(print_json(pair.a.list("/templating/list/:order")->json().value()) == R"(["job","node"])");
  CHECK(!pair.a.get("/templating/list/node/name").ok());  // its key says it
  // A name that the key says already is not written.
  const VersionVector before = pair.a.version();
  Pair::write(pair.a, "/panels/2/id", 2);
  CHECK(pair.a.version() == before);
  // Orders and lists of panels are no fields, keys that begin with ':' have one more.
  CHECK(refused("/panels/:order", Json::Array{}) == ErrorCode::kInvalidArgument);
  CHECK(refused("/panels/1/panels", Json::Array{}) == ErrorCode::kInvalidArgument);
  CHECK(refused("/panels/1", Json::Object{{"panels", Json::Array()}}) ==
        ErrorCode::kInvalidArgument);
  // A list of rows with their panels once ended the program: only an import knows which panels these are.
  CHECK(refused("/rows",
                Json::Array{Json::Object{{"panels", Json::Array{Json::Object{{"id", 1}}}}}}) ==
        ErrorCode::kInvalidArgument);
  CHECK(refused("/options/:odd", 1) == ErrorCode::kInvalidArgument);
  Pair::write(pair.a, "/options/::odd", 1);
  CHECK(print_json(*to_grafana(pair.a).value().find("options")) == R"({":odd":1})");
  CHECK(refused("/title/x", 1) == ErrorCode::kWrongKind);
  pair.exchange();
}

TEST_CASE("two who write one field meet in the inbox, the same on both devices") {
  Pair pair;
  Pair::write(pair.a, "/panels/2/title", "Requests in");
  Pair::write(pair.b, "/panels/2/title", "Requests/s");
  pair.exchange();
  const std::vector<InboxItem> items = inbox(pair.a).value();
  REQUIRE(items.size() == 1);
  CHECK(items[0].kind == InboxItem::Kind::kOverwritten);
  CHECK(items[0].path == "/panels/2/title");
  CHECK(items[0].where == "panel 2 \"Requests/s\": title");
  CHECK(*items[0].winner.shown.as_string() == "Requests/s");
  CHECK(*items[0].losers.at(0).shown.as_string() == "Requests in");
  CHECK(items[0].losers.at(0).dot.replica == ReplicaId{1});
  CHECK(items[0].rule == "neither had seen the other, the later write wins, by their clocks");
  CHECK(inbox(pair.b).value().at(0).id == items[0].id);
  CHECK(inbox(pair.a, "/panels/3").value().empty());
  CHECK(why(pair.a, "/panels/2/title")->find("won over") != std::string::npos);
}

TEST_CASE("a conflict survives a snapshot") {
  Pair pair;
  Pair::write(pair.a, "/panels/2/title", "One");
  Pair::write(pair.b, "/panels/2/title", "Two");
  pair.exchange();
  const Document again = Document::load(pair.a.snapshot(), pair.device(3)).value();
  REQUIRE(inbox(again).value().size() == 1);
  CHECK(inbox(again).value()[0].id == inbox(pair.a).value()[0].id);
}

TEST_CASE("two who write the same are no conflict, texts included") {
  Pair pair;
  for (Document* each : {&pair.a, &pair.b}) {
    Pair::write(*each, "/panels/2/title", "The same");
    Pair::write(*each, "/description", "The same service.");
    Pair::write(*each, "/panels/2/targets/B", Json::Object{{"refId", "B"}, {"expr", "up"}});
  }
  pair.exchange();
  CHECK(inbox(pair.a).value().empty());
  CHECK(pair.at("/panels/2/targets/B/expr") == "\"up\"");
  CHECK(to_grafana(pair.a).value().find("description")->as_string()->size() == 17);
}

TEST_CASE("strategies") {
  for (Strategy strategy : {Strategy::kLocal, Strategy::kRemote, Strategy::kLatest}) {
    Pair pair;
    CAPTURE(strategy_name(strategy));
    Pair::write(pair.b, "/panels/2/title", "b");
    Pair::write(pair.a, "/panels/2/title", "a");  // later
    Pair::write(pair.b, "/panels/3/options/limit", 30);
    pair.now_ms += 100'000;
    Pair::write(pair.a, "/panels/3/options/limit", 20);
    pair.exchange();
    CHECK(inbox(pair.a).value().size() == 2);
    CHECK(pair.resolve(strategy) == 2);
    CHECK(inbox(pair.a).value().empty());
    CHECK(inbox(pair.b).value().empty());
    CHECK(pair.at("/panels/2/title") == (strategy == Strategy::kRemote ? "\"b\"" : "\"a\""));
    CHECK(pair.at("/panels/3/options/limit") == (strategy == Strategy::kRemote ? "30" : "20"));
  }
}

TEST_CASE("merge: texts and sets three-way, numbers only as counters") {
  Pair pair;
  Pair::write(pair.a, "/panels/2/targets/A/expr", "sum(rate(requests[5m]))");
  Pair::write(pair.b, "/panels/2/targets/A/expr", "rate(requests[1m])");
  Pair::write(pair.a, "/panels/3/options/calcs", Json::Array{"mean", "max", "last"});
  Pair::write(pair.b, "/panels/3/options/calcs", Json::Array{"min", "max"});
  Pair::write(pair.a, "/panels/3/options/limit", 12);
  Pair::write(pair.b, "/panels/3/options/limit", 15);
  pair.exchange();
  CHECK(inbox(pair.a).value().size() == 3);
  CHECK(pair.resolve(Strategy::kMerge) == 2);
  CHECK(pair.at("/panels/2/targets/A/expr") == "\"sum(rate(requests[1m]))\"");
  CHECK(pair.at("/panels/3/options/calcs") == R"(["min","max","last"])");
  REQUIRE(inbox(pair.a).value().size() == 1);
  CHECK(pair.resolve(Strategy::kCount) == 1);
  CHECK(pair.at("/panels/3/options/limit") == "17");
  CHECK(inbox(pair.b).value().empty());
}

TEST_CASE(
    "a panel deleted while somebody edited it is in the inbox, and comes back or stays away") {
  for (const bool comes_back : {true, false}) {
    Pair pair;
    CAPTURE(comes_back);
    Pair::write(pair.a, "/panels/2/targets/A/expr", "edited");
    Pair::erase(pair.b, "/panels", "2");
    pair.exchange();
    const std::vector<InboxItem> items = inbox(pair.a).value();
    REQUIRE(items.size() == 1);
    CHECK(items[0].kind == InboxItem::Kind::kDeleted);
    CHECK(items[0].path == "/panels/2");
    CHECK(items[0].winner.deleted);
    CHECK(*items[0].losers.at(0).shown.find("title")->as_string() == "Requests");
    CHECK(pair.resolve(comes_back ? Strategy::kLocal : Strategy::kRemote) == 1);
    CHECK(inbox(pair.a).value().empty());
    CHECK(inbox(pair.b).value().empty());
    CHECK(pair.b.get("/panels/2/targets/A/expr").ok() == comes_back);
  }
}

TEST_CASE("the winner of two texts can be kept, the loser taken") {
  for (const Strategy strategy : {Strategy::kLocal, Strategy::kRemote, Strategy::kMerge}) {
    Pair pair;
    CAPTURE(strategy_name(strategy));
    Pair::write(pair.a, "/description", "The good service.");
    Pair::write(pair.b, "/description", "The service, since May.");
    pair.exchange();
    REQUIRE(inbox(pair.a).value().size() == 1);
    CHECK(pair.resolve(strategy) == 1);
    CHECK(inbox(pair.b).value().empty());
    const std::string text = *to_grafana(pair.b).value().find("description")->as_string();
    const std::string expected = strategy == Strategy::kLocal    ? "The good service."
                                 : strategy == Strategy::kRemote ? "The service, since May."
                                                                 : "The good service, since May.";
    CHECK(text == expected);
  }
}

TEST_CASE("rules go by path, the first that has an answer decides") {
  Pair pair;
  Pair::write(pair.a, "/panels/2/title", "a");
  Pair::write(pair.b, "/panels/2/title", "b");
  Pair::write(pair.a, "/panels/3/title", "a");
  Pair::write(pair.b, "/panels/3/title", "b");
  pair.exchange();
  const std::vector<PathRule> rules{
      {"/panels/2/*", [](const Document&, const InboxItem&) { return std::nullopt; }},
      {"/panels/*/title", [](const Document&, const InboxItem& item) -> std::optional<Outcome> {
         return Outcome{Outcome::Kind::kValue, 0,
                        *item.winner.shown.as_string() + *item.losers[0].shown.as_string()};
       }}};
  const std::vector<InboxItem> items = inbox(pair.a).value();
  pair.a
      .transact([&](Transaction& tx) -> Status {
        for (const Resolution& each : plan(pair.a, items, rules)) WEFT_TRY(resolve(tx, each));
        return {};
      })
      .value();
  CHECK(pair.at("/panels/2/title") == "\"ba\"");
  CHECK(inbox(pair.a).value().empty());
  CHECK(matches("/panels/**", "/panels/2/targets/A"));
  CHECK(matches("**", "/title"));
  CHECK(!matches("/panels/*", "/panels/2/title"));
}

TEST_CASE("three-way merges of texts") {
  CHECK(merge_texts("a b c", "a x c", "a b d") == "a x d");
  CHECK(merge_texts("a b c", "a x c", "a y c") == std::nullopt);
  CHECK(merge_texts("a b c", "a x c", "a x c") == "a x c");
  CHECK(merge_texts("", "new", "") == "new");
  CHECK(merge_texts("", "new", "other") == std::nullopt);
  CHECK(merge_texts("one\ntwo\nthree\n", "zero\none\ntwo\nthree\n", "one\ntwo\nthree\nfour\n") ==
        "zero\none\ntwo\nthree\nfour\n");
  CHECK(merge_texts("a b c d", "c d", "a b") == std::nullopt);  // both took the space in the middle
}

}  // namespace
}  // namespace weft
