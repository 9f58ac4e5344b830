#pragma once
// A socket in the hands of a test: sends any bytes and reads what comes, between the steps of an event loop.

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <string>

#include <doctest/doctest.h>

#include "crdt/base/bytes.h"
#include "transport/links/event_loop.h"
#include "transport/links/sockets.h"
#include "transport/wire/frame.h"

namespace weft::test {

class RawPeer {
 public:
  explicit RawPeer(const links::Address& address) {
    links::Endpoint endpoint = links::direct_endpoints(address).front();
    socket_ = links::make_socket(endpoint.family(), address.print()).value();
    const int result = ::connect(socket_.get(), endpoint.data(), endpoint.size);
    REQUIRE_MESSAGE((result == 0 || errno == EINPROGRESS), address.print());
    pollfd state{socket_.get(), POLLOUT, 0};
    REQUIRE(::poll(&state, 1, 10'000) == 1);  // the system's queue takes it, accepted or not
  }

  /// Sends as much as there is room for. @return how much
  std::size_t send(ByteSpan bytes) {
    const ssize_t sent =
        ::send(socket_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0) broken_ = errno != EAGAIN;
    return static_cast<std::size_t>(std::max<ssize_t>(sent, 0));
  }
  void send(const sync::Envelope& envelope) {
    Bytes frame;
    wire::encode_frame(envelope, frame);
    REQUIRE(send(frame) == frame.size());
  }
  void send_hello() { send({0, sync::AllAnnounced{}}); }

  /// Takes what came.
  void read() {
    std::byte bytes[16 << 10];
    for (;;) {
      const ssize_t size = ::recv(socket_.get(), bytes, sizeof bytes, MSG_DONTWAIT);
      if (size <= 0) {
        closed_ = closed_ || size == 0 || errno != EAGAIN;
        break;
      }
      received_.insert(received_.end(), bytes, bytes + size);
    }
  }
  /// Takes what came and forgets it. @return how much
  std::size_t discard() {
    read();
    const std::size_t size = received_.size();
    Bytes().swap(received_);
    return size;
  }
  /// Did the other end close? Reads.
  bool is_closed() {
    read();
    return closed_;
  }
  bool is_broken() const { return broken_; }
  const Bytes& received() const { return received_; }
  std::vector<sync::Envelope> envelopes() const {
    wire::FrameDecoder decoder(std::size_t{64} << 20);
    REQUIRE(decoder.feed(received_).ok());
    std::vector<sync::Envelope> all;
    for (;;) {
      std::optional<sync::Envelope> next = decoder.next().value();
      if (!next) return all;
      all.push_back(std::move(*next));
    }
  }

  void shut_down_sending() { ::shutdown(socket_.get(), SHUT_WR); }
  void close() { socket_.reset(); }
  int number() const { return socket_.get(); }

 private:
  links::Fd socket_;
  Bytes received_;
  bool closed_ = false;
  bool broken_ = false;
};

}  // namespace weft::test
