// Scenarios of trimming, undo, deletion, eviction and presence.

#include <optional>
#include <utility>

#include "tests/sim/scenario.h"

namespace weft::sim {
namespace {

const DocumentId kDocument = document_id(1);

TEST_CASE("a device returns with old edits to a document that was trimmed meanwhile") {
  World world(world_of(2));
  world.add_edge(0, 1);
  for (int i = 0; i < 10; ++i) {
    type(world, 0, kDocument, "zero ");
    type(world, 1, kDocument, "one ");
    world.run_ms(50);
  }
  REQUIRE(world.run_until([&] { return all_live(world) && is_same_everywhere(world, kDocument); },
                          10'000));
  world.set_cut(0, 1, true);
  world.run_ms(500);
  for (int i = 0; i < 5; ++i) type(world, 1, kDocument, "away ");  // at the same place as others
  for (int i = 0; i < 5; ++i) type(world, 0, kDocument, "here ");
  set_key(world, 1, kDocument, "away");
  world.run_ms(500);
  bool trimmed = false;
  world.node(0).trim(kDocument, [&](Status status) { trimmed = status.ok(); });
  REQUIRE(world.run_until([&] { return trimmed; }, 5'000));
  type(world, 0, kDocument, "after trimming ");
  world.set_cut(0, 1, false);
  REQUIRE(world.run_until([&] { return all_live(world) && is_same_everywhere(world, kDocument); },
                          60'000));
  CHECK(has_key(world, 0, kDocument, "away"));
  CHECK(text_of(world, 1, kDocument).find("after trimming") != std::string::npos);
  CHECK(text_of(world, 0, kDocument).find("away away") != std::string::npos);
}

TEST_CASE("a new device gets a trimmed document as a state") {
  World world(world_of(2));
  for (int i = 0; i < 50; ++i) type(world, 0, kDocument, "word ");
  world.run_ms(500);
  bool trimmed = false;
  world.node(0).trim(kDocument, [&](Status status) { trimmed = status.ok(); });
  REQUIRE(world.run_until([&] { return trimmed; }, 5'000));
  type(world, 0, kDocument, "end");
  world.add_edge(0, 1);
  REQUIRE(world.run_until([&] { return all_live(world) && is_same_everywhere(world, kDocument); },
                          10'000));
  // It can go on from there, and so can a third that knows only the second.
  type(world, 1, kDocument, " of one");
  world.add_peer();
  world.start(2);
  world.add_edge(1, 2);
  REQUIRE(world.run_until([&] { return all_live(world) && is_same_everywhere(world, kDocument); },
                          10'000));
  CHECK(text_of(world, 2, kDocument).ends_with("end of one"));
}

/// 0 trims what 2 wrote, 1 what 3 wrote; neither has met the other's writer.
void trim_apart(World& world) {
  world.add_edge(2, 0);
  world.add_edge(3, 1);
  type(world, 2, kDocument, "two ");
  type(world, 3, kDocument, "three ");
  REQUIRE(world.run_until([&] { return all_live(world); }, 10'000));
  world.run_ms(2'000);
  int trimmed = 0;
  for (std::size_t peer : {0u, 1u})
    world.node(peer).trim(kDocument, [&](Status status) { trimmed += status.ok() ? 1 : 0; });
  REQUIRE(world.run_until([&] { return trimmed == 2; }, 5'000));
}

TEST_CASE("two trims of which neither covers the other are sent a few times, and hold up nothing") {
  World world(world_of(4));
  const DocumentId other = document_id(2);
  trim_apart(world);
  for (std::size_t peer : {2u, 3u}) world.peer(peer).power_cut(false);
  int states = 0;
  world.network().on_deliver = [&](EndpointIndex, EndpointIndex, const sync::Envelope& envelope) {
    states += std::holds_alternative<sync::State>(envelope.message) ? 1 : 0;
  };
  world.add_edge(0, 1);
  world.run_ms(5'000);
  set_key(world, 0, other, "x");
  REQUIRE(world.run_until([&] { return has_key(world, 1, other, "x"); }, 5'000));
  world.run_ms(600'000);
  const int so_far = states;
  CHECK(so_far <= 60);
  world.run_ms(600'000);
  CHECK(states - so_far <= 8);
  CHECK(text_of(world, 0, kDocument) == "two ");
  CHECK(text_of(world, 1, kDocument) == "three ");
  for (std::size_t peer : {0u, 1u}) CHECK(world.node(peer).status().trimmed_apart.size() == 1);
}

// The state that lies in its store lacks what the other has trimmed, so it sends one of all that it has.
TEST_CASE("who has both brings two trims together of which neither covers the other") {
  World world(world_of(4));
  trim_apart(world);
  world.set_dialled(2, 0, false);
  world.reset_links(2, 0);
  world.add_edge(2, 1);
  const auto has_both = [&](std::size_t peer) {
    const std::string text = text_of(world, peer, kDocument);
    return text.find("two ") != std::string::npos && text.find("three ") != std::string::npos;
  };
  REQUIRE(world.run_until([&] { return has_both(1); }, 10'000));
  world.run_ms(2'000);
  for (std::size_t peer : {2u, 3u}) world.peer(peer).power_cut(false);
  REQUIRE_FALSE(has_both(0));
  world.add_edge(0, 1);
  CHECK(world.run_until([&] { return has_both(0); }, 30'000));
  for (std::size_t peer : {0u, 1u}) CHECK(world.node(peer).status().trimmed_apart.empty());
  CHECK(text_of(world, 0, kDocument) == text_of(world, 1, kDocument));
  // Both go on from there.
  type(world, 0, kDocument, "zero ");
  CHECK(world.run_until(
      [&] { return text_of(world, 1, kDocument).find("zero ") != std::string::npos; }, 10'000));
}

TEST_CASE("an undo of what was trimmed elsewhere has the same effect everywhere") {
  World world(world_of(2));
  world.add_edge(0, 1);
  type(world, 0, kDocument, "stays ");
  world.run_ms(300);
  type(world, 1, kDocument, "goes ");
  REQUIRE(world.run_until([&] { return all_live(world) && is_same_everywhere(world, kDocument); },
                          10'000));
  // An erasure, whose undo names it.
  Result<Commit> erased = world.node(1).edit(
      kDocument, [](Transaction& tx) { return tx.root().ensure_text("text").erase(scalar(0), 3); });
  REQUIRE(erased.ok());
  REQUIRE(world.run_until([&] { return is_same_everywhere(world, kDocument); }, 10'000));
  world.set_cut(0, 1, true);
  world.run_ms(200);
  bool trimmed = false;
  world.node(0).trim(kDocument, [&](Status status) { trimmed = status.ok(); });
  REQUIRE(world.run_until([&] { return trimmed; }, 5'000));
  REQUIRE(world.node(1).undo(kDocument).ok());
  world.run_ms(200);
  world.set_cut(0, 1, false);
  REQUIRE(world.run_until([&] { return all_live(world) && is_same_everywhere(world, kDocument); },
                          60'000));
  CHECK(text_of(world, 0, kDocument) == "stays goes ");
}

TEST_CASE("an evicted document comes back whole once it is kept again") {
  World world(world_of(2));
  world.add_edge(0, 1);
  set_key(world, 0, kDocument, "old");
  REQUIRE(world.run_until([&] { return all_live(world) && is_same_everywhere(world, kDocument); },
                          10'000));
  bool done = false;
  world.node(1).set_status(
      kDocument, DocumentStatus::kEvicted, [&](Status) { done = true; },
      Node::Evict::kUnconditionally);
  REQUIRE(world.run_until([&] { return done; }, 5'000));
  CHECK_FALSE(world.node(1).read(kDocument).ok());
  set_key(world, 0, kDocument, "new");
  world.run_ms(3'000);
  CHECK(world.peer(1).store().version(kDocument).empty());
  world.node(1).set_status(kDocument, DocumentStatus::kLive, [](Status) {});
  REQUIRE(world.run_until([&] { return all_live(world) && is_same_everywhere(world, kDocument); },
                          30'000));
  CHECK(has_key(world, 1, kDocument, "old"));
  CHECK(has_key(world, 1, kDocument, "new"));
}

// Seed 21920.
TEST_CASE("a document whose deletion comes while it is being kept again is deleted") {
  World world(world_of(2));
  world.add_edge(0, 1);
  set_key(world, 0, kDocument, "old");
  REQUIRE(world.run_until([&] { return all_live(world) && is_same_everywhere(world, kDocument); },
                          10'000));
  bool evicted = false;
  world.node(1).set_status(
      kDocument, DocumentStatus::kEvicted, [&](Status) { evicted = true; },
      Node::Evict::kUnconditionally);
  REQUIRE(world.run_until([&] { return evicted; }, 5'000));
  world.set_dialled(0, 1, false);
  world.reset_links(0, 1);
  world.node(0).set_status(kDocument, DocumentStatus::kDeleted, [](Status) {});
  world.run_ms(200);
  FlushModel slow;
  slow.least_us = slow.most_us = 2'000'000;
  world.peer(1).model().flush = slow;
  world.set_dialled(0, 1, true);
  bool kept = false;
  world.node(1).set_status(kDocument, DocumentStatus::kLive, [&](Status) { kept = true; });
  REQUIRE(world.run_until([&] { return kept && world.node(1).is_flushed(); }, 60'000));
  REQUIRE(world.node(1).documents().size() == 1);
  CHECK(world.node(1).documents()[0].status == DocumentStatus::kDeleted);
}

// Seeds 4 and 5128.
TEST_CASE("whoever holds nothing of a document can't delete it, and is told so") {
  World world(world_of(2));
  set_key(world, 0, kDocument, "kept");
  auto delete_at_1 = [&] {
    std::optional<Status> answer;
    world.node(1).set_status(kDocument, DocumentStatus::kDeleted,
                             [&](Status status) { answer = std::move(status); });
    REQUIRE(world.run_until([&] { return answer.has_value(); }, 5'000));
    return std::move(*answer);
  };
  Status refused = delete_at_1();
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code() == ErrorCode::kNotFound);
  CHECK(world.node(1).documents().empty());
  CHECK_FALSE(delete_at_1().ok());  // nor does asking make it known
  world.run_ms(1'000);
  CHECK(world.peer(1).store().info().records == 0);
  world.add_edge(0, 1);
  REQUIRE(world.run_until([&] { return all_live(world) && is_same_everywhere(world, kDocument); },
                          10'000));
  CHECK(has_key(world, 1, kDocument, "kept"));
  // What is deleted elsewhere is deleted here, whatever is held.
  CHECK(delete_at_1().ok());
  CHECK(delete_at_1().ok());
  CHECK(world.node(1).documents()[0].status == DocumentStatus::kDeleted);
}

TEST_CASE("presence reaches everybody, is replaced, and expires") {
  World world(world_of(3));
  world.add_edge(0, 1);
  world.add_edge(1, 2);
  set_key(world, 0, kDocument, "x");
  REQUIRE(world.run_until([&] { return all_live(world); }, 10'000));
  auto word = [](std::string_view text) { return as_bytes(text); };
  REQUIRE(world.node(0).set_presence(kDocument, word("first"), 3'000).ok());
  auto shown = [&](std::size_t peer) -> std::string {
    std::vector<PresenceEntry> all = world.node(peer).presence(kDocument);
    return all.size() == 1 ? std::string(as_text(all[0].data)) : "";
  };
  REQUIRE(world.run_until([&] { return shown(2) == "first"; }, 500));
  REQUIRE(world.node(0).set_presence(kDocument, word("second"), 3'000).ok());
  REQUIRE(world.run_until([&] { return shown(2) == "second"; }, 500));
  CHECK(world.node(2).presence(kDocument)[0].replica == world.node(0).replica());
  world.run_ms(2'000);
  CHECK(shown(2) == "second");
  REQUIRE(world.run_until(
      [&] {
        return world.node(1).presence(kDocument).empty() &&
               world.node(2).presence(kDocument).empty();
      },
      2'000));
  CHECK_FALSE(world.node(0).set_presence(kDocument, Bytes(2'000), 3'000).ok());
  // Nothing of it is stored.
  CHECK(world.peer(2).store().info().records == 1);
}

}  // namespace
}  // namespace weft::sim
