// Deltas in any order and shape: late, twice, damaged, another document's, another history's.

#include <algorithm>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>
#include "tests/crdt/document/replicas.h"

using namespace weft;
using test::content;

namespace {

Document make_document(std::uint64_t replica, std::size_t pending_bytes_max = 1 << 20) {
  DocumentOptions options;
  options.replica = {replica};
  options.pending_bytes_max = pending_bytes_max;
  return Document::create(std::move(options));
}

Bytes edit(Document& document, auto&& body) {
  auto commit = document.transact(body);
  REQUIRE_MESSAGE(commit.ok(), commit.error().message());
  return Bytes(commit->delta.begin(), commit->delta.end());
}
Bytes set(Document& document, std::string_view key, const Value& value) {
  return edit(document, [&](Transaction& tx) { return tx.root().set(key, value); });
}

/// An error of `code`, and the document is what it was.
void check_refused(Document& document, ByteSpan bytes, ErrorCode code) {
  Bytes before = document.snapshot();
  auto report = document.apply(bytes);
  REQUIRE_FALSE(report.ok());
  CHECK(report.error().code() == code);
  CHECK(document.snapshot() == before);
  CHECK(document.pending().empty());
}

void check_report(const Result<ApplyReport>& report, const ApplyReport& expected) {
  REQUIRE_MESSAGE(report.ok(), report.error().message());
  CHECK(report->applied == expected.applied);
  CHECK(report->duplicate == expected.duplicate);
  CHECK(report->pending == expected.pending);
  CHECK(report->dropped == expected.dropped);
  CHECK(report->refused == expected.refused);
  CHECK(report->forked == expected.forked);
}

/// Deltas of two replicas that name each other, with every kind of operation.
struct Chain {
  Document a = make_document(1);
  Document b = make_document(2);
  std::vector<Bytes> deltas;

  Chain() {
    deltas.push_back(edit(a, [](Transaction& tx) -> Status {
      WEFT_TRY(tx.root().ensure_text("t").insert(scalar(0), "héllo"));
      WEFT_TRY(tx.root().ensure_list("l").insert(0, std::vector<Value>{1, 2.5, "three"}));
      return tx.root().ensure_counter("n").add(-3);
    }));
    b.apply(deltas.back()).value();
    deltas.push_back(edit(b, [](Transaction& tx) -> Status {
      WEFT_TRY(tx.text("/t")->erase(scalar(1), 2));
      WEFT_TRY(tx.list("/l")->move(0, 2));
      WEFT_TRY(tx.list("/l")->set(0, Record{{"x", 1}}));
      return tx.root().set("k", nullptr);
    }));
    a.apply(deltas.back()).value();
    deltas.push_back(set(a, "k", "last"));
  }
};

}  // namespace

TEST_CASE("a delta waits for what it depends on, and says for what") {
  Chain chain;
  Document c = make_document(3);
  check_report(c.apply(chain.deltas[2]), {.pending = 1});
  CHECK(content(c) == "{}");
  auto pending = c.pending();
  REQUIRE(pending.size() == 1);
  CHECK(pending[0].first == Dot{{1}, 12});
  CHECK(pending[0].op_count == 1);
  CHECK(pending[0].bytes == chain.deltas[2].size());
  CHECK(pending[0].missing == std::vector<Dot>{{{1}, 11}, {{2}, 4}});
}

