// Hosts as addresses of the loopback network, and between each two of them a relay of TCP streams: host `from` connects
// to the relay's port, which connects to where host `to` listens. Needs no rights.
//
// TCP has its own losses repaired already, so of the rules only delay, jitter, rate and cuts act here. A cut is silence
// as in a network: bytes stay where they are, connections too, until their owners give up or the link is healed.
//
// Addresses come from this process's number, so runs side by side do not meet: 127.a.b.1 and up, where a host listens on
// PORT and the relay to it from host i on PORT + 1 + i.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <deque>
#include <list>

#include "tests/netlab/fabric.h"

namespace weft::netlab {
namespace {

constexpr std::uint32_t kLoopback = 127U << 24;
constexpr int kWaitingConnections = 64;
/// What is under way in one direction of a stream; more waits at the sender, as behind TCP's window.
constexpr std::size_t kUnderWayBytes = 256 << 10;
constexpr std::size_t kReadBytes = 64 << 10;
/// How soon a receiver that takes nothing is tried again.
constexpr std::uint64_t kRetryUs = 5'000;

struct Chunk {
  std::uint64_t at_us;
  std::vector<char> bytes;
};

/// One direction of a stream.
struct Flow {
  std::size_t from;
  std::size_t to;
  std::deque<Chunk> chunks;
  std::size_t under_way_bytes = 0;
  bool has_ended = false;  ///< the sender sends no more
  bool is_done = false;    ///< and the receiver knows
};

/// A connection of host `forth.from` to host `forth.to`.
struct Stream {
  Fd caller;
  Fd called;
  Flow forth;
  Flow back;
};

struct Listener {
  Fd socket;
  std::size_t from;
  std::size_t to;
};

bool would_block() { return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR; }

Fd tcp_socket() {
  Fd made(checked(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "TCP socket"));
  const int on = 1;
  setsockopt(made.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(made.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  return made;
}

class Relays final : public Fabric {
 public:
  Relays(LinkModel& model, std::uint16_t port) : model_(model), port_(port) {
    const auto pid = static_cast<std::uint32_t>(getpid());
    network_ = kLoopback | (1 + pid / 250 % 250) << 16 | (1 + pid % 250) << 8;
    for (std::size_t from = 0; from < model.host_count(); ++from)
      for (std::size_t to = 0; to < model.host_count(); ++to)
        if (from != to) listeners_.push_back({listen_on(from, to), from, to});
  }

  std::string host_line(std::size_t host) const override { return text(address(host, port_)); }

  std::string path(std::size_t from, std::size_t to) const override {
    return text(address(to, relay_port(from))) + ":" + std::to_string(relay_port(from));
  }

  void add_waits(std::vector<pollfd>& waits) const override {
    for (const Listener& each : listeners_)
      waits.push_back(wait(each.socket, is_open(each.from, each.to)));
    for (const Stream& each : streams_) {
      waits.push_back(wait(each.caller, has_room(each.forth)));
      waits.push_back(wait(each.called, has_room(each.back)));
    }
  }

  void receive(const pollfd* waits, std::size_t count, std::uint64_t now_us) override {
    // Streams first: accepting makes more of them than `waits` has.
    std::size_t next = listeners_.size();
    for (Stream& each : streams_) {
      if (next + 2 > count) break;
      if (waits[next++].revents != 0) take(each.caller, each.forth, now_us);
      if (waits[next++].revents != 0) take(each.called, each.back, now_us);
    }
    for (std::size_t i = 0; i < listeners_.size(); ++i)
      if (waits[i].revents != 0) accept_from(listeners_[i]);
  }

  std::uint64_t deliver(std::uint64_t now_us) override {
    std::uint64_t next_us = kNever;
    for (auto stream = streams_.begin(); stream != streams_.end();) {
      const std::uint64_t forth_us = push(stream->called, stream->forth, now_us);
      const std::uint64_t back_us = push(stream->caller, stream->back, now_us);
      next_us = std::min({next_us, forth_us, back_us});
      const bool is_over = is_broken_ || (stream->forth.is_done && stream->back.is_done);
      is_broken_ = false;
      stream = is_over ? streams_.erase(stream) : std::next(stream);
    }
    return next_us;
  }

 private:
  /// A poll for no events would still report a hang-up, again and again; -1 keeps the place and is not looked at.
  static pollfd wait(const Fd& fd, bool is_wanted) {
    return {is_wanted ? fd.get() : -1, POLLIN, 0};
  }

  bool is_open(std::size_t from, std::size_t to) const {
    return model_.is_up(from, to) && model_.is_up(to, from);
  }
  bool has_room(const Flow& flow) const {
    return !flow.has_ended && model_.is_up(flow.from, flow.to) &&
           flow.under_way_bytes < kUnderWayBytes;
  }

  std::uint16_t relay_port(std::size_t from) const {
    return static_cast<std::uint16_t>(port_ + 1 + from);
  }
  sockaddr_in address(std::size_t host, std::uint16_t port) const {
    sockaddr_in result{};
    result.sin_family = AF_INET;
    result.sin_port = htons(port);
    result.sin_addr.s_addr = htonl(network_ + static_cast<std::uint32_t>(host) + 1);
    return result;
  }
  static std::string text(const sockaddr_in& address) {
    std::array<char, INET_ADDRSTRLEN> result{};
    inet_ntop(AF_INET, &address.sin_addr, result.data(), result.size());
    return result.data();
  }

  Fd listen_on(std::size_t from, std::size_t to) const {
    Fd made = tcp_socket();
    const sockaddr_in here = address(to, relay_port(from));
    checked(bind(made.get(), reinterpret_cast<const sockaddr*>(&here), sizeof here),
            "listening on " + path(from, to));
    checked(listen(made.get(), kWaitingConnections), "listening on " + path(from, to));
    return made;
  }

  void accept_from(const Listener& listener) {
    Fd caller(accept4(listener.socket.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (caller.get() < 0) return;
    const int on = 1;
    setsockopt(caller.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    Fd called = tcp_socket();
    const sockaddr_in there = address(listener.to, port_);
    if (connect(called.get(), reinterpret_cast<const sockaddr*>(&there), sizeof there) != 0 &&
        errno != EINPROGRESS)
      return;
    streams_.push_back({std::move(caller), std::move(called),
                        Flow{listener.from, listener.to, {}, 0, false, false},
                        Flow{listener.to, listener.from, {}, 0, false, false}});
  }

  void take(const Fd& sender, Flow& flow, std::uint64_t now_us) {
    const ssize_t size = read(sender.get(), buffer_.data(), buffer_.size());
    if (size < 0 && would_block()) return;
    if (size <= 0) {
      flow.has_ended = true;
      return;
    }
    const auto bytes = static_cast<std::size_t>(size);
    flow.chunks.push_back({model_.send_in_order(flow.from, flow.to, bytes, now_us),
                           {buffer_.begin(), buffer_.begin() + size}});
    flow.under_way_bytes += bytes;
  }

  /// @return when to try again
  std::uint64_t push(const Fd& receiver, Flow& flow, std::uint64_t now_us) {
    if (!model_.is_up(flow.from, flow.to)) return kNever;
    while (!flow.chunks.empty() && flow.chunks.front().at_us <= now_us) {
      std::vector<char>& bytes = flow.chunks.front().bytes;
      const ssize_t sent = send(receiver.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent < 0 && (would_block() || errno == ENOTCONN)) return now_us + kRetryUs;
      if (sent < 0) {
        is_broken_ = true;
        return kNever;
      }
      flow.under_way_bytes -= static_cast<std::size_t>(sent);
      bytes.erase(bytes.begin(), bytes.begin() + sent);
      if (bytes.empty()) flow.chunks.pop_front();
    }
    if (!flow.chunks.empty()) return flow.chunks.front().at_us;
    if (flow.has_ended && !flow.is_done) {
      is_broken_ |= shutdown(receiver.get(), SHUT_WR) != 0;
      flow.is_done = true;
    }
    return kNever;
  }

  LinkModel& model_;
  std::uint16_t port_;
  std::uint32_t network_ = 0;
  std::vector<Listener> listeners_;
  std::list<Stream> streams_;
  bool is_broken_ = false;  ///< the stream that deliver() looks at has a receiver that is gone
  std::vector<char> buffer_ = std::vector<char>(kReadBytes);
};

}  // namespace

std::unique_ptr<Fabric> make_relays(LinkModel& model, std::uint16_t port) {
  return std::make_unique<Relays>(model, port);
}

}  // namespace weft::netlab
