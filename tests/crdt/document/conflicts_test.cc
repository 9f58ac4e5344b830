// Conflicts: who wins, what the losers wrote, why, and how a lost child comes back.

#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>
#include "tests/crdt/document/replicas.h"

using namespace weft;
using test::content;

namespace {

/// A replica whose clock the test sets.
struct Replica {
  std::uint64_t now_ms = 0;
  Document document;

  explicit Replica(std::uint64_t id) : document(Document::create({})) {
    DocumentOptions options;
    options.replica = {id};
    options.now_ms = [this] { return now_ms; };
    document = Document::create(options);
  }
  Replica(const Replica&) = delete;

  Dot edit(auto&& body, const std::string& message = "") {
    TransactionOptions options;
    options.message = message;
    auto commit = document.transact(options, body);
    REQUIRE_MESSAGE(commit.ok(), commit.error().message());
    return commit->first;
  }
  Dot set(std::string_view key, const Value& value, const std::string& message = "") {
    return edit([&](Transaction& tx) { return tx.root().set(key, value); }, message);
  }
  Dot erase(std::string_view key) {
    return edit([&](Transaction& tx) { return tx.root().erase(key); });
  }
};

void exchange(Replica& a, Replica& b) {
  std::vector<Bytes> from_a = a.document.deltas_since(b.document.version()).value();
  for (const Bytes& delta : b.document.deltas_since(a.document.version()).value())
    a.document.apply(delta).value();
  for (const Bytes& delta : from_a) b.document.apply(delta).value();
  REQUIRE(a.document.snapshot() == b.document.snapshot());
}

}  // namespace

TEST_CASE("of concurrent writes the one with the larger weight wins, the other can be read") {
  Replica a(1);
  Replica b(2);
  a.now_ms = 2000;
  b.now_ms = 1000;
  Dot of_a = a.set("k", "from a", "later");
  Dot of_b = b.set("k", "from b", "earlier");
  exchange(a, b);
  CHECK(content(b.document) == R"({"k":"from a"})");
  std::vector<Conflict> conflicts = b.document.conflicts().value();
  REQUIRE(conflicts.size() == 1);
  CHECK(conflicts[0].kind == Conflict::Kind::kConcurrentWrites);
  const WriteInfo& winner = conflicts[0].winner;
  CHECK(winner.dot == of_a);
  CHECK(winner.stamp == Stamp{2000u << 16, {1}});
  CHECK(winner.committed_at_ms == 2000);
  CHECK(winner.value == Value("from a"));
  CHECK(winner.message == "later");
  REQUIRE(conflicts[0].losers.size() == 1);
  CHECK(conflicts[0].losers[0].dot == of_b);
  CHECK(conflicts[0].losers[0].json == Json("from b"));
  CHECK(conflicts[0].losers[0].message == "earlier");
}

TEST_CASE("ties go to the larger replica id") {
  Replica a(7);
  Replica b(6);
  Replica c(8);
  a.set("k", "seven");
  b.set("k", "six");
  c.set("k", "eight");
  exchange(a, b);
  exchange(b, c);
  CHECK(content(b.document) == R"({"k":"eight"})");
  std::vector<WriteInfo> losers = b.document.why("/k")->losers;
  REQUIRE(losers.size() == 2);
  CHECK(losers[0].value == Value("seven"));  // largest stamp first
  CHECK(losers[1].value == Value("six"));
}

TEST_CASE("a write ends the conflicts with what it saw, also when its clock is behind") {
  Replica a(1);
  Replica b(2);
  Replica c(3);
  a.now_ms = c.now_ms = 5000;
  a.set("k", "a");
  c.set("k", "c");
  exchange(a, b);
  b.set("k", "b over a");
  exchange(b, c);
  Explanation why = c.document.why("/k").value();
  CHECK(why.winner.value == Value("b over a"));
  REQUIRE(why.losers.size() == 1);
  CHECK(why.losers[0].value == Value("c"));
  b.set("k", "b over all");
  exchange(b, c);
  CHECK(content(c.document) == R"({"k":"b over all"})");
  CHECK(c.document.conflicts().value().empty());
}

