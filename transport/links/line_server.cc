#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <utility>
#include <vector>

#include "transport/links/async.h"
#include "transport/links/line_socket.h"
#include "transport/links/listener.h"

namespace weft::links {
namespace {

constexpr std::size_t kReadBytes = std::size_t{16} << 10;

class Connection;

/// What the connections of a server share.
struct ServerContext {
  EventLoop& loop;
  LineHandler& handler;
  const LineServer::Options options;
  std::map<std::uint64_t, std::shared_ptr<Connection>> connections = {};
  std::string incoming = std::string(kReadBytes, '\0');
};

/// A connection: it reads the request, then only whether the client is still there.
///
///   asking --> answering --> closing (the last lines go) --> closed
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(ServerContext& context, std::uint64_t id)
      : context_(&context), id_(id), socket_(context.loop), wake_(context.loop) {}

  Status open(Fd socket) { return socket_.open(std::move(socket)); }
  void run();
  bool send_line(std::string_view line);
  void finish(std::string why);
  void abandon();
  /// Has nothing come yet?
  bool is_silent() const { return state_ == State::kAsking && request_.empty(); }

 private:
  enum class State : std::uint8_t { kAsking, kAnswering, kClosing, kClosed };

  Task read(std::shared_ptr<Connection> self);
  void take(std::string_view received);
  bool has_hung_up();
  Task write(std::shared_ptr<Connection> self);
  std::size_t queued_bytes() const { return going_.size() - sent_bytes_ + queue_.size(); }
  void queue(std::string_view line) { queue_.append(line).push_back('\n'); }
  void drop_queue();
  void refuse(std::string_view last_line);
  void close(std::string why);
  void say_closed();
  void coroutine_ends();

  ServerContext* context_;  ///< null: abandoned
  const std::uint64_t id_;
  AsyncFd socket_;
  Signal wake_;
  State state_ = State::kAsking;
  bool has_asked_ = false;
  bool is_known_ = false;  ///< to the handler: closed() is due
  bool is_full_ = false;   ///< drained() is due
  bool all_sent_ = false;
  int coroutines_ = 2;
  EventLoop::Timer limit_;
  std::string request_;
  std::string queue_;  ///< lines to send
  std::string going_;  ///< lines before those, of which sent_bytes_ went
  std::size_t sent_bytes_ = 0;
  std::string why_;
};

void Connection::run() {
  limit_ = context_->loop.after(context_->options.request_timeout_ms,
                                [this] { close("no request came in time"); });
  spawn(context_->loop, read(shared_from_this()));
  spawn(context_->loop, write(shared_from_this()));
}

// --- reading ---

Task Connection::read(std::shared_ptr<Connection> /*self*/) {
  co_await yield();
  while (state_ != State::kClosed) {
    const bool ready = co_await socket_.readable();
    if (!ready || state_ == State::kClosed) break;
    std::string& incoming = context_->incoming;
    const ssize_t size = ::recv(socket_.get(), incoming.data(), incoming.size(), MSG_DONTWAIT);
    if (size > 0) {
      take(std::string_view(incoming).substr(0, static_cast<std::size_t>(size)));
      continue;
    }
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    // A client may close its own direction and still wait for the answer.
    if (size == 0 && has_asked_ && !all_sent_ && !has_hung_up()) co_await socket_.hung_up();
    close("the client is gone");
  }
  coroutine_ends();
}

void Connection::take(std::string_view received) {
  if (state_ != State::kAsking) return;  // a connection is one request
  const std::size_t end = received.find('\n');
  const std::string_view part = received.substr(0, end);
  if (request_.size() + part.size() > context_->options.line_bytes_max)
    return refuse(context_->options.too_long_line);
  request_ += part;
  if (end == std::string_view::npos) return;
  state_ = State::kAnswering;
  has_asked_ = is_known_ = true;
  limit_ = {};
  context_->handler.request(id_, std::exchange(request_, {}));
}

bool Connection::has_hung_up() {
  pollfd state{socket_.get(), 0, 0};
  return ::poll(&state, 1, 0) > 0 && (state.revents & (POLLHUP | POLLERR)) != 0;
}

// --- writing ---

Task Connection::write(std::shared_ptr<Connection> /*self*/) {
  co_await yield();
  while (state_ != State::kClosed) {
    if (sent_bytes_ == going_.size()) {
      sent_bytes_ = 0;
      std::string().swap(going_);  // assigning an empty one would keep the room
      going_.swap(queue_);
    }
    if (going_.empty()) {
      if (state_ == State::kClosing) break;
      co_await wake_.wait();
      continue;
    }
    const ssize_t sent = ::send(socket_.get(), going_.data() + sent_bytes_,
                                going_.size() - sent_bytes_, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent >= 0) {
      sent_bytes_ += static_cast<std::size_t>(sent);
      if (is_full_ && queued_bytes() <= context_->options.out_bytes_max / 4) {
        is_full_ = false;
        context_->handler.drained(id_);
      }
    } else if (errno == EAGAIN) {
      co_await socket_.writable();
    } else if (errno != EINTR) {
      close("the client is gone");
    }
  }
  if (state_ == State::kClosing) {
    all_sent_ = true;
    ::shutdown(socket_.get(),
               SHUT_WR);  // the reader waits for the client to close, so that it loses nothing
    limit_ = context_->loop.after(context_->options.ending_timeout_ms, [this] { close(""); });
  }
  coroutine_ends();
}

bool Connection::send_line(std::string_view line) {
  if (state_ != State::kAnswering) return false;
  const std::size_t queued = queued_bytes();
  if (queued > 0 && queued + line.size() + 1 > context_->options.out_bytes_max) {
    drop_queue();
    queue(context_->options.too_slow_line);
    is_full_ = false;
    finish("its answer was read too slowly");
    // The client may take its time for the last line; the handler need not.
    context_->loop.post([self = shared_from_this()] { self->say_closed(); });
    return false;
  }
  queue(line);
  wake_.notify();
  is_full_ = queued_bytes() > context_->options.out_bytes_max / 2;
  return !is_full_;
}

/// All but the line that was begun.
void Connection::drop_queue() {
  std::string().swap(queue_);
  if (sent_bytes_ == 0) {
    going_.clear();
  } else if (going_[sent_bytes_ - 1] == '\n') {
    going_.resize(sent_bytes_);
  } else {
    going_.resize(going_.find('\n', sent_bytes_) + 1);
  }
  going_.shrink_to_fit();
}

void Connection::refuse(std::string_view last_line) {
  std::string().swap(request_);
  queue(last_line);
  finish("refused");
}

// --- the end ---

void Connection::finish(std::string why) {
  if (state_ > State::kAnswering) return;
  state_ = State::kClosing;
  limit_ = {};
  why_ = std::move(why);
  wake_.notify();
}

void Connection::close(std::string why) {
  if (state_ == State::kClosed) return;
  state_ = State::kClosed;
  if (why_.empty()) why_ = std::move(why);
  socket_.close();
  limit_ = {};
  wake_.notify();
}

void Connection::abandon() {
  close("");
  context_ = nullptr;
}

void Connection::say_closed() {
  if (context_ != nullptr && std::exchange(is_known_, false)) context_->handler.closed(id_, why_);
}

/// The one that ends last says so.
void Connection::coroutine_ends() {
  if (--coroutines_ > 0 || context_ == nullptr) return;
  context_->connections.erase(id_);
  say_closed();
}

}  // namespace

