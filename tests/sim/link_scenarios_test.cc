// Scenarios of links: large deltas, saturation, floods, idleness, first contact.

#include <array>
#include <deque>
#include <map>
#include <optional>

#include "storage/documents.h"
#include "tests/sim/scenario.h"
#include "tests/support/size.h"
#include "transport/wire/frame.h"

namespace weft::sim {
namespace {

const DocumentId kDocument = document_id(1);

std::string noise(std::size_t bytes, std::uint64_t seed) {
  test::Random random(seed);
  std::string text;
  text.reserve(bytes + 10);
  while (text.size() < bytes) {
    std::uint64_t raw = random.next();
    for (int i = 0; i < 10; ++i, raw >>= 6) text += static_cast<char>('0' + (raw & 63));
  }
  return text;
}

void set_bandwidth(World& world, std::uint64_t bytes_per_second) {
  world.set_paths([&](PathModel& path) { path.bytes_per_second = bytes_per_second; });
}

TEST_CASE("a delta of 20 MB goes on where a broken link left it") {
  constexpr std::size_t kBytes = std::size_t{20} << 20;
  World world(world_of(2));
  set_bandwidth(world, 2'000'000);
  world.add_edge(0, 1);
  type(world, 0, kDocument, noise(kBytes, 1));
  std::string text = text_of(world, 0, kDocument);
  world.run_ms(6'000);  // somewhere in the middle
  std::uint64_t sent = world.network().total.charged_sent;
  CHECK(sent > kBytes / 4);
  CHECK(sent < kBytes * 3 / 4);
  world.reset_links(0, 1);
  REQUIRE(world.run_until([&] { return text_of(world, 1, kDocument) == text; }, 60'000, 100));
  // What lay on the cable is lost, and little else.
  CHECK(world.network().total.charged_sent < kBytes + (std::size_t{2} << 20));
  REQUIRE(world.run_until([&] { return is_same_everywhere(world, kDocument); }, 10'000, 100));
}

TEST_CASE("a keystroke does not wait for a large delta that is on its way") {
  World world(world_of(2));
  set_bandwidth(world, 1'000'000);
  world.add_edge(0, 1);
  const DocumentId other = document_id(2);
  set_key(world, 0, other, "begin");
  REQUIRE(world.run_until([&] { return has_key(world, 1, other, "begin"); }, 5'000));
  type(world, 0, kDocument, noise(std::size_t{4} << 20, 1));
  world.run_ms(1'000);
  set_key(world, 0, other, "meanwhile");
  CHECK(world.run_until([&] { return has_key(world, 1, other, "meanwhile"); }, 1'000));
  CHECK(text_of(world, 1, kDocument).empty());
  REQUIRE(world.run_until([&] { return is_same_everywhere(world, kDocument); }, 30'000));
}

TEST_CASE("two links that are saturated both ways don't block each other") {
  World::Options options = world_of(3);
  options.peer.credit_bytes = std::uint64_t{256} << 10;
  World world(options);
  for (std::size_t peer = 0; peer < 3; ++peer)
    for (std::uint64_t i = 0; i < 40; ++i)
      type(world, peer, document_id(10 + i % 4), noise(40'000, peer * 100 + i));
  world.run_ms(500);
  set_bandwidth(world, 1'000'000);
  world.add_edge(0, 1);
  world.add_edge(1, 2);
  // 3.2 MB each way on each link.
  REQUIRE(world.run_until(
      [&] {
        for (std::uint64_t i = 0; i < 4; ++i)
          if (!is_same_everywhere(world, document_id(10 + i))) return false;
        return all_live(world);
      },
      30'000, 100));
}

TEST_CASE("ten idle devices exchange nothing but heartbeats") {
  World world(world_of(10));
  for (std::size_t i = 0; i < 10; ++i) set_key(world, i, document_id(i), "x");
  world.add_all_edges();
  REQUIRE(world.run_until([&] { return all_live(world); }, 30'000));
  world.run_ms(20'000);
  for (std::uint64_t i = 0; i < 10; ++i) CHECK(is_same_everywhere(world, document_id(i)));
  std::map<std::string, int> kinds;
  world.network().on_deliver = [&](EndpointIndex, EndpointIndex, const sync::Envelope& envelope) {
    ++kinds[sync::type_name(envelope.message)];
  };
  LinkBytes before = world.network().total;
  world.run_ms(50'000);
  CHECK(kinds.size() == 1);
  // 45 links, both ends, a beat each 5 s.
  CHECK(kinds["Mark"] <= 45 * 2 * 11);
  CHECK(kinds["Mark"] >= 45 * 2 * 9);
  CHECK(world.network().total.charged_sent == before.charged_sent);
}

// --- first contact ---

/// A document of one edit, as it lies in every store that has it.
void store_sample(Store& store, std::uint64_t number, std::uint64_t seed) {
  DocumentOptions options;
  options.replica = {derived_seed(seed, 77)};
  options.id = document_id(1'000 + number);
  Document document = Document::create(options);
  document
      .transact(
          [&](Transaction& tx) { return tx.root().set("n", static_cast<std::int64_t>(number)); })
      .value();
  store_document(store, document).value();
}

/// Two devices that hold the same documents but for `differing` of them, and have never met.
std::unique_ptr<World> strangers(std::uint64_t documents, std::uint64_t differing) {
  World::Options options;
  options.peers = 0;
  auto world = std::make_unique<World>(options);
  for (std::size_t i = 0; i < 2; ++i) {
    SimPeer& peer = world->add_peer();
    SimStore::Turn turn(peer.store());
    for (std::uint64_t number = 0; number < documents; ++number)
      store_sample(peer.store(), number, number < differing ? i : 5);
    world->start(i);
  }
  return world;
}

TEST_CASE("devices with 10,000 equal documents agree in less than 1 KB each way") {
  std::unique_ptr<World> world = strangers(10'000, 0);
  world->add_edge(0, 1);
  REQUIRE(world->run_until([&] { return world->count_events(NodeEvent::Kind::kCaughtUp) == 2; },
                           10'000));
  for (std::size_t side = 0; side < 2; ++side) {
    MESSAGE("bytes of side ", side, ": ", world->network().bytes(0, side).bytes_sent);
    CHECK(world->network().bytes(0, side).bytes_sent < 1'000);
  }
  // And again, now that they know each other.
  world->reset_links(0, 1);
  REQUIRE(world->run_until([&] { return world->count_events(NodeEvent::Kind::kCaughtUp) == 4; },
                           20'000));
  for (std::size_t side = 0; side < 2; ++side)
    CHECK(world->network().bytes(1, side).bytes_sent < 1'000);
}

TEST_CASE("100 differing documents of 100,000 are found in 10 KB and one round trip") {
  std::unique_ptr<World> world = strangers(test::count_or_tenth(100'000), 100);
  world->set_paths([](PathModel& path) { path.delay_us = 50'000; });
  constexpr std::uint64_t kSymbolBytes = 28;  // on the wire
  std::uint64_t symbol_bytes = 0;
  std::uint64_t requests = 0;
  std::uint64_t begun_us = 0, named_us = 0;
  std::uint64_t named = 0;
  world->network().on_deliver = [&](EndpointIndex, EndpointIndex, const sync::Envelope& envelope) {
    std::uint64_t now_us = world->timeline().now_us();
    if (std::holds_alternative<sync::Welcome>(envelope.message) && begun_us == 0) begun_us = now_us;
    if (std::holds_alternative<sync::SymbolRequest>(envelope.message)) ++requests;
    if (const auto* symbols = std::get_if<sync::Symbols>(&envelope.message))
      symbol_bytes += symbols->symbols.size() * kSymbolBytes;
    if (const auto* have = std::get_if<sync::Have>(&envelope.message)) {
      named += have->documents.size();
      if (named_us == 0) named_us = now_us;
    }
  };
  world->network().path(0, 1).delay_us = 50'000;
  world->network().path(1, 0).delay_us = 50'000;
  world->add_edge(0, 1);
  REQUIRE(world->run_until([&] { return world->count_events(NodeEvent::Kind::kCaughtUp) == 2; },
                           20'000));
  MESSAGE("symbols: ", symbol_bytes, " bytes in ", requests, " requests");
  CHECK(requests == 1);
  CHECK(symbol_bytes <= 10'000);
  // Welcome, request, symbols, and the first Have arrives: one round trip and its own way.
  CHECK(named_us - begun_us <= 3 * 50'000 + 20'000);
  for (std::uint64_t number = 0; number < 50; ++number)
    CHECK(is_same_everywhere(*world, document_id(1'000 + number)));
}

// --- hostile ends ---

/// An end of a link that a test plays: it greets properly, keeps what comes, and says what the test wants.
class Puppet final : public Endpoint {
 public:
  LinkId add_link(const LinkOptions&) override { return ++links_; }
  void receive(LinkId, sync::Envelope envelope) override {
    if (const auto* bye = std::get_if<sync::Bye>(&envelope.message)) bye_ = *bye;
    received.push_back(std::move(envelope));
  }
  void receive_garbage(LinkId, const Error&) override {}
  std::optional<sync::Envelope> poll(LinkId link) override {
    if (link != links_ || to_say_.empty()) return std::nullopt;
    sync::Envelope envelope{sequence_++, std::move(to_say_.front())};
    to_say_.pop_front();
    return envelope;
  }
  std::optional<sync::Bye> ended(LinkId) const override { return std::nullopt; }
  void remove_link(LinkId) override { is_closed_ = true; }

  void say(sync::Message message) { to_say_.push_back(std::move(message)); }
  /// Hello and Welcome of a device without documents.
  void greet() {
    sync::Hello hello;
    hello.replica = {0xbad};
    hello.epoch = 1;
    hello.set_key = 1;
    hello.time_ms = SimPeer::kWallBaseMs;
    hello.credit_bytes = 1 << 20;
    hello.incarnations = {1};
    say(hello);
    say(sync::Welcome());
  }
  LinkId link() const { return links_; }
  bool is_closed() const { return is_closed_; }
  const std::optional<sync::Bye>& bye() const { return bye_; }
  std::deque<sync::Envelope> received;

 private:
  LinkId links_ = 0;
  std::uint32_t sequence_ = 0;
  std::deque<sync::Message> to_say_;
  std::optional<sync::Bye> bye_;
  bool is_closed_ = false;
};

/// A world of one device and a puppet that has dialled it.
struct Stage {
  explicit Stage(World::Options options = world_of(1)) : world(options) {
    index = world.add_endpoint(&puppet);
    world.network().connect(index, 0);
  }
  void let_speak() {
    world.network().wake(index, puppet.link());
    world.run_ms(100);
  }
  /// Data is taken of a document only after this end has said what it holds of it. (S1)
  void ask_and_name(std::vector<sync::LogEnd> held = {}) {
    puppet.greet();
    puppet.say(sync::Have{{{kDocument, sync::HeldAs::kLive, true, std::move(held), {}}}});
    puppet.say(sync::AllAnnounced());
    let_speak();
    puppet.say(sync::NameDocument{0, kDocument});
    let_speak();
    REQUIRE_FALSE(puppet.is_closed());
  }
  Puppet puppet;  // before the world, which talks to it till its end
  World world;
  EndpointIndex index = 0;
};

TEST_CASE("deltas whose dependencies never come take no more memory than they may") {
  World::Options options = world_of(1);
  options.peer.pending_bytes_max = std::size_t{64} << 10;
  options.peer.credit_bytes = std::uint64_t{64} << 20;
  Stage stage(options);
  stage.ask_and_name({{{7}, 10'000, 0}});
  // A long log of which the first delta never comes.
  DocumentOptions author;
  author.replica = {7};
  author.id = kDocument;
  Document document = Document::create(author);
  constexpr int kDeltas = 3'000;
  for (int i = 0; i < kDeltas; ++i) {
    Commit commit =
        document.transact([&](Transaction& tx) { return tx.root().set("key", noise(1'000, 5)); })
            .value();
    if (i == 0) continue;
    stage.puppet.say(sync::Deltas{0, 0, {Bytes(commit.delta.begin(), commit.delta.end())}});
    if (i % 100 == 0) stage.let_speak();
  }
  stage.let_speak();
  REQUIRE_FALSE(stage.puppet.is_closed());
  NodeStatus status = stage.world.node(0).status();
  CHECK(status.pending_deltas > 0);
  CHECK(status.pending_deltas <= (64 << 10) / 1'000);
  CHECK(status.unsaved_records == 0);
  CHECK(stage.world.peer(0).store().info().records == 0);
  // It still does its own work.
  std::shared_ptr<bool> durable = set_key(stage.world, 0, document_id(2), "own");
  CHECK(stage.world.run_until([&] { return *durable; }, 1'000));
}

TEST_CASE("whoever sends garbage is told so and cut off, and others go on") {
  Stage stage;
  stage.puppet.greet();
  stage.let_speak();
  REQUIRE_FALSE(stage.puppet.is_closed());
  stage.world.peer(0).receive_garbage(1, Error(ErrorCode::kCorrupt, "not a frame"));
  stage.world.run_ms(100);
  REQUIRE(stage.puppet.bye());
  CHECK(stage.puppet.bye()->reason == sync::ByeReason::kGarbage);
  CHECK(stage.puppet.is_closed());
  stage.world.add_peer();
  stage.world.start(2);
  stage.world.add_edge(2, 0);
  set_key(stage.world, 2, kDocument, "fine");
  CHECK(stage.world.run_until([&] { return has_key(stage.world, 0, kDocument, "fine"); }, 5'000));
}

TEST_CASE("messages that make no sense end the link with a reason") {
  struct Case {
    std::string name;
    std::function<void(Stage&)> say;
    std::string text;  ///< of the Bye: no other rule than the one that is meant comes first
  };
  const std::vector<Case> cases = {
      {"no greeting", [](Stage& stage) { stage.puppet.say(sync::Have()); },
       "the first message is no Hello"},
      {"two greetings",
       [](Stage& stage) {
         stage.puppet.greet();
         stage.puppet.greet();
       },
       "a second greeting"},
      {"data of an unknown document",
       [](Stage& stage) {
         stage.puppet.greet();
         stage.puppet.say(sync::Deltas{3, 0, {Bytes(10)}});
       },
       "data of a document without number"},
      {"a delta that is none",
       [](Stage& stage) {
         stage.ask_and_name();
         stage.puppet.say(sync::Deltas{0, 0, {Bytes(10)}});
       },
       "unknown version at byte 1: delta: written by another version of weft"},
      {"an acknowledgement of nothing",
       [](Stage& stage) {
         stage.puppet.greet();
         stage.puppet.say(sync::Ack{{{5, {1}, 1}}});
       },
       "an Ack of a document without number"},
      {"a number for a document that was not asked for",
       [](Stage& stage) {
         stage.puppet.greet();
         stage.puppet.say(sync::NameDocument{0, kDocument});
       },
       "a number for a document that this end has not said to hold"},
      {"numbers out of order",
       [](Stage& stage) {
         stage.puppet.greet();
         stage.puppet.say(sync::NameDocument{1, kDocument});
       },
       "documents are not numbered one by one"},
  };
  for (const Case& each : cases) {
    CAPTURE(each.name);
    Stage stage;
    each.say(stage);
    stage.let_speak();
    REQUIRE(stage.puppet.bye());
    CHECK(stage.puppet.bye()->text == each.text);
    CHECK(stage.puppet.is_closed());
    std::shared_ptr<bool> durable = set_key(stage.world, 0, kDocument, "own");
    CHECK(stage.world.run_until([&] { return *durable; }, 1'000));
  }
}

TEST_CASE("whoever sends without credit is cut off") {
  Stage stage;
  stage.ask_and_name();
  stage.world.peer(0).store().set_full(true);
  DocumentOptions author;
  author.replica = {7};
  author.id = kDocument;
  Document document = Document::create(author);
  for (int i = 0; i < 2'000 && !stage.puppet.is_closed(); ++i) {
    Commit commit =
        document.transact([&](Transaction& tx) { return tx.root().set("key", noise(100'000, 5)); })
            .value();
    stage.puppet.say(sync::Deltas{0, 0, {Bytes(commit.delta.begin(), commit.delta.end())}});
    if (i % 10 == 0) stage.let_speak();
    REQUIRE(stage.world.node(0).status().unsaved_bytes < (std::size_t{40} << 20));
  }
  REQUIRE(stage.puppet.bye());
  CAPTURE(stage.puppet.bye()->text);
  CHECK(stage.puppet.bye()->reason == sync::ByeReason::kLimit);
}

TEST_CASE("an end that says nothing is given up, and one that reads nothing too") {
  World::Options options = world_of(1);
  options.peer.timeout_ms = 2'000;
  Stage stage(options);
  stage.world.run_ms(3'000);
  REQUIRE(stage.puppet.bye());
  CHECK(stage.puppet.bye()->reason == sync::ByeReason::kTimeout);
  CHECK(stage.puppet.is_closed());
}

// D1: 30 devices, each linked to each, as people who sit in one office are.
TEST_CASE("in a dense mesh an edit comes to each device about once") {
  const bool is_smoke = test::size() == test::Size::kSmoke;
  const std::uint32_t peers = is_smoke ? 10 : 30;
  constexpr std::uint64_t kEdits = 100;
  World world(world_of(peers));
  world.add_all_edges();
  set_key(world, 0, kDocument, "begin");
  REQUIRE(world.run_until([&] { return all_live(world) && is_same_everywhere(world, kDocument); },
                          30'000, 100));
  world.run_ms(10'000);
  std::map<std::string, std::uint64_t> counts;
  std::map<std::string, std::uint64_t> sizes;
  world.network().tamper = [&](EndpointIndex, EndpointIndex, sync::Envelope& envelope) {
    Bytes frame;
    wire::encode_frame(envelope, frame);
    const std::string kind = sync::type_name(envelope.message);
    ++counts[kind];
    sizes[kind] += frame.size();
  };
  auto edit = [&](std::size_t round) {
    set_key(world, round % peers, kDocument, "key " + std::to_string(round % 7),
            static_cast<std::int64_t>(round));
    world.run_ms(400);
  };
  for (std::size_t round = 0; round < 60; ++round) edit(round);  // who gets what from whom shows
  counts.clear();
  sizes.clear();
  for (std::size_t round = 0; round < kEdits; ++round) edit(round);
  world.network().tamper = nullptr;
  std::uint64_t bytes = 0;
  std::string text;
  for (const auto& [kind, size] : sizes) {
    bytes += size;
    text +=
        " " + kind + " " + std::to_string(counts[kind]) + " (" + std::to_string(size) + " bytes)";
  }
  MESSAGE(kEdits, " edits in a mesh of ", peers, ": ", bytes / kEdits, " bytes an edit;", text);
  CHECK(counts["Deltas"] <= kEdits * (peers - 1) * 3 / 2);
  // One to who wrote it; of the rest the sums of heartbeats tell.
  CHECK(counts["Ack"] <= kEdits * (peers - 1) * 5 / 4);
  REQUIRE(world.run_until([&] { return is_same_everywhere(world, kDocument); }, 10'000, 100));
}

/// Operations of which an end of a link does not know that both hold them.
std::uint64_t count_not_known(World& world) {
  std::uint64_t count = 0;
  for (std::size_t i = 0; i < world.size(); ++i) {
    const DocumentSyncStatus status = world.node(i).sync_status(kDocument).value();
    for (const DocumentLinkStatus& link : status.links)
      count += link.behind_operations + link.to_send_operations + link.unacknowledged_operations;
  }
  return count;
}

// S5: with sums that meet while it goes on, and with edits that come quicker than messages travel, when none meets.
TEST_CASE("what all hold each knows of each soon after the last edit, and nothing comes twice") {
  for (const std::uint64_t delay_us : {2'000u, 60'000u}) {
    for (const std::uint64_t pause_ms : {400u, 20u}) {
      CAPTURE(delay_us);
      CAPTURE(pause_ms);
      constexpr std::uint64_t kPeers = 6;
      const std::uint64_t edits = 6'000 / pause_ms;
      World world(world_of(kPeers));
      world.set_paths([&](PathModel& path) {
        path.delay_us = delay_us;
        path.jitter_us = delay_us / 2;
      });
      world.add_all_edges();
      set_key(world, 0, kDocument, "begin");
      REQUIRE(world.run_until(
          [&] { return all_live(world) && is_same_everywhere(world, kDocument); }, 30'000, 100));
      const auto edit = [&](std::uint64_t number) {
        set_key(world, number % kPeers, kDocument, "key", static_cast<std::int64_t>(number));
        world.run_ms(pause_ms);
      };
      for (std::uint64_t i = 0; i < 20; ++i) edit(i);
      world.run_ms(1'000);
      std::uint64_t deliveries = 0;
      world.network().on_deliver = [&](EndpointIndex, EndpointIndex, const sync::Envelope& each) {
        if (const auto* deltas = std::get_if<sync::Deltas>(&each.message))
          deliveries += deltas->deltas.size();
      };
      for (std::uint64_t i = 0; i < edits; ++i) edit(i);
      CHECK(world.run_until([&] { return count_not_known(world) == 0; }, 10'000, 100));
      CHECK(deliveries <= edits * (kPeers - 1) * 11 / 10);
      CHECK(is_same_everywhere(world, kDocument));
    }
  }
}

// Where two devices had passed an edit to each other, only the one whose copy was late was asked to send again.
TEST_CASE("what was left to a link that is gone comes on another at once") {
  World world(world_of(4));
  world.add_all_edges();
  set_key(world, 0, kDocument, "begin");
  REQUIRE(world.run_until([&] { return all_live(world) && is_same_everywhere(world, kDocument); },
                          30'000, 100));
  for (int i = 0; i < 20; ++i) {  // 3 learns that it gets these from their writer first
    set_key(world, 0, kDocument, "key", i);
    world.run_ms(400);
  }
  world.set_dialled(0, 3, false);
  world.set_dialled(3, 0, false);
  world.reset_links(0, 3);
  set_key(world, 0, kDocument, "last");
  CHECK(world.run_until([&] { return has_key(world, 3, kDocument, "last"); }, 1'000));
}

// Of what lies in the trash a sum says what deletions had seen, and not what is held.
TEST_CASE("an equal sum does not show that the other end holds what is in the trash here") {
  World::Options options = world_of(2);
  options.peer.credit_bytes = std::uint64_t{64} << 10;
  World world(options);
  world.add_edge(0, 1);
  set_key(world, 1, kDocument, "begin");
  REQUIRE(world.run_until([&] { return all_live(world) && is_same_everywhere(world, kDocument); },
                          30'000, 100));
  set_bandwidth(world, 20'000);
  type(world, 1, kDocument, noise(std::size_t{1} << 20, 1));
  bool is_deleted = false;
  world.node(1).set_status(kDocument, DocumentStatus::kDeleted,
                           [&](Status status) { is_deleted = status.ok(); });
  REQUIRE(world.run_until([&] { return is_deleted; }, 1'000));
  world.run_ms(15'000);  // the deletion has come, and heartbeats since, and not the text
  REQUIRE(world.node(0).sync_status(kDocument)->overview.status == DocumentStatus::kDeleted);
  world.node(1).set_status(kDocument, DocumentStatus::kLive, nullptr);
  world.run_ms(500);
  const DocumentLinkStatus link = world.node(1).sync_status(kDocument)->links.at(0);
  CHECK(link.to_send_operations + link.unacknowledged_operations > std::uint64_t{1} << 19);
  CHECK(world.run_until([&] { return !text_of(world, 0, kDocument).empty(); }, 100'000, 100));
}

}  // namespace
}  // namespace weft::sim
