// The simulated world itself: time, disks and flushes, network. What is checked on top of it is worth no more.

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "storage/documents.h"
#include "tests/sim/scribble.h"
#include "tests/sim/world/world.h"

namespace weft::sim {
namespace {

const DocumentId kDocument = {{1}};

// --- time ---

TEST_CASE("events happen in the order of time, and those of one moment in the order of planning") {
  Timeline timeline;
  std::string order;
  timeline.after_ms(2, [&] { order += 'c'; });
  timeline.after_ms(1, [&] {
    order += 'a';
    timeline.after_us(0, [&] { order += 'b'; });
  });
  timeline.after_ms(2, [&] { order += 'd'; });
  timeline.run_until_us(1'999);
  CHECK(order == "ab");
  CHECK(timeline.now_us() == 1'999);
  timeline.run_until_us(2'000);
  CHECK(order == "abcd");
}

// --- disks ---

CommitBatch batch_of(Document& document, const char* key) {
  Commit commit = document.transact([&](Transaction& tx) { return tx.root().set(key, 1); }).value();
  NewRecord record;
  CommitBatch batch;
  Bytes delta(commit.delta.begin(), commit.delta.end());
  record_of(document.id(), delta, record).value();
  batch.add(record, std::move(delta));
  return batch;
}

struct Disk {
  explicit Disk(std::uint64_t seed = 1)
      : random(seed), store({42}, 1, [this] { return random.next(); }), document(make()) {
    model.least_us = model.most_us = 1'000;
    store.open();
    committer.emplace(timeline, store, model, seed);
  }
  static Document make() {
    DocumentOptions options;
    options.replica = {42};
    options.id = kDocument;
    return Document::create(options);
  }
  void commit(const char* key) {
    committer->commit(batch_of(document, key), [this, key](Result<AppendResult> result) {
      told += result.ok() ? key : "!";
    });
  }
  Seq stored() const { return store.version(kDocument).end({42}); }

  test::Random random;
  Timeline timeline;
  FlushModel model;
  SimStore store;
  Document document;
  std::optional<SimCommitter> committer;
  std::string told;
};

TEST_CASE("a batch is in the store when its flush ends, and its author is told after that") {
  Disk disk;
  disk.commit("a");
  disk.timeline.run_until_us(999);
  CHECK(disk.stored() == 0);
  disk.timeline.run_next(2'000);
  CHECK(disk.stored() == 1);
  CHECK(disk.told.empty());
  disk.timeline.run_until_us(2'000);
  CHECK(disk.told == "a");
}

TEST_CASE("what comes during a flush goes into the next one together, in order, jobs too") {
  Disk disk;
  disk.commit("a");
  disk.commit("b");
  disk.committer->run(
      [&](Store& store) -> Status {
        CHECK(store.version(kDocument).end({42}) == 2);
        return {};
      },
      [&](Status) { disk.told += "j"; });
  disk.commit("c");
  disk.timeline.run_until_us(1'400);
  CHECK(disk.told == "a");
  disk.timeline.run_until_us(2'800);
  CHECK(disk.told == "abjc");
  CHECK(disk.committer->is_idle());
}

TEST_CASE("a power cut loses what was not flushed, or lets some of it land, and tells nobody") {
  bool some_landed = false, some_were_lost = false;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Disk disk(seed);
    disk.commit("a");
    disk.timeline.run_until_us(1'500);
    REQUIRE(disk.told == "a");
    disk.commit("b");
    disk.timeline.run_until_us(1'900);
    disk.committer->power_cut();
    disk.committer.reset();
    disk.timeline.run_until_us(10'000);
    CHECK(disk.told == "a");
    CHECK(disk.stored() >= 1);
    (disk.stored() == 2 ? some_landed : some_were_lost) = true;
  }
  CHECK(some_landed);
  CHECK(some_were_lost);
}

TEST_CASE("a full disk lets batches wait, and takes them in their order once there is room") {
  Disk disk;
  disk.store.set_full(true);
  disk.commit("a");
  disk.commit("b");
  disk.timeline.run_until_us(500'000);
  CHECK(disk.told.empty());
  CHECK(disk.stored() == 0);
  disk.store.set_full(false);
  disk.timeline.run_until_us(1'000'000);
  CHECK(disk.told == "ab");
  CHECK(disk.stored() == 2);
}

TEST_CASE("a disk that is put back has the same replica, an older log, and one more incarnation") {
  Disk disk;
  disk.commit("a");
  disk.timeline.run_until_us(10'000);
  std::unique_ptr<MemoryStore> backup = disk.store.copy([&] { return disk.random.next(); });
  disk.commit("b");
  disk.timeline.run_until_us(20'000);
  disk.store.open();
  StoreInfo before = disk.store.info();
  CHECK(before.incarnations.size() == 2);
  disk.store.put_back(backup->clone([&] { return disk.random.next(); }));
  disk.store.open();
  StoreInfo after = disk.store.info();
  CHECK(after.replica == before.replica);
  CHECK(after.epoch == before.epoch);
  CHECK(after.end == before.end - 1);
  REQUIRE(after.incarnations.size() == 2);
  CHECK(after.incarnations[0] == before.incarnations[0]);
  CHECK(after.incarnations[1] != before.incarnations[1]);
  CHECK(disk.stored() == 1);
  CHECK(backup->info().incarnations.size() == 1);
}

// --- network ---

/// Says what it is told to say, and keeps what it hears.
class Ear final : public Endpoint {
 public:
  LinkId add_link(const LinkOptions&) override { return ++links; }
  void receive(LinkId, sync::Envelope envelope) override {
    heard.push_back(std::get<sync::Credit>(envelope.message).total_bytes);
  }
  void receive_garbage(LinkId, const Error&) override { ++garbage; }
  std::optional<sync::Envelope> poll(LinkId) override {
    if (next == to_say) return std::nullopt;
    return sync::Envelope{next, sync::Credit{next++}};
  }
  std::optional<sync::Bye> ended(LinkId) const override {
    return wants_end ? std::optional(sync::Bye()) : std::nullopt;
  }
  void remove_link(LinkId) override { is_closed = true; }

  LinkId links = 0;
  std::uint32_t next = 0;
  std::uint32_t to_say = 0;
  bool wants_end = false;
  bool is_closed = false;
  int garbage = 0;
  std::vector<std::uint64_t> heard;
};

struct Wire {
  explicit Wire(std::uint64_t seed = 1) : network(timeline, seed) {
    network.add_endpoint(&ears[0]);
    network.add_endpoint(&ears[1]);
    link = network.connect(0, 1);
  }
  void say(std::uint32_t count) {
    ears[0].to_say += count;
    network.wake(0, 1);
  }
  Timeline timeline;
  Ear ears[2];
  Network network;
  LinkNumber link = 0;
};

bool is_whole(const std::vector<std::uint64_t>& heard) {
  for (std::size_t i = 0; i < heard.size(); ++i)
    if (heard[i] != i) return false;
  return true;
}

TEST_CASE("a link keeps order through jitter, and takes as long as its delay and bandwidth say") {
  Wire wire;
  wire.network.path(0, 1).delay_us = 10'000;
  wire.network.path(0, 1).jitter_us = 5'000;
  wire.say(50);
  wire.timeline.run_until_us(9'999);
  CHECK(wire.ears[1].heard.empty());
  wire.timeline.run_until_us(15'000);
  CHECK(wire.ears[1].heard.size() == 50);
  CHECK(is_whole(wire.ears[1].heard));
  wire.network.path(0, 1).bytes_per_second = 1'000;
  std::uint64_t bytes = wire.network.bytes(wire.link, 0).bytes_sent / 50;
  wire.say(50);
  wire.timeline.run_until_us(15'000 + 10'000 + bytes * 25'000);
  CHECK(wire.ears[1].heard.size() >= 70);
  CHECK(wire.ears[1].heard.size() <= 75);
}

TEST_CASE("a slow path is asked for no more than fits its buffer") {
  Wire wire;
  wire.network.path(0, 1).bytes_per_second = 1'000;
  wire.network.path(0, 1).buffer_bytes = 200;
  wire.say(1'000);
  wire.timeline.run_until_us(1);
  CHECK(wire.ears[0].next <= 200 / 24 + 2);
  wire.timeline.run_until_us(2'000'000'000);
  CHECK(wire.ears[1].heard.size() == 1'000);
}

TEST_CASE("each kind of fault does what its name says") {
  auto hear = [](const std::function<void(PathModel&)>& change) {
    Wire wire;
    change(wire.network.path(0, 1));
    for (int i = 0; i < 200; ++i) {
      wire.say(1);
      wire.timeline.run_until_us(wire.timeline.now_us() + 1'000);
    }
    wire.timeline.run_until_us(1'000'000);
    return wire.ears[1];
  };
  Ear lost = hear([](PathModel& path) { path.lost = 1'000; });
  CHECK(lost.heard.size() > 150);
  CHECK(lost.heard.size() < 198);
  Ear doubled = hear([](PathModel& path) { path.doubled = 1'000; });
  CHECK(doubled.heard.size() > 202);
  Ear overtaken = hear([](PathModel& path) { path.overtaken = 1'000; });
  CHECK(overtaken.heard.size() == 200);
  CHECK_FALSE(is_whole(overtaken.heard));
  Ear garbled = hear([](PathModel& path) { path.garbled = 1'000; });
  CHECK(garbled.garbage > 2);
  CHECK(garbled.heard.size() + static_cast<std::size_t>(garbled.garbage) == 200);
}

TEST_CASE("a blocked path holds what is on its way, a reset loses it") {
  Wire wire;
  wire.network.set_blocked(0, 1, true);
  wire.say(10);
  wire.timeline.run_until_us(1'000'000);
  CHECK(wire.ears[1].heard.empty());
  wire.network.set_blocked(0, 1, false);
  wire.say(5);
  wire.timeline.run_until_us(2'000'000);
  CHECK(wire.ears[1].heard.size() == 15);
  CHECK(is_whole(wire.ears[1].heard));
  wire.say(5);
  wire.timeline.run_until_us(2'000'100);
  wire.network.reset(wire.link);
  wire.timeline.run_until_us(3'000'000);
  CHECK(wire.ears[1].heard.size() == 15);
  CHECK(wire.ears[0].is_closed);
  CHECK(wire.ears[1].is_closed);
}

TEST_CASE("an end that is closed lets arrive what it has said, then closes the other") {
  Wire wire;
  wire.ears[0].wants_end = true;
  wire.say(3);
  wire.timeline.run_until_us(10);
  CHECK(wire.ears[0].is_closed);
  CHECK_FALSE(wire.ears[1].is_closed);
  wire.timeline.run_until_us(10'000);
  CHECK(wire.ears[1].heard.size() == 3);
  CHECK(wire.ears[1].is_closed);
}

TEST_CASE("an end without power says nothing, and the other end learns of it or not") {
  for (bool silently : {false, true}) {
    Wire wire;
    wire.say(3);
    wire.timeline.run_until_us(10);
    wire.network.abandon(0, silently);
    wire.timeline.run_until_us(1'000'000);
    CHECK(wire.ears[1].heard.size() == 3);  // it was on its way
    CHECK(wire.ears[1].is_closed != silently);
  }
}

TEST_CASE("a trace depends on all that was delivered and on when") {
  auto trace = [](std::uint32_t messages, std::uint64_t delay_us) {
    Wire wire;
    wire.network.path(0, 1).delay_us = delay_us;
    wire.say(messages);
    wire.timeline.run_until_us(1'000'000);
    return wire.network.trace_hash();
  };
  CHECK(trace(5, 100) == trace(5, 100));
  CHECK(trace(5, 100) != trace(6, 100));
  CHECK(trace(5, 100) != trace(5, 101));
}

// --- marks ---

TEST_CASE("every mark that an edit leaves is found, and none that was not left") {
  DocumentOptions options;
  options.replica = {1};
  Document document = Document::create(options);
  test::Random random(1);
  std::set<Mark> left;
  for (Mark mark = 1; mark < 300; mark += 1 + mark % 3) {
    MarkPlace place = mark % 2 == 0 ? MarkPlace::kRoot : MarkPlace::kAnywhere;
    document.transact([&](Transaction& tx) { return scribble(tx, mark, place, random); }).value();
    left.insert(mark);
  }
  CHECK(marks_in(document) == left);
}

}  // namespace
}  // namespace weft::sim
