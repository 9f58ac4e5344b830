// Rolled back, cloned, forked: no dot is minted twice where others could see it, no edit is lost.

#include <string>

#include <doctest/doctest.h>

#include "tests/peer/rig.h"

using namespace weft;
using test::id_of;
using test::Rig;

namespace {

void roll_back(Rig& rig, std::size_t i, std::unique_ptr<MemoryStore> copy) {
  rig.crash(i);
  rig.peer(i).store = std::move(copy);
  rig.start(i);
}

/// Watches that nobody but its author has ever sent two contents of one dot.
struct Sent {
  std::map<std::pair<DocumentId, Dot>, Bytes> seen;
};

}  // namespace

TEST_CASE(
    "a store put back is noticed before anything own is sent; edits made since are made anew") {
  for (bool edits_before_meeting : {false, true})
    for (int lost : {1, 3}) {
      CAPTURE(edits_before_meeting);
      CAPTURE(lost);
      Rig rig(2);
      rig.connect(0, 1);
      rig.set(0, id_of(1), "a", 1);
      rig.settle();
      auto copy = rig.peer(0).store->clone([&rig] { return rig.random_.next(); });
      for (int k = 0; k < lost; ++k) rig.set(0, id_of(1), "lost " + std::to_string(k), k);
      rig.settle();
      const ReplicaId before = rig.node(0).replica();
      roll_back(rig, 0, std::move(copy));
      CHECK(rig.content(0, id_of(1)) == R"({"a":1})");
      if (edits_before_meeting) {
        rig.set(0, id_of(1), "new", "kept");
        rig.set(0, id_of(1), "a", 2);
        rig.settle();
      }
      std::uint64_t own_sent = 0;
      rig.on_message = [&](std::size_t from, const sync::Message& message) {
        const bool is_data = std::holds_alternative<sync::Deltas>(message);
        if (from == 0 && is_data && rig.node(0).replica() == before) ++own_sent;
      };
      rig.connect(0, 1);
      rig.settle();
      CHECK(own_sent == 0);
      CHECK_FALSE(rig.node(0).replica() == before);
      CHECK(rig.peer(0).count(NodeEvent::Kind::kIdentityChanged) == 1);
      rig.connect(0, 1);
      rig.settle();
      rig.check_same(id_of(1));
      const std::string content = rig.content(1, id_of(1));
      for (int k = 0; k < lost; ++k)
        CHECK(content.find("lost " + std::to_string(k)) != std::string::npos);
      if (edits_before_meeting) {
        CHECK(content.find("kept") != std::string::npos);
        CHECK(rig.peer(0).count(NodeEvent::Kind::kEditsRewritten) == 1);
      }
      for (std::size_t i = 0; i < 2; ++i) {
        CHECK(rig.peer(i).count(NodeEvent::Kind::kReplicaForked) == 0);
        CHECK(rig.peer(i).count(NodeEvent::Kind::kDeltaRefused) == 0);
      }
      rig.crash(0);  // what is in the store is what is shown
      rig.start(0);
      CHECK(rig.content(0, id_of(1)) == content);
      rig.set(0, id_of(1), "later", 1);
      rig.connect(0, 1);
      rig.settle();
      rig.check_same(id_of(1));
    }
}

TEST_CASE("a copy made while the store was open is noticed by what the others know of its log") {
  for (int since : {0, 1, 5}) {
    CAPTURE(since);
    Rig rig(2);
    rig.connect(0, 1);
    rig.set(0, id_of(1), "a", 1);
    rig.settle(7'000);
    auto copy = rig.peer(0).store->clone([&rig] { return rig.random_.next(); });
    rig.set(0, id_of(1), "b", 2);
    rig.set(0, id_of(1), "c", 3);
    rig.settle(7'000);
    roll_back(rig, 0, std::move(copy));
    for (int k = 0; k < since; ++k) rig.set(0, id_of(1), "new " + std::to_string(k), k);
    rig.settle();
    for (int attempt = 0; attempt < 3; ++attempt) {
      rig.connect(0, 1);
      rig.settle();
    }
    rig.check_same(id_of(1));
    for (int k = 0; k < since; ++k)
      CHECK(rig.content(1, id_of(1)).find("new " + std::to_string(k)) != std::string::npos);
    CHECK(rig.content(1, id_of(1)).find("\"c\":3") != std::string::npos);
    CHECK(rig.peer(1).count(NodeEvent::Kind::kReplicaForked) == 0);
  }
}

TEST_CASE("a clone that meets its original, or a peer of it, becomes another replica") {
  for (bool meets_original : {true, false}) {
    CAPTURE(meets_original);
    Rig rig(3);
    rig.connect(0, 1);
    rig.set(0, id_of(1), "a", 1);
    rig.settle();
    roll_back(rig, 2, rig.peer(0).store->clone([&rig] { return rig.random_.next(); }));
    rig.crash(0);
    rig.start(0);
    rig.connect(0, 1);
    rig.settle();
    rig.set(0, id_of(1), "original", 1);
    rig.set(2, id_of(1), "clone", 2);
    rig.settle();
    REQUIRE(rig.node(0).replica() == rig.node(2).replica());
    for (int attempt = 0; attempt < 4; ++attempt) {
      rig.connect(2, meets_original ? 0 : 1);
      rig.connect(0, 1);
      rig.settle();
    }
    CHECK_FALSE(rig.node(0).replica() == rig.node(2).replica());
    rig.check_same(id_of(1));
    CHECK(rig.content(1, id_of(1)).find("original") != std::string::npos);
    CHECK(rig.content(1, id_of(1)).find("clone") != std::string::npos);
    for (std::size_t i = 0; i < 3; ++i)
      CHECK(rig.peer(i).count(NodeEvent::Kind::kReplicaForked) == 0);
  }
}

TEST_CASE("a fork that nobody could prevent is reported with both sources, and the rest goes on") {
  Rig rig(4);
  rig.connect(0, 1);
  rig.set(0, id_of(1), "a", 1);
  rig.settle();
  rig.connect(1, 2);
  rig.settle();
  rig.cut(2);
  auto copy = rig.peer(0).store->clone([&rig] { return rig.random_.next(); });
  rig.set(0, id_of(1), "first life", 1);
  rig.settle();
  roll_back(rig, 0, std::move(copy));
  rig.set(0, id_of(1), "second life", 2);
  rig.settle();
  rig.connect(0, 2);  // it can't know
  rig.settle();
  rig.cut(0);
  rig.set(1, id_of(2), "other", 1);
  rig.connect(1, 3);
  rig.connect(2, 3);
  rig.connect(1, 2);
  rig.settle(30'000);
  std::uint64_t reports = 0;
  for (std::size_t i = 0; i < 4; ++i) reports += rig.peer(i).count(NodeEvent::Kind::kReplicaForked);
  CHECK(reports > 0);
  CHECK(rig.content(2, id_of(2)) == R"({"other":1})");
  CHECK(rig.content(3, id_of(2)) == R"({"other":1})");
  rig.set(2, id_of(1), "goes on", 3);
  rig.settle();
  CHECK(rig.content(3, id_of(1)).find("goes on") != std::string::npos);
}

TEST_CASE("a link to itself ends") {
  Rig rig(1);
  Rig::Wire& wire = rig.connect(0, 0);
  const LinkId link = wire.at_a;
  rig.move_messages();
  CHECK(rig.node(0).ended(link)->reason == sync::ByeReason::kSelf);
  CHECK(rig.peer(0).count(NodeEvent::Kind::kIdentityChanged) == 0);
}
