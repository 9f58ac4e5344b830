#include "tests/sim/world/network.h"

#include <algorithm>
#include <string>
#include <utility>

#include "crdt/base/checksum.h"
#include "transport/wire/frame.h"

namespace weft::sim {

namespace {
/// How often an end looks whether its link has ended while its cable is full.
constexpr std::uint64_t kFullCableLooksUs = 1'000'000;
}  // namespace

EndpointIndex Network::add_endpoint(Endpoint* endpoint) {
  endpoints_.push_back(endpoint);
  return static_cast<EndpointIndex>(endpoints_.size() - 1);
}

Network::Way& Network::way(EndpointIndex from, EndpointIndex to) {
  std::uint64_t seed = seed_ + from * 1'000'003ull + to;
  return ways_.try_emplace({from, to}, seed).first->second;
}

void Network::set_blocked(EndpointIndex from, EndpointIndex to, bool blocked) {
  way(from, to).is_blocked = blocked;
  if (blocked) return;
  for (LinkNumber link = 0; link < links_.size(); ++link)
    for (std::size_t side = 0; side < 2; ++side)
      if (end(link, side).endpoint == from && end(link, 1 - side).endpoint == to &&
          !end(link, side).held.empty())
        timeline_.after_us(path(from, to).delay_us, [this, link, side] { drain(link, side); });
}

void Network::trace(ByteSpan what) {
  std::uint64_t with_time[] = {trace_hash_, timeline_.now_us()};
  trace_hash_ = xxh3_64(what, xxh3_64(std::as_bytes(std::span(with_time))));
}

LinkNumber Network::connect(EndpointIndex from, EndpointIndex to) {
  auto number = static_cast<LinkNumber>(links_.size());
  links_.push_back(std::make_unique<Link>());
  const EndpointIndex sides[] = {from, to};
  for (std::size_t side = 0; side < 2; ++side) {
    End& mine = end(number, side);
    mine.endpoint = sides[side];
    mine.is_open = true;
    LinkOptions options;
    options.dialled = side == 0;
    options.name = "sim:" + std::to_string(sides[1 - side]);
    mine.id = endpoints_[mine.endpoint]->add_link(options);
    ends_[{mine.endpoint, mine.id}] = {number, side};
    schedule_pump(number, side, timeline_.now_us());
  }
  return number;
}

void Network::wake(EndpointIndex endpoint, LinkId link) {
  auto found = ends_.find({endpoint, link});
  if (found == ends_.end()) return;  // it is being added; connect() lets it speak
  schedule_pump(found->second.first, found->second.second, timeline_.now_us());
}

std::size_t Network::half_open_links() const {
  return static_cast<std::size_t>(std::count_if(links_.begin(), links_.end(), [](const auto& link) {
    return link->ends[0].is_open != link->ends[1].is_open;
  }));
}

void Network::schedule_pump(LinkNumber link, std::size_t side, std::uint64_t time_us) {
  End& mine = end(link, side);
  if (mine.pump_is_due || !mine.is_open) return;
  mine.pump_is_due = true;
  timeline_.at_us(time_us, [this, link, side] {
    end(link, side).pump_is_due = false;
    pump(link, side);
  });
}

void Network::pump(LinkNumber link, std::size_t side) {
  End& mine = end(link, side);
  Endpoint& endpoint = *endpoints_[mine.endpoint];
  const PathModel& model = path(mine.endpoint, end(link, 1 - side).endpoint);
  while (mine.is_open) {
    std::uint64_t buffer_us =
        model.bytes_per_second == 0 ? 0 : model.buffer_bytes * 1'000'000 / model.bytes_per_second;
    if (mine.cable_free_us > timeline_.now_us() + buffer_us) {
      // As a socket that takes nothing: the last words of a link that has ended are not waited for.
      if (endpoint.ended(mine.id)) return close(link, side, true);
      return schedule_pump(
          link, side,
          std::min(mine.cable_free_us - buffer_us, timeline_.now_us() + kFullCableLooksUs));
    }
    std::optional<sync::Envelope> envelope = endpoint.poll(mine.id);
    if (!envelope) break;
    send(link, side, std::move(*envelope));
  }
  if (mine.is_open && endpoint.ended(mine.id)) close(link, side, true);
}

void Network::send(LinkNumber link, std::size_t side, sync::Envelope envelope) {
  End& mine = end(link, side);
  const EndpointIndex to = end(link, 1 - side).endpoint;
  if (on_send) on_send(mine.endpoint, link, envelope);
  if (tamper) tamper(mine.endpoint, to, envelope);
  auto frame = std::make_shared<Bytes>();
  wire::encode_frame(envelope, *frame);
  for (LinkBytes* bytes : {&mine.bytes, &total}) {
    ++bytes->messages_sent;
    bytes->bytes_sent += frame->size();
    bytes->charged_sent += sync::charge(envelope.message);
  }

  Way& cable = way(mine.endpoint, to);
  const PathModel& model = cable.model;
  mine.cable_free_us = std::max(mine.cable_free_us, timeline_.now_us());
  if (model.bytes_per_second != 0)
    mine.cable_free_us += frame->size() * 1'000'000 / model.bytes_per_second;
  std::uint64_t arrival_us = mine.cable_free_us + model.delay_us;
  if (model.jitter_us != 0) arrival_us += cable.random.below(model.jitter_us);
  arrival_us = std::max(arrival_us, mine.last_arrival_us);

  std::uint64_t fate = cable.random.below(10'000);
  auto befalls = [&fate](std::uint32_t chance) {
    bool hit = fate < chance;
    fate = hit ? 10'000 : fate - chance;
    return hit;
  };
  if (befalls(model.lost)) return;
  if (befalls(model.overtaken)) {
    std::uint64_t late_us = arrival_us + 1'000 + cable.random.below(20'000);
    return put_under_way(link, side, {Flight::Kind::kFrame, frame}, late_us);
  }
  mine.last_arrival_us = arrival_us;
  if (befalls(model.garbled))
    return put_under_way(link, side, {Flight::Kind::kGarbage, nullptr}, arrival_us);
  put_under_way(link, side, {Flight::Kind::kFrame, frame}, arrival_us);
  if (befalls(model.doubled))
    put_under_way(link, side, {Flight::Kind::kFrame, frame},
                  arrival_us + cable.random.below(20'000));
}

void Network::put_under_way(LinkNumber link, std::size_t side, Flight flight,
                            std::uint64_t arrival_us) {
  End& mine = end(link, side);
  std::uint64_t number = mine.next_flight++;
  mine.flights.emplace(number, std::move(flight));
  timeline_.at_us(arrival_us, [this, link, side, number] { arrive(link, side, number); });
}

void Network::arrive(LinkNumber link, std::size_t side, std::uint64_t flight) {
  End& mine = end(link, side);
  if (!mine.held.empty() || is_blocked(mine.endpoint, end(link, 1 - side).endpoint))
    mine.held.push_back(flight);
  else
    hand_over(link, side, flight);
}

void Network::drain(LinkNumber link, std::size_t side) {
  End& mine = end(link, side);
  while (!mine.held.empty() && !is_blocked(mine.endpoint, end(link, 1 - side).endpoint)) {
    std::uint64_t flight = mine.held.front();
    mine.held.pop_front();
    hand_over(link, side, flight);
  }
}

void Network::hand_over(LinkNumber link, std::size_t side, std::uint64_t flight) {
  auto taken = end(link, side).flights.extract(flight);
  End& other = end(link, 1 - side);
  if (taken.empty() || !other.is_open) return;
  const Flight& what = taken.mapped();
  std::uint64_t who[] = {link, side, static_cast<std::uint64_t>(what.kind)};
  trace(std::as_bytes(std::span(who)));
  switch (what.kind) {
    case Flight::Kind::kClose:
      return close(link, 1 - side, false);
    case Flight::Kind::kGarbage:
      return endpoints_[other.endpoint]->receive_garbage(
          other.id, Error(ErrorCode::kCorrupt, "simulated garbage"));
    case Flight::Kind::kFrame:
      break;
  }
  trace(*what.frame);
  Result<sync::Envelope> envelope = wire::decode_frame(*what.frame);
  if (!envelope.ok())
    return endpoints_[other.endpoint]->receive_garbage(other.id, envelope.error());
  if (on_deliver) on_deliver(end(link, side).endpoint, other.endpoint, *envelope);
  endpoints_[other.endpoint]->receive(other.id, std::move(envelope).value());
}

void Network::close(LinkNumber link, std::size_t side, bool tell_other) {
  End& mine = end(link, side);
  if (!mine.is_open) return;
  mine.is_open = false;
  endpoints_[mine.endpoint]->remove_link(mine.id);
  if (tell_other && end(link, 1 - side).is_open) {
    std::uint64_t arrival_us = std::max(mine.cable_free_us, timeline_.now_us()) +
                               path(mine.endpoint, end(link, 1 - side).endpoint).delay_us;
    put_under_way(link, side, {Flight::Kind::kClose, nullptr},
                  std::max(arrival_us, mine.last_arrival_us));
  }
  if (on_closed) on_closed(link, side);
}

void Network::reset(LinkNumber link) {
  for (std::size_t side = 0; side < 2; ++side) end(link, side).flights.clear();
  for (std::size_t side = 0; side < 2; ++side) close(link, side, false);
}

void Network::abandon(EndpointIndex endpoint, bool silently) {
  for (LinkNumber link = 0; link < links_.size(); ++link) {
    for (std::size_t side = 0; side < 2; ++side) {
      End& mine = end(link, side);
      if (mine.endpoint != endpoint || !mine.is_open) continue;
      mine.is_open = false;
      if (!silently && end(link, 1 - side).is_open)
        put_under_way(link, side, {Flight::Kind::kClose, nullptr},
                      std::max(mine.last_arrival_us, timeline_.now_us()) +
                          path(endpoint, end(link, 1 - side).endpoint).delay_us);
      if (on_closed) on_closed(link, side);
    }
  }
}

bool Network::is_open(LinkNumber link) const {
  return links_[link]->ends[0].is_open && links_[link]->ends[1].is_open;
}

std::vector<LinkNumber> Network::open_links(EndpointIndex a, EndpointIndex b) const {
  std::vector<LinkNumber> result;
  for (LinkNumber link : open_links()) {
    EndpointIndex x = endpoint(link, 0), y = endpoint(link, 1);
    if ((x == a && y == b) || (x == b && y == a)) result.push_back(link);
  }
  return result;
}

std::vector<LinkNumber> Network::open_links() const {
  std::vector<LinkNumber> result;
  for (LinkNumber link = 0; link < links_.size(); ++link)
    if (is_open(link)) result.push_back(link);
  return result;
}

const LinkBytes& Network::bytes(LinkNumber link, std::size_t side) const {
  return links_[link]->ends[side].bytes;
}
LinkId Network::link_id(LinkNumber link, std::size_t side) const {
  return links_[link]->ends[side].id;
}
EndpointIndex Network::endpoint(LinkNumber link, std::size_t side) const {
  return links_[link]->ends[side].endpoint;
}

}  // namespace weft::sim
