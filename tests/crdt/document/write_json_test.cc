// write_json against a document: what it leaves there, and how little it writes.

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "crdt/document/document.h"
#include "crdt/document/json_text.h"
#include "tests/bench/traces_dir.h"
#include "tests/support/random.h"

namespace {

using weft::Commit;
using weft::Document;
using weft::Json;
using weft::Transaction;
using weft::test::Random;

Document make_document(std::uint64_t replica = 1) {
  weft::DocumentOptions options;
  options.replica = {replica};
  return Document::create(std::move(options));
}

Json json(std::string_view text) { return weft::parse_json(text).value(); }

/// How many operations the write took.
weft::Seq write_tree(Document& document, const Json& wanted) {
  auto commit =
      document.transact([&](Transaction& tx) { return weft::write_json(tx.root(), wanted); });
  REQUIRE_MESSAGE(commit.ok(), commit.error().message());
  return commit->op_count;
}
weft::Seq write(Document& document, std::string_view text) {
  return write_tree(document, json(text));
}

std::string content(const Document& document) {
  return weft::print_json(document.to_json().value(), {.sort_keys = true});
}

void edit(Document& document, auto&& body) {
  auto commit = document.transact(body);
  REQUIRE_MESSAGE(commit.ok(), commit.error().message());
}

void exchange(Document& a, Document& b) {
  for (const weft::Bytes& delta : a.deltas_since(b.version()).value()) b.apply(delta).value();
  for (const weft::Bytes& delta : b.deltas_since(a.version()).value()) a.apply(delta).value();
}

}  // namespace

TEST_CASE("a fresh document holds what was written, and writing it again writes nothing") {
  const char* text =
      R"({"a":{"b":[1,2.0,[],{"c":null}],"d":{}},"e":"text","f":true,"g":[],"h":-0.5,"i":null})";
  Document document = make_document();
  CHECK(write(document, text) > 0);
  CHECK(content(document) == text);
  CHECK(write(document, text) == 0);
  CHECK(document.map("/a/d").ok());
  CHECK(document.list("/a/b/2").ok());
  CHECK(document.map("/a/b/3").ok());
}

TEST_CASE("only what differs is written") {
  Document document = make_document();
  write(document, R"({"a":{"x":1,"y":2},"b":[1,2,3],"c":"s"})");
  CHECK(write(document, R"({"c":"s","b":[1,2,3],"a":{"y":2,"x":1}})") == 0);  // order is nothing
  CHECK(write(document, R"({"a":{"x":1,"y":3},"b":[1,2,3],"c":"s"})") == 1);
  CHECK(write(document, R"({"a":{"y":3},"b":[1,2,3],"c":"s"})") == 1);
  CHECK(write(document, R"({"a":{"y":3},"b":[1,2,3],"c":"s","d":0})") == 1);
  CHECK(write(document, R"({"a":{"y":3.0},"b":[1,2,3],"c":"s","d":0})") == 1);
  CHECK(write(document, R"({"a":{"y":3.0},"b":[0,1,2,3,4],"c":"s","d":0})") == 2);
  CHECK(write(document, R"({"a":{"y":3.0},"b":[0,1,9,3,4],"c":"s","d":0})") == 1);
  CHECK(write(document, R"({"a":{"y":3.0},"b":[4],"c":"s","d":0})") == 4);
  CHECK(write(document, "{}") == 4);
  CHECK(content(document) == "{}");
}

TEST_CASE("refuses what is not an object, without a trace in the document") {
  Document document = make_document();
  write(document, R"({"a":1})");
  for (const char* text : {"[]", "1", "null", "\"s\""}) {
    auto commit =
        document.transact([&](Transaction& tx) { return weft::write_json(tx.root(), json(text)); });
    REQUIRE_FALSE(commit.ok());
    CHECK(commit.error().code() == weft::ErrorCode::kInvalidArgument);
  }
  CHECK(content(document) == R"({"a":1})");
  CHECK(document.log().size() == 1);
}

