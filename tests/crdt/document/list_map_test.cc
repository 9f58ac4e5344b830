// Maps, lists and counters: children, values, and what concurrent edits of them lead to.

#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "crdt/delta/codec.h"
#include "crdt/delta/value_codec.h"
#include "tests/crdt/document/replicas.h"

using namespace weft;
using namespace weft::test;

namespace {

/// Two replicas that both hold {"l":[0,1,2,3]}.
struct Pair {
  Document a = make_document(1);
  Document b = make_document(2);
  Pair() {
    edit(a, [](Transaction& tx) {
      return tx.root().ensure_list("l").insert(0, std::vector<Value>{0, 1, 2, 3});
    });
    exchange(a, b);
  }
  /// Concurrent edits of the list; what both hold then.
  std::string merge(auto&& in_a, auto&& in_b) {
    edit(a, [&](Transaction& tx) { return in_a(*tx.list("/l")); });
    edit(b, [&](Transaction& tx) { return in_b(*tx.list("/l")); });
    exchange(a, b);
    return content(a);
  }
};

/// An error of `code`, and the document is what it was.
void check_refused(Document& document, auto&& body, ErrorCode code) {
  Bytes before = document.snapshot();
  auto commit = document.transact(body);
  REQUIRE_FALSE(commit.ok());
  CHECK(commit.error().code() == code);
  CHECK(document.snapshot() == before);
}

}  // namespace

TEST_CASE("containers nest in each other in every way, and paths lead to them") {
  Document document = make_document();
  edit(document, [](Transaction& tx) -> Status {
    MapEdit map = tx.root().ensure_map("m");
    ListEdit list = map.ensure_list("a/b");
    for (NewContainer child : {new_map(), new_list(), new_text(), new_counter()})
      WEFT_TRY(list.insert(list.size().value(), child));
    WEFT_TRY(list.map(0)->set("~", 1));
    WEFT_TRY(list.list(1)->insert(0, new_list()));
    WEFT_TRY(list.text(2)->insert(scalar(0), "text"));
    return list.counter(3)->add(-2);
  });
  CHECK(content(document) == R"({"m":{"a/b":[{"~":1},[[]],"text",-2]}})");
  CHECK(document.get("/m/a~1b/0/~0").value() == Value(1));
  CHECK(document.list("/m/a~1b/1/0")->path() == "/m/a~1b/1/0");
  CHECK(document.text("/m/a~1b/2")->str() == "text");
  CHECK(document.counter("/m/a~1b/3")->value() == -2);
  CHECK(document.map("")->keys() == std::vector<std::string>{"m"});
}

TEST_CASE("a path that leads nowhere says how") {
  Document document = make_document();
  edit(document, [](Transaction& tx) -> Status {
    WEFT_TRY(tx.root().set("k", 1));
    return tx.root().ensure_list("l").insert(0, 1);
  });
  for (const char* path : {"/x", "/k/x", "/l/1", "/l/-", "/l/00", "/l/-1", "/l/0/0", "/"})
    CHECK_MESSAGE(document.get(path).error().code() == ErrorCode::kNotFound, path);
  for (const char* path : {"k", "/~2", "/k~"})
    CHECK_MESSAGE(document.get(path).error().code() == ErrorCode::kInvalidArgument, path);
  CHECK(document.map("/l").error().code() == ErrorCode::kWrongKind);
  CHECK(document.counter("/k").error().code() == ErrorCode::kWrongKind);
  CHECK(document.root().text("l").error().code() == ErrorCode::kWrongKind);
}

TEST_CASE("replicas that ensure a child at one key at once edit the same child") {
  Document a = make_document(1);
  Document b = make_document(2);
  edit(a, [](Transaction& tx) -> Status {
    WEFT_TRY(tx.root().ensure_map("m").ensure_map("inner").set("a", 1));
    return tx.root().ensure_counter("n").add(1);
  });
  edit(b, [](Transaction& tx) -> Status {
    WEFT_TRY(tx.root().ensure_map("m").ensure_map("inner").set("b", 2));
    return tx.root().ensure_counter("n").add(10);
  });
  exchange(a, b);
  CHECK(content(a) == R"({"m":{"inner":{"a":1,"b":2}},"n":11})");
  CHECK(a.conflicts().value().empty());
}

