#pragma once
// SimPeer: one simulated device: a disk that outlives crashes, and a Node while it is up.
//
//            start()               shut_down()
//     down ----------> up (life n) -----------> closing --+
//      ^                |  power_cut()                    | flushed, links ended
//      +----------------+---------------------------------+
//
// Threads: one.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "peer/node.h"
#include "tests/sim/world/network.h"
#include "tests/sim/world/sim_committer.h"
#include "tests/sim/world/sim_store.h"
#include "tests/sim/world/timeline.h"
#include "tests/support/random.h"

namespace weft::sim {

/// What a device is like.
struct PeerModel {
  FlushModel flush;
  std::uint64_t tick_ms = 50;
  std::uint64_t heartbeat_ms = 5'000;
  std::uint64_t timeout_ms = 20'000;
  std::uint64_t credit_bytes = std::uint64_t{1} << 20;
  std::uint64_t coalesce_ms = 0;
  std::size_t open_documents_max = 128;
  std::size_t pending_bytes_max = std::size_t{16} << 20;
  std::size_t commit_bytes_max = std::size_t{32} << 20;
};

/// Something that a node told of itself.
struct SeenEvent {
  std::uint64_t time_us = 0;
  EndpointIndex peer = 0;
  std::uint32_t life = 0;
  NodeEvent event;
};

class SimPeer final : public Endpoint {
 public:
  struct Surroundings {
    Timeline& timeline;
    Network& network;
    const Compressor* compressor;
    std::function<void(const SeenEvent&)> on_event;
    std::function<void(EndpointIndex)> on_down;
  };
  /// 2023-11-14; what a clock without offset shows at the begin.
  static constexpr std::uint64_t kWallBaseMs = 1'700'000'000'000;

  SimPeer(Surroundings surroundings, EndpointIndex index, std::uint64_t seed,
          const PeerModel& model);
  ~SimPeer() override;

  EndpointIndex index() const { return index_; }
  /// Its numbers can be changed at any time; what belongs to Node::Options takes effect at the next start.
  PeerModel& model() { return model_; }
  SimStore& store() { return *store_; }
  const SimStore& store() const { return *store_; }

  // --- life ---
  bool is_up() const { return node_ != nullptr; }
  bool is_closing() const { return is_closing_; }
  std::uint32_t life() const { return life_; }  ///< how often it was started
  Node& node() { return *node_; }
  const Node& node() const { return *node_; }
  void start();
  /// @param silently  the other ends of its links learn nothing
  void power_cut(bool silently);
  /// Cleanly; is down after a while.
  void shut_down();

  // --- its clock ---
  std::uint64_t wall_ms() const;
  void set_clock_offset_ms(std::int64_t offset_ms) { clock_offset_ms_ = offset_ms; }
  /// The clock shows this now.
  void set_wall_ms(std::uint64_t wall_ms);

  // --- its disk ---
  std::unique_ptr<MemoryStore> copy_disk();
  /// The disk is a copy of this from now on. @pre  it is down
  void put_back(const MemoryStore& disk);
  /// Something that another part of the process does with the store, between batches. @pre  it is up
  void run_job(std::function<Status(Store&)> job);

  // --- Endpoint ---
  LinkId add_link(const LinkOptions& options) override { return node_->add_link(options); }
  void receive(LinkId link, sync::Envelope envelope) override;
  void receive_garbage(LinkId link, const Error& error) override;
  std::optional<sync::Envelope> poll(LinkId link) override { return node_->poll(link); }
  std::optional<sync::Bye> ended(LinkId link) const override { return node_->ended(link); }
  void remove_link(LinkId link) override { node_->remove_link(link); }

 private:
  void tick();
  void close_when_done(std::uint64_t deadline_us);
  void go_down();

  Surroundings surroundings_;
  EndpointIndex index_;
  PeerModel model_;
  test::Random random_;
  std::unique_ptr<SimStore> store_;
  std::unique_ptr<SimCommitter> committer_;
  std::unique_ptr<Node> node_;
  std::uint32_t life_ = 0;
  bool is_closing_ = false;
  std::int64_t clock_offset_ms_ = 0;
};

}  // namespace weft::sim
