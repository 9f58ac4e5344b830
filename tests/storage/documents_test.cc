#include "storage/documents.h"

#include <doctest/doctest.h>

#include "crdt/delta/codec.h"
#include "storage/log_index.h"
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

TEST_CASE("a deletion by an older weft is read as of a purged document, by whoever had seen it") {
  VersionVector version;
  version.set({7}, 3);
  const Bytes payload = status_payload(DocumentStatus::kDeleted, version);
  RecordView mark;
  mark.kind = RecordKind::kMark;
  mark.position = 4;
  mark.payload = payload;
  IndexedDocument document;
  REQUIRE(document.replay(mark).ok());
  CHECK(document.head.status == DocumentStatus::kPurged);
  CHECK(document.head.deletion.end({7}) == 3);
  CHECK(document.head.usage(DocumentId()).version == version);
}

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
    NewRecord record;
    REQUIRE(record_of(pair.a.id(), bundle, record).ok());
    CHECK(record.kind == RecordKind::kBundle);
    REQUIRE(store.append(std::span(&record, 1)).ok());
  }
  edit(pair.b, [](Transaction& tx) { return tx.root().set("more", true); });
  REQUIRE(store_document(store, pair.b)->first == 3);
  auto opened = open_document(store, pair.a.id(), options_of(9));
  REQUIRE_MESSAGE(opened.ok(), opened.error().message());
  CHECK(opened->snapshot() == pair.b.snapshot());
}

TEST_CASE("what is to be stored is read from a delta or a bundle, and what is neither is refused") {
  Document document = make_document(5);
  edit(document, [](Transaction& tx) { return tx.root().set("k", 1); });
  const Commit commit = edit(document, [](Transaction& tx) {
    return tx.root().ensure_text("t").insert(scalar(0), "three");
  });
  NewRecord record;
  REQUIRE(record_of(document.id(), commit.delta, record).ok());
  CHECK(record.kind == RecordKind::kDelta);
  CHECK(record.document == document.id());
  CHECK(record.replica == ReplicaId{5});
  CHECK(record.first_seq == commit.first.seq);
  CHECK(record.op_count == commit.op_count);
  CHECK(record.payload.data() == commit.delta.data());
  const Bytes bundle = document.bundles_since({}).value().front();
  REQUIRE(record_of(document.id(), bundle, record).ok());
  CHECK(record.kind == RecordKind::kBundle);
  CHECK(record.first_seq == 0);
  CHECK(record.end() == document.version().end({5}));
  CHECK(!record_of(document.id(), {}, record).ok());
  CHECK(!record_of(document.id(), ByteSpan(bundle).first(9), record).ok());
}

TEST_CASE(
    "what was written under used dots is written anew, and the store holds that in its place") {
  MemoryStore store({{1}, 1, nullptr});
  Document first = make_document(1);
  edit(first,
       [](Transaction& tx) { return tx.root().ensure_text("t").insert(scalar(0), "shared"); });
  Document other = first.fork({1});  // as after a backup was put back
  edit(other, [](Transaction& tx) { return tx.root().set("k", "theirs"); });
  Document mine = first.fork({1});
  const VersionVector keep = mine.version();
  edit(mine, [](Transaction& tx) { return tx.text("/t")->insert(scalar(6), ", mine"); });
  REQUIRE(store_document(store, mine).ok());
  REQUIRE(store_state(store, mine).ok());

  const ReplicaId anew = store.take_replica().value();
  Document again = mine.at(keep).value().fork(anew);
  const Commit commit =
      edit(again, [](Transaction& tx) { return tx.text("/t")->insert(scalar(6), ", mine"); });
  NewRecord record;
  REQUIRE(record_of(again.id(), commit.delta, record).ok());
  REQUIRE(store.rewrite(again.id(), keep, &record).ok());
  CHECK(open_latest(store, again.id(), options_of(9))->snapshot() == again.snapshot());
  CHECK(open_document(store, again.id(), options_of(9))->snapshot() == again.snapshot());

  REQUIRE(store_document(store, other).ok());  // its dots have their place now
  exchange(again, other);
  CHECK(content(again) == R"({"k":"theirs","t":"shared, mine"})");
  for (auto open : {open_latest, open_document})
    CHECK(open(store, again.id(), options_of(9))->snapshot() == again.snapshot());
}

