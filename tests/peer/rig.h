#pragma once
// Rig: some nodes on memory stores, joined by links without delay, on one thread. Batches wait until flush()
// lets them be durable, unless told otherwise.

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "crdt/document/json_text.h"
#include "peer/node.h"
#include "storage/memory/memory_store.h"
#include "tests/support/random.h"

namespace weft::test {

inline DocumentId id_of(std::uint64_t number) {
  DocumentId id;
  for (std::size_t i = 0; i < 8; ++i) id.bytes[i] = static_cast<std::uint8_t>(number >> (8 * i));
  id.bytes[15] = 1;
  return id;
}

class Rig {
 public:
  class Disk final : public Committer {
   public:
    explicit Disk(Store& store) : store_(store) {}
    void commit(CommitBatch batch, std::function<void(Result<AppendResult>)> done) override {
      auto held = std::make_shared<CommitBatch>(std::move(batch));
      waiting_.push_back([this, held, done = std::move(done)] {
        done(store_.append(held->records, held->notes));
      });
    }
    void run(std::function<Status(Store&)> job, std::function<void(Status)> done) override {
      waiting_.push_back(
          [this, job = std::move(job), done = std::move(done)] { done(job(store_)); });
    }
    /// @return  false: nothing waited
    bool step() {
      if (waiting_.empty()) return false;
      auto next = std::move(waiting_.front());
      waiting_.pop_front();
      next();
      return true;
    }
    void lose_power() { waiting_.clear(); }

   private:
    Store& store_;
    std::deque<std::function<void()>> waiting_;
  };

  struct Peer {
    std::unique_ptr<MemoryStore> store;
    std::unique_ptr<Disk> disk;
    std::unique_ptr<Node> node;
    std::vector<NodeEvent> events;
    std::uint64_t wall_offset_ms = 1'700'000'000'000;
    bool flushes = true;

    std::uint64_t count(NodeEvent::Kind kind) const {
      std::uint64_t result = 0;
      for (const NodeEvent& event : events) result += event.kind == kind ? 1u : 0u;
      return result;
    }
  };
  struct Wire {
    std::size_t a = 0;
    std::size_t b = 0;
    LinkId at_a = 0;
    LinkId at_b = 0;
    bool stands = true;
    std::uint64_t messages = 0;
    std::map<std::string, std::uint64_t> kinds;  ///< of messages
  };

  explicit Rig(std::size_t count, std::uint64_t seed = 1) : random_(seed) {
    for (std::size_t i = 0; i < count; ++i) {
      Peer& peer = *peers_.emplace_back(std::make_unique<Peer>());
      MemoryStore::Options options;
      options.replica = {0x1000 + i};
      options.epoch = 0x2000 + i;
      options.random = [this] { return random_.next(); };
      peer.store = std::make_unique<MemoryStore>(options);
      start(i);
    }
  }
  Peer& peer(std::size_t i) { return *peers_[i]; }
  Node& node(std::size_t i) { return *peers_[i]->node; }
  Node::Options& options() { return options_; }

  void start(std::size_t i) {
    Peer& peer = *peers_[i];
    peer.store->reopen();
    peer.disk = std::make_unique<Disk>(*peer.store);
    Node::Options options = options_;
    options.wall_ms = [this, &peer] { return peer.wall_offset_ms + now_ms_; };
    options.random = [this] { return random_.next(); };
    options.on_event = [&peer](const NodeEvent& event) { peer.events.push_back(event); };
    peer.node = Node::open(*peer.store, *peer.disk, std::move(options)).value();
    peer.node->tick(now_ms_);
  }
  /// What was not durable is gone.
  void crash(std::size_t i) {
    cut(i);
    peers_[i]->disk->lose_power();
    peers_[i]->node.reset();
  }

