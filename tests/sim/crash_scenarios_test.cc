// Scenarios of power cuts, slow disks and wrong clocks.

#include "storage/compact.h"
#include "tests/sim/scenario.h"

namespace weft::sim {
namespace {

const DocumentId kDocument = document_id(1);

/// A device whose flushes take so long that a test can cut in between.
void slow_down(World& world, std::size_t peer, std::uint64_t flush_ms) {
  world.peer(peer).model().flush.least_us = flush_ms * 1'000;
  world.peer(peer).model().flush.most_us = flush_ms * 1'000;
}

TEST_CASE("an edit whose author loses power before its flush was sent to nobody") {
  World world(world_of(2));
  world.add_edge(0, 1);
  set_key(world, 0, kDocument, "early");
  REQUIRE(world.run_until([&] { return has_key(world, 1, kDocument, "early"); }, 5'000));

  slow_down(world, 0, 500);
  world.run_ms(1'000);
  std::shared_ptr<bool> durable = set_key(world, 0, kDocument, "late");
  CHECK(has_key(world, 0, kDocument, "late"));
  world.run_ms(200);
  CHECK_FALSE(*durable);
  CHECK_FALSE(has_key(world, 1, kDocument, "late"));
  // Nothing that flew has landed, for this seed.
  std::uint64_t landed = world.peer(0).store().info().end;
  world.peer(0).power_cut(true);
  bool survived = world.peer(0).store().info().end != landed;
  world.run_ms(100);
  world.start(0);
  REQUIRE(world.run_until([&] { return all_live(world) && is_same_everywhere(world, kDocument); },
                          60'000));
  CHECK(has_key(world, 0, kDocument, "late") == survived);
  // Its dot can be used again: nobody has seen it.
  std::shared_ptr<bool> again = set_key(world, 0, kDocument, "again");
  REQUIRE(world.run_until([&] { return has_key(world, 1, kDocument, "again"); }, 10'000));
  CHECK(*again);
  CHECK(world.count_events(NodeEvent::Kind::kIdentityChanged) == 0);
  CHECK(world.count_events(NodeEvent::Kind::kReplicaForked) == 0);
}

TEST_CASE("what a relay passed on before its flush is not acknowledged by it, and comes again") {
  World world(world_of(3));
  world.add_edge(0, 1);
  world.add_edge(1, 2);
  set_key(world, 0, kDocument, "early");
  REQUIRE(world.run_until([&] { return has_key(world, 2, kDocument, "early"); }, 5'000));

  slow_down(world, 1, 1'000);
  world.run_ms(1'500);
  set_key(world, 0, kDocument, "late");
  REQUIRE(world.run_until([&] { return has_key(world, 2, kDocument, "late"); }, 900));
  Seq sent = world.node(0).documents()[0].version.end(world.node(0).replica());
  CHECK(world.peer(1).store().version(kDocument).end(world.node(0).replica()) < sent);
  for (const LinkStatus& link : world.node(0).status().links)
    CHECK(link.unacknowledged_operations != 0);
  world.peer(1).power_cut(false);
  world.peer(1).model().flush = quick_flush();
  world.run_ms(300);
  world.start(1);
  REQUIRE(world.run_until([&] { return all_live(world) && is_same_everywhere(world, kDocument); },
                          60'000));
  CHECK(has_key(world, 1, kDocument, "late"));
}

TEST_CASE("others see each other's typing while a device's flush takes two seconds") {
  World world(world_of(3));
  world.add_all_edges();
  type(world, 0, kDocument, "begin ");
  REQUIRE(world.run_until([&] { return is_same_everywhere(world, kDocument); }, 5'000));
  slow_down(world, 2, 2'000);
  for (std::size_t i = 0; i < 20; ++i) {
    type(world, i % 2, kDocument, "word ");
    std::string now = text_of(world, i % 2, kDocument);
    REQUIRE(world.run_until([&] { return text_of(world, 1 - i % 2, kDocument) == now; }, 300));
    // It shows what it has got, flushed or not.
    REQUIRE(world.run_until([&] { return text_of(world, 2, kDocument) == now; }, 300));
  }
  world.peer(2).model().flush = quick_flush();
  REQUIRE(world.run_until([&] { return is_same_everywhere(world, kDocument); }, 10'000));
}

TEST_CASE("a receiver whose clock says 1970 takes and keeps everything") {
  World world(world_of(2));
  world.peer(1).set_wall_ms(0);
  world.add_edge(0, 1);
  for (std::size_t i = 0; i < 10; ++i) {
    set_key(world, 0, kDocument, "from 0, " + std::to_string(i));
    set_key(world, 1, kDocument, "from 1, " + std::to_string(i));
    set_key(world, i % 2, kDocument, "shared", static_cast<std::int64_t>(i));
    world.run_ms(70);
  }
  REQUIRE(world.run_until([&] { return all_live(world) && is_same_everywhere(world, kDocument); },
                          10'000));
  CHECK(has_key(world, 1, kDocument, "from 0, 9"));
  CHECK(has_key(world, 0, kDocument, "from 1, 9"));
  CHECK(world.count_events(NodeEvent::Kind::kClockSkew) >= 2);
  // Whoever has seen a write beats it, whatever the clocks say.
  Result<const Document*> shown = world.node(0).read(kDocument);
  REQUIRE(shown.ok());
  CHECK((*shown)->get("/shared").value().as_int() == 9);
}

TEST_CASE(
    "one clock 12.7 years ahead decides once; then the later of two honest writes wins, for good") {
  constexpr std::int64_t kHour = 3'600'000;
  World world(world_of(3));
  world.peer(2).set_clock_offset_ms(111'000 * kHour);
  world.add_edge(0, 1);
  world.add_edge(1, 2);
  auto same = [&] { return all_live(world) && is_same_everywhere(world, kDocument); };
  set_key(world, 2, kDocument, "shared", "from the future");
  REQUIRE(world.run_until(same, 10'000));
  for (int round = 0; round < 6; ++round) {
    // Apart, one of them edits more, but earlier.
    const std::size_t first = round % 2 == 0 ? 0 : 1;
    world.set_cut(0, 1, true);
    for (int i = 0; i < 5; ++i) set_key(world, first, kDocument, "other", i);
    set_key(world, first, kDocument, "shared", "earlier");
    world.run_ms(500);
    set_key(world, 1 - first, kDocument, "shared", "later");
    world.set_cut(0, 1, false);
    REQUIRE(world.run_until(same, 20'000));
    Result<const Document*> shown = world.node(0).read(kDocument);
    REQUIRE(shown.ok());
    CHECK((*shown)->get("/shared").value() == Value("later"));
  }
}

TEST_CASE(
    "two clocks that agree are believed about a third, which stamps its edits with their time") {
  constexpr std::int64_t kYear = std::int64_t{8'766} * 3'600'000;
  World world(world_of(3));
  world.peer(2).set_clock_offset_ms(12 * kYear);
  world.add_edge(0, 1);
  world.add_edge(1, 2);
  auto same = [&] { return all_live(world) && is_same_everywhere(world, kDocument); };
  auto newest =
      [&](std::size_t peer) {  // by the logical order, its own edit where it has just made one
        return (*world.node(peer).read(kDocument))->log().back().committed_at_ms;
      };
  set_key(world, 2, kDocument, "k", "one peer sets no clock");
  REQUIRE(world.run_until(same, 10'000));
  CHECK(newest(2) > SimPeer::kWallBaseMs + 11 * static_cast<std::uint64_t>(kYear));
  CHECK(world.node(2).status().clock_offset_ms == 0);
  world.add_edge(0, 2);
  REQUIRE(world.run_until([&] { return world.node(2).status().clock_offset_ms != 0; }, 20'000));
  CHECK(world.count_events(NodeEvent::Kind::kClockCorrected) == 1);
  set_key(world, 2, kDocument, "k", "corrected");
  CHECK(newest(2) < SimPeer::kWallBaseMs + static_cast<std::uint64_t>(kYear));
  CHECK(world.node(0).status().clock_offset_ms == 0);
}

TEST_CASE("a device that was away finds its documents compacted and loses nothing") {
  World world(world_of(2));
  world.add_edge(0, 1);
  for (int i = 0; i < 20; ++i) type(world, 0, kDocument, "word ");
  REQUIRE(world.run_until([&] { return all_live(world) && is_same_everywhere(world, kDocument); },
                          10'000));
  world.peer(1).power_cut(false);
  for (int i = 0; i < 200; ++i) type(world, 0, kDocument, "more ");
  world.run_ms(1'000);
  world.peer(0).run_job([&](Store& store) -> Status {
    CompactOptions options;
    options.compressor = &world.compressor();
    return compact(store, options).ok() ? Status() : Status(Error(ErrorCode::kIoError, "compact"));
  });
  world.run_ms(1'000);
  type(world, 0, kDocument, "after");
  world.start(1);
  REQUIRE(world.run_until([&] { return all_live(world) && is_same_everywhere(world, kDocument); },
                          30'000));
  CHECK(text_of(world, 1, kDocument) == text_of(world, 0, kDocument));
}

TEST_CASE("a full disk holds acknowledgements back and nothing else") {
  World world(world_of(2));
  world.add_edge(0, 1);
  set_key(world, 0, kDocument, "early");
  REQUIRE(world.run_until([&] { return has_key(world, 1, kDocument, "early"); }, 5'000));
  world.peer(0).store().set_full(true);
  std::shared_ptr<bool> durable = set_key(world, 0, kDocument, "unsaved");
  set_key(world, 1, kDocument, "from elsewhere");
  REQUIRE(world.run_until([&] { return has_key(world, 0, kDocument, "from elsewhere"); }, 5'000));
  CHECK_FALSE(*durable);
  CHECK_FALSE(has_key(world, 1, kDocument, "unsaved"));
  CHECK(world.node(0).status().unsaved_records != 0);
  world.peer(0).store().set_full(false);
  REQUIRE(world.run_until([&] { return *durable; }, 10'000));
  REQUIRE(world.run_until([&] { return has_key(world, 1, kDocument, "unsaved"); }, 5'000));
}

// It waited behind the edit, and the edit for the room.
TEST_CASE("the trash is emptied while an edit waits for room") {
  const DocumentId trash = document_id(1), kept = document_id(2);
  World world(world_of(1));
  set_key(world, 0, trash, "old");
  set_key(world, 0, kept, "early");
  bool is_deleted = false;
  world.node(0).set_status(trash, DocumentStatus::kDeleted,
                           [&](Status status) { is_deleted = status.ok(); });
  REQUIRE(world.run_until([&] { return is_deleted; }, 5'000));
  world.peer(0).run_job([](Store& store) -> Status {
    for (std::uint64_t day = 0; day < 31; ++day)
      WEFT_TRY(store.note_time(SimPeer::kWallBaseMs + day * kRetentionStepMaxMs));
    return {};
  });
  world.run_ms(1'000);
  world.peer(0).store().set_full(true);
  world.peer(0).power_cut(false);
  world.start(0);
  std::shared_ptr<bool> durable = set_key(world, 0, kept, "unsaved");
  world.run_ms(2'000);
  REQUIRE_FALSE(*durable);
  std::optional<std::size_t> purged;
  world.node(0).empty_trash([&](const Status&, std::size_t count) { purged = count; });
  REQUIRE(world.run_until([&] { return purged.has_value(); }, 2'000));
  CHECK(*purged == 1);
  CHECK_FALSE(*durable);
  world.peer(0).store().set_full(false);
  REQUIRE(world.run_until([&] { return *durable; }, 10'000));
  CHECK(has_key(world, 0, kept, "unsaved"));
  CHECK(world.peer(0).store().document(trash).value()->status == DocumentStatus::kPurged);
}

}  // namespace
}  // namespace weft::sim