TEST_CASE("a document starts from the state of another device and goes on with it") {
  Pair pair;
  MemoryStore there({{77}, 1, nullptr});
  const VersionVector horizon = pair.a.version();
  const Bytes snapshot = pair.a.snapshot();
  REQUIRE(store_document(there, pair.a).ok());
  Document late = pair.a.fork({3});
  edit(pair.a, [](Transaction& tx) { return tx.text("/t")->insert(scalar(0), "zero "); });
  edit(late, [](Transaction& tx) { return tx.text("/t")->erase(scalar(0), 4); });
  REQUIRE(store_document(there, pair.a).ok());
  REQUIRE(there.trim(pair.a.id(), {horizon, snapshot}).ok());
  MemoryStore here({{78}, 2, nullptr});
  bool is_ahead = false;
  auto store_delta = [&](const Bytes& delta) {
    NewRecord record;
    REQUIRE(record_of(pair.a.id(), delta, record).ok());
    REQUIRE(here.append({&record, 1}).ok());
  };
  SUBCASE("having nothing of it") {}
  SUBCASE("having some of what lies below") {
    store_delta(pair.b.deltas_since({}).value().front());
  }
  SUBCASE("having some of what lies beyond, without what it depends on") {
    store_delta(late.deltas_since(horizon).value().front());
    is_ahead = true;
  }
  REQUIRE(here.adopt_state(pair.a.id(), {horizon, snapshot}).ok());
  CHECK((open_latest(here, pair.a.id(), options_of(9))->snapshot() == snapshot) != is_ahead);
  Status copied =
      there.scan_document(pair.a.id(), here.version(pair.a.id()), [&](const RecordView& view) {
        NewRecord record{view, view.payload};
        return here.append({&record, 1}).ok();
      });
  REQUIRE(copied.ok());
  if (is_ahead) exchange(late, pair.a);
  for (int more = 0; more < 2; ++more) {
    CHECK(here.version(pair.a.id()) == pair.a.version());
    for (auto open : {open_latest, open_document}) {
      Document document = open(here, pair.a.id(), options_of(9)).value();
      CHECK(document.snapshot() == pair.a.snapshot());
      CHECK(document.base() == horizon);
    }
    exchange(late, pair.a);
    REQUIRE(store_document(here, late).ok());
  }
}

