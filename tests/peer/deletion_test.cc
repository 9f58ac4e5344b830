// Deletion as several devices see it: the stories of docs/adr/0013.

#include <doctest/doctest.h>

#include "tests/peer/rig.h"

namespace weft {
namespace {

using test::id_of;
using test::Rig;

const DocumentId kDocument = id_of(1);

DocumentStatus status_of(Rig& rig, std::size_t peer, const DocumentId& id = kDocument) {
  for (const DocumentOverview& overview : rig.node(peer).documents())
    if (overview.document == id) return overview.status;
  return DocumentStatus::kPurged;
}

bool is_contested(Rig& rig, std::size_t peer) {
  return rig.node(peer).contested(kDocument).value().has_value();
}

/// @return  what came of it, once everything is quiet
Status set_status(Rig& rig, std::size_t peer, DocumentStatus status,
                  Node::Evict how = Node::Evict::kIfKeptElsewhere) {
  Status result = Error(ErrorCode::kIoError, "no answer");
  rig.node(peer).set_status(
      kDocument, status, [&](Status done) { result = std::move(done); }, how);
  rig.settle();
  return result;
}

/// Days pass on one device, and it looks into its trash on each. @return  how many documents were purged
std::size_t age(Rig& rig, std::size_t peer, int days) {
  std::size_t purged = 0;
  for (int day = 0; day < days; ++day) {
    rig.peer(peer).wall_offset_ms += kRetentionStepMaxMs;
    rig.node(peer).empty_trash([&](Status status, std::size_t count) {
      CHECK(status.ok());
      purged += count;
    });
    rig.flush();
  }
  return purged;
}

/// Two devices that had met and hold {"t":1}, not linked any more.
struct TwoWithDocument : Rig {
  TwoWithDocument() : Rig(2) {
    connect(0, 1);
    set(0, kDocument, "t", 1);
    settle();
    cut(0);
  }
};

// A1.
TEST_CASE("a deletion does not destroy an edit that it has not seen") {
  TwoWithDocument rig;
  REQUIRE(set_status(rig, 0, DocumentStatus::kDeleted).ok());
  CHECK(status_of(rig, 0) == DocumentStatus::kDeleted);
  CHECK_FALSE(
      rig.node(0).edit(kDocument, [](Transaction& tx) { return tx.root().set("x", 1); }).ok());
  rig.set(1, kDocument, "t", "two hours");
  rig.settle();
  rig.connect(0, 1);
  rig.settle();
  for (std::size_t i : {0u, 1u}) {
    CHECK(status_of(rig, i) == DocumentStatus::kLive);
    CHECK(rig.content(i, kDocument) == R"({"t":"two hours"})");
    REQUIRE(is_contested(rig, i));
    const Contested contested = *rig.node(i).contested(kDocument).value();
    CHECK(contested.deletion.by() == rig.node(0).replica());
    REQUIRE(contested.edits.size() == 1);
    CHECK(contested.edits[0].replica == rig.node(1).replica());
    CHECK(contested.edits[0].op_count == 1);
  }
  rig.check_same(kDocument);
  SUBCASE("kept by whoever says live") {
    REQUIRE(set_status(rig, 0, DocumentStatus::kLive).ok());
    for (std::size_t i : {0u, 1u}) CHECK_FALSE(is_contested(rig, i));
    CHECK(rig.content(1, kDocument) == R"({"t":"two hours"})");
  }
  SUBCASE("let go by another deletion") {
    REQUIRE(set_status(rig, 1, DocumentStatus::kDeleted).ok());
    for (std::size_t i : {0u, 1u}) CHECK(status_of(rig, i) == DocumentStatus::kDeleted);
  }
  SUBCASE("let go and kept at the same time it is contested again") {
    rig.cut(0);
    REQUIRE(set_status(rig, 0, DocumentStatus::kLive).ok());
    REQUIRE(set_status(rig, 1, DocumentStatus::kDeleted).ok());
    rig.connect(0, 1);
    rig.settle();
    for (std::size_t i : {0u, 1u}) CHECK(is_contested(rig, i));
  }
}

// A1.
TEST_CASE("360 edits of a laptop that was away survive a deletion") {
  TwoWithDocument rig;
  REQUIRE(set_status(rig, 0, DocumentStatus::kDeleted).ok());
  for (int k = 0; k < 360; ++k) rig.set(1, kDocument, "k" + std::to_string(k), k);
  rig.settle();
  rig.connect(1, 0);
  rig.settle();
  CHECK(is_contested(rig, 0));
  CHECK(rig.content(0, kDocument).find("\"k359\":359") != std::string::npos);
  rig.check_same(kDocument);
}

// A2.
TEST_CASE("what was acknowledged after a document is live again stays, over a restart") {
  Rig rig(2);
  rig.connect(0, 1);
  rig.set(0, kDocument, "t", 1);
  rig.settle();
  REQUIRE(set_status(rig, 0, DocumentStatus::kDeleted).ok());
  CHECK(status_of(rig, 1) == DocumentStatus::kDeleted);
  REQUIRE(set_status(rig, 0, DocumentStatus::kLive).ok());
  CHECK(rig.content(1, kDocument) == R"({"t":1})");
  rig.set(0, kDocument, "t", 2);
  rig.set(1, kDocument, "u", 3);
  rig.settle();
  for (std::size_t i : {0u, 1u}) {
    rig.crash(i);
    rig.start(i);
  }
  rig.connect(1, 0);
  rig.settle();
  for (std::size_t i : {0u, 1u}) {
    CHECK(rig.content(i, kDocument) == R"({"t":2,"u":3})");
    CHECK_FALSE(is_contested(rig, i));
  }
}

TEST_CASE("two deletions: an edit between them is there when the first to delete restores") {
  TwoWithDocument rig;
  REQUIRE(set_status(rig, 0, DocumentStatus::kDeleted).ok());
  rig.set(1, kDocument, "e", "E");
  rig.settle();
  REQUIRE(set_status(rig, 1, DocumentStatus::kDeleted).ok());
  SUBCASE("after they have met") {
    rig.connect(0, 1);
    rig.settle();
    for (std::size_t i : {0u, 1u}) CHECK(status_of(rig, i) == DocumentStatus::kDeleted);
    REQUIRE(set_status(rig, 0, DocumentStatus::kLive).ok());
    for (std::size_t i : {0u, 1u}) CHECK_FALSE(is_contested(rig, i));
  }
  SUBCASE("before: what it restores is not what the other has deleted") {
    REQUIRE(set_status(rig, 0, DocumentStatus::kLive).ok());
    rig.connect(0, 1);
    rig.settle();
    for (std::size_t i : {0u, 1u}) CHECK(is_contested(rig, i));
  }
  for (std::size_t i : {0u, 1u}) CHECK(rig.content(i, kDocument) == R"({"e":"E","t":1})");
}

TEST_CASE("gap after a purge: no dot is used twice when an old edit comes back") {
  Rig rig(3);
  for (std::size_t other : {1u, 2u}) rig.connect(0, other);
  rig.set(0, kDocument, "a", 1);
  rig.set(0, kDocument, "b", 1);
  rig.settle();
  rig.cut(2);
  REQUIRE(set_status(rig, 0, DocumentStatus::kDeleted).ok());
  rig.set(2, kDocument, "e", "E");
  rig.settle();
  const ReplicaId before = rig.node(0).replica();
  CHECK(age(rig, 0, 29) == 0);
  CHECK(age(rig, 0, 1) == 1);
  CHECK(age(rig, 1, 30) == 1);
  for (std::size_t i : {0u, 1u}) CHECK(status_of(rig, i) == DocumentStatus::kPurged);
  CHECK(rig.content(0, kDocument).find("purged") != std::string::npos);
  CHECK_FALSE(
      rig.node(0).edit(kDocument, [](Transaction& tx) { return tx.root().set("x", 1); }).ok());
  rig.connect(2, 0);
  for (int round = 0; round < 3; ++round) {
    rig.settle();
    rig.connect(2, 0);
    rig.connect(0, 1);
  }
  rig.settle(20'000);
  for (std::size_t i : {0u, 1u, 2u}) {
    CHECK(rig.content(i, kDocument) == R"({"a":1,"b":1,"e":"E"})");
    CHECK(is_contested(rig, i));
    CHECK(rig.peer(i).count(NodeEvent::Kind::kReplicaForked) == 0);
  }
  CHECK_FALSE(rig.node(0).replica() == before);
  const Commit written = rig.set(0, kDocument, "c", 1);
  CHECK(written.first.replica == rig.node(0).replica());
  rig.settle();
  rig.check_same(kDocument);
}

TEST_CASE("what is restored elsewhere comes back to a device that has purged it") {
  Rig rig(2);
  rig.connect(0, 1);
  rig.set(0, kDocument, "a", 1);
  rig.settle();
  REQUIRE(set_status(rig, 0, DocumentStatus::kDeleted).ok());
  CHECK(age(rig, 1, 30) == 1);
  rig.settle();
  CHECK(status_of(rig, 0) == DocumentStatus::kDeleted);
  CHECK_FALSE(set_status(rig, 1, DocumentStatus::kLive).ok());  // nothing is left there to restore
  REQUIRE(set_status(rig, 0, DocumentStatus::kLive).ok());
  rig.settle();
  CHECK(rig.content(1, kDocument) == R"({"a":1})");
  CHECK_FALSE(is_contested(rig, 1));
  rig.check_same(kDocument);
}

TEST_CASE("a clock that jumps to 2038 does not empty the trash") {
  Rig rig(1);
  rig.set(0, kDocument, "a", 1);
  rig.settle();
  REQUIRE(set_status(rig, 0, DocumentStatus::kDeleted).ok());
  rig.peer(0).wall_offset_ms = 2'145'916'800'000;
  CHECK(age(rig, 0, 0) == 0);
  rig.tick(kRetentionStepMaxMs + 1);  // the daily look
  rig.settle();
  for (int restart = 0; restart < 20; ++restart) {
    rig.crash(0);
    rig.start(0);
    rig.settle();
  }
  CHECK(status_of(rig, 0) == DocumentStatus::kDeleted);
  REQUIRE(set_status(rig, 0, DocumentStatus::kLive).ok());
  CHECK(rig.content(0, kDocument) == R"({"a":1})");
}

TEST_CASE("the daily look purges what is due, and nothing that is contested") {
  TwoWithDocument rig;
  const DocumentId other = id_of(2);
  rig.set(0, other, "x", 1);
  rig.settle();
  rig.node(0).set_status(other, DocumentStatus::kDeleted, nullptr);
  REQUIRE(set_status(rig, 0, DocumentStatus::kDeleted).ok());
  rig.set(1, kDocument, "e", 1);
  rig.settle();
  rig.connect(0, 1);
  rig.settle();
  rig.cut(0);
  for (int day = 0; day < 40; ++day) {
    rig.peer(0).wall_offset_ms += kRetentionStepMaxMs;
    rig.tick(kRetentionStepMaxMs + 1);
    rig.settle(100);
  }
  CHECK(status_of(rig, 0, other) == DocumentStatus::kPurged);
  CHECK(status_of(rig, 0) == DocumentStatus::kLive);
  CHECK(rig.content(0, kDocument) == R"({"e":1,"t":1})");
}

// A3.
TEST_CASE(
    "evicting is refused where nobody else is known to have all of it, and says who lacks what") {
  TwoWithDocument rig;
  for (int k = 0; k < 12; ++k) rig.set(1, kDocument, "k" + std::to_string(k), k);
  rig.settle();
  const Status alone = set_status(rig, 1, DocumentStatus::kEvicted);
  REQUIRE_FALSE(alone.ok());
  CHECK(alone.error().code() == ErrorCode::kNotKept);
  CHECK(alone.error().message().find("no other device is linked") != std::string::npos);
  rig.connect(0, 1);
  rig.peer(0).flushes = false;  // what comes is not durable there
  rig.settle();
  const Status lacking = set_status(rig, 1, DocumentStatus::kEvicted);
  REQUIRE_FALSE(lacking.ok());
  CHECK(lacking.error().message().find("12 operations of it are known to be nowhere else") !=
        std::string::npos);
  CHECK(lacking.error().message().find("to 0 lacks 12 operations") != std::string::npos);
  rig.peer(0).flushes = true;
  rig.settle();
  REQUIRE(set_status(rig, 1, DocumentStatus::kEvicted).ok());  // it has the larger epoch
  CHECK(status_of(rig, 1) == DocumentStatus::kEvicted);
  CHECK_FALSE(set_status(rig, 0, DocumentStatus::kEvicted).ok());
  REQUIRE(set_status(rig, 0, DocumentStatus::kEvicted, Node::Evict::kUnconditionally).ok());
}

TEST_CASE("two devices that evict in the same second don't both give the last copy up") {
  Rig rig(2);
  rig.connect(0, 1);
  rig.set(0, kDocument, "a", 1);
  rig.set(1, kDocument, "b", 1);
  rig.settle();
  int refused = 0;
  for (std::size_t i : {0u, 1u})
    rig.node(i).set_status(kDocument, DocumentStatus::kEvicted,
                           [&](Status status) { refused += status.ok() ? 0 : 1; });
  rig.settle();
  CHECK(refused == 1);
  CHECK(status_of(rig, 0) == DocumentStatus::kLive);
  CHECK(rig.content(0, kDocument) == R"({"a":1,"b":1})");
}

// A4.
TEST_CASE("a document that was evicted and is kept again takes a seed, as one that never was") {
  Rig rig(1);
  const Bytes seed = [] {
    DocumentOptions options;
    options.id = kDocument;
    options.replica = {0x5eed'0000'0000'0001};
    Document document = Document::create(options);
    const Commit commit =
        document.transact([](Transaction& tx) { return tx.root().set("title", "CPU"); }).value();
    return Bytes(commit.delta.begin(), commit.delta.end());
  }();
  REQUIRE(rig.node(0).apply(kDocument, seed).ok());
  rig.settle();
  REQUIRE(set_status(rig, 0, DocumentStatus::kEvicted, Node::Evict::kUnconditionally).ok());
  CHECK(rig.node(0).apply(kDocument, seed).error().code() == ErrorCode::kNotKept);
  REQUIRE(set_status(rig, 0, DocumentStatus::kLive).ok());
  REQUIRE(rig.node(0).apply(kDocument, seed).ok());
  rig.settle();
  CHECK(rig.content(0, kDocument) == R"({"title":"CPU"})");
  // In the trash, and purged, the same seed is refused: it would make what was deleted.
  REQUIRE(set_status(rig, 0, DocumentStatus::kDeleted).ok());
  CHECK(rig.node(0).apply(kDocument, seed).error().code() == ErrorCode::kNotKept);
  CHECK(age(rig, 0, 30) == 1);
  CHECK(rig.node(0).apply(kDocument, seed).error().code() == ErrorCode::kNotKept);
}

TEST_CASE("nobody deletes the future: an end with another chain hash is void") {
  Rig rig(1);
  rig.set(0, kDocument, "a", 1);
  rig.settle();
  Deletion forged;
  forged.raise({0x77}, 2, 0xbad);
  forged.set_author({0x66}, 5);
  forged.raise(rig.node(0).replica(), 1, 0);
  REQUIRE(rig.peer(0).store->mark_deleted(kDocument, forged).ok());
  rig.crash(0);
  rig.start(0);
  CHECK(status_of(rig, 0) == DocumentStatus::kDeleted);
  DocumentOptions options;
  options.id = kDocument;
  options.replica = {0x77};
  Document other = Document::create(options);
  for (int k = 0; k < 2; ++k) {
    const Commit commit =
        other.transact([&](Transaction& tx) { return tx.root().set("k", k); }).value();
    NewRecord record;
    const Bytes delta(commit.delta.begin(), commit.delta.end());
    REQUIRE(record_of(kDocument, delta, record).ok());
    REQUIRE(rig.peer(0).store->append({&record, 1}).ok());
  }
  rig.crash(0);
  rig.start(0);
  rig.settle();
  // Its log reaches just the end that was named, with another chain hash there.
  REQUIRE(set_status(rig, 0, DocumentStatus::kLive).ok());
  CHECK(rig.content(0, kDocument) == R"({"a":1,"k":1})");
}

TEST_CASE("a deletion of an own log beyond its end is news of a rollback") {
  Rig rig(2);
  rig.connect(0, 1);
  rig.set(0, kDocument, "a", 1);
  rig.settle();
  rig.cut(0);
  auto copy = rig.peer(0).store->clone([&rig] { return rig.random_.next(); });
  rig.connect(0, 1);
  rig.set(0, kDocument, "b", 1);
  rig.settle();
  REQUIRE(set_status(rig, 1, DocumentStatus::kDeleted).ok());
  CHECK(age(rig, 1, 30) == 1);
  const ReplicaId before = rig.node(0).replica();
  rig.crash(0);
  rig.peer(0).store = std::move(copy);
  rig.start(0);
  for (int round = 0; round < 3; ++round) {
    rig.connect(0, 1);
    rig.settle();
  }
  CHECK_FALSE(rig.node(0).replica() == before);
}

}  // namespace
}  // namespace weft