TEST_CASE("a key changes its kind to whatever the JSON has") {
  Document document = make_document();
  const std::vector<std::string> kinds = {"1", R"({"x":1})", "[1]", "\"s\"", "null", "{}", "[]"};
  for (const std::string& from : kinds)
    for (const std::string& to : kinds) {
      write(document, "{\"k\":" + from + ",\"l\":[0," + from + ",0]}");
      write(document, "{\"k\":" + to + ",\"l\":[0," + to + ",0]}");
      CHECK(content(document) == "{\"k\":" + to + ",\"l\":[0," + to + ",0]}");
    }
}

TEST_CASE("a text is spliced where it differs, at scalar boundaries") {
  Document document = make_document();
  edit(document, [](Transaction& tx) {
    weft::Status status = tx.root().ensure_text("t").insert(weft::utf8(0), "Hello brave world");
    CHECK(status.ok());
  });
  CHECK(write(document, R"({"t":"Hello world"})") == 6);
  CHECK(write(document, R"({"t":"Hello new world"})") == 4);
  CHECK(write(document, R"({"t":"Hello naw world"})") == 2);
  CHECK(write(document, R"({"t":"Hello naw world"})") == 0);
  CHECK(document.text("/t").ok());

  // Neighbours in UTF-8: the first three bytes of both emoji are the same, the last bytes too.
  write(document, R"({"t":"a😀b"})");
  CHECK(write(document, R"({"t":"a😁b"})") == 2);
  CHECK(write(document, R"({"t":"aðb"})") == 2);
  CHECK(write(document, R"({"t":"aÐb"})") == 2);
  CHECK(write(document, R"({"t":"aa"})") == 3);
  CHECK(write(document, R"({"t":"aaa"})") == 1);
  CHECK(write(document, R"({"t":""})") == 3);
  CHECK(document.text("/t").value().str().empty());
  // Something else than a string replaces it.
  CHECK(write(document, R"({"t":5})") == 1);
  CHECK_FALSE(document.text("/t").ok());
}

TEST_CASE("records and counters stay what they are") {
  Document document = make_document();
  edit(document, [](Transaction& tx) {
    weft::MapEdit root = tx.root();
    CHECK(root.set("grid", weft::Record{{"x", 0}, {"w", 12}}).ok());
    CHECK(root.ensure_counter("n").add(5).ok());
  });
  CHECK(write(document, R"({"grid":{"w":12,"x":0},"n":5})") == 0);
  CHECK(write(document, R"({"grid":{"w":12,"x":4},"n":5})") == 1);
  CHECK(document.get("/grid").value().type() == weft::Value::Type::kRecord);
  CHECK(write(document, R"({"grid":{"w":12,"x":4},"n":3})") == 1);
  CHECK(document.counter("/n").value().value() == 3);
  CHECK(write(document, R"({"grid":[1],"n":3.5})") >= 2);
  CHECK(document.list("/grid").ok());
  CHECK(content(document) == R"({"grid":[1],"n":3.5})");
}

TEST_CASE("keys that are equal in the JSON count once, the last of them") {
  Document document = make_document();
  Json twice(Json::Object{{"k", 1}, {"k", Json::Object{{"z", 1}, {"z", 2}}}});
  write_tree(document, twice);
  CHECK(content(document) == R"({"k":{"z":2}})");
  CHECK(write_tree(document, twice) == 0);
}

TEST_CASE("NaN and bytes are written once") {
  Document document = make_document();
  Json special(Json::Object{{"nan", std::nan("")}, {"bytes", weft::Bytes(20)}});
  CHECK(write_tree(document, special) == 2);
  CHECK(write_tree(document, special) == 0);
}