struct LineServer::Impl {
  explicit Impl(ServerContext server_context) : context(std::move(server_context)) {}

  void accepted(Accepted accepted_connection);
  bool make_room();

  ServerContext context;
  std::unique_ptr<Listener> listener;
  std::uint64_t next_id = 1;
};

/// Who has connected and asks nothing gives way to who comes: the one that is silent for longest.
bool LineServer::Impl::make_room() {
  for (const auto& [id, connection] : context.connections) {
    if (!connection->is_silent()) continue;
    connection->abandon();
    context.connections.erase(id);
    return true;
  }
  return false;
}

void LineServer::Impl::accepted(Accepted accepted_connection) {
  if (context.connections.size() >= context.options.connections_max && !make_room()) {
    const std::string line = context.options.too_many_line + "\n";
    ::send(accepted_connection.socket.get(), line.data(), line.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    return;
  }
  const std::uint64_t id = next_id++;
  auto connection = std::make_shared<Connection>(context, id);
  if (!connection->open(std::move(accepted_connection.socket)).ok()) return;
  context.connections.emplace(id, connection);
  connection->run();
}

LineServer::LineServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

LineServer::~LineServer() {
  impl_->listener.reset();
  for (const auto& [id, connection] : impl_->context.connections) connection->abandon();
}

Result<std::unique_ptr<LineServer>> LineServer::open(EventLoop& loop, LineHandler& handler,
                                                     const Address& address, Options options) {
  if (address.kind != Address::Kind::kUnix)
    return Error(ErrorCode::kInvalidArgument,
                 address.print() + ": commands come over a Unix socket only: write unix:PATH");
  auto impl = std::make_unique<Impl>(ServerContext{loop, handler, std::move(options)});
  Listener::Options listener_options;
  listener_options.report = impl->context.options.report;
  listener_options.accepted = [here = impl.get()](Accepted accepted_connection) {
    here->accepted(std::move(accepted_connection));
  };
  WEFT_ASSIGN(impl->listener, Listener::open(loop, address, std::move(listener_options)));
  return std::unique_ptr<LineServer>(new LineServer(std::move(impl)));
}

bool LineServer::send_line(std::uint64_t connection, std::string_view line) {
  const auto at = impl_->context.connections.find(connection);
  return at != impl_->context.connections.end() && at->second->send_line(line);
}

void LineServer::finish(std::uint64_t connection) {
  const auto at = impl_->context.connections.find(connection);
  if (at != impl_->context.connections.end()) at->second->finish("the answer is complete");
}

std::size_t LineServer::connection_count() const { return impl_->context.connections.size(); }

}  // namespace weft::links
