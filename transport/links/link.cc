#include "transport/links/link.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>

#include "transport/links/async.h"
#include "transport/links/sockets.h"
#include "transport/wire/frame.h"

namespace weft::links {
namespace {

std::string bye_words(const sync::Bye& bye) {
  std::string words = sync::reason_name(bye.reason);
  return bye.text.empty() ? words : words + ": " + bye.text;
}

class SocketLink final : public Link, public std::enable_shared_from_this<SocketLink> {
 public:
  explicit SocketLink(LinkContext& context)
      : context_(&context), socket_(context.loop), wake_(context.loop) {}

  Status open(Fd socket);
  void run(bool dialled, std::string name);

  void wake() override { wake_.notify(); }
  void end(std::string why) override;
  void close_now(std::string why) override { close(std::move(why)); }
  void abandon() override;
  std::uint64_t expire(std::uint64_t now_ms) override;

 private:
  enum class State : std::uint8_t {
    kOpen,
    kEnding,    ///< what comes is thrown away; what poll() has is sent
    kDraining,  ///< nothing is sent any more
    kClosed,
  };

  Task read(std::shared_ptr<SocketLink> self);
  void take(ByteSpan received);
  void take_envelopes();
  void refuse(const Error& error);

  Task write(std::shared_ptr<SocketLink> self);
  void fill(Bytes& batch);
  asio::awaitable<bool> send_rest(Bytes rest);
  std::optional<std::size_t> send_some(ByteSpan bytes);

  std::uint64_t set_limit(std::uint64_t ms);
  void close(std::string why);
  void coroutine_ends();

