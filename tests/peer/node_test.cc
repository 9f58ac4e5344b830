// Nodes that sync: what one edits, all have; who has what is told truly; links that end badly harm nobody.

#include <string>

#include <doctest/doctest.h>

#include "crdt/dashboard/grafana.h"
#include "tests/peer/rig.h"

using namespace weft;
using test::id_of;
using test::Rig;

TEST_CASE("an edit comes to the other end, and it is durable there") {
  Rig rig(2);
  rig.connect(0, 1);
  rig.settle();
  rig.set(0, id_of(1), "title", "CPU");
  rig.settle();
  rig.check_same(id_of(1));
  CHECK(rig.content(1, id_of(1)) == R"({"title":"CPU"})");
  rig.set(1, id_of(1), "title", "CPU busy");
  rig.settle();
  rig.check_same(id_of(1));
  CHECK(rig.content(0, id_of(1)) == R"({"title":"CPU busy"})");
}

TEST_CASE("an own delta is sent to nobody before it is durable (I1)") {
  Rig rig(2);
  rig.connect(0, 1);
  rig.settle();
  rig.set(0, id_of(1), "a", 1);
  rig.settle();
  rig.peer(0).flushes = false;
  bool was_told = false;
  auto commit = rig.node(0).edit(
      id_of(1), [](Transaction& tx) { return tx.root().set("b", 2); },
      [&](Status status) { was_told = status.ok(); });
  REQUIRE(commit.ok());
  rig.settle();
  CHECK(rig.content(0, id_of(1)) == R"({"a":1,"b":2})");
  CHECK(rig.content(1, id_of(1)) == R"({"a":1})");
  CHECK_FALSE(was_told);
  rig.peer(0).flushes = true;
  rig.settle();
  CHECK(was_told);
  rig.check_same(id_of(1));
}

TEST_CASE("others' deltas are passed on before they are durable, and not acknowledged") {
  Rig rig(3);
  rig.connect(0, 1);
  rig.connect(1, 2);
  rig.set(0, id_of(1), "a", 1);
  rig.settle();
  rig.peer(1).flushes = false;
  rig.set(0, id_of(1), "a", 2);
  rig.settle();
  CHECK(rig.content(2, id_of(1)) == R"({"a":2})");
  CHECK(rig.node(0).status().links[0].unacknowledged_operations == 1);
  rig.peer(1).flushes = true;
  rig.settle();
  CHECK(rig.node(0).status().links[0].unacknowledged_operations == 0);
  rig.check_same(id_of(1));
}

