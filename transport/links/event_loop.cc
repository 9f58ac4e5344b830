#include "transport/links/event_loop.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <string>
#include <utility>

#include <boost/asio/signal_set.hpp>

#include "transport/links/async.h"

namespace weft::links {
namespace {

using Clock = std::chrono::steady_clock;

}  // namespace

struct EventLoop::Impl {
  Impl() : context(1), signals(context), busy(asio::make_work_guard(context)) {}

  void wait_for_signal() {
    signals.async_wait([this](boost::system::error_code fault, int number) {
      if (fault) return;
      if (const auto function = on_signal) function(number);  // a copy: it may set another one
      wait_for_signal();
    });
  }

  asio::io_context context;
  asio::signal_set signals;
  asio::executor_work_guard<asio::io_context::executor_type> busy;
  std::function<void(int)> on_signal;
};

EventLoop::EventLoop() noexcept : impl_(std::make_unique<Impl>()) {}
EventLoop::~EventLoop() = default;

void EventLoop::run() {
  impl_->context.run();
  impl_->context.restart();
}

bool EventLoop::run_until(const std::function<bool()>& done, std::uint64_t timeout_ms) {
  const Clock::time_point deadline = Clock::now() + std::chrono::milliseconds(timeout_ms);
  while (!done()) {
    if (impl_->context.run_one_until(deadline) > 0) continue;
    impl_->context.restart();
    return done();
  }
  return true;
}

void EventLoop::stop() { impl_->context.stop(); }

void EventLoop::post(std::function<void()> function) {
  asio::post(impl_->context, std::move(function));
}

Status EventLoop::on_signal(std::initializer_list<int> signals, std::function<void(int)> function) {
  for (int number : signals) {
    boost::system::error_code fault;
    impl_->signals.add(number, fault);
    if (fault)
      return Error(ErrorCode::kInvalidArgument,
                   "signal " + std::to_string(number) + " can't be caught: " + fault.message());
  }
  if (!std::exchange(impl_->on_signal, std::move(function))) impl_->wait_for_signal();
  return {};
}

std::uint64_t EventLoop::now_ms() const {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now().time_since_epoch())
          .count());
}

boost::asio::io_context& EventLoop::context() { return impl_->context; }

struct EventLoop::Timer::State : std::enable_shared_from_this<State> {
  State(asio::io_context& context, std::uint64_t ms, std::function<void()> called, bool repeats)
      : timer(context, std::chrono::milliseconds(ms)),
        interval(repeats ? ms : 0),
        function(std::move(called)) {}

  void wait() {
    timer.async_wait([weak = weak_from_this()](boost::system::error_code fault) {
      const std::shared_ptr<State> state = weak.lock();  // function may drop the handle
      if (fault || !state || state->ended) return;
      state->function();
      if (state->interval.count() == 0 || state->ended) return;
      // In step with the first call, but without making up for calls that the process slept through.
      state->timer.expires_at(std::max(state->timer.expiry() + state->interval, Clock::now()));
      state->wait();
    });
  }

  asio::steady_timer timer;
  std::chrono::milliseconds interval;
  std::function<void()> function;
  bool ended = false;
};

EventLoop::Timer::Timer() = default;
EventLoop::Timer::Timer(std::shared_ptr<State> state) : state_(std::move(state)) { state_->wait(); }
EventLoop::Timer::Timer(Timer&& other) noexcept = default;
EventLoop::Timer& EventLoop::Timer::operator=(Timer&& other) noexcept {
  std::swap(state_, other.state_);
  Timer(std::move(other)).end();
  return *this;
}
EventLoop::Timer::~Timer() { end(); }
void EventLoop::Timer::end() {
  if (state_) state_->ended = true;
  state_.reset();
}

EventLoop::Timer EventLoop::every(std::uint64_t ms, std::function<void()> function) {
  return Timer(std::make_shared<Timer::State>(impl_->context, std::max<std::uint64_t>(ms, 1),
                                              std::move(function), true));
}

EventLoop::Timer EventLoop::after(std::uint64_t ms, std::function<void()> function) {
  return Timer(std::make_shared<Timer::State>(impl_->context, ms, std::move(function), false));
}

}  // namespace weft::links