  LinkContext* context_;  ///< null: abandoned
  AsyncFd socket_;
  Signal wake_;
  /// Of a frame that came in part; made anew when there is none, since its buffer only grows.
  std::optional<wire::FrameDecoder> decoder_;
  std::string why_;  ///< the first cause of the end
  State state_ = State::kOpen;
  bool other_end_closed_ = false;
  int coroutines_ = 2;
  std::uint64_t greeting_limit_ = kNever;
  std::uint64_t frame_limit_ = kNever;
  std::uint64_t write_limit_ = kNever;
  std::uint64_t ending_limit_ = kNever;
};

Status SocketLink::open(Fd socket) {
  set_stream_options(socket.get());
  return socket_.open(std::move(socket));
}

void SocketLink::run(bool dialled, std::string name) {
  id_ = context_->handler.link_up(dialled, std::move(name));
  greeting_limit_ = set_limit(context_->options.greeting_timeout_ms);
  spawn(context_->loop, read(shared_from_this()));
  spawn(context_->loop, write(shared_from_this()));
}

// --- reading ---

Task SocketLink::read(std::shared_ptr<SocketLink> /*self*/) {
  co_await yield();  // the hub first has to learn of the link
  while (state_ != State::kClosed) {
    const bool ready = co_await socket_.readable();
    if (!ready || state_ == State::kClosed) break;
    Bytes& incoming = context_->incoming;
    const ssize_t size = ::recv(socket_.get(), incoming.data(), incoming.size(), MSG_DONTWAIT);
    if (size > 0) {
      if (state_ == State::kOpen) take(ByteSpan(incoming).first(static_cast<std::size_t>(size)));
    } else if (size == 0) {
      other_end_closed_ = true;
      close("the other end closed the link");
    } else if (errno != EAGAIN && errno != EINTR) {
      other_end_closed_ = true;
      close(os_words(errno));
    }
  }
  close("the socket can't be watched any more");  // only if nobody closed it
  coroutine_ends();
}

void SocketLink::take(ByteSpan received) {
  if (!decoder_) decoder_.emplace();
  if (Status fed = decoder_->feed(received); !fed.ok()) return refuse(fed.error());
  take_envelopes();
  if (state_ != State::kOpen || decoder_->buffered_bytes() == 0) {
    decoder_.reset();
    frame_limit_ = kNever;
  } else if (frame_limit_ == kNever) {
    frame_limit_ = set_limit(context_->options.frame_timeout_ms);
  }
}

void SocketLink::take_envelopes() {
  while (state_ == State::kOpen) {
    Result<std::optional<sync::Envelope>> next = decoder_->next();
    if (!next.ok()) return refuse(next.error());
    if (!*next) return;
    greeting_limit_ = kNever;
    is_greeted_ = true;
    frame_limit_ = kNever;  // what follows is another frame
    context_->handler.received(id_, std::move(**next));
  }
}

void SocketLink::refuse(const Error& error) {
  context_->handler.garbage(id_, error);
  end("garbage: " + error.message());
}

// --- writing ---

Task SocketLink::write(std::shared_ptr<SocketLink> /*self*/) {
  co_await yield();
  while (state_ <= State::kEnding) {
    Bytes& batch = context_->outgoing;
    fill(batch);
    if (!batch.empty()) {
      const bool was_full = batch.size() >= LinkHub::kBatchBytes;
      const std::optional<std::size_t> sent = send_some(batch);
      if (!sent) break;
      if (*sent < batch.size()) {
        // The batch is shared by all links: it is valid until this suspends.
        Bytes rest(batch.begin() + static_cast<std::ptrdiff_t>(*sent), batch.end());
        const bool all_sent = co_await send_rest(std::move(rest));
        if (!all_sent) break;
      }
      if (was_full) co_await yield();  // links that have little to send come between
      continue;
    }
    if (state_ == State::kOpen) {
      if (const std::optional<sync::Bye> bye = context_->handler.ended(id_)) {
        is_double_ = bye->reason == sync::ByeReason::kDouble;
        end(bye_words(*bye));
      }
    }
    if (state_ == State::kEnding) {
      state_ = State::kDraining;
      ::shutdown(socket_.get(), SHUT_WR);
      break;  // the reader waits for the other end: closing now could take from it what was sent
    }
    co_await wake_.wait();
  }
  coroutine_ends();
}

void SocketLink::fill(Bytes& batch) {
  batch.clear();
  while (batch.size() < LinkHub::kBatchBytes) {
    const std::optional<sync::Envelope> envelope = context_->handler.poll(id_);
    if (!envelope) break;
    wire::encode_frame(*envelope, batch);
  }
}

/// @return false: nothing can be sent any more
asio::awaitable<bool> SocketLink::send_rest(Bytes rest) {
  write_limit_ = set_limit(context_->options.write_timeout_ms);
  for (ByteSpan left = rest; !left.empty();) {
    const bool ready = co_await socket_.writable();
    if (!ready || state_ > State::kEnding) co_return false;
    const std::optional<std::size_t> sent = send_some(left);
    if (!sent) co_return false;
    left = left.subspan(*sent);
  }
  write_limit_ = kNever;
  co_return true;
}

/// How much the socket took; nullopt: it takes nothing any more.
std::optional<std::size_t> SocketLink::send_some(ByteSpan bytes) {
  const ssize_t sent =
      ::send(socket_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent >= 0) return static_cast<std::size_t>(sent);
  if (errno == EAGAIN || errno == EINTR) return 0;
  // The reader goes on: what the other end sent before it closed, perhaps the reason, still lies here.
  if (why_.empty()) why_ = os_words(errno);
  other_end_closed_ = true;
  write_limit_ = kNever;
  ending_limit_ = set_limit(context_->options.ending_timeout_ms);
  return std::nullopt;
}

// --- the end ---

void SocketLink::end(std::string why) {
  if (state_ != State::kOpen) return;
  state_ = State::kEnding;
  if (why_.empty()) why_ = std::move(why);
  greeting_limit_ = kNever;
  frame_limit_ = kNever;
  ending_limit_ = set_limit(context_->options.ending_timeout_ms);
  wake_.notify();
}

void SocketLink::close(std::string why) {
  if (state_ == State::kClosed) return;
  state_ = State::kClosed;
  if (why_.empty()) why_ = std::move(why);
  socket_.close();
  wake_.notify();
}

void SocketLink::abandon() {
  close("");
  context_ = nullptr;
}

/// The one that ends last says so.
void SocketLink::coroutine_ends() {
  if (--coroutines_ > 0 || context_ == nullptr) return;
  if (other_end_closed_) {  // what it said before tells more than that it went
    if (const std::optional<sync::Bye> bye = context_->handler.ended(id_)) {
      is_double_ = bye->reason == sync::ByeReason::kDouble;
      why_ = bye_words(*bye);
    }
  }
  context_->link_closed(*this, why_);
}

std::uint64_t SocketLink::set_limit(std::uint64_t ms) {
  const std::uint64_t when = context_->loop.now_ms() + ms;
  context_->expire_at(when);
  return when;
}

std::uint64_t SocketLink::expire(std::uint64_t now_ms) {
  if (state_ == State::kClosed) return kNever;
  const LinkHub::Options& options = context_->options;
  if (now_ms >= greeting_limit_) {
    close("no message within " + duration_words(options.greeting_timeout_ms) + " of connecting");
  } else if (now_ms >= frame_limit_) {
    close("a message was not complete within " + duration_words(options.frame_timeout_ms));
  } else if (now_ms >= write_limit_) {
    close("the other end did not take a batch of messages within " +
          duration_words(options.write_timeout_ms));
  } else if (now_ms >= ending_limit_) {
    close("the other end did not close the link");
  } else {
    return std::min({greeting_limit_, frame_limit_, write_limit_, ending_limit_});
  }
  return kNever;
}

}  // namespace

Result<std::shared_ptr<Link>> Link::start(LinkContext& context, Fd socket, bool dialled,
                                          std::string name) {
  auto link = std::make_shared<SocketLink>(context);
  WEFT_TRY(link->open(std::move(socket)));
  link->run(dialled, std::move(name));
  return std::shared_ptr<Link>(std::move(link));
}

}  // namespace weft::links
