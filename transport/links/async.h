#pragma once
// What links/ takes of Asio: coroutines that wait for a descriptor or for each other. Each file that includes this
// costs two seconds to compile. Reading and writing are plain system calls: Asio only says when, since an
// operation that is told its buffer in advance needs one for every idle link.
//
// A coroutine holds a shared_ptr to its object as a parameter, so the object outlives it; whoever owns the object
// ends the coroutine by close() and notify(). After every co_await it looks whether it is still wanted.

#include <chrono>
#include <cstdint>
#include <exception>
#include <utility>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "transport/links/event_loop.h"
#include "transport/links/fd.h"
#include "transport/links/os_error.h"

namespace weft::links {

namespace asio = boost::asio;
using Task = asio::awaitable<void>;

/// Starts a coroutine. It may run at once, up to its first co_await. What it throws ends the process.
inline void spawn(EventLoop& loop, Task task) {
  asio::co_spawn(loop.context(), std::move(task), [](const std::exception_ptr& thrown) {
    if (thrown) std::rethrow_exception(thrown);
  });
}

/// Lets everything else that is ready run first.
inline Task yield() { return asio::post(asio::use_awaitable); }

/// Wakes one coroutine. A notify() before the wait counts for it; several count once.
class Signal {
 public:
  explicit Signal(EventLoop& loop) : timer_(loop.context()) {}

  void notify() {
    if (std::exchange(set_, true)) return;
    timer_.cancel();
  }
  Task wait() { return wait_until(Clock::time_point::max()); }
  /// Waits for notify() or until the time is over.
  Task wait_for(std::uint64_t ms) {
    return wait_until(Clock::now() + std::chrono::milliseconds(ms));
  }

 private:
  using Clock = asio::steady_timer::clock_type;

  Task wait_until(Clock::time_point deadline) {
    if (!set_) {
      boost::system::error_code cancelled;
      timer_.expires_at(deadline);
      co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
    }
    set_ = false;
  }

  asio::steady_timer timer_;
  bool set_ = false;
};

/// A descriptor that a reader and a writer wait for.
class AsyncFd {
 public:
  explicit AsyncFd(EventLoop& loop) : descriptor_(loop.context()) {}

  /// @errors kIoError: the system can watch no more descriptors
  Status open(Fd fd) {
    boost::system::error_code fault;
    descriptor_.assign(fd.get(), fault);
    if (fault) return os_error(fault.value(), "watching a socket");
    fd.release();
    return {};
  }
  bool is_open() const { return descriptor_.is_open(); }
  int get() { return descriptor_.native_handle(); }

  /// These return false where the descriptor was closed meanwhile.
  asio::awaitable<bool> readable() { return wait(asio::posix::descriptor_base::wait_read); }
  asio::awaitable<bool> writable() { return wait(asio::posix::descriptor_base::wait_write); }
  /// The other end closed both directions, or there is an error.
  asio::awaitable<bool> hung_up() { return wait(asio::posix::descriptor_base::wait_error); }

  /// Ends waits with false.
  void close() {
    boost::system::error_code ignored;
    descriptor_.close(ignored);
  }
  Fd release() { return Fd(descriptor_.release()); }

 private:
  asio::awaitable<bool> wait(asio::posix::descriptor_base::wait_type what) {
    boost::system::error_code fault;
    co_await descriptor_.async_wait(what, asio::redirect_error(asio::use_awaitable, fault));
    co_return !fault && descriptor_.is_open();
  }

  asio::posix::stream_descriptor descriptor_;
};

}  // namespace weft::links