TEST_CASE("equal values are no conflict; an erasure against a write is one") {
  Replica a(1);
  Replica b(2);
  a.set("same", 1);
  a.set("gone", 1);
  exchange(a, b);
  a.set("same", 2);
  b.set("same", 2);
  a.set("gone", 2);
  b.erase("gone");
  exchange(a, b);
  CHECK(content(a.document) == R"({"same":2})");
  std::vector<Conflict> conflicts = a.document.conflicts().value();
  REQUIRE(conflicts.size() == 1);
  CHECK(conflicts[0].path == "/gone");
  CHECK(conflicts[0].winner.erased);
  REQUIRE(conflicts[0].losers.size() == 1);
  CHECK(conflicts[0].losers[0].value == Value(2));
}

TEST_CASE("conflicts are listed by path and can be limited to a part of the document") {
  Replica a(1);
  Replica b(2);
  for (Replica* replica : {&a, &b})
    replica->edit([&](Transaction& tx) -> Status {
      std::string value = to_string(replica->document.replica());
      WEFT_TRY(tx.root().set("x/y", value));
      return tx.root().ensure_map("panel").set("title", value);
    });
  exchange(a, b);
  std::vector<Conflict> conflicts = a.document.conflicts().value();
  REQUIRE(conflicts.size() == 2);
  CHECK(conflicts[0].path == "/panel/title");
  CHECK(conflicts[1].path == "/x~1y");
  CHECK(a.document.conflicts("/panel").value().size() == 1);
  CHECK(a.document.conflicts("/pan").value().empty());
}

TEST_CASE("an edit inside a child that was erased meanwhile is a conflict, and restore shows it") {
  Replica a(1);
  Replica b(2);
  a.edit([](Transaction& tx) { return tx.root().ensure_map("m").set("x", 1); });
  exchange(a, b);
  b.edit([](Transaction& tx) { return tx.map("/m")->set("seen", 1); });
  exchange(a, b);
  a.erase("m");
  REQUIRE(a.document.conflicts()
              .value()
              .empty());  // whoever erased the child had seen all that is in it
  REQUIRE(a.document.restore("/m").ok());
  exchange(a, b);

  Dot erasure = a.erase("m");
  Dot inside = b.edit([](Transaction& tx) { return tx.map("/m")->set("x", 2); }, "still needed");
  exchange(a, b);
  CHECK(content(a.document) == "{}");
  std::vector<Conflict> conflicts = a.document.conflicts().value();
  REQUIRE(conflicts.size() == 1);
  CHECK(conflicts[0].kind == Conflict::Kind::kEditInErased);
  CHECK(conflicts[0].path == "/m");
  CHECK(conflicts[0].winner.dot == erasure);
  REQUIRE(conflicts[0].losers.size() == 1);
  CHECK(conflicts[0].losers[0].dot == inside);
  CHECK(conflicts[0].losers[0].message == "still needed");
  CHECK(print_json(conflicts[0].losers[0].json) == R"({"seen":1,"x":2})");

  REQUIRE(a.document.restore("/m").ok());
  CHECK(content(a.document) == R"({"m":{"seen":1,"x":2}})");
  CHECK(a.document.conflicts().value().empty());
  exchange(a, b);
  CHECK(content(b.document) == R"({"m":{"seen":1,"x":2}})");
}

TEST_CASE("a list element's set or move against its erasure is a conflict; the erasure wins") {
  for (bool moves : {false, true}) {
    CAPTURE(moves);
    Replica a(1);
    Replica b(2);
    a.edit([](Transaction& tx) {
      return tx.root().ensure_list("l").insert(0, std::vector<Value>{"x", "y"});
    });
    exchange(a, b);
    Dot erasure = a.edit([](Transaction& tx) { return tx.list("/l")->erase(0); });
    Dot lost = b.edit([&](Transaction& tx) {
      return moves ? tx.list("/l")->move(0, 1) : tx.list("/l")->set(0, "new");
    });
    exchange(a, b);
    CHECK(content(a.document) == R"({"l":["y"]})");
    std::vector<Conflict> conflicts = a.document.conflicts().value();
    REQUIRE(conflicts.size() == 1);
    CHECK(conflicts[0].kind == Conflict::Kind::kErasedElement);
    CHECK(conflicts[0].path == "/l/0000000000000001:1");  // it has no index any more
    CHECK(conflicts[0].winner.dot == erasure);
    REQUIRE(conflicts[0].losers.size() == 1);
    CHECK(conflicts[0].losers[0].dot == lost);
    CHECK(conflicts[0].losers[0].value == (moves ? Value("x") : Value("new")));
  }
}

