#include "transport/links/dialler.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>
#include <vector>

#include "transport/links/async.h"
#include "transport/links/backoff.h"
#include "transport/links/name_lookup.h"
#include "transport/links/sockets.h"

namespace weft::links {
namespace {

/// Another link to the same device stands: it is looked after again so often, or when a link goes down.
constexpr std::uint64_t kDoubleMs = 30'000;

}  // namespace

struct Dialler::Impl {
  Impl(EventLoop& event_loop, const Address& dialled, const LinkHub::Options& hub_options,
       StartLink start)
      : loop(event_loop),
        address(dialled),
        options(hub_options),
        backoff({.min_ms = hub_options.backoff_min_ms, .max_ms = hub_options.backoff_max_ms}),
        start_link(std::move(start)),
        socket(loop),
        changed(loop) {}

  enum class State : std::uint8_t { kConnecting, kConnected, kWaiting };

  Task run(std::shared_ptr<Impl> self);
  asio::awaitable<Status> try_once();
  asio::awaitable<Result<std::vector<Endpoint>>> find_endpoints();
  asio::awaitable<Status> connect(const Endpoint& endpoint);
  Status check_user();
  void sign_of_life();

  EventLoop& loop;
  const Address address;
  const LinkHub::Options& options;
  Backoff backoff;
  StartLink start_link;
  AsyncFd socket;  ///< while connecting
  Signal changed;  ///< the link is gone, the name was found, or the end
  std::optional<Result<std::vector<Endpoint>>> found;
  bool over = false;
  State state = State::kConnecting;
  std::optional<std::uint32_t> link;
  std::uint64_t since_ms = 0;       ///< kConnected
  std::uint64_t next_ms = 0;        ///< kWaiting
  bool is_double = false;           ///< it waits since another link to that device stands
  bool is_starting = false;         ///< a link of its own, which is no news to it
  std::uint64_t connecting_ms = 0;  ///< kConnecting: since when
  std::string why;                  ///< the last failure
};

Task Dialler::Impl::run(std::shared_ptr<Impl> /*self*/) {
  co_await yield();
  while (!over) {
    state = State::kConnecting;
    connecting_ms = loop.now_ms();
    backoff.begin_attempt();
    Status connected = co_await try_once();
    if (over) break;
    if (!connected.ok()) why = connected.error().context();
    while (link && !over) co_await changed.wait();
    if (over) break;
    if (state == State::kConnected && loop.now_ms() - since_ms >= options.settled_ms)
      backoff.reset();
    state = State::kWaiting;
    next_ms = is_double ? loop.now_ms() + kDoubleMs
                        : backoff.next_try_ms(loop.now_ms(), options.random());
    for (std::uint64_t now = 0; !over && (now = loop.now_ms()) < next_ms;)
      co_await changed.wait_for(next_ms - now);
    is_double = false;
  }
}

/// Connects to the first endpoint that answers. @errors that of the last endpoint
asio::awaitable<Status> Dialler::Impl::try_once() {
  Result<std::vector<Endpoint>> endpoints = co_await find_endpoints();
  if (over) co_return Status();
  if (!endpoints.ok()) co_return endpoints.take_error();
  Status last;
  for (const Endpoint& endpoint : *endpoints) {
    last = co_await connect(endpoint);
    if (over) co_return Status();
    if (!last.ok()) continue;
    const StartLink start = start_link;  // a copy: link_up() may end the dialler
    is_starting = true;
    Result<std::uint32_t> started = start(socket.release(), address.print());
    is_starting = false;
    if (over) co_return Status();
    if (!started.ok()) co_return started.take_error();
    link = *started;
    state = State::kConnected;
    since_ms = loop.now_ms();
    co_return Status();
  }
  co_return last;
}

asio::awaitable<Result<std::vector<Endpoint>>> Dialler::Impl::find_endpoints() {
  std::vector<Endpoint> direct = direct_endpoints(address);
  if (!direct.empty()) co_return direct;
  found.reset();
  const NameLookup asking(loop, address.host, address.port,
                          [this](Result<std::vector<Endpoint>> result) {
                            found.emplace(std::move(result));
                            changed.notify();
                          });
  while (!found && !over) co_await changed.wait();
  if (over) co_return std::vector<Endpoint>();
  co_return std::move(*found);
}

/// Leaves the connected socket in `socket`.
asio::awaitable<Status> Dialler::Impl::connect(const Endpoint& endpoint) {
  socket.close();
  Result<Fd> made = make_socket(endpoint.family(), "");
  if (!made.ok()) co_return made.take_error();
  const int connected = ::connect(made->get(), endpoint.data(), endpoint.size);
  const int fault = connected == 0 ? 0 : errno;
  if (fault != 0 && fault != EINPROGRESS) co_return os_error(fault, "");
  Status watched = socket.open(std::move(*made));
  if (!watched.ok()) co_return watched;
  if (fault == EINPROGRESS) {
    const EventLoop::Timer limit =
        loop.after(options.connect_timeout_ms, [this] { socket.close(); });
    const bool ready = co_await socket.writable();
    if (!ready) co_return os_error(ETIMEDOUT, "");
    int result = 0;
    socklen_t size = sizeof result;
    if (::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &result, &size) != 0) result = errno;
    if (result != 0) co_return os_error(result, "");
  }
  co_return check_user();
}