TEST_CASE("two replicas that import the same file at the same time have no conflict") {
  Document a = make_document(1);
  Document b = make_document(2);
  const char* text = R"({"panels":{"cpu":{"title":"CPU"},"mem":{"title":"Memory"}},"v":1})";
  write(a, text);
  write(b, text);
  exchange(a, b);
  CHECK(content(a) == content(b));
  CHECK(content(a) == R"({"panels":{"cpu":{"title":"CPU"},"mem":{"title":"Memory"}},"v":1})");
  CHECK(a.conflicts().value().empty());
}

TEST_CASE("an import merges with what another replica changes at the same time") {
  Document a = make_document(1);
  write(a, R"({"list":["a","b","c"],"m":{"x":1,"y":1}})");
  Document b = a.fork({2});
  write(a, R"({"list":["a","new","b","c"],"m":{"x":2,"y":1}})");
  write(b, R"({"list":["a","b","C"],"m":{"x":1,"y":2}})");
  exchange(a, b);
  CHECK(content(a) == R"({"list":["a","new","b","C"],"m":{"x":2,"y":2}})");
  CHECK(content(b) == content(a));
}

namespace {

Json random_json(Random& random, int depth) {
  switch (random.below(depth > 0 ? 8 : 4)) {
    case 0:
      return nullptr;
    case 1:
      return static_cast<int>(random.below(3));
    case 2:
      return 0.5;
    case 3:
      return std::string(random.below(4), 'x');
    case 4:
    case 5: {
      Json::Array array;
      for (std::uint64_t n = random.below(5); n > 0; --n)
        array.push_back(random_json(random, depth - 1));
      return array;
    }
    default: {
      Json::Object object;
      for (char key = 'a'; key < 'f'; ++key)
        if (random.chance(1, 2))
          object.emplace_back(std::string(1, key), random_json(random, depth - 1));
      return object;
    }
  }
}

Json random_object(Random& random) {
  for (;;) {
    Json result = random_json(random, 4);
    if (result.as_object() != nullptr) return result;
  }
}

}  // namespace

TEST_CASE("whatever stood there, a write leaves what it says and a second one writes nothing") {
  const char* seed_text = std::getenv("WEFT_SEED");
  const std::uint64_t seed = seed_text != nullptr ? std::strtoull(seed_text, nullptr, 0) : 77;
  INFO("WEFT_SEED=" << seed << " in write_json_test");
  Random random(seed);
  for (int round = 0; round < 30; ++round) {
    Document document = make_document();
    for (int step = 0; step < 20; ++step) {
      Json wanted = random_object(random);
      write_tree(document, wanted);
      REQUIRE(content(document) == weft::print_json(wanted, {.sort_keys = true}));
      REQUIRE(write_tree(document, wanted) == 0);
    }
    document.check_invariants();
  }
}

TEST_CASE("replicas that import different files at the same time converge") {
  Random random(3);
  for (int round = 0; round < 30; ++round) {
    Document a = make_document(1);
    write_tree(a, random_object(random));
    Document b = a.fork({2});
    for (int step = 0; step < 4; ++step) {
      write_tree(a, random_object(random));
      write_tree(b, random_object(random));
      exchange(a, b);
      REQUIRE(content(a) == content(b));
      REQUIRE(a.snapshot() == b.snapshot());
    }
  }
}

TEST_CASE("real dashboards replace each other in one document, exactly") {
  Document document = make_document();
  for (const char* name : {"k8s-views-pods.json", "k8s-views-nodes.json", "k8s-views-global.json",
                           "node-exporter-full.json", "k8s-views-pods.json"}) {
    const auto path = weft::test::recorded_file("dashboards", name);
    if (!path) continue;
    std::ifstream file(*path);
    std::ostringstream text;
    text << file.rdbuf();
    Json wanted = json(text.str());
    write_tree(document, wanted);
    CHECK(content(document) == weft::print_json(wanted, {.sort_keys = true}));
    CHECK(write_tree(document, wanted) == 0);
  }
  document.check_invariants();
}