TEST_CASE("of two children that were made at one key at once the lost one can be restored") {
  Replica a(1);
  Replica b(2);
  for (Replica* replica : {&a, &b})
    replica->edit([&](Transaction& tx) -> Status {
      WEFT_TRY(tx.root().set("m", new_map()));
      return tx.map("/m")->set("by", to_string(replica->document.replica()));
    });
  exchange(a, b);
  CHECK(content(a.document) == R"({"m":{"by":"0000000000000002"}})");
  REQUIRE(a.document.why("/m")->losers.size() == 1);
  CHECK(print_json(a.document.why("/m")->losers[0].json) == R"({"by":"0000000000000001"})");
  REQUIRE(a.document.restore("/m").ok());
  CHECK(content(a.document) == R"({"m":{"by":"0000000000000001"}})");
  exchange(a, b);
}

TEST_CASE("restore has nothing to do where nothing is hidden, and says so") {
  Replica a(1);
  a.edit([](Transaction& tx) { return tx.root().ensure_map("m").set("x", 1); });
  a.set("k", 1);
  a.erase("k");
  Bytes before = a.document.snapshot();
  for (const char* path : {"/m", "/k", "/nowhere", "/m/x"}) {
    CAPTURE(path);
    CHECK(a.document.restore(path).error().code() == ErrorCode::kNotFound);
  }
  CHECK(a.document.restore("").error().code() == ErrorCode::kInvalidArgument);
  CHECK(a.document.snapshot() == before);
}

TEST_CASE("why tells in words who wrote a value, and over whom it won") {
  Replica a(1);
  Replica b(2);
  a.now_ms = 1'767'225'600'000;
  a.set("k", 1, "first");
  CHECK(a.document.why("/k")->text ==
        "written by replica 0000000000000001 at 2026-01-01 00:00:00 UTC (\"first\"); "
        "it had seen every other write here");
  b.now_ms = a.now_ms + 1000;
  b.set("k", 2);
  exchange(a, b);
  Explanation won = a.document.why("/k").value();
  CHECK(won.winner.value == Value(2));
  CHECK(won.text ==
        "written by replica 0000000000000002 at 2026-01-01 00:00:01 UTC; it won over a value by "
        "replica 0000000000000001 at 2026-01-01 00:00:00 UTC (\"first\"): neither had seen the "
        "other, the later write wins, by their clocks");
  a.erase("k");
  CHECK(a.document.why("/k")->text.starts_with("erased by replica 0000000000000001 at "));
  exchange(a, b);
  a.now_ms = b.now_ms;
  a.set("tie", 1);
  b.set("tie", 2);
  exchange(a, b);
  CHECK(a.document.why("/tie")->text.find("at the same time: the larger replica id wins") !=
        std::string::npos);
  CHECK(a.document.why("/never").error().code() == ErrorCode::kNotFound);
  CHECK(a.document.why("").error().code() == ErrorCode::kInvalidArgument);
}

TEST_CASE("history has every write of a key or element, newest first, losers and erasures too") {
  Replica a(1);
  Replica b(2);
  a.set("k", 1);
  exchange(a, b);
  a.set("k", 2);
  b.erase("k");
  exchange(a, b);
  a.set("k", 3);
  std::vector<WriteInfo> writes = a.document.history("/k").value();
  REQUIRE(writes.size() == 4);
  CHECK(writes[0].value == Value(3));
  CHECK(writes[1].erased);
  CHECK(writes[2].value == Value(2));
  CHECK(writes[3].dot == Dot{{1}, 0});

  a.edit([](Transaction& tx) { return tx.root().ensure_list("l").insert(0, "made"); });
  a.edit([](Transaction& tx) { return tx.list("/l")->set(0, "set"); });
  a.edit([](Transaction& tx) { return tx.list("/l")->insert(0, "before"); });
  writes = a.document.history("/l/1").value();
  REQUIRE(writes.size() == 2);
  CHECK(writes[0].value == Value("set"));
  CHECK(writes[1].value == Value("made"));
  CHECK(a.document.history("/never").error().code() == ErrorCode::kNotFound);
}