/// Whoever listens on a Unix socket in our place must not get our documents.
Status Dialler::Impl::check_user() {
  if (address.kind != Address::Kind::kUnix) return {};
  WEFT_ASSIGN(const PeerProcess peer, peer_process(socket.get()));
  if (peer.user == ::geteuid()) return {};
  return Error(ErrorCode::kIoError, "a process of user " + std::to_string(peer.user) +
                                        " listens there: use a socket of your own");
}

/// Who waits tries soon; so does who asks for a connection since longer than a living machine takes to answer, since
/// the system asks ever more rarely.
void Dialler::Impl::sign_of_life() {
  constexpr std::uint64_t kStaleMs = 1'000;
  const std::uint64_t now = loop.now_ms();
  if (state == State::kConnected || is_starting || is_double) return;
  const bool is_connecting = state == State::kConnecting;
  if (is_connecting && now - connecting_ms < kStaleMs) return;
  if (!backoff.take_sign(now)) return;
  if (is_connecting) return socket.close();
  next_ms = std::min(next_ms, backoff.next_try_by_sign_ms(now, options.random()));
  changed.notify();
}

Dialler::Dialler(EventLoop& loop, const Address& address, const LinkHub::Options& options,
                 StartLink start_link)
    : impl_(std::make_shared<Impl>(loop, address, options, std::move(start_link))) {
  spawn(loop, impl_->run(impl_));
}

Dialler::~Dialler() {
  impl_->over = true;
  impl_->start_link = nullptr;
  impl_->socket.close();
  impl_->changed.notify();
}

void Dialler::sign_of_life() { impl_->sign_of_life(); }

void Dialler::link_down(const std::string& why, bool is_double) {
  impl_->link.reset();
  impl_->why = why;
  impl_->is_double = is_double;
  impl_->changed.notify();
}

/// It may have been the one that stood.
void Dialler::other_link_down() {
  if (!impl_->is_double || impl_->state != Impl::State::kWaiting) return;
  impl_->is_double = false;
  impl_->next_ms = std::min(impl_->next_ms, impl_->backoff.next_try_by_sign_ms(
                                                impl_->loop.now_ms(), impl_->options.random()));
  impl_->changed.notify();
}

DialStatus Dialler::status() const {
  DialStatus status;
  status.address = impl_->address;
  status.link = impl_->link;
  status.attempts = impl_->backoff.attempts();
  const std::uint64_t now = impl_->loop.now_ms();
  switch (impl_->state) {
    case Impl::State::kConnecting:
      status.state = "connecting";
      break;
    case Impl::State::kConnected:
      status.state = "connected for " + duration_words(now - impl_->since_ms);
      break;
    case Impl::State::kWaiting: {
      const std::uint64_t left = impl_->next_ms > now ? impl_->next_ms - now : 0;
      status.state = "next try in " + duration_words(left) + ": " + impl_->why;
      break;
    }
  }
  return status;
}

}  // namespace weft::links
