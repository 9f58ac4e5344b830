// Scenarios of disks that were put back or copied.

#include "tests/sim/scenario.h"

namespace weft::sim {
namespace {

const DocumentId kDocument = document_id(1);

TEST_CASE("a rollback in place is noticed before any own delta is sent") {
  World world(world_of(2));
  world.add_edge(0, 1);
  set_key(world, 0, kDocument, "kept");
  REQUIRE(world.run_until([&] { return has_key(world, 1, kDocument, "kept"); }, 5'000));
  world.run_ms(200);
  std::unique_ptr<MemoryStore> backup = world.peer(0).copy_disk();
  set_key(world, 0, kDocument, "seen elsewhere");
  REQUIRE(world.run_until([&] { return has_key(world, 1, kDocument, "seen elsewhere"); }, 5'000));

  ReplicaId before = world.node(0).replica();
  world.set_dialled(0, 1, false);
  world.peer(0).power_cut(false);
  world.peer(0).put_back(*backup);
  world.start(0);
  // Its dot is that of the edit which was lost here.
  std::shared_ptr<bool> durable = set_key(world, 0, kDocument, "made after the rollback");
  REQUIRE(world.run_until([&] { return *durable; }, 2'000));
  CHECK_FALSE(has_key(world, 0, kDocument, "seen elsewhere"));
  world.set_dialled(0, 1, true);

  REQUIRE(world.run_until([&] { return all_live(world) && is_same_everywhere(world, kDocument); },
                          60'000));
  for (std::size_t peer = 0; peer < 2; ++peer) {
    CHECK(has_key(world, peer, kDocument, "kept"));
    CHECK(has_key(world, peer, kDocument, "seen elsewhere"));
    CHECK(has_key(world, peer, kDocument, "made after the rollback"));
  }
  CHECK(world.node(0).replica() != before);
  CHECK(world.count_events(NodeEvent::Kind::kIdentityChanged) == 1);
  CHECK(world.count_events(NodeEvent::Kind::kEditsRewritten) == 1);
  CHECK(world.count_events(NodeEvent::Kind::kReplicaForked) == 0);
}

TEST_CASE("a rollback that loses nothing that others have changes nothing but the name") {
  World world(world_of(2));
  world.add_edge(0, 1);
  set_key(world, 0, kDocument, "kept");
  REQUIRE(world.run_until([&] { return has_key(world, 1, kDocument, "kept"); }, 5'000));
  world.run_ms(200);
  std::unique_ptr<MemoryStore> backup = world.peer(0).copy_disk();
  world.peer(0).power_cut(false);
  world.start(0);  // an opening that the backup knows nothing of
  REQUIRE(world.run_until([&] { return all_live(world); }, 30'000));
  world.run_ms(6'000);  // the note of it is durable
  world.peer(0).power_cut(false);
  world.peer(0).put_back(*backup);
  world.start(0);
  set_key(world, 0, kDocument, "new");
  REQUIRE(world.run_until(
      [&] {
        return all_live(world) && is_same_everywhere(world, kDocument) &&
               has_key(world, 1, kDocument, "new");
      },
      60'000));
  CHECK(world.count_events(NodeEvent::Kind::kIdentityChanged) == 1);
  CHECK(world.count_events(NodeEvent::Kind::kReplicaForked) == 0);
}

TEST_CASE("a clone that meets its original becomes another replica, and both keep their edits") {
  World world(world_of(1));
  set_key(world, 0, kDocument, "from before");
  world.run_ms(200);
  std::unique_ptr<MemoryStore> copy = world.peer(0).copy_disk();
  SimPeer& clone = world.add_peer();
  clone.put_back(*copy);
  world.start(1);
  REQUIRE(world.node(0).replica() == world.node(1).replica());
  set_key(world, 0, kDocument, "from the original");
  set_key(world, 1, kDocument, "from the clone");
  world.run_ms(500);
  world.add_edge(0, 1);
  REQUIRE(world.run_until([&] { return all_live(world) && is_same_everywhere(world, kDocument); },
                          60'000));
  CHECK(world.node(0).replica() != world.node(1).replica());
  for (std::size_t peer = 0; peer < 2; ++peer) {
    CHECK(has_key(world, peer, kDocument, "from before"));
    CHECK(has_key(world, peer, kDocument, "from the original"));
    CHECK(has_key(world, peer, kDocument, "from the clone"));
  }
  CHECK(world.count_events(NodeEvent::Kind::kReplicaForked) == 0);
  // What both write from here on reaches the other.
  set_key(world, 0, kDocument, "later 0");
  set_key(world, 1, kDocument, "later 1");
  REQUIRE(world.run_until([&] { return is_same_everywhere(world, kDocument); }, 10'000));
}

// Seed 4545: a slow disk still had what was being taken back, and was read for another link.
TEST_CASE("what is being made anew is sent to nobody from the store as it was") {
  World world(world_of(3));
  world.add_edge(0, 1);
  world.add_edge(0, 2);
  set_key(world, 0, kDocument, "kept");
  REQUIRE(world.run_until([&] { return all_live(world) && is_same_everywhere(world, kDocument); },
                          10'000));
  world.run_ms(6'000);
  std::unique_ptr<MemoryStore> backup = world.peer(0).copy_disk();
  set_key(world, 0, kDocument, "seen elsewhere");
  REQUIRE(world.run_until([&] { return is_same_everywhere(world, kDocument); }, 5'000));
  const ReplicaId before = world.node(0).replica();
  for (std::size_t other : {1u, 2u}) world.set_dialled(0, other, false);
  world.peer(0).power_cut(false);
  world.peer(0).put_back(*backup);
  for (const char* life : {"first", "second"}) {
    world.start(0);
    for (int i = 0; i < 3; ++i) set_key(world, 0, kDocument, life + std::to_string(i));
    world.run_ms(500);
    world.peer(0).power_cut(false);
  }
  world.start(0);
  set_key(world, 1, kDocument, "of 1 alone");
  world.run_ms(200);
  FlushModel slow;
  slow.least_us = slow.most_us = 1'000'000;
  world.peer(0).model().flush = slow;
  for (std::size_t other : {1u, 2u}) world.set_dialled(0, other, true);
  REQUIRE(world.run_until([&] { return all_live(world) && is_same_everywhere(world, kDocument); },
                          60'000));
  for (std::size_t peer = 0; peer < 3; ++peer)
    for (const char* key : {"kept", "seen elsewhere", "of 1 alone", "first2", "second2"})
      CHECK(has_key(world, peer, kDocument, key));
  CHECK(world.node(0).replica() != before);
  CHECK(world.node(0).documents()[0].version.end(before) == 2);  // and the rest is another's
  CHECK(world.count_events(NodeEvent::Kind::kEditsRewritten) == 1);
  CHECK(world.count_events(NodeEvent::Kind::kReplicaForked) == 0);
}

// Seed 7046: what was trimmed could not be made anew.
TEST_CASE("what a device wrote after a rollback and trimmed is made anew all the same") {
  World world(world_of(2));
  world.add_edge(0, 1);
  set_key(world, 0, kDocument, "kept");
  REQUIRE(world.run_until([&] { return all_live(world) && is_same_everywhere(world, kDocument); },
                          10'000));
  world.run_ms(6'000);  // notes are durable
  std::unique_ptr<MemoryStore> backup = world.peer(0).copy_disk();
  set_key(world, 0, kDocument, "seen elsewhere");
  REQUIRE(world.run_until([&] { return has_key(world, 1, kDocument, "seen elsewhere"); }, 5'000));
  world.set_dialled(0, 1, false);
  world.peer(0).power_cut(false);
  world.peer(0).put_back(*backup);
  world.start(0);
  set_key(world, 0, kDocument, "in its place");
  world.run_ms(200);
  world.peer(0).power_cut(false);  // over a restart, too
  world.start(0);
  bool trimmed = false;
  world.node(0).trim(kDocument, [&](Status status) { trimmed = status.ok(); });
  REQUIRE(world.run_until([&] { return trimmed; }, 5'000));
  world.set_dialled(0, 1, true);
  REQUIRE(world.run_until([&] { return all_live(world) && is_same_everywhere(world, kDocument); },
                          60'000));
  for (std::size_t peer = 0; peer < 2; ++peer)
    for (const char* key : {"kept", "seen elsewhere", "in its place"})
      CHECK(has_key(world, peer, kDocument, key));
  CHECK(world.count_events(NodeEvent::Kind::kReplicaForked) == 0);
}

TEST_CASE("a fork that nobody could avoid is reported, and other documents stay in step") {
  World world(world_of(3));  // 1 knows what 0 wrote, 2 does not
  const DocumentId other = document_id(2);
  world.add_edge(0, 1);
  world.add_edge(1, 2);
  set_key(world, 0, kDocument, "kept");
  set_key(world, 2, other, "kept");
  REQUIRE(world.run_until(
      [&] {
        return all_live(world) && is_same_everywhere(world, kDocument) &&
               is_same_everywhere(world, other);
      },
      10'000));
  world.run_ms(500);
  std::unique_ptr<MemoryStore> backup = world.peer(0).copy_disk();
  world.set_dialled(1, 2, false);
  world.reset_links(1, 2);
  set_key(world, 0, kDocument, "seen by 1");
  REQUIRE(world.run_until([&] { return has_key(world, 1, kDocument, "seen by 1"); }, 5'000));
  world.set_dialled(0, 1, false);
  world.peer(0).power_cut(false);
  world.peer(0).put_back(*backup);
  world.start(0);
  world.add_edge(0, 2);
  set_key(world, 0, kDocument, "seen by 2");
  REQUIRE(world.run_until([&] { return has_key(world, 2, kDocument, "seen by 2"); }, 30'000));
  world.set_dialled(1, 2, true);
  world.set_dialled(0, 1, true);
  REQUIRE(world.run_until([&] { return world.count_events(NodeEvent::Kind::kReplicaForked) != 0; },
                          60'000));
  set_key(world, 1, other, "afterwards");
  CHECK(world.run_until(
      [&] { return is_same_everywhere(world, other) && has_key(world, 0, other, "afterwards"); },
      60'000));
  bool listed = false;
  for (std::size_t i = 0; i < world.size(); ++i)
    for (const ForkReport& report : world.node(i).status().forks)
      listed = listed || (report.document == kDocument && !report.held_from.empty() &&
                          !report.other_from.empty());
  CHECK(listed);
}

// Versions are equal and nobody edits: only sums with chain hashes can show it (docs/adr/0009).
TEST_CASE(
    "two histories of one length are found by those who only keep them, and then it is quiet") {
  World world(world_of(1));  // 0 writes; 1 is its copy; 2 keeps the one history, 3 the other
  set_key(world, 0, kDocument, "from before");
  world.run_ms(200);
  const std::unique_ptr<MemoryStore> copy = world.peer(0).copy_disk();
  world.add_peer().put_back(*copy);
  for (std::size_t i = 1; i < 4; ++i) {
    if (i > 1) world.add_peer();
    world.start(i);
  }
  set_key(world, 0, kDocument, "from the original");
  set_key(world, 1, kDocument, "from the clone");
  world.add_edge(0, 2);
  world.add_edge(1, 3);
  REQUIRE(world.run_until(
      [&] {
        return has_key(world, 2, kDocument, "from the original") &&
               has_key(world, 3, kDocument, "from the clone");
      },
      10'000));
  world.run_ms(10'000);
  for (std::size_t writer : {0u, 1u}) world.peer(writer).power_cut(false);
  for (std::size_t keeper : {2u, 3u}) {
    world.peer(keeper).power_cut(false);
    world.start(keeper);
  }
  REQUIRE(world.node(2).documents()[0].version == world.node(3).documents()[0].version);
  world.add_edge(2, 3);
  const auto reports = [&](std::size_t i) { return world.node(i).status().forks.size(); };
  CHECK(world.run_until([&] { return reports(2) == 1 && reports(3) == 1; }, 60'000));
  std::uint64_t sent = 0;
  world.network().on_deliver = [&](EndpointIndex, EndpointIndex, const sync::Envelope& envelope) {
    sent += std::holds_alternative<sync::Mark>(envelope.message) ? 0u : 1u;
  };
  world.run_ms(600'000);
  CHECK(sent < 100);
  CHECK(reports(2) == 1);
  // Other documents go on.
  const DocumentId other = document_id(2);
  set_key(world, 2, other, "x");
  CHECK(world.run_until([&] { return has_key(world, 3, other, "x"); }, 10'000));
}

// A meeting that was not on the disk yet: the copy looked like one of a device that had never met another.
TEST_CASE("a copy of a disk that was made right after the first meeting knows of it") {
  World world(world_of(2));
  set_key(world, 0, kDocument, "kept");
  world.run_ms(200);
  world.add_edge(0, 1);
  REQUIRE(world.run_until([&] { return has_key(world, 1, kDocument, "kept"); }, 5'000, 1));
  std::unique_ptr<MemoryStore> backup = world.peer(0).copy_disk();
  REQUIRE(backup->peer_notes().ok());
  bool knows = false;
  for (const PeerNote& note : *backup->peer_notes())
    knows = knows || note.replica == world.node(1).replica();
  CHECK(knows);
  set_key(world, 0, kDocument, "seen elsewhere");
  REQUIRE(world.run_until([&] { return has_key(world, 1, kDocument, "seen elsewhere"); }, 5'000));
  world.set_dialled(0, 1, false);
  world.peer(0).power_cut(false);
  world.peer(0).put_back(*backup);
  world.start(0);
  set_key(world, 0, kDocument, "in its place");
  world.run_ms(200);
  bool trimmed = false;
  world.node(0).trim(kDocument, [&](Status status) { trimmed = status.ok(); });
  REQUIRE(world.run_until([&] { return trimmed; }, 5'000));
  world.set_dialled(0, 1, true);
  REQUIRE(world.run_until([&] { return all_live(world) && is_same_everywhere(world, kDocument); },
                          60'000));
  for (std::size_t peer = 0; peer < 2; ++peer)
    for (const char* key : {"kept", "seen elsewhere", "in its place"})
      CHECK(has_key(world, peer, kDocument, key));
  CHECK(world.count_events(NodeEvent::Kind::kReplicaForked) == 0);
}

// Seed 1013876: the witness knew of one document, and had nothing of another, which was sent before it had answered.
TEST_CASE(
    "a rolled back device sends nothing before its witness has spoken of all documents in doubt") {
  const DocumentId other = document_id(2);
  World world(world_of(3));
  world.add_edge(0, 1);
  world.add_edge(0, 2);
  set_key(world, 0, kDocument, "kept");
  REQUIRE(world.run_until([&] { return all_live(world) && is_same_everywhere(world, kDocument); },
                          10'000));
  world.run_ms(6'000);
  std::unique_ptr<MemoryStore> backup = world.peer(0).copy_disk();
  set_key(world, 0, kDocument, "seen by both");
  REQUIRE(world.run_until([&] { return is_same_everywhere(world, kDocument); }, 5'000));
  world.set_dialled(0, 1, false);
  world.reset_links(0, 1);
  set_key(world, 0, other, "seen by 2");
  REQUIRE(world.run_until([&] { return has_key(world, 2, other, "seen by 2"); }, 5'000));
  world.set_dialled(0, 2, false);
  world.peer(0).power_cut(false);
  world.peer(0).put_back(*backup);
  world.start(0);
  set_key(world, 0, kDocument, "in its place");
  set_key(world, 0, other, "in the other's place");
  world.run_ms(500);
  world.set_dialled(0, 1, true);  // the witness, who has nothing of the other document
  REQUIRE(world.run_until(
      [&] { return world.is_linked(0, 1) && has_key(world, 1, other, "in the other's place"); },
      30'000));
  world.set_dialled(0, 2, true);
  REQUIRE(world.run_until(
      [&] {
        return all_live(world) && is_same_everywhere(world, kDocument) &&
               is_same_everywhere(world, other);
      },
      60'000));
  for (std::size_t peer = 0; peer < 3; ++peer) {
    for (const char* key : {"seen by 2", "in the other's place"})
      CHECK(has_key(world, peer, other, key));
    for (const char* key : {"kept", "seen by both", "in its place"})
      CHECK(has_key(world, peer, kDocument, key));
  }
  CHECK(world.count_events(NodeEvent::Kind::kReplicaForked) == 0);
}

}  // namespace
}  // namespace weft::sim
