#include "storage/documents.h"

#include <doctest/doctest.h>

#include "crdt/delta/codec.h"
#include "storage/memory/memory_store.h"
#include "tests/crdt/document/replicas.h"

using namespace weft;
using namespace weft::test;

namespace {

DocumentOptions options_of(std::uint64_t replica) {
  DocumentOptions options;
  options.replica = {replica};
  return options;
}

/// Two replicas that have edited at the same time and met.
struct Pair {
  Document a = make_document(1);
  Document b = a.fork({2});

  Pair() {
    edit(a, [](Transaction& tx) { return tx.root().ensure_text("t").insert(scalar(0), "one"); });
    edit(b, [](Transaction& tx) { return tx.root().set("k", 2); });
    exchange(a, b);
    edit(b, [](Transaction& tx) { return tx.text("/t")->insert(scalar(3), " two"); });
    edit(a, [](Transaction& tx) { return tx.root().set("k", 1); });
    exchange(a, b);
  }
};

}  // namespace

TEST_CASE("a document comes out of a store as it went in") {
  Pair pair;
  MemoryStore store({{77}, 1, nullptr});
  auto stored = store_document(store, pair.a);
  REQUIRE(stored.ok());
  CHECK(store.info().records == 4);
  CHECK(store.version(pair.a.id()) == pair.a.version());
  auto opened = open_document(store, pair.a.id(), options_of(9));
  REQUIRE_MESSAGE(opened.ok(), opened.error().message());
  CHECK(opened->snapshot() == pair.a.snapshot());
}

TEST_CASE("only what a store lacks is appended") {
  Pair pair;
  MemoryStore store({{77}, 1, nullptr});
  REQUIRE(store_document(store, pair.a).ok());
  edit(pair.a, [](Transaction& tx) { return tx.root().erase("k"); });
  auto more = store_document(store, pair.a);
  REQUIRE(more.ok());
  CHECK(more->first == 5);
  CHECK(more->known == 0);
  CHECK(store.info().end == 6);
  CHECK(store_document(store, pair.a)->first == 0);
  CHECK(store_document(store, pair.b)->first == 0);
}

TEST_CASE("deltas and sealed bundles lie in one log") {
  Pair pair;
  MemoryStore store({{77}, 1, nullptr});
  for (const Bytes& bundle : pair.a.bundles_since({}).value()) {
    BundleInfo info = read_bundle_info(bundle).value();
    NewRecord record;
    record.kind = RecordKind::kBundle;
    record.document = pair.a.id();
    record.replica = info.author;
    record.first_seq = info.first_seq;
    record.op_count = info.op_count;
    record.payload = bundle;
    REQUIRE(store.append(std::span(&record, 1)).ok());
  }
  edit(pair.b, [](Transaction& tx) { return tx.root().set("more", true); });
  REQUIRE(store_document(store, pair.b)->first == 3);
  auto opened = open_document(store, pair.a.id(), options_of(9));
  REQUIRE_MESSAGE(opened.ok(), opened.error().message());
  CHECK(opened->snapshot() == pair.b.snapshot());
}

TEST_CASE("a document that a store doesn't have is not made up") {
  MemoryStore store({{77}, 1, nullptr});
  auto opened = open_document(store, DocumentId{{7}}, options_of(1));
  REQUIRE(!opened.ok());
  CHECK(opened.error().code() == ErrorCode::kNotFound);
}

TEST_CASE("a record that is no delta is named") {
  Pair pair;
  MemoryStore store({{77}, 1, nullptr});
  Bytes garbage(40, std::byte{7});
  NewRecord record;
  record.document = pair.a.id();
  record.replica = {5};
  record.op_count = 1;
  record.payload = garbage;
  REQUIRE(store.append(std::span(&record, 1)).ok());
  auto opened = open_document(store, pair.a.id(), options_of(9));
  REQUIRE(!opened.ok());
  CHECK(opened.error().code() == ErrorCode::kCorrupt);
  CHECK(opened.error().context().find("record 1") != std::string::npos);
}
