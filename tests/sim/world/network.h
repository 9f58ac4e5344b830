#pragma once
// Network: links between endpoints, each a pair of streams of envelopes, in virtual time.
//
//   endpoint.poll() --> encoded --> [paid for by bytes and bandwidth] --> [delay, jitter] --> endpoint.receive()
//
// A stream keeps its order and loses nothing, as TCP does, unless the path's model says otherwise: then a single
// envelope is lost, doubled, overtaken or turned into garbage, which a session must notice. A blocked path holds what
// is on its way (a cable pulled out); a link that is reset loses it.
//
// Every envelope travels as its frame: that gives its size, and what the trace hash is made of. The receiver gets
// what the frame decodes to.
//
// Invariants
//   I1  Everything that happens here follows from the seed and from what endpoints say.
//
// Threads: one.

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "crdt/base/bytes.h"
#include "crdt/sync/message.h"
#include "peer/node.h"
#include "tests/sim/world/timeline.h"
#include "tests/support/random.h"

namespace weft::sim {

/// One direction between two endpoints.
struct PathModel {
  std::uint64_t delay_us = 500;
  std::uint64_t jitter_us = 0;
  std::uint64_t bytes_per_second = 0;  ///< 0: no limit
  std::uint64_t buffer_bytes = std::uint64_t{64}
                               << 10;  ///< sent, not on the cable yet; beyond, no poll
  // Of 10,000 envelopes:
  std::uint32_t lost = 0;
  std::uint32_t doubled = 0;
  std::uint32_t overtaken = 0;
  std::uint32_t garbled = 0;
};

/// What a link connects: a device, or a test that plays one.
class Endpoint {
 public:
  virtual ~Endpoint() = default;
  virtual LinkId add_link(const LinkOptions& options) = 0;
  virtual void receive(LinkId link, sync::Envelope envelope) = 0;
  virtual void receive_garbage(LinkId link, const Error& error) = 0;
  virtual std::optional<sync::Envelope> poll(LinkId link) = 0;
  virtual std::optional<sync::Bye> ended(LinkId link) const = 0;
  virtual void remove_link(LinkId link) = 0;
};

using EndpointIndex = std::uint32_t;
using LinkNumber = std::uint32_t;  ///< of the network; an endpoint names its end by a LinkId

/// What has passed one end of a link.
struct LinkBytes {
  std::uint64_t messages_sent = 0;
  std::uint64_t bytes_sent = 0;    ///< of frames
  std::uint64_t charged_sent = 0;  ///< of it charge()
};

class Network {
 public:
  /// @param timeline  must outlive the network
  Network(Timeline& timeline, std::uint64_t seed) : timeline_(timeline), seed_(seed) {}
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

  /// @param endpoint  must outlive the network
  EndpointIndex add_endpoint(Endpoint* endpoint);
  PathModel& path(EndpointIndex from, EndpointIndex to) { return way(from, to).model; }
  /// What arrives there is held until the path is open again.
  void set_blocked(EndpointIndex from, EndpointIndex to, bool blocked);
  bool is_blocked(EndpointIndex from, EndpointIndex to) { return way(from, to).is_blocked; }

  /// A link that `from` has dialled; both ends know of it at once.
  LinkNumber connect(EndpointIndex from, EndpointIndex to);
  /// The endpoint has something to say on this link of its own, or wants it closed.
  void wake(EndpointIndex endpoint, LinkId link);
  /// Links of which one end is gone and the other has not noticed.
  std::size_t half_open_links() const;
  /// Both ends are told that the link is gone; what was on its way is lost.
  void reset(LinkNumber link);
  /// The endpoint is no more, and was told nothing. @param silently  nor are the other ends of its links
  void abandon(EndpointIndex endpoint, bool silently);

  bool is_open(LinkNumber link) const;  ///< at both ends
  /// Links that are open at both ends, between these two in either direction.
  std::vector<LinkNumber> open_links(EndpointIndex a, EndpointIndex b) const;
  std::vector<LinkNumber> open_links() const;
  /// Of the end that has dialled (0) or the other (1).
  const LinkBytes& bytes(LinkNumber link, std::size_t side) const;
  LinkId link_id(LinkNumber link, std::size_t side) const;
  EndpointIndex endpoint(LinkNumber link, std::size_t side) const;

  LinkBytes total;  ///< of all links
  std::uint64_t trace_hash() const { return trace_hash_; }
  /// Mixes something else that has happened into the trace.
  void trace(ByteSpan what);

  /// Called with every envelope that is sent, before anything can happen to it.
  std::function<void(EndpointIndex from, LinkNumber, const sync::Envelope&)> on_send;
  /// May change what is sent, and what happens in a link's wake; for canaries and traces.
  std::function<void(EndpointIndex from, EndpointIndex to, sync::Envelope&)> tamper;
  std::function<void(EndpointIndex from, EndpointIndex to, const sync::Envelope&)> on_deliver;
  /// Called when one end is closed.
  std::function<void(LinkNumber, std::size_t side)> on_closed;

 private:
  struct Flight {
    enum class Kind : std::uint8_t { kFrame, kGarbage, kClose };
    Kind kind = Kind::kFrame;
    std::shared_ptr<const Bytes> frame;
  };
  struct End {
    EndpointIndex endpoint = 0;
    LinkId id = 0;
    bool is_open = false;
    bool pump_is_due = false;
    std::uint64_t cable_free_us = 0;          ///< when what was sent is on the cable
    std::uint64_t last_arrival_us = 0;        ///< of what was sent
    std::map<std::uint64_t, Flight> flights;  ///< to the other end
    std::uint64_t next_flight = 0;
    std::deque<std::uint64_t> held;  ///< arrived where the path is blocked
    LinkBytes bytes;
  };
  struct Link {
    End ends[2];
  };
  /// Its numbers don't depend on what happens elsewhere.
  struct Way {
    explicit Way(std::uint64_t seed) : random(seed) {}
    PathModel model;
    bool is_blocked = false;
    test::Random random;
  };

  Way& way(EndpointIndex from, EndpointIndex to);
  End& end(LinkNumber link, std::size_t side) { return links_[link]->ends[side]; }
  void schedule_pump(LinkNumber link, std::size_t side, std::uint64_t time_us);
  void pump(LinkNumber link, std::size_t side);
  void send(LinkNumber link, std::size_t side, sync::Envelope envelope);
  void put_under_way(LinkNumber link, std::size_t side, Flight flight, std::uint64_t arrival_us);
  void arrive(LinkNumber link, std::size_t side, std::uint64_t flight);
  void hand_over(LinkNumber link, std::size_t side, std::uint64_t flight);
  void drain(LinkNumber link, std::size_t side);
  void close(LinkNumber link, std::size_t side, bool tell_other);

  Timeline& timeline_;
  std::uint64_t seed_;
  std::vector<Endpoint*> endpoints_;
  std::vector<std::unique_ptr<Link>> links_;
  std::map<std::pair<EndpointIndex, EndpointIndex>, Way> ways_;
  std::map<std::pair<EndpointIndex, LinkId>, std::pair<LinkNumber, std::size_t>> ends_;
  std::uint64_t trace_hash_ = 0;
};

}  // namespace weft::sim
