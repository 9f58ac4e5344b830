#include "transport/links/listener.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <utility>
#include <vector>

#include "transport/links/async.h"
#include "transport/links/socket_file.h"
#include "transport/links/sockets.h"

namespace weft::links {
namespace {

constexpr int kAcceptsInARow = 64;  ///< then others have their turn

/// Faults of one connection, not of the listening socket. (accept(2) lists them.)
bool is_passing(int number) {
  switch (number) {
    case EINTR:
    case ECONNABORTED:
    case EPROTO:
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH:
    case EPERM:
      return true;
    default:
      return false;
  }
}

}  // namespace

struct Listener::Impl {
  Impl(EventLoop& loop, Address listened, Options listener_options)
      : address(std::move(listened)),
        options(std::move(listener_options)),
        socket(loop),
        over(loop) {}

  Status listen();
  Task accept(std::shared_ptr<Impl> self);
  /// @return 0, or the error number for which to pause
  int accept_some();
  void take(Fd accepted, const Endpoint& from);

  Address address;
  Options options;
  SocketFile file;
  AsyncFd socket;
  Signal over;  ///< only ever set by the end
  std::string state = "listening";
};

Status Listener::Impl::listen() {
  Fd listening;
  if (address.kind == Address::Kind::kUnix) {
    WEFT_ASSIGN(listening, file.listen(address.path));
  } else {
    std::vector<Endpoint> endpoints = direct_endpoints(address);
    if (endpoints.empty()) {
      WEFT_ASSIGN(endpoints, lookup(address.host, address.port));
    }
    WEFT_ASSIGN(Listening made, listen_tcp(endpoints.front(), address.print()));
    address.port = made.endpoint.port();
    listening = std::move(made.socket);
  }
  return socket.open(std::move(listening));
}

Task Listener::Impl::accept(std::shared_ptr<Impl> /*self*/) {
  co_await yield();
  while (socket.is_open()) {
    const bool ready = co_await socket.readable();
    if (!ready) break;
    const int fault = accept_some();
    if (fault == 0) {
      state = "listening";
      continue;
    }
    const std::string paused =
        "paused for " + duration_words(options.pause_ms) + ": " + os_words(fault);
    if (std::exchange(state, paused) != paused && options.report)
      options.report(address.print() + ": " + paused);
    co_await over.wait_for(options.pause_ms);
  }
}

int Listener::Impl::accept_some() {
  for (int i = 0; i < kAcceptsInARow && socket.is_open(); ++i) {
    Endpoint from;
    from.size = sizeof from.storage;
    Fd accepted(::accept4(socket.get(), from.data(), &from.size, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (accepted) {
      take(std::move(accepted), from);
    } else if (errno == EAGAIN) {
      return 0;
    } else if (!is_passing(errno)) {
      return errno;
    }
  }
  return 0;
}

void Listener::Impl::take(Fd accepted, const Endpoint& from) {
  const std::function<void(Accepted)> call = options.accepted;  // a copy: it may end the listener
  if (address.kind == Address::Kind::kTcp)
    return call(Accepted{std::move(accepted), from.print(), from.group()});
  const Result<PeerProcess> peer = peer_process(accepted.get());
  if (!peer.ok()) return;
  const std::string name = address.print() + " (process " + std::to_string(peer->process) + ")";
  if (peer->user == ::geteuid()) return call(Accepted{std::move(accepted), name, {}});
  if (options.report)
    options.report(name + " is of user " + std::to_string(peer->user) + ": turned away");
}

Listener::Listener(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

Listener::~Listener() {
  impl_->file = {};  // before the socket: see SocketFile's I2
  impl_->socket.close();
  impl_->over.notify();
  impl_->options = {};  // what it calls may be gone before the coroutine is
}

Result<std::unique_ptr<Listener>> Listener::open(EventLoop& loop, const Address& address,
                                                 Options options) {
  auto impl = std::make_shared<Impl>(loop, address, std::move(options));
  WEFT_TRY(impl->listen());
  spawn(loop, impl->accept(impl));
  return std::unique_ptr<Listener>(new Listener(std::move(impl)));
}

const Address& Listener::address() const { return impl_->address; }
std::string Listener::state() const { return impl_->state; }

}  // namespace weft::links
