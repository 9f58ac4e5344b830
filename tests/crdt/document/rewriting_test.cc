// Going on under another replica: places in a log and their chain hashes, single deltas, another author,
// changes that are made anew. (Random ones: tests/histories/check_time.cc.)

#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "crdt/base/checksum.h"
#include "crdt/document/apply_patches.h"
#include "tests/crdt/document/replicas.h"
#include "tests/support/random.h"

using namespace weft;
using namespace weft::test;

namespace {

DocumentOptions options_of(std::uint64_t replica) {
  DocumentOptions options;
  options.replica = {replica};
  options.undo_depth = 10;
  return options;
}

struct Place {
  Seq begin = 0;
  Seq end = 0;
  Bytes delta;
  std::uint64_t chain = 0;
};

/// A log of deltas of one to three operations, so many that the hashes along it are kept at some places only.
std::vector<Place> write_log(Document& document, int deltas, Random& random) {
  std::vector<Place> places;
  std::uint64_t chain = document.chain(document.replica());
  for (int i = 0; i < deltas; ++i) {
    auto commit = document.transact([&](Transaction& tx) {
      const std::string text(1 + random.below(3), 'x');
      return tx.root().ensure_text("t").insert(scalar(0), text);
    });
    REQUIRE(commit.ok());
    chain = xxh3_64(commit->delta, chain);
    places.push_back({commit->first.seq, commit->first.seq + commit->op_count,
                      Bytes(commit->delta.begin(), commit->delta.end()), chain});
  }
  return places;
}

template <typename T>
ErrorCode code_of(const Result<T>& result) {
  REQUIRE(!result.ok());
  return result.error().code();
}

/// What `document` says of the places: those before `base` it does not hold.
void check_places(const Document& document, ReplicaId author, const std::vector<Place>& places,
                  Seq base) {
  CHECK(document.chain_at(author, 0).value() == 0);
  // From behind, where what is kept on the way can't help.
  for (std::size_t i = places.size() - 1; i < places.size(); i -= 17) {
    const Place& place = places[i];
    CAPTURE(place.end);
    if (place.end < base) {
      CHECK(code_of(document.chain_at(author, place.end)) == ErrorCode::kNeedHistory);
      CHECK(code_of(document.delta_at({author, place.begin})) == ErrorCode::kNeedHistory);
      continue;
    }
    CHECK(document.chain_at(author, place.end).value() == place.chain);
    if (place.begin < base) continue;
    CHECK(document.delta_at({author, place.begin}).value() == place.delta);
    for (Seq inside = place.begin + 1; inside < place.end; ++inside) {
      CHECK(code_of(document.chain_at(author, inside)) == ErrorCode::kNotFound);
      CHECK(code_of(document.delta_at({author, inside})) == ErrorCode::kNotFound);
    }
  }
  const Seq end = places.back().end;
  CHECK(code_of(document.chain_at(author, end + 1)) == ErrorCode::kNotFound);
  CHECK(code_of(document.delta_at({author, end})) == ErrorCode::kNotFound);
  CHECK(code_of(document.chain_at({99}, 1)) == ErrorCode::kNotFound);
  CHECK(code_of(document.delta_at({{99}, 0})) == ErrorCode::kNotFound);
  CHECK(document.chain_at({99}, 0).value() == 0);
}

}  // namespace