TEST_CASE("replicas that set a new child at one key at once make two; one is seen") {
  Document a = make_document(1);
  Document b = make_document(2);
  auto make = [](const char* key) {
    return [key](Transaction& tx) -> Status {
      WEFT_TRY(tx.root().set("m", new_map()));
      return tx.map("/m")->set(key, 1);
    };
  };
  edit(a, make("a"));
  edit(b, make("b"));
  exchange(a, b);
  CHECK(content(a) == R"({"m":{"b":1}})");
  CHECK_FALSE(a.conflicts().value().empty());
}

TEST_CASE("a key that is ensured anew after its child was erased gets an empty child") {
  Document document = make_document();
  edit(document, [](Transaction& tx) { return tx.root().ensure_map("m").set("old", 1); });
  MapView old = document.map("/m").value();
  edit(document, [](Transaction& tx) { return tx.root().erase("m"); });
  CHECK_FALSE(old.path().has_value());
  CHECK(old.get("old") == Value(1));  // a handle keeps working
  edit(document, [](Transaction& tx) { return tx.root().ensure_map("m").set("new", 2); });
  CHECK(content(document) == R"({"m":{"new":2}})");
  // Another kind at the same key is another child, too.
  edit(document, [](Transaction& tx) { return tx.root().ensure_list("m").push_back(3); });
  CHECK(content(document) == R"({"m":[3]})");
}

TEST_CASE("ensure returns what is there already and makes no operation for it") {
  Document document = make_document();
  edit(document, [](Transaction& tx) { return tx.root().set("m", new_map()); });
  auto commit = document.transact(
      [](Transaction& tx) { CHECK(tx.root().ensure_map("m").index() == tx.map("/m")->index()); });
  CHECK(commit->op_count == 0);
}

TEST_CASE("int64 and double stay apart, doubles are told by their bits") {
  CHECK_FALSE(Value(1) == Value(1.0));
  CHECK_FALSE(Value(0.0) == Value(-0.0));
  CHECK(Value(std::nan("1")) == Value(-std::nan("")));
  const std::vector<Value> values = {0,
                                     1.0,
                                     -0.0,
                                     std::numeric_limits<std::int64_t>::min(),
                                     std::numeric_limits<std::int64_t>::max(),
                                     std::numeric_limits<double>::infinity(),
                                     std::numeric_limits<double>::denorm_min(),
                                     std::nan(""),
                                     true,
                                     nullptr,
                                     "",
                                     "a string of 15 b",
                                     Value::bytes(as_bytes("\xff")),
                                     Record{{"i", 1}, {"d", 1.0}}};
  Document a = make_document(1);
  Document b = make_document(2);
  edit(a, [&](Transaction& tx) { return tx.root().ensure_list("l").insert(0, values); });
  exchange(a, b);
  CHECK(b.list("/l")->values().value() == values);
  CHECK(Document::load(a.snapshot(), {})->list("/l")->values().value() == values);
  Value record = b.list("/l")->get(13).value();
  CHECK(*record.json().find("i")->as_int() == 1);
  CHECK(*record.json().find("d")->as_double() == 1.0);
}

TEST_CASE("concurrent sets of one element: the larger stamp wins, the other is a loser") {
  Pair pair;
  CHECK(pair.merge([](ListEdit l) { return l.set(1, "a"); },
                   [](ListEdit l) { return l.set(1, "b"); }) == R"({"l":[0,"b",2,3]})");
  auto conflicts = pair.a.conflicts().value();
  REQUIRE(conflicts.size() == 1);
  CHECK(conflicts[0].path == "/l/1");
  CHECK(conflicts[0].losers[0].value == Value("a"));
}