TEST_CASE("deltas in every order lead to the same bytes, and none is left waiting") {
  Chain chain;
  std::vector<std::size_t> order = {0, 1, 2};
  do {
    CAPTURE(order);
    Document c = make_document(3);
    std::uint32_t applied = 0;
    for (std::size_t i : order) {
      auto report = c.apply(chain.deltas[i]);
      REQUIRE(report.ok());
      applied += report->applied;
    }
    CHECK(applied == 3);
    CHECK(c.pending().empty());
    CHECK(c.snapshot() == chain.a.snapshot());
    c.check_invariants();
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST_CASE("the report of the delta that others waited for counts them as applied") {
  Chain chain;
  Document c = make_document(3);
  check_report(c.apply(chain.deltas[2]), {.pending = 1});
  check_report(c.apply(chain.deltas[1]), {.pending = 1});
  check_report(c.apply(chain.deltas[0]), {.applied = 3});
}

TEST_CASE("a delta that is known or waits already is a duplicate and changes nothing") {
  Chain chain;
  Bytes before = chain.a.snapshot();
  for (const Bytes& delta : chain.deltas) check_report(chain.a.apply(delta), {.duplicate = 1});
  CHECK(chain.a.snapshot() == before);

  Document c = make_document(3);
  check_report(c.apply(chain.deltas[2]), {.pending = 1});
  check_report(c.apply(chain.deltas[2]), {.duplicate = 1});
  CHECK(c.pending().size() == 1);
}

TEST_CASE("over its bound the queue drops the farthest delta, says so, and takes it again later") {
  Document a = make_document(1);
  std::vector<Bytes> deltas;
  for (int i = 0; i < 20; ++i) deltas.push_back(set(a, "k", i));
  Document c = make_document(2, 700);
  std::uint32_t dropped = 0;
  for (std::size_t i = 1; i < deltas.size(); ++i) dropped += c.apply(deltas[i])->dropped;
  REQUIRE(dropped > 0);
  CHECK(c.pending().size() == 19 - dropped);
  for (const PendingDelta& pending : c.pending())
    CHECK(pending.first.seq <= 19 - dropped);  // the near ones were kept
  CHECK(c.apply(deltas[0])->applied == 20 - dropped);
  for (const Bytes& delta : deltas) REQUIRE(c.apply(delta).ok());
  CHECK(c.snapshot() == a.snapshot());
}

TEST_CASE("a delta cut short or with a bit flipped never has part of an effect") {
  Chain chain;
  Document c = make_document(3);
  const Bytes& delta = chain.deltas[0];
  for (std::size_t size = 0; size < delta.size(); ++size) {
    CAPTURE(size);
    Bytes before = c.snapshot();
    auto report = c.apply(ByteSpan(delta).first(size));
    REQUIRE_FALSE(report.ok());
    CHECK(report.error().byte_offset() <= size);
    REQUIRE(c.snapshot() == before);
  }
  // A row has no checksum: a flipped bit may make another delta, which then is whole.
  Bytes empty = c.snapshot();
  for (std::size_t bit = 0; bit < delta.size() * 8; ++bit) {
    CAPTURE(bit);
    Bytes damaged = delta;
    damaged[bit / 8] ^= static_cast<std::byte>(1 << (bit % 8));
    Document d = make_document(3);
    auto report = d.apply(damaged);
    if (!report.ok() || report->applied == 0) {
      REQUIRE(d.snapshot() == empty);
    } else {
      REQUIRE(report->applied == 1);
      REQUIRE(d.deltas_since({}).value() == std::vector<Bytes>{damaged});
    }
    d.check_invariants();
  }
}

TEST_CASE("a sealed bundle with any bit flipped or any byte missing is refused without effect") {
  Chain chain;
  Bytes bundle = chain.a.bundles_since({})->front();
  Document c = make_document(3);
  Bytes before = c.snapshot();
  for (std::size_t size = 0; size < bundle.size(); ++size)
    REQUIRE_FALSE(c.apply_bundle(ByteSpan(bundle).first(size)).ok());
  for (std::size_t bit = 0; bit < bundle.size() * 8; ++bit) {
    CAPTURE(bit);
    bundle[bit / 8] ^= static_cast<std::byte>(1 << (bit % 8));
    REQUIRE_FALSE(c.apply_bundle(bundle).ok());
    bundle[bit / 8] ^= static_cast<std::byte>(1 << (bit % 8));
  }
  CHECK(c.snapshot() == before);
  CHECK(c.apply_bundle(bundle).ok());
}

TEST_CASE("bytes that are no delta are refused") {
  Document c = make_document(3);
  check_refused(c, {}, ErrorCode::kCorrupt);
  check_refused(c, Chain().a.bundles_since({})->front(), ErrorCode::kUnknownVersion);
  CHECK(c.apply_bundle(Bytes(100)).error().code() == ErrorCode::kCorrupt);
  CHECK(c.apply_history(Bytes(100)).error().code() == ErrorCode::kCorrupt);
}

TEST_CASE("the same dot with other content is refused") {
  Document a = make_document(1);
  Document twin = make_document(1);
  set(a, "k", "a");
  Bytes other = set(twin, "k", "b");
  check_refused(a, other, ErrorCode::kForkedReplica);
  Document longer = make_document(1);  // cut in other places
  Bytes both = edit(longer, [](Transaction& tx) -> Status {
    WEFT_TRY(tx.root().set("k", "a"));
    return tx.root().set("k", "b");
  });
  check_refused(a, both, ErrorCode::kForkedReplica);
  CHECK(a.apply_bundle(twin.bundles_since({})->front()).error().code() ==
        ErrorCode::kForkedReplica);
  CHECK(content(a) == R"({"k":"a"})");
}

TEST_CASE("a bundle that goes on where another history of its replica ends is noticed") {
  Document a = make_document(1);
  Document twin = make_document(1);
  set(a, "k", "a");
  set(twin, "k", "twin");
  set(twin, "k", "goes on");
  // Fault found: it counts as a duplicate and an applied one, and its chain hash is taken over.
  auto report = a.apply_bundle(twin.bundles_since({})->front());
  CHECK((!report.ok() || report->forked + report->refused > 0));
  CHECK(a.chain({1}) != twin.chain({1}));
}

TEST_CASE("a dependency on another history of a replica takes effect and is counted") {
  Document twin = make_document(1);
  Bytes unknown_here = set(twin, "k", "twin");
  Document b = make_document(2);
  REQUIRE(b.apply(unknown_here).ok());
  Bytes delta = set(b, "b", 1);

  Document a = make_document(1);
  set(a, "k", "ours");
  check_report(a.apply(delta), {.applied = 1, .forked = 1});
  CHECK(content(a) == R"({"b":1,"k":"ours"})");

  // Fault found: of bundles none is counted.
  Document again = make_document(1);
  set(again, "k", "ours");
  Bytes bundle = b.bundles_since(again.version())->front();
  check_report(again.apply_bundle(bundle), {.applied = 1, .forked = 1});
}

TEST_CASE("deltas_since hands out exactly what is missing, dependencies first") {
  Chain chain;
  CHECK(chain.a.deltas_since({}).value() == chain.deltas);
  CHECK(chain.a.deltas_since(chain.a.version())->empty());
  CHECK(chain.a.deltas_since(chain.b.version()).value() == std::vector<Bytes>{chain.deltas[2]});
}

TEST_CASE("bundles_since has one bundle for each replica; together they make the same document") {
  Chain chain;
  std::vector<Bytes> bundles = chain.a.bundles_since({}).value();
  REQUIRE(bundles.size() == 2);
  std::vector<ByteSpan> spans(bundles.rbegin(), bundles.rend());
  Document c = make_document(3);
  check_report(c.apply_bundles(spans), {.applied = 3});
  CHECK(c.snapshot() == chain.a.snapshot());
  check_report(c.apply_bundles(spans), {.duplicate = 3});

  // One alone: what needs the other waits.
  Document d = make_document(4);
  check_report(d.apply_bundle(bundles[0]), {.applied = 1, .pending = 1});
  REQUIRE(d.apply_bundle(bundles[1]).ok());
  CHECK(d.snapshot() == chain.a.snapshot());

  CHECK(chain.a.bundles_since(chain.b.version())->size() == 1);
  CHECK(chain.a.bundles_since(chain.a.version())->empty());
}

TEST_CASE("a history file holds the whole document, for this document only") {
  Chain chain;
  Bytes file = chain.a.export_history().value();
  Document c = make_document(3);
  check_report(c.apply_history(file), {.applied = 3});
  CHECK(c.snapshot() == chain.a.snapshot());
  CHECK(c.export_history().value() == file);

  DocumentOptions other;
  other.replica = {5};
  CHECK(Document::open_file(file, other)->snapshot() == chain.a.snapshot());
  other.id.bytes[0] = 1;
  Document another = Document::create(other);
  CHECK(another.apply_history(file).error().code() == ErrorCode::kInvalidArgument);
  CHECK(another.version().empty());
}
