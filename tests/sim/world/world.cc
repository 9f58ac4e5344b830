#include "tests/sim/world/world.h"

#include <algorithm>
#include <string>
#include <utility>

#include "tests/sim/world/failure.h"

namespace weft::sim {
namespace {

constexpr int kCompressionLevel = 1;
constexpr std::uint64_t kBackoffMsMin = 20;
/// A link that lived as long was a good one: the next call comes soon.
constexpr std::uint64_t kGoodLinkUs = 500'000;

}  // namespace

const char* failure_name(FailureKind kind) {
  switch (kind) {
    case FailureKind::kNone:
      return "none";
    case FailureKind::kDiverged:
      return "diverged";
    case FailureKind::kLostEdit:
      return "lost an edit";
    case FailureKind::kNotConverged:
      return "not converged";
    case FailureKind::kNotQuiet:
      return "not quiet";
    case FailureKind::kInvariant:
      return "invariant";
    case FailureKind::kFalseReport:
      return "false report";
    case FailureKind::kNotRepeatable:
      return "not repeatable";
    case FailureKind::kDied:
      return "died";
    case FailureKind::kNotAcknowledged:
      return "not acknowledged";
  }
  return "unknown";
}

std::uint64_t derived_seed(std::uint64_t seed, std::uint64_t purpose) {
  return test::Random(seed ^ (purpose * 0x9e37'79b9'7f4a'7c15)).next();
}

World::World(Options options)
    : options_(options),
      compressor_(kCompressionLevel),
      network_(timeline_, derived_seed(options.seed, 1)) {
  network_.on_closed = [this](LinkNumber link, std::size_t side) { hang_up(link, side); };
  network_.on_send = [this](EndpointIndex from, LinkNumber link, const sync::Envelope& envelope) {
    if (!options_.audit || peers_[from] == nullptr) return;
    audit_.check(*peers_[from], link, network_.endpoint(link, 0) == from ? 0 : 1, envelope);
  };
  for (std::uint32_t i = 0; i < options_.peers; ++i) {
    add_peer();
    start(i);
  }
}

World::~World() = default;

// --- devices ---

SimPeer& World::add_peer() {
  auto index = static_cast<EndpointIndex>(peers_.size());
  SimPeer::Surroundings surroundings{timeline_, network_, &compressor_,
                                     [this](const SeenEvent& event) { see(event); },
                                     [](EndpointIndex) {}};
  peers_.push_back(std::make_unique<SimPeer>(
      std::move(surroundings), index, derived_seed(options_.seed, 100 + index), options_.peer));
  EndpointIndex endpoint = network_.add_endpoint(peers_.back().get());
  WEFT_ASSERT(endpoint == index);
  return *peers_.back();
}

EndpointIndex World::add_endpoint(Endpoint* endpoint) {
  peers_.push_back(nullptr);
  return network_.add_endpoint(endpoint);
}

void World::start(std::size_t index) {
  peers_[index]->start();
  for (std::size_t i = 0; i < edges_.size(); ++i) {
    if (edges_[i].from != index && edges_[i].to != index) continue;
    edges_[i].backoff_ms = 0;
    plan_call(i);
  }
}

bool World::is_up(std::size_t index) const {
  return peers_[index] == nullptr || (peers_[index]->is_up() && !peers_[index]->is_closing());
}

void World::see(const SeenEvent& event) {
  std::uint64_t words[] = {event.peer,        static_cast<std::uint64_t>(event.event.kind),
                           event.event.link,  event.event.replica.value,
                           event.event.count, event.event.text.size()};
  network_.trace(std::as_bytes(std::span(words)));
  events_.push_back(event);
  if (on_event) on_event(event);
}

std::size_t World::count_events(NodeEvent::Kind kind) const {
  return static_cast<std::size_t>(
      std::count_if(events_.begin(), events_.end(),
                    [kind](const SeenEvent& seen) { return seen.event.kind == kind; }));
}

// --- links ---

void World::add_edge(std::size_t from, std::size_t to) {
  Edge edge{.from = from, .to = to, .random = test::Random(options_.seed + from * 1'000 + to)};
  edges_.push_back(edge);
  plan_call(edges_.size() - 1);
}

void World::add_all_edges() {
  for (std::size_t from = 0; from < size(); ++from)
    for (std::size_t to = from + 1; to < size(); ++to) add_edge(from, to);
}

void World::set_dialled(std::size_t from, std::size_t to, bool dialled) {
  for (std::size_t i = 0; i < edges_.size(); ++i) {
    Edge& edge = edges_[i];
    bool is_it = (edge.from == from && edge.to == to) || (edge.from == to && edge.to == from);
    if (!is_it || edge.is_dialled == dialled) continue;
    edge.is_dialled = dialled;
    plan_call(i);
  }
}

bool World::has_edge(std::size_t a, std::size_t b) const {
  return std::any_of(edges_.begin(), edges_.end(), [&](const Edge& edge) {
    return (edge.from == a && edge.to == b) || (edge.from == b && edge.to == a);
  });
}

bool World::is_linked(std::size_t a, std::size_t b) const {
  return !network_.open_links(static_cast<EndpointIndex>(a), static_cast<EndpointIndex>(b)).empty();
}

void World::set_paths(const std::function<void(PathModel&)>& change) {
  for (std::size_t from = 0; from < size(); ++from)
    for (std::size_t to = 0; to < size(); ++to)
      if (from != to)
        change(network_.path(static_cast<EndpointIndex>(from), static_cast<EndpointIndex>(to)));
}

void World::set_cut(std::size_t a, std::size_t b, bool cut) {
  network_.set_blocked(static_cast<EndpointIndex>(a), static_cast<EndpointIndex>(b), cut);
  network_.set_blocked(static_cast<EndpointIndex>(b), static_cast<EndpointIndex>(a), cut);
}

void World::reset_links(std::size_t a, std::size_t b) {
  for (LinkNumber link :
       network_.open_links(static_cast<EndpointIndex>(a), static_cast<EndpointIndex>(b)))
    network_.reset(link);
}

bool World::can_call(const Edge& edge) const {
  return edge.is_dialled && !edge.is_up && is_up(edge.from);
}

void World::plan_call(std::size_t index) {
  Edge& edge = edges_[index];
  if (edge.is_due || !can_call(edge)) return;
  edge.is_due = true;
  std::uint64_t pause_ms = edge.backoff_ms == 0 ? 0 : edge.random.below(edge.backoff_ms + 1);
  edge.backoff_ms = std::min(std::max(edge.backoff_ms * 2, kBackoffMsMin), options_.backoff_ms_max);
  // A call takes a round trip.
  std::uint64_t round_trip_us =
      2 * network_.path(static_cast<EndpointIndex>(edge.from), static_cast<EndpointIndex>(edge.to))
              .delay_us;
  timeline_.after_us(pause_ms * 1'000 + round_trip_us, [this, index] {
    edges_[index].is_due = false;
    call(index);
  });
}

void World::call(std::size_t index) {
  Edge& edge = edges_[index];
  if (!can_call(edge)) return;
  auto from = static_cast<EndpointIndex>(edge.from), to = static_cast<EndpointIndex>(edge.to);
  if (!is_up(edge.to) || network_.is_blocked(from, to) || network_.is_blocked(to, from))
    return plan_call(index);
  edge.is_up = true;
  edge.up_since_us = timeline_.now_us();
  edge.link = network_.connect(from, to);
}

void World::hang_up(LinkNumber link, std::size_t side) {
  if (side != 0) return;
  for (std::size_t i = 0; i < edges_.size(); ++i) {
    Edge& edge = edges_[i];
    if (!edge.is_up || edge.link != link) continue;
    edge.is_up = false;
    if (timeline_.now_us() - edge.up_since_us >= kGoodLinkUs) edge.backoff_ms = 0;
    // Not at once: one who goes down closes its links first.
    timeline_.after_us(1, [this, i] { plan_call(i); });
  }
}

// --- time ---

void World::run_ms(std::uint64_t duration_ms) {
  timeline_.run_until_us(timeline_.now_us() + duration_ms * 1'000);
}

bool World::run_until(const std::function<bool()>& done, std::uint64_t limit_ms,
                      std::uint64_t step_ms) {
  std::uint64_t end_us = timeline_.now_us() + limit_ms * 1'000;
  while (!done()) {
    if (timeline_.now_us() >= end_us) return false;
    timeline_.run_until_us(std::min(end_us, timeline_.now_us() + step_ms * 1'000));
  }
  return true;
}

}  // namespace weft::sim