TEST_CASE("concurrent moves of one element move it once") {
  Pair pair;
  CHECK(pair.merge([](ListEdit l) { return l.move(0, 3); },
                   [](ListEdit l) { return l.move(0, 1); }) == R"({"l":[1,0,2,3]})");
}

TEST_CASE("a move and a set of one element both take effect") {
  Pair pair;
  CHECK(pair.merge([](ListEdit l) { return l.move(0, 3); },
                   [](ListEdit l) { return l.set(0, "new"); }) == R"({"l":[1,2,3,"new"]})");
}

TEST_CASE("an erased element stays erased however it is moved or set meanwhile") {
  Pair moved;
  CHECK(moved.merge([](ListEdit l) { return l.erase(0); },
                    [](ListEdit l) { return l.move(0, 3); }) == R"({"l":[1,2,3]})");
  Pair set;
  CHECK(set.merge([](ListEdit l) { return l.set(0, 9); }, [](ListEdit l) { return l.erase(0); }) ==
        R"({"l":[1,2,3]})");
  Pair twice;
  CHECK(twice.merge([](ListEdit l) { return l.erase(0, 3); },
                    [](ListEdit l) { return l.erase(1, 3); }) == R"({"l":[]})");
}

TEST_CASE("runs inserted at one place at once stay whole, the larger stamp first") {
  Pair pair;
  CHECK(pair.merge(
            [](ListEdit l) {
              return l.insert(2, std::vector<Value>{"a", "a"});
            },
            [](ListEdit l) {
              return l.insert(2, std::vector<Value>{"b", "b"});
            }) == R"({"l":[0,1,"b","b","a","a",2,3]})");
}

TEST_CASE("move puts the element at the index it is asked for, from either side") {
  for (std::size_t from = 0; from < 4; ++from)
    for (std::size_t to = 0; to < 4; ++to) {
      CAPTURE(from);
      CAPTURE(to);
      Pair pair;
      std::vector<Value> expected = pair.a.list("/l")->values().value();
      expected.erase(expected.begin() + static_cast<std::ptrdiff_t>(from));
      expected.insert(expected.begin() + static_cast<std::ptrdiff_t>(to),
                      Value(static_cast<int>(from)));
      Anchor anchor = pair.a.list("/l")->anchor(from, Side::kBefore).value();
      edit(pair.a, [&](Transaction& tx) { return tx.list("/l")->move(from, to); });
      CHECK(pair.a.list("/l")->values().value() == expected);
      CHECK(pair.a.list("/l")->resolve(anchor).value() == to);  // it goes with its element
    }
}

TEST_CASE("an index beyond the end is refused") {
  Document document = std::move(Pair().a);
  auto list = [](auto&& body) { return [body](Transaction& tx) { return body(*tx.list("/l")); }; };
  const ErrorCode beyond = ErrorCode::kOutOfRange;
  const std::size_t max = ~std::size_t{0};
  check_refused(document, list([](ListEdit l) { return l.insert(5, 1); }), beyond);
  check_refused(document, list([](ListEdit l) { return l.insert(max, new_map()); }), beyond);
  check_refused(document, list([](ListEdit l) { return l.erase(4); }), beyond);
  check_refused(document, list([](ListEdit l) { return l.erase(3, 2); }), beyond);
  check_refused(document, list([](ListEdit l) { return l.erase(1, max); }), beyond);
  check_refused(document, list([](ListEdit l) { return l.set(4, 1); }), beyond);
  check_refused(document, list([](ListEdit l) { return l.move(4, 0); }), beyond);
  check_refused(document, list([](ListEdit l) { return l.move(0, 4); }), beyond);
  CHECK(document.list("/l")->get(4).error().code() == beyond);
  CHECK(document.list("/l")->anchor(5, Side::kAfter).error().code() == beyond);
}