TEST_CASE("what no other device has is pending, counted and listed, also after a restart") {
  Rig rig(2);
  rig.connect(0, 1);
  rig.set(0, id_of(1), "a", 1);
  rig.settle(60'000);  // until it is noted, which is done now and then
  DocumentSyncStatus status = rig.node(0).sync_status(id_of(1)).value();
  CHECK(status.state == SyncState::kSynced);
  CHECK(status.pending_operations == 0);
  CHECK(status.synced_at_ms >= 1'700'000'000'000);
  CHECK(rig.node(0).pending_changes(id_of(1))->empty());

  rig.cut(0);
  rig.set(0, id_of(1), "a", 2);
  REQUIRE(rig.node(0)
              .edit(id_of(1), [](Transaction& tx) { return tx.root().set("b", 3); }, nullptr,
                    {.origin = {}, .message = "while away"})
              .ok());
  rig.settle();
  for (const bool restarted : {false, true}) {
    CAPTURE(restarted);
    if (restarted) {
      rig.crash(0);
      rig.start(0);
    }
    status = rig.node(0).sync_status(id_of(1)).value();
    CHECK(status.state == SyncState::kOffline);
    CHECK(status.pending_operations == 2);
    CHECK(status.words.find("2 operations to send when another is linked") != std::string::npos);
    const std::vector<PendingChange> changes = rig.node(0).pending_changes(id_of(1)).value();
    REQUIRE(changes.size() == 2);
    CHECK(changes[1].message == "while away");
    CHECK(changes[1].committed_at_ms >= 1'700'000'000'000);
  }
  rig.connect(0, 1);
  rig.settle();
  status = rig.node(0).sync_status(id_of(1)).value();
  CHECK(status.state == SyncState::kSynced);
  CHECK(status.pending_operations == 0);
  CHECK(rig.node(0).pending_changes(id_of(1))->empty());
  CHECK(rig.peer(0).count(NodeEvent::Kind::kSettled) > 0);
}

TEST_CASE("a seed that two devices make is one") {
  Rig rig(2);
  const Json board = parse_json(R"({"title": "CPU", "description": "Busy."})").value();
  const Bytes seed = dashboard::seed_delta(id_of(1), board).value();
  for (std::size_t i = 0; i < 2; ++i) REQUIRE(rig.node(i).apply(id_of(1), seed).ok());
  REQUIRE(rig.node(0).apply(id_of(1), seed).ok());  // and again
  rig.settle();
  CHECK(rig.node(0).sync_status(id_of(1))->pending_operations == 0);
  rig.connect(0, 1);
  rig.settle();
  rig.check_same(id_of(1));
  CHECK(rig.content(1, id_of(1)) == R"({"description":"Busy.","title":"CPU"})");
  CHECK(rig.node(0).status().forks.empty());
}

TEST_CASE("what was edited apart comes together, in a line and in a ring") {
  for (bool ring : {false, true}) {
    Rig rig(4);
    for (std::size_t i = 0; i < 4; ++i)
      for (int k = 0; k < 20; ++k)
        rig.set(i, id_of(static_cast<std::uint64_t>(k % 3)), std::to_string(i), k);
    rig.settle();
    for (std::size_t i = 0; i + 1 < 4; ++i) rig.connect(i, i + 1);
    if (ring) rig.connect(3, 0);
    rig.settle();
    for (std::uint64_t document = 0; document < 3; ++document) rig.check_same(id_of(document));
    CHECK(rig.peer(0).count(NodeEvent::Kind::kDiverged) == 0);
    CHECK(rig.peer(0).count(NodeEvent::Kind::kCaughtUp) > 0);
  }
}

TEST_CASE("a peer that is far behind gets one sealed history") {
  Rig rig(2);
  auto made = rig.node(0).edit(id_of(1), [](Transaction& tx) {
    tx.root().ensure_text("t");
    return Status();
  });
  REQUIRE(made.ok());
  for (int k = 0; k < 3000; ++k) {
    auto typed = rig.node(0).edit(id_of(1), [&](Transaction& tx) {
      return tx.text("/t")->insert(scalar(static_cast<std::size_t>(k)), "x");
    });
    REQUIRE(typed.ok());
  }
  rig.settle();
  Rig::Wire& wire = rig.connect(0, 1);
  rig.settle();
  rig.check_same(id_of(1));
  CHECK(wire.kinds["Deltas"] == 1);
  CHECK(rig.node(0).status().links[0].bytes_sent < 4000);

  SUBCASE("and who has read it from its store sends it sealed, too") {
    rig.crash(0);
    rig.start(0);
    rig.crash(1);
    rig.peer(1).store = std::make_unique<MemoryStore>(MemoryStore::Options{{0x77}, 0x78, {}, {}});
    rig.start(1);
    Rig::Wire& again = rig.connect(0, 1);
    rig.settle();
    rig.check_same(id_of(1));
    CHECK(again.kinds["Deltas"] == 1);
  }
}

TEST_CASE("who comes back hears of what has changed, not of everything") {
  Rig rig(2);
  for (std::uint64_t document = 0; document < 200; ++document) rig.set(0, id_of(document), "a", 1);
  rig.settle();
  Rig::Wire& first = rig.connect(0, 1);
  rig.settle(6'000);
  CHECK(first.kinds["SymbolRequest"] > 0);
  rig.disconnect(first);
  rig.settle(6'000);  // what is remembered of a peer is written with batches, or after a while
  rig.set(0, id_of(7), "a", 2);
  rig.set(1, id_of(8), "a", 3);
  rig.settle();
  std::uint64_t documents = 0;
  rig.on_message = [&](std::size_t, const sync::Message& message) {
    if (const auto* have = std::get_if<sync::Have>(&message)) documents += have->documents.size();
  };
  Rig::Wire& second = rig.connect(1, 0);
  rig.settle();
  CHECK(second.kinds["SymbolRequest"] == 0);
  CHECK(documents <= 4);
  for (std::uint64_t document = 0; document < 200; ++document) rig.check_same(id_of(document));
}

TEST_CASE("a crash loses what was not durable, and nothing else; the others bring it back") {
  Rig rig(3);
  rig.connect(0, 1);
  rig.connect(1, 2);
  rig.settle();
  rig.set(0, id_of(1), "a", 1);
  rig.settle();
  rig.peer(1).flushes = false;
  rig.set(0, id_of(1), "b", 2);
  rig.settle();
  CHECK(rig.content(2, id_of(1)) == R"({"a":1,"b":2})");  // passed on, not durable at 1
  rig.crash(1);
  rig.peer(1).flushes = true;
  rig.start(1);
  CHECK(rig.content(1, id_of(1)) == R"({"a":1})");
  rig.connect(1, 2);
  rig.settle();
  rig.check_same(id_of(1));
}

TEST_CASE("a little credit suffices for megabytes both ways") {
  Rig rig(2);
  rig.options().credit_bytes = 2'000;
  rig.crash(0);
  rig.crash(1);
  rig.start(0);
  rig.start(1);
  for (std::size_t i = 0; i < 2; ++i)
    for (std::uint64_t k = 0; k < 30; ++k)
      rig.set(i, id_of(k), "of " + std::to_string(i), std::string(100'000, 'x'));
  rig.settle();
  rig.connect(0, 1);
  rig.settle(30'000);
  for (std::uint64_t k = 0; k < 30; ++k) rig.check_same(id_of(k));
}

TEST_CASE("a large delta goes in parts, and on from where the link broke off") {
  Rig rig(2);
  std::string text;
  test::Random random(7);
  while (text.size() < (std::size_t{3} << 20)) text += static_cast<char>('a' + random.next() % 26);
  rig.node(0)
      .edit(id_of(1),
            [&](Transaction& tx) { return tx.root().ensure_text("t").insert(scalar(0), text); })
      .value();
  rig.settle();
  std::uint64_t bytes = 0;
  Rig::Wire* first = &rig.connect(0, 1);
  rig.on_message = [&](std::size_t, const sync::Message& message) {
    const auto* part = std::get_if<sync::Part>(&message);
    if (part == nullptr) return;
    bytes += part->bytes.size();
    if (bytes > text.size() / 2 && first->stands) {
      first->stands = false;
    }
  };
  while (first->stands) {
    rig.flush();
    rig.move_messages();
    rig.tick();
  }
  rig.node(0).remove_link(first->at_a);
  rig.node(1).remove_link(first->at_b);
  rig.connect(0, 1);
  rig.settle(10'000);
  rig.check_same(id_of(1));
  CHECK(bytes < text.size() + 400'000);
}

TEST_CASE("a deleted document is deleted everywhere, an evicted one only here") {
  Rig rig(3);
  rig.connect(0, 1);
  rig.connect(1, 2);
  for (std::uint64_t k = 0; k < 3; ++k) rig.set(0, id_of(k), "a", 1);
  rig.settle();
  rig.node(0).set_status(id_of(0), DocumentStatus::kDeleted, [](Status s) { CHECK(s.ok()); });
  rig.node(1).set_status(
      id_of(1), DocumentStatus::kEvicted, [](Status s) { CHECK(s.ok()); },
      Node::Evict::kUnconditionally);
  rig.settle();
  CHECK(rig.content(2, id_of(0)).find("deleted") != std::string::npos);
  CHECK(rig.content(1, id_of(1)).find("evicted") != std::string::npos);
  CHECK(rig.content(2, id_of(1)) == R"({"a":1})");
  rig.set(0, id_of(2), "a", 2);
  rig.settle(20'000);
  rig.check_same(id_of(2));
  for (std::size_t i = 0; i < 3; ++i) CHECK(rig.peer(i).count(NodeEvent::Kind::kDiverged) == 0);
}

// After a restart the other end says again that it has given it up; what lies here was then told as unsent, for ever.
TEST_CASE("what the other end has evicted is owed to nobody, also after both were restarted") {
  Rig rig(2);
  rig.connect(0, 1);
  for (std::uint64_t k = 0; k < 2; ++k) rig.set(0, id_of(k), "a", 1);
  rig.settle(20'000);
  rig.node(1).set_status(
      id_of(1), DocumentStatus::kEvicted, [](Status s) { CHECK(s.ok()); },
      Node::Evict::kUnconditionally);
  rig.settle();
  for (std::size_t i = 0; i < 2; ++i) rig.crash(i);
  for (std::size_t i = 0; i < 2; ++i) rig.start(i);
  rig.connect(0, 1);
  rig.settle(20'000);
  const DocumentSyncStatus status = rig.node(0).sync_status(id_of(1)).value();
  REQUIRE(status.links.size() == 1);
  CHECK(status.links[0].to_send_operations == 0);
  CHECK(status.links[0].words == "not kept there");
  CHECK(rig.node(0).sync_status(id_of(0)).value().links[0].to_send_operations == 0);
}

TEST_CASE("who joins after a trim starts from the state") {
  Rig rig(3);
  for (int k = 0; k < 50; ++k) rig.set(0, id_of(1), std::to_string(k % 7), k);
  rig.settle();
  rig.node(0).trim(id_of(1), [](Status s) { CHECK(s.ok()); });
  rig.settle();
  rig.set(0, id_of(1), "after", true);
  rig.set(2, id_of(1), "apart", 2);
  rig.settle();
  Rig::Wire& wire = rig.connect(0, 1);
  rig.connect(1, 2);
  rig.settle();
  CHECK(wire.kinds["State"] == 1);
  rig.check_same(id_of(1));
  rig.set(1, id_of(1), "joined", 1);
  rig.set(2, id_of(1), "joined too", 1);
  rig.settle();
  rig.check_same(id_of(1));
  rig.crash(1);
  rig.start(1);
  CHECK(rig.content(1, id_of(1)) == rig.content(0, id_of(1)));
}

TEST_CASE("a state that is larger than other transfers may be reaches who joins") {
  Rig rig(2);
  test::Random random(11);
  for (int half = 0; half < 2; ++half) {
    std::string text;
    while (text.size() < sync::Limits::kTransferBytes / 16 * 9) {
      std::uint64_t word = random.next();  // 8 letters of random bits each: they hardly compress
      for (int i = 0; i < 8; ++i, word >>= 8) text += static_cast<char>(' ' + word % 94);
    }
    const std::string key = "text " + std::to_string(half);
    rig.node(0)
        .edit(id_of(1),
              [&](Transaction& tx) { return tx.root().ensure_text(key).insert(scalar(0), text); })
        .value();
  }
  rig.settle();
  rig.node(0).trim(id_of(1), [](Status s) { CHECK(s.ok()); });
  rig.settle();
  std::uint64_t largest = 0;
  rig.on_message = [&](std::size_t, const sync::Message& message) {
    if (const auto* part = std::get_if<sync::Part>(&message); part != nullptr)
      largest = std::max(largest, part->total);
  };
  rig.connect(0, 1);
  rig.settle(60'000);
  CHECK(largest > sync::Limits::kTransferBytes);
  rig.check_same(id_of(1));
}

TEST_CASE("presence is passed on, expires, and is never stored") {
  Rig rig(3);
  rig.connect(0, 1);
  rig.connect(1, 2);
  rig.settle();
  REQUIRE(rig.node(0).set_presence(id_of(1), as_bytes("cursor 5"), 1'000).ok());
  rig.settle(200);
  REQUIRE(rig.node(2).presence(id_of(1)).size() == 1);
  CHECK(as_text(rig.node(2).presence(id_of(1))[0].data) == "cursor 5");
  CHECK(rig.node(2).presence(id_of(1))[0].replica == rig.node(0).replica());
  rig.settle(2'000);
  CHECK(rig.node(2).presence(id_of(1)).empty());
  CHECK(rig.node(0).set_presence(id_of(1), Bytes(5000), 1).error().code() == ErrorCode::kTooLarge);
}

TEST_CASE("a message that is missing, out of place or without credit ends the link with a reason") {
  auto bye_of = [](auto&& attack) {
    Rig rig(2);
    Rig::Wire& wire = rig.connect(0, 1);
    rig.settle();
    attack(rig, wire);
    return rig.node(1).ended(wire.at_b);
  };
  auto send = [](Rig& rig, Rig::Wire& wire, sync::Message message) {
    sync::Envelope next = {100'000, std::move(message)};
    while (auto envelope = rig.node(0).poll(wire.at_a)) rig.node(1).receive(wire.at_b, *envelope);
    rig.node(0).set_presence(id_of(9), as_bytes("x"), 10).value();
    next.sequence = rig.node(0).poll(wire.at_a)->sequence;
    rig.node(1).receive(wire.at_b, std::move(next));
  };
  auto lost = bye_of([](Rig& rig, Rig::Wire& wire) {
    rig.node(1).receive(wire.at_b, {100'000, sync::AllAnnounced()});
  });
  REQUIRE(lost);
  CHECK(lost->reason == sync::ByeReason::kLost);
  auto again = bye_of([&](Rig& rig, Rig::Wire& wire) { send(rig, wire, sync::Hello()); });
  REQUIRE(again);
  CHECK(again->reason == sync::ByeReason::kProtocol);
  auto unnamed = bye_of([&](Rig& rig, Rig::Wire& wire) {
    send(rig, wire, sync::Deltas{77, 0, {Bytes(3)}});
  });
  REQUIRE(unnamed);
  CHECK(unnamed->reason == sync::ByeReason::kProtocol);
  auto garbage = bye_of([&](Rig& rig, Rig::Wire& wire) {
    send(rig, wire, sync::Have{{{id_of(3), sync::HeldAs::kLive, true, {}, {}}}});
    while (rig.node(1).poll(wire.at_b)) continue;  // says that it holds nothing of it
    send(rig, wire, sync::NameDocument{0, id_of(3)});
    send(rig, wire, sync::Deltas{0, 0, {Bytes(3)}});
  });
  REQUIRE(garbage);
  CHECK(garbage->reason == sync::ByeReason::kGarbage);
  auto repeated = bye_of([&](Rig& rig, Rig::Wire& wire) {
    rig.node(1).receive(wire.at_b, {0, sync::AllAnnounced()});
  });
  CHECK_FALSE(repeated);
}

TEST_CASE("what a device held before it met anybody is pending until another holds all of it") {
  Rig rig(2);
  rig.set(0, id_of(1), "a", 1);
  rig.settle();
  rig.crash(0);
  rig.start(0);
  NodeStatus status = rig.node(0).status();
  CHECK(status.pending_documents == 1);
  CHECK(status.pending_operations == 1);
  CHECK(status.oldest_pending_ms > 0);
  CHECK(rig.node(0).sync_status(id_of(1))->pending_operations == 1);
  CHECK(rig.node(0).pending_changes(id_of(1))->size() == 1);
  CHECK(status.known_peers.empty());
  rig.connect(0, 1);
  rig.settle();
  status = rig.node(0).status();
  CHECK(status.pending_documents == 0);
  CHECK(status.oldest_pending_ms == 0);
  REQUIRE(status.known_peers.size() == 1);
  CHECK(status.known_peers[0].replica == rig.node(1).replica());
  CHECK(status.known_peers[0].is_linked);
}

TEST_CASE("what is evicted or deleted owes nothing and lacks nothing") {
  Rig rig(2);
  rig.connect(0, 1);
  rig.set(0, id_of(1), "a", 1);
  rig.settle();
  rig.node(1).set_status(id_of(1), DocumentStatus::kEvicted, nullptr);
  rig.settle();
  rig.set(0, id_of(1), "a", 2);
  rig.settle();
  const DocumentSyncStatus there = *rig.node(1).sync_status(id_of(1));
  CHECK(there.pending_operations == 0);
  for (const DocumentLinkStatus& link : there.links) {
    CHECK(link.behind_operations == 0);
    CHECK(link.to_send_operations == 0);
  }
}

// E6: an operation that its writer gets back from another, before he has sent it there.
TEST_CASE("who is sent an own operation acknowledges it, as any other") {
  Rig rig(1);
  rig.set(0, id_of(1), "a", 1);
  rig.flush();
  Node& node = rig.node(0);
  const ReplicaId own = node.replica();
  const LinkId link = node.add_link({false, "played"});
  std::uint32_t sequence = 0;
  std::vector<sync::Message> heard;
  auto say = [&](sync::Message message) { node.receive(link, {sequence++, std::move(message)}); };
  auto listen = [&] {
    while (auto envelope = node.poll(link)) heard.push_back(std::move(envelope->message));
  };
  sync::Hello hello;
  hello.replica = {7};
  hello.epoch = 7;
  hello.incarnations = {7};
  say(hello);
  say(sync::Welcome());
  listen();
  say(sync::Have{{{id_of(1), sync::HeldAs::kLive, true, {{own, 1, 0}}, {}}}});
  listen();
  const Commit commit = rig.set(0, id_of(1), "b", 2);
  const Bytes delta(commit.delta.begin(), commit.delta.end());
  rig.flush();
  // They have it from somebody else by now, and don't know that this end has it.
  say(sync::Have{{{id_of(1), sync::HeldAs::kLive, false, {{own, 2, 0}}, {}}}});
  heard.clear();
  listen();
  for (const sync::Message& message : heard)
    CHECK_FALSE(std::holds_alternative<sync::Deltas>(message));
  say(sync::NameDocument{0, id_of(1)});
  say(sync::Deltas{0, 0, {delta}});
  rig.tick(200);
  listen();
  bool acknowledged = false;
  for (const sync::Message& message : heard)
    if (const auto* ack = std::get_if<sync::Ack>(&message))
      for (const sync::AckedEnd& end : ack->ends)
        acknowledged = acknowledged || (end.replica == own && end.end == 2);
  CHECK(acknowledged);
}

TEST_CASE("of two links between two devices one stays, and it is the first") {
  Rig rig(2);
  Rig::Wire& first = rig.connect(0, 1);
  rig.settle();
  Rig::Wire& second = rig.connect(1, 0);
  rig.settle(15'000);
  CHECK(first.stands);
  CHECK_FALSE(second.stands);
  const std::uint64_t messages = first.messages;
  rig.set(0, id_of(1), "key", 1);
  rig.settle();
  rig.check_same(id_of(1));
  CHECK(rig.node(1).status().links[0].duplicates == 0);
  CHECK(first.messages > messages);
}

TEST_CASE("a link whose other end is silent does not stand in the way of its successor") {
  Rig rig(2);
  Rig::Wire& first = rig.connect(0, 1);
  rig.settle();
  first.stands = false;  // the cable is cut, and nobody was told
  Rig::Wire& second = rig.connect(0, 1);
  rig.settle(30'000);
  CHECK(second.stands);
  rig.set(1, id_of(1), "key", 1);
  rig.settle();
  rig.check_same(id_of(1));
}
