#pragma once
// World: devices, the network between them, and the time they live in. Tests script it; Simulation (../simulation.h)
// drives it by a random plan.
//
// Each edge is a pair of devices, one of which dials the other, again and again with growing pauses, as long as there
// is no link.
//
// Invariants
//   I1  Two runs of the same seed and the same calls have the same trace hash.
//
// Threads: one.

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "storage/codec/zstd_codec.h"
#include "tests/sim/world/audit.h"
#include "tests/sim/world/network.h"
#include "tests/sim/world/sim_peer.h"
#include "tests/sim/world/timeline.h"

namespace weft::sim {

/// Numbers for one purpose: those of other purposes don't change when this one draws more.
std::uint64_t derived_seed(std::uint64_t seed, std::uint64_t purpose);

class World {
 public:
  struct Options {
    std::uint64_t seed = 1;
    std::uint32_t peers = 2;  ///< up, and not linked
    PeerModel peer;
    std::uint64_t backoff_ms_max = 1'000;
    bool audit = true;
  };
  explicit World(Options options);
  World(const World&) = delete;
  World& operator=(const World&) = delete;
  ~World();

  // --- devices ---
  std::size_t size() const { return peers_.size(); }
  SimPeer& peer(std::size_t index) { return *peers_[index]; }
  const SimPeer& peer(std::size_t index) const { return *peers_[index]; }
  Node& node(std::size_t index) { return peers_[index]->node(); }
  /// One that is not started yet.
  SimPeer& add_peer();
  /// Starts one that is down; it dials, and others dial it.
  void start(std::size_t index);
  /// Something that a test plays; it counts as up, and is in the place of a peer.
  EndpointIndex add_endpoint(Endpoint* endpoint);

  // --- links ---
  Network& network() { return network_; }
  void add_edge(std::size_t from, std::size_t to);
  void add_all_edges();
  /// Nobody dials there any more (links stay), or somebody does again.
  void set_dialled(std::size_t from, std::size_t to, bool dialled);
  bool has_edge(std::size_t a, std::size_t b) const;
  bool is_linked(std::size_t a, std::size_t b) const;
  /// Both directions at once.
  void set_paths(const std::function<void(PathModel&)>& change);
  void set_cut(std::size_t a, std::size_t b, bool cut);
  void reset_links(std::size_t a, std::size_t b);

  // --- time ---
  Timeline& timeline() { return timeline_; }
  void run_ms(std::uint64_t duration_ms);
  /// Until `done`, which is asked every `step_ms`. @return  false: it never was within `limit_ms`
  bool run_until(const std::function<bool()>& done, std::uint64_t limit_ms,
                 std::uint64_t step_ms = 10);

  // --- looking ---
  const std::vector<SeenEvent>& events() const { return events_; }
  std::size_t count_events(NodeEvent::Kind kind) const;
  std::uint64_t trace_hash() const { return network_.trace_hash(); }
  const ZstdCompressor& compressor() const { return compressor_; }
  /// Called with every event of a node.
  std::function<void(const SeenEvent&)> on_event;

 private:
  struct Edge {
    std::size_t from = 0;
    std::size_t to = 0;
    bool is_dialled = true;
    bool is_due = false;  ///< a call is planned
    bool is_up = false;   ///< as far as the one who dials knows
    LinkNumber link = 0;
    std::uint64_t up_since_us = 0;
    std::uint64_t backoff_ms = 0;
    test::Random random;
  };

  void see(const SeenEvent& event);
  bool is_up(std::size_t index) const;
  bool can_call(const Edge& edge) const;
  void plan_call(std::size_t edge);
  void call(std::size_t edge);
  void hang_up(LinkNumber link, std::size_t side);

  Options options_;
  ZstdCompressor compressor_;
  Timeline timeline_;
  Network network_;
  Audit audit_;
  std::vector<std::unique_ptr<SimPeer>> peers_;  ///< by endpoint; null: a test plays it
  std::vector<Edge> edges_;
  std::vector<SeenEvent> events_;
};

}  // namespace weft::sim