TEST_CASE("what can't be stored is refused: keys and values over their limits, what is not UTF-8") {
  Document document = std::move(Pair().a);
  auto set = [](std::string key, Value value) {
    return [key, value](Transaction& tx) { return tx.root().set(key, value); };
  };
  const std::string longest(4 << 10, 'k');
  edit(document, set(longest, 1));
  edit(document, set("", 1));
  check_refused(document, set(longest + "k", 1), ErrorCode::kInvalidArgument);
  check_refused(document, set("\xff", 1), ErrorCode::kInvalidArgument);
  check_refused(document, set("k", "\xff"), ErrorCode::kInvalidUtf8);
  check_refused(document, set("k", Record{{"x", "\xff"}}), ErrorCode::kInvalidArgument);
  check_refused(document, set("k", document.get("/l").value()), ErrorCode::kInvalidArgument);
  Json deep(1);
  for (int i = 0; i < 64; ++i) deep = Json(Json::Array{deep});
  edit(document, set("deep", Record(deep)));
  check_refused(document, set("k", Record(Json(Json::Array{deep}))), ErrorCode::kInvalidArgument);
  check_refused(
      document, [](Transaction& tx) { return tx.root().erase("no such key"); },
      ErrorCode::kNotFound);

  DocumentOptions small;
  small.replica = {3};
  small.limits.input_bytes = 1000;
  Document limited = Document::create(small);
  edit(limited, set("k", std::string(900, 'x')));
  check_refused(limited, set("k", std::string(1000, 'x')), ErrorCode::kTooLarge);
}

TEST_CASE("containers lie at most 128 deep, for whoever writes") {
  constexpr int kDepthMax = 128;  // kContainerDepthMax in state.h
  Document deep = make_document();
  auto begun = deep.begin();
  MapEdit map = begun->root();
  for (int i = 0; i < kDepthMax; ++i) map = map.ensure_map("m");
  REQUIRE_FALSE(begun->failed());
  CHECK(map.set("leaf", 1).ok());
  CHECK(map.set("child", new_list()).error().code() == ErrorCode::kTooLarge);
  CHECK(begun->commit().error().code() == ErrorCode::kTooLarge);
  CHECK(deep.version().empty());
}

TEST_CASE("a delta that makes a container too deep is refused by everyone, alone or in a bundle") {
  Document deep = make_document(1);
  REQUIRE(deep.transact([](Transaction& tx) {
                MapEdit map = tx.root();
                for (int i = 0; i < 128; ++i) map = map.ensure_map("m");
              })
              .ok());
  Batch batch;  // replica 2: map ensure in the deepest map, which operation 127 of replica 1 made
  batch.replicas = {{2}, {1}};
  batch.containers = {{1, 127}};
  batch.keys = {"m"};
  Bytes content;
  ByteWriter out(content);
  put_ensure_content(out, {ContainerKind::kMap, 0});
  Op op;
  op.kind = OpKind::kMapEnsure;
  op.count = 1;
  op.b = {0, 0};
  op.content_size = static_cast<std::uint32_t>(content.size());
  batch.content = as_text(content);
  batch.ops = {op};
  batch.op_count = 1;
  batch.dependencies = {{{1, 127}, deep.chain({1})}};
  DeltaRun run;
  run.ops_each = 1;
  run.dependency_count = 1;
  batch.deltas = {run};
  Bytes row;
  encode_delta(batch, 0, row);
  CHECK(deep.apply(row).error().code() == ErrorCode::kInvalidDelta);
  Bytes honest = deep.bundles_since({})->front();
  Bytes lie = seal_bundle(batch, 0, nullptr);
  std::vector<ByteSpan> both{honest, lie};
  Document other = make_document(3);
  auto report = other.apply_bundles(both);
  REQUIRE(report.ok());
  CHECK(report->refused == 1);
  CHECK(other.snapshot() == deep.snapshot());
}
