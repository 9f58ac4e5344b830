#include "tests/sim/world/sim_peer.h"

#include <algorithm>
#include <utility>

#include "tests/sim/world/failure.h"

namespace weft::sim {
namespace {

constexpr std::uint64_t kShutDownUsMax = 3'000'000;

}  // namespace

SimPeer::SimPeer(Surroundings surroundings, EndpointIndex index, std::uint64_t seed,
                 const PeerModel& model)
    : surroundings_(std::move(surroundings)), index_(index), model_(model), random_(seed) {
  ReplicaId replica{random_.next()};
  std::uint64_t epoch = random_.next();
  store_ = std::make_unique<SimStore>(replica, epoch, [this] { return random_.next(); });
}

SimPeer::~SimPeer() = default;

void SimPeer::start() {
  ++life_;
  is_closing_ = false;
  store_->open();
  committer_ =
      std::make_unique<SimCommitter>(surroundings_.timeline, *store_, model_.flush, random_.next());
  Node::Options options;
  options.wall_ms = [this] { return wall_ms(); };
  options.random = [this] { return random_.next(); };
  options.wake = [this](LinkId link) { surroundings_.network.wake(index_, link); };
  options.on_event = [this](const NodeEvent& event) {
    surroundings_.on_event({surroundings_.timeline.now_us(), index_, life_, event});
  };
  options.compressor = surroundings_.compressor;
  options.open_documents_max = model_.open_documents_max;
  options.pending_bytes_max = model_.pending_bytes_max;
  options.credit_bytes = model_.credit_bytes;
  options.commit_bytes_max = model_.commit_bytes_max;
  options.coalesce_ms = model_.coalesce_ms;
  options.heartbeat_ms = model_.heartbeat_ms;
  options.timeout_ms = model_.timeout_ms;
  Result<std::unique_ptr<Node>> node = Node::open(*store_, *committer_, std::move(options));
  expect(node.ok(), FailureKind::kInvariant, "a node can't open its store");
  node_ = std::move(node).value();
  tick();
}

void SimPeer::tick() {
  node_->tick(surroundings_.timeline.now_ms());
  surroundings_.timeline.after_ms(model_.tick_ms, [this, life = life_] {
    if (life == life_ && is_up()) tick();
  });
}

void SimPeer::go_down() {
  node_.reset();
  committer_.reset();
  is_closing_ = false;
  surroundings_.on_down(index_);
}

void SimPeer::power_cut(bool silently) {
  if (!is_up()) return;
  committer_->power_cut();
  surroundings_.network.abandon(index_, silently);
  go_down();
}

void SimPeer::shut_down() {
  if (!is_up() || is_closing_) return;
  is_closing_ = true;
  node_->shut_down();
  close_when_done(surroundings_.timeline.now_us() + kShutDownUsMax);
}

void SimPeer::close_when_done(std::uint64_t deadline_us) {
  Network& network = surroundings_.network;
  std::vector<LinkNumber> links = network.open_links();
  bool linked = std::any_of(links.begin(), links.end(), [&](LinkNumber link) {
    return network.endpoint(link, 0) == index_ || network.endpoint(link, 1) == index_;
  });
  bool is_done = node_->is_flushed() && committer_->is_idle() && !linked;
  if (is_done || surroundings_.timeline.now_us() >= deadline_us) {
    network.abandon(index_, false);
    return go_down();
  }
  surroundings_.timeline.after_ms(20, [this, life = life_, deadline_us] {
    if (life == life_ && is_up()) close_when_done(deadline_us);
  });
}

std::uint64_t SimPeer::wall_ms() const {
  auto now_ms = static_cast<std::int64_t>(kWallBaseMs + surroundings_.timeline.now_ms());
  return static_cast<std::uint64_t>(std::max<std::int64_t>(now_ms + clock_offset_ms_, 0));
}

void SimPeer::set_wall_ms(std::uint64_t wall_ms) {
  clock_offset_ms_ = static_cast<std::int64_t>(wall_ms) -
                     static_cast<std::int64_t>(kWallBaseMs + surroundings_.timeline.now_ms());
}

std::unique_ptr<MemoryStore> SimPeer::copy_disk() {
  return store_->copy([this] { return random_.next(); });
}

void SimPeer::put_back(const MemoryStore& disk) {
  WEFT_ASSERT(!is_up());
  store_->put_back(disk.clone([this] { return random_.next(); }));
}

void SimPeer::run_job(std::function<Status(Store&)> job) {
  committer_->run(std::move(job), [](Status) {});
}

void SimPeer::receive(LinkId link, sync::Envelope envelope) {
  node_->receive(link, std::move(envelope));
}

void SimPeer::receive_garbage(LinkId link, const Error& error) {
  node_->receive_garbage(link, error);
}

}  // namespace weft::sim