TEST_CASE("a log's chain hash and deltas can be asked for at every place that is held") {
  Random random(1);
  Document document = make_document(1);
  std::vector<Place> places = write_log(document, 5'000, random);
  check_places(document, {1}, places, 0);
  SUBCASE("of one that took the deltas in") {
    Document other = make_document(2);
    for (const Place& place : places) other.apply(place.delta).value();
    check_places(other, {1}, places, 0);
  }
  SUBCASE("of one that took a bundle in") {
    Document other = make_document(2);
    const Bytes bundle = document.bundles_since({}).value().front();
    other.apply_bundle(bundle).value();
    check_places(other, {1}, places, 0);
    check_places(other.fork({3}), {1}, places, 0);
    check_places(other.at(other.version()).value(), {1}, places, 0);
  }
  SUBCASE("of one that was loaded, from its base on") {
    const Seq base = places.back().end;
    Document other = Document::load(document.snapshot(), options_of(2)).value();
    check_places(other, {1}, places, base);
    for (const Place& place : write_log(document, 200, random)) {
      places.push_back(place);
      other.apply(place.delta).value();
    }
    check_places(other, {1}, places, base);
  }
}

TEST_CASE("a document that writes on as another replica keeps what it wrote before") {
  Document document = Document::create(options_of(1));
  edit(document, [](Transaction& tx) -> Status {
    WEFT_TRY(tx.root().set("k", 1));
    return tx.root().ensure_text("t").insert(scalar(0), "before");
  });
  edit(document, [](Transaction& tx) { return tx.text("/t")->erase(scalar(0), 3); });
  SUBCASE("as it is") {}
  SUBCASE("loaded again") { document = Document::load(document.snapshot(), options_of(1)).value(); }
  Document other = document.fork({2});
  REQUIRE(document.write_as({3}).ok());
  CHECK(document.replica() == ReplicaId{3});
  CHECK(document.undo().error().code() == ErrorCode::kNothingToUndo);
  CHECK(document.redo().error().code() == ErrorCode::kNothingToUndo);
  edit(document, [](Transaction& tx) -> Status {
    WEFT_TRY(tx.root().set("k", 2));
    return tx.text("/t")->insert(scalar(3), " and after");
  });
  edit(other, [](Transaction& tx) { return tx.text("/t")->insert(scalar(0), "be"); });
  CHECK(document.version().end({3}) > 0);
  CHECK(document.version().end({1}) == other.version().end({1}));
  CHECK(document.undo_size() == 1);
  for (const Bytes& delta : document.deltas_since(other.version()).value())
    other.apply(delta).value();
  VersionVector since = document.version();
  for (const Bytes& delta : other.deltas_since(since).value()) document.apply(delta).value();
  CHECK(content(document) == R"({"k":2,"t":"beore and after"})");
  CHECK(content(other) == content(document));
  CHECK(other.snapshot() == document.snapshot());
  CHECK(document.undo().ok());
  CHECK(content(document) == R"({"k":1,"t":"beore"})");
  document.check_invariants();
}

TEST_CASE("a fork of a checkout goes on with the clock and can undo") {
  std::uint64_t now = 1'700'000'000'000;
  DocumentOptions options = options_of(1);
  options.now_ms = [&] { return now; };
  Document document = Document::create(options);
  edit(document, [](Transaction& tx) { return tx.root().set("k", 1); });
  Document fork = document.at(document.version()).value().fork({2});
  now += 5'000;
  edit(fork, [](Transaction& tx) { return tx.root().set("k", 2); });
  CHECK(fork.log().back().committed_at_ms == now);
  CHECK(fork.undo().ok());
  CHECK(content(fork) == R"({"k":1})");
}

TEST_CASE("who writes can't be changed in a transaction, nor of a checkout") {
  Document document = make_document(1);
  edit(document, [](Transaction& tx) { return tx.root().set("k", 1); });
  {
    Transaction tx = document.begin().value();
    CHECK(document.write_as({2}).error().code() == ErrorCode::kTransactionOpen);
  }
  Document past = document.at(document.version()).value();
  CHECK(past.write_as({2}).error().code() == ErrorCode::kReadOnly);
  CHECK(document.replica() == ReplicaId{1});
}

namespace {

/// Two versions of a document with everything that a diff can report.
struct Versions {
  Document document = make_document(1);
  VersionVector from;

  Versions() {
    edit(document, [](Transaction& tx) -> Status {
      MapEdit root = tx.root();
      WEFT_TRY(root.set("stays", 1));
      WEFT_TRY(root.set("goes", Record{{"x", 1}}));
      WEFT_TRY(root.ensure_text("text").insert(scalar(0), "h\u00e9llo"));
      WEFT_TRY(root.ensure_counter("count").add(5));
      WEFT_TRY(root.ensure_map("child").set("old", true));
      ListEdit list = root.ensure_list("list");
      WEFT_TRY(list.insert(0, std::vector<Value>{1, 2, 3}));
      WEFT_TRY(list.insert(1, new_map()));
      return tx.map("/list/1")->set("in", 1);
    });
    from = document.version();
    edit(document, [](Transaction& tx) -> Status {
      MapEdit root = tx.root();
      WEFT_TRY(root.erase("goes"));
      WEFT_TRY(root.erase("child"));
      WEFT_TRY(root.ensure_map("child").ensure_text("new").insert(scalar(0), "\U0001f642"));
      WEFT_TRY(root.set("distinct", new_list()));
      WEFT_TRY(tx.list("/distinct")->insert(0, std::vector<Value>{nullptr, "a"}));
      WEFT_TRY(tx.list("/distinct")->insert(1, new_counter()));
      WEFT_TRY(tx.counter("/distinct/1")->add(-9));
      WEFT_TRY(tx.text("/text")->erase(scalar(1), 2));
      WEFT_TRY(tx.text("/text")->insert(scalar(3), "!"));
      WEFT_TRY(tx.counter("/count")->add(-7));
      WEFT_TRY(tx.list("/list")->erase(0));
      WEFT_TRY(tx.map("/list/0")->set("in", 2));
      WEFT_TRY(tx.list("/list")->set(1, "two"));
      return tx.list("/list")->insert(2, new_text());
    });
  }
};

}  // namespace

TEST_CASE(
    "changes that are made anew by another replica show the same, as edits of the same things") {
  Versions versions;
  const Document& after = versions.document;
  const VersionVector to = after.version();
  std::vector<Patch> patches = after.diff(versions.from, to).value();
  SUBCASE("from a diff of two versions") {}
  SUBCASE("from a diff of two documents") {
    patches = after.diff(after.at(versions.from).value()).value();
  }
  SUBCASE("from a diff of two documents without history") {
    const Bytes before = after.at(versions.from).value().snapshot();
    const Document newest = Document::load(after.snapshot(), options_of(3)).value();
    patches = newest.diff(Document::load(before, options_of(4)).value()).value();
  }
  Document anew = after.at(versions.from).value().fork({2});
  Document other = anew.fork({3});
  edit(anew, [&](Transaction& tx) { return apply_patches(tx, patches, after); });
  CHECK(content(anew) == content(after));
  CHECK(anew.root().is_mergeable("child"));
  CHECK(anew.root().is_mergeable("text"));
  CHECK(!anew.root().is_mergeable("distinct"));
  CHECK(!anew.root().is_mergeable("stays"));
  anew.check_invariants();
  // What stayed is the same: others' edits in it meet.
  edit(other, [](Transaction& tx) -> Status {
    WEFT_TRY(tx.text("/text")->insert(scalar(5), "?"));
    WEFT_TRY(tx.map("/list/1")->set("more", 1));
    return tx.counter("/count")->add(100);
  });
  exchange(anew, other);
  CHECK(anew.text("/text")->str() == "hlo!?");
  CHECK(anew.counter("/count")->value() == 98);
  CHECK(anew.map("/list/0")->size() == 2);
}

TEST_CASE("patches that don't fit fail their transaction, and nothing is written") {
  Versions versions;
  const std::vector<Patch> patches =
      versions.document.diff(versions.from, versions.document.version()).value();
  Document empty = make_document(2);
  auto commit = empty.transact(
      [&](Transaction& tx) { return apply_patches(tx, patches, versions.document); });
  CHECK(code_of(commit) == ErrorCode::kNotFound);
  CHECK(empty.version().empty());
  CHECK(content(empty) == "{}");
}

TEST_CASE("only versions of one document have a difference") {
  Document document = make_document(1);
  edit(document,
       [](Transaction& tx) { return tx.root().ensure_text("t").insert(scalar(0), "ab"); });
  DocumentOptions options = options_of(2);
  options.id.bytes[3] = 1;
  CHECK(code_of(document.diff(Document::create(options))) == ErrorCode::kInvalidArgument);
  Document before = document.fork({2});
  {
    Transaction tx = document.begin().value();
    CHECK(code_of(document.diff(before)) == ErrorCode::kTransactionOpen);
    CHECK(code_of(before.diff(document)) == ErrorCode::kTransactionOpen);
  }
  CHECK(document.diff(before).value().empty());
  // One replica's name used twice: no order holds for both.
  Document fork = make_document(1);
  edit(fork, [](Transaction& tx) { return tx.root().ensure_text("t").insert(scalar(0), "x"); });
  edit(fork, [](Transaction& tx) { return tx.root().ensure_text("t").insert(scalar(0), "y"); });
  CHECK(code_of(fork.diff(document)) == ErrorCode::kInvalidArgument);
}
