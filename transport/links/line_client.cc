#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <utility>

#include "transport/links/line_socket.h"
#include "transport/links/os_error.h"
#include "transport/links/sockets.h"

namespace weft::links {
namespace {

constexpr std::uint64_t kNever = ~std::uint64_t{0};
constexpr std::size_t kReadBytes = std::size_t{64} << 10;

std::uint64_t now_ms() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1000 +
         static_cast<std::uint64_t>(now.tv_nsec) / 1'000'000;
}

std::uint64_t deadline_of(std::uint64_t timeout_ms) {
  return timeout_ms == 0 ? kNever : now_ms() + timeout_ms;
}

/// @return false: the time is over
bool wait_for(int socket, short events, std::uint64_t deadline_ms) {
  for (;;) {
    const std::uint64_t now = now_ms();
    if (now >= deadline_ms) return false;
    const std::uint64_t left =
        std::min<std::uint64_t>(deadline_ms - now, std::numeric_limits<int>::max());
    pollfd state{socket, events, 0};
    if (::poll(&state, 1, deadline_ms == kNever ? -1 : static_cast<int>(left)) > 0) return true;
  }
}

Error too_slow(const char* what, std::uint64_t timeout_ms) {
  return Error(ErrorCode::kIoError, std::string(what) + " took longer than " +
                                        duration_words(timeout_ms) +
                                        ": the other process is busy or stuck");
}

}  // namespace

Result<LineClient> LineClient::connect(const std::string& path, std::uint64_t timeout_ms) {
  WEFT_ASSIGN(const Address address, Address::parse("unix:" + path));
  const std::string what = address.print();
  const Endpoint endpoint = direct_endpoints(address).front();
  WEFT_ASSIGN(Fd socket, make_socket(AF_UNIX, what));
  const std::uint64_t deadline_ms = deadline_of(timeout_ms);
  while (::connect(socket.get(), endpoint.data(), endpoint.size) != 0) {
    if (errno == EINTR) continue;
    if (errno != EAGAIN) return os_error(errno, what);
    // The server's queue is full; nothing says when it no longer is.
    if (now_ms() >= deadline_ms) return too_slow("connecting", timeout_ms);
    const timespec pause{0, 10'000'000};
    ::nanosleep(&pause, nullptr);
  }
  WEFT_ASSIGN(const PeerProcess peer, peer_process(socket.get()));
  if (peer.user != ::geteuid())
    return Error(ErrorCode::kIoError, what + ": the process that listens there belongs to user " +
                                          std::to_string(peer.user) +
                                          ": run this command as that user");
  return LineClient(std::move(socket), timeout_ms);
}

Status LineClient::send(std::string_view line) {
  if (line.find('\n') != std::string_view::npos)
    return Error(ErrorCode::kInvalidArgument, "a request is one line: it holds a newline");
  std::string bytes(line);
  bytes.push_back('\n');
  const std::uint64_t deadline_ms = deadline_of(timeout_ms_);
  for (std::size_t sent = 0; sent < bytes.size();) {
    const ssize_t taken =
        ::send(socket_.get(), bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (taken >= 0) {
      sent += static_cast<std::size_t>(taken);
    } else if (errno == EPIPE || errno == ECONNRESET) {
      return {};  // next_line() has what the server said before it closed
    } else if (errno != EAGAIN && errno != EINTR) {
      return os_error(errno, "sending a request");
    } else if (!wait_for(socket_.get(), POLLOUT, deadline_ms)) {
      return too_slow("sending a request", timeout_ms_);
    }
  }
  return {};
}

Result<std::optional<std::string>> LineClient::next_line() {
  const std::uint64_t deadline_ms = deadline_of(timeout_ms_);
  for (;;) {
    const std::size_t end = buffer_.find('\n', searched_bytes_);
    if (end != std::string::npos) {
      std::string line = buffer_.substr(begin_, end - begin_);
      begin_ = searched_bytes_ = end + 1;
      return std::optional<std::string>(std::move(line));
    }
    buffer_.erase(0, begin_);
    begin_ = 0;
    searched_bytes_ = buffer_.size();
    if (buffer_.size() > kLineBytes)
      return Error(ErrorCode::kLimit,
                   "the answer has a line of more than " + std::to_string(kLineBytes) + " bytes");
    buffer_.resize(searched_bytes_ + kReadBytes);
    const ssize_t size = ::recv(socket_.get(), buffer_.data() + searched_bytes_, kReadBytes, 0);
    const int fault = errno;
    buffer_.resize(searched_bytes_ + static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
    if (size > 0) continue;
    if (size == 0 && buffer_.empty()) return std::optional<std::string>();
    if (size == 0 || fault == ECONNRESET)
      return Error(ErrorCode::kIoError, "the answer broke off: the other process ended");
    if (fault != EAGAIN && fault != EINTR) return os_error(fault, "waiting for an answer");
    if (!wait_for(socket_.get(), POLLIN, deadline_ms))
      return too_slow("waiting for an answer", timeout_ms_);
  }
}

}  // namespace weft::links
