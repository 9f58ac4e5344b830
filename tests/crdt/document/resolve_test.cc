// Conflicts of any document, settled by one write over all sides.

#include "crdt/document/resolve.h"

#include <string>
#include <utility>

#include <doctest/doctest.h>

#include "crdt/document/json_text.h"
#include "tests/crdt/document/replicas.h"

namespace {

using weft::Document;
using weft::Json;
using weft::MapEdit;
using weft::Resolution;
using weft::Status;
using weft::Transaction;
using weft::test::content;
using weft::test::edit;
using weft::test::exchange;
using weft::test::make_document;

Status resolve(Document& document, const char* text) {
  const Resolution resolution = weft::read_resolution(weft::parse_json(text).value()).value();
  auto commit = document.transact([&](Transaction& transaction) {
    return weft::resolve_conflict(document, transaction, resolution);
  });
  return commit.ok() ? Status() : Status(commit.take_error());
}

struct Pair {
  Document a = make_document(1);
  Document b = make_document(2);
};
/// What of two devices that edited apart.
template <typename Base, typename OfA, typename OfB>
Pair conflicting(Base&& base, OfA&& of_a, OfB&& of_b) {
  Pair pair;
  edit(pair.a, base);
  exchange(pair.a, pair.b);
  edit(pair.a, of_a);
  edit(pair.b, of_b);
  exchange(pair.a, pair.b);
  REQUIRE_FALSE(pair.a.conflicts().value().empty());
  return pair;
}
Pair two_titles() {
  return conflicting([](Transaction& tx) { return tx.root().set("t", "old"); },
                     [](Transaction& tx) { return tx.root().set("t", "of a"); },
                     [](Transaction& tx) { return tx.root().set("t", "of b"); });
}

void check_settled(Pair& pair, const std::string& wanted) {
  CHECK(pair.a.conflicts().value().empty());
  exchange(pair.a, pair.b);
  CHECK(pair.b.conflicts().value().empty());
  CHECK(content(pair.b) == wanted);
}

}  // namespace

TEST_CASE("a side, a value or nothing settles two writes of one key, for everybody") {
  Pair pair = two_titles();
  const std::string loser = weft::sides_at(pair.a, "/t").value()[1].json.as_string()[0];
  CHECK(resolve(pair.a, R"({"path":"/t","side":1})").ok());
  check_settled(pair, "{\"t\":\"" + loser + "\"}");

  pair = two_titles();
  const std::string winner = weft::sides_at(pair.a, "/t").value()[0].json.as_string()[0];
  CHECK(resolve(pair.a, R"({"path":"/t","side":0})").ok());
  check_settled(pair, "{\"t\":\"" + winner + "\"}");

  pair = two_titles();
  CHECK(resolve(pair.a, R"({"path":"/t","value":18446744073709551615})").ok());
  check_settled(pair, R"({"t":18446744073709551615})");

  pair = two_titles();
  CHECK(resolve(pair.a, R"({"path":"/t","value":{"deep":[1,2]}})").ok());
  check_settled(pair, R"({"t":{"deep":[1,2]}})");

  pair = two_titles();
  CHECK(resolve(pair.a, R"({"path":"/t","delete":true})").ok());
  check_settled(pair, "{}");
}

TEST_CASE("what was erased while somebody edited it comes back, or stays away") {
  const auto erased_map = [] {
    return conflicting([](Transaction& tx) { return tx.root().ensure_map("m").set("x", 1); },
                       [](Transaction& tx) { return tx.root().erase("m"); },
                       [](Transaction& tx) { return tx.root().ensure_map("m").set("y", 2); });
  };
  Pair pair = erased_map();
  CHECK(resolve(pair.a, R"({"path":"/m","side":1})").ok());
  check_settled(pair, R"({"m":{"x":1,"y":2}})");
  pair = erased_map();
  CHECK(resolve(pair.a, R"({"path":"/m","side":0})").ok());
  check_settled(pair, "{}");
}

TEST_CASE("an element of a list that two set takes a side or a plain value") {
  const auto two_elements = [] {
    return conflicting([](Transaction& tx) { return tx.root().ensure_list("l").push_back("old"); },
                       [](Transaction& tx) { return tx.root().ensure_list("l").set(0, "of a"); },
                       [](Transaction& tx) { return tx.root().ensure_list("l").set(0, "of b"); });
  };
  Pair pair = two_elements();
  CHECK(resolve(pair.a, R"({"path":"/l/0","value":"both"})").ok());
  check_settled(pair, R"({"l":["both"]})");
  pair = two_elements();
  CHECK_FALSE(resolve(pair.a, R"({"path":"/l/0","value":[1]})").ok());
  CHECK(resolve(pair.a, R"({"path":"/l/0","delete":true})").ok());
  check_settled(pair, R"({"l":[]})");
}

TEST_CASE("what is no conflict, or has no such side, is refused and changes nothing") {
  Pair pair = two_titles();
  const weft::VersionVector before = pair.a.version();
  CHECK(resolve(pair.a, R"({"path":"/other","side":1})").error().context().starts_with("/other"));
  CHECK(resolve(pair.a, R"({"path":"/t","side":2})").error().code() == weft::ErrorCode::kNotFound);
  CHECK(pair.a.version() == before);
  for (const char* text : {"{}", R"({"path":"/t"})", R"({"path":"/t","side":-1})",
                           R"({"path":"/t","side":0,"delete":true})", R"({"side":1})"})
    CHECK_FALSE(weft::read_resolution(weft::parse_json(text).value()).ok());
}