  Wire& connect(std::size_t a, std::size_t b) {
    Wire& wire = *wires_.emplace_back(std::make_unique<Wire>());
    wire.a = a;
    wire.b = b;
    wire.at_a = node(a).add_link({true, "to " + std::to_string(b)});
    wire.at_b = node(b).add_link({false, "to " + std::to_string(a)});
    return wire;
  }
  void disconnect(Wire& wire) {
    if (!wire.stands) return;
    wire.stands = false;
    if (peers_[wire.a]->node) node(wire.a).remove_link(wire.at_a);
    if (peers_[wire.b]->node) node(wire.b).remove_link(wire.at_b);
  }
  void cut(std::size_t i) {
    for (auto& wire : wires_)
      if (wire->a == i || wire->b == i) disconnect(*wire);
  }

  bool move_messages() {
    bool moved = false;
    for (std::size_t w = 0; w < wires_.size(); ++w) {
      Wire& wire = *wires_[w];
      if (!wire.stands) continue;
      for (bool forth : {true, false}) {
        Node& from = node(forth ? wire.a : wire.b);
        Node& to = node(forth ? wire.b : wire.a);
        const LinkId out = forth ? wire.at_a : wire.at_b;
        const LinkId in = forth ? wire.at_b : wire.at_a;
        for (int budget = 100; budget > 0; --budget) {
          std::optional<sync::Envelope> envelope = from.poll(out);
          if (!envelope) break;
          ++wire.messages;
          ++wire.kinds[sync::type_name(envelope->message)];
          if (on_message) on_message(forth ? wire.a : wire.b, envelope->message);
          to.receive(in, std::move(*envelope));
          moved = true;
        }
      }
      if (!moved && (node(wire.a).ended(wire.at_a) || node(wire.b).ended(wire.at_b)))
        disconnect(wire);
    }
    return moved;
  }
  bool flush() {
    bool moved = false;
    for (auto& peer : peers_)
      while (peer->node && peer->flushes && peer->disk->step()) moved = true;
    return moved;
  }
  void tick(std::uint64_t ms = 100) {
    now_ms_ += ms;
    for (auto& peer : peers_)
      if (peer->node) peer->node->tick(now_ms_);
  }
  /// Until nothing moves, for so long.
  void settle(std::uint64_t ms = 3'000) {
    const std::uint64_t end = now_ms_ + ms;
    for (;;) {
      const bool flushed = flush();
      const bool moved = move_messages();
      if (flushed || moved) continue;
      if (now_ms_ >= end) break;
      tick();
    }
    for (auto& peer : peers_)
      if (peer->node) peer->node->check_invariants();
  }

  Commit set(std::size_t i, const DocumentId& id, const std::string& key, const Value& value) {
    auto commit = node(i).edit(id, [&](Transaction& tx) { return tx.root().set(key, value); });
    REQUIRE_MESSAGE(commit.ok(), commit.error().message());
    return *commit;
  }
  std::string content(std::size_t i, const DocumentId& id) {
    auto document = node(i).read(id);
    if (!document.ok()) return document.error().message();
    return print_json((*document)->to_json().value(), {.sort_keys = true});
  }
  Bytes snapshot(std::size_t i, const DocumentId& id) {
    auto document = node(i).read(id);
    REQUIRE_MESSAGE(document.ok(), document.error().message());
    return (*document)->snapshot();
  }
  void check_same(const DocumentId& id) {
    for (std::size_t i = 1; i < peers_.size(); ++i) {
      CHECK(content(i, id) == content(0, id));
      CHECK(snapshot(i, id) == snapshot(0, id));
      CHECK(peers_[i]->store->version(id) == peers_[0]->store->version(id));
    }
  }

  std::function<void(std::size_t from, const sync::Message&)> on_message;
  Random random_;

 private:
  Node::Options options_;
  std::vector<std::unique_ptr<Peer>> peers_;
  std::vector<std::unique_ptr<Wire>> wires_;
  std::uint64_t now_ms_ = 0;
};

}  // namespace weft::test