// Found by the simulator: a bundle lies where its last delta lay, so deltas come before others that they depend
// on, and a document with little room for waiting ones lost them at every opening.
TEST_CASE("a document opens whole from a store though it has no room for deltas that wait") {
  Document a = make_document(1);
  Document b = a.fork({2});
  Document c = a.fork({3});
  for (int k = 0; k < 40; ++k) {
    edit(a, [&](Transaction& tx) { return tx.root().set("a" + std::to_string(k), k); });
    exchange(a, b);
    edit(b, [&](Transaction& tx) { return tx.root().set("b" + std::to_string(k), k); });
    exchange(a, b);
  }
  edit(c, [](Transaction& tx) { return tx.root().set("c", 1); });
  MemoryStore store({{77}, 1, nullptr});
  auto append = [&](const Bytes& bytes) {
    NewRecord record;
    REQUIRE(record_of(a.id(), bytes, record).ok());
    REQUIRE(store.append(std::span(&record, 1)).ok());
  };
  const std::vector<Bytes> bundles = a.bundles_since({}).value();
  REQUIRE(bundles.size() == 2);
  append(bundles[0]);
  append(c.deltas_since({}).value()[0]);  // bundles that follow each other are applied together
  append(bundles[1]);
  exchange(a, c);
  DocumentOptions options = options_of(9);
  options.pending_bytes_max = 600;
  auto opened = open_document(store, a.id(), options);
  REQUIRE_MESSAGE(opened.ok(), opened.error().message());
  CHECK(opened->version() == a.version());
  CHECK(opened->snapshot() == a.snapshot());
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

TEST_CASE("what could not be stored goes first at the next save, with the same bytes") {
  bool full = false;
  MemoryStore::Options memory;
  memory.replica = {77};
  memory.before_append = [&](std::span<const NewRecord>) -> Status {
    if (full) return Error(ErrorCode::kDiskFull, "no room");
    return {};
  };
  MemoryStore store(memory);
  DocumentOptions options = options_of(77);
  auto opened = StoredDocument::open(store, DocumentId{{3}}, options);
  REQUIRE(opened.ok());
  StoredDocument document = std::move(opened).value();
  edit(document.document(), [](Transaction& tx) { return tx.root().set("k", 1); });
  CHECK(document.unsaved_count() == 1);
  REQUIRE(document.save().ok());
  CHECK(document.unsaved_count() == 0);
  full = true;
  edit(document.document(), [](Transaction& tx) { return tx.root().set("k", 2); });
  CHECK(document.save().error().code() == ErrorCode::kDiskFull);
  edit(document.document(), [](Transaction& tx) { return tx.root().set("k", 3); });
  CHECK(document.save().error().code() == ErrorCode::kDiskFull);
  CHECK(document.unsaved_count() == 2);
  CHECK(store.info().records == 1);
  full = false;
  REQUIRE(document.save().ok());
  CHECK(document.unsaved_count() == 0);
  std::vector<Bytes> stored;
  REQUIRE(store
              .scan_document(document.document().id(), {},
                             [&](const RecordView& record) {
                               stored.emplace_back(record.payload.begin(), record.payload.end());
                               return true;
                             })
              .ok());
  CHECK(stored == document.document().deltas_since({}).value());
}

TEST_CASE("a document keeps its state from time to time, and opens from it") {
  MemoryStore store({{77}, 1, nullptr});
  const DocumentId id{{3}};
  auto opened = StoredDocument::open(store, id, options_of(77));
  REQUIRE(opened.ok());
  StoredDocument document = std::move(opened).value();
  edit(document.document(), [](Transaction& tx) {
    tx.root().ensure_text("t");
    return Status();
  });
  int saves = 0;
  while (!store.state(id)) {
    edit(document.document(),
         [](Transaction& tx) { return tx.text("/t")->insert(scalar(0), "some more text "); });
    REQUIRE(document.save().ok());
    REQUIRE(++saves < 1000);
  }
  CHECK(saves > 300);
  const VersionVector kept = store.state(id)->version;
  edit(document.document(), [](Transaction& tx) { return tx.root().set("k", 1); });
  REQUIRE(document.save().ok());
  CHECK(store.state(id)->version == kept);
  auto latest = open_latest(store, id, options_of(9));
  REQUIRE(latest.ok());
  CHECK(latest->base() == kept);
  CHECK(latest->snapshot() == document.document().snapshot());
  auto whole = open_document(store, id, options_of(9));
  REQUIRE(whole.ok());
  CHECK(whole->base().empty());
  CHECK(whole->snapshot() == document.document().snapshot());
}

TEST_CASE("a state that is missing or damaged is made from the log again") {
  MemoryStore store({{77}, 1, nullptr});
  Document made = Document::create([] {
    DocumentOptions options = options_of(5);
    options.id = DocumentId{{3}};
    return options;
  }());
  edit(made, [](Transaction& tx) {
    return tx.root().ensure_text("t").insert(scalar(0), std::string(9000, 'x'));
  });
  REQUIRE(store_document(store, made).ok());
  {
    auto opened = StoredDocument::open(store, made.id(), options_of(77));
    REQUIRE(opened.ok());
    CHECK(opened->document().snapshot() == made.snapshot());
  }
  auto state = store.state(made.id());
  REQUIRE(state);
  CHECK(state->snapshot == made.snapshot());
  state->snapshot[100] ^= std::byte{1};
  REQUIRE(store.put_state(made.id(), *state, 0).ok());
  auto latest = open_latest(store, made.id(), options_of(9));
  REQUIRE(latest.ok());
  CHECK(latest->base().empty());
  CHECK(latest->snapshot() == made.snapshot());
}
