#pragma once
// EventLoop: the one thread of a daemon: sockets, timers, signals, and what other threads hand over. It owns
// Asio's io_context, so that nothing outside of links/ has to know Asio.
//
// Invariants
//   I1  Every callback, of the loop and of whatever is made with it, runs on the thread that is inside run() or
//       run_until(), one at a time, and never from inside the call that asked for it.
//
// Threads: post() and stop() from any; everything else, destruction included, on the loop's thread or
// while nobody runs it.
//
// A callback must not throw: there is nobody who could catch it, the process ends.

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>

#include "crdt/base/result.h"

namespace boost::asio {
class io_context;
}

namespace weft::links {

class EventLoop {
 public:
  class Timer;

  /// Ends the process where the system can't spare the few descriptors of a loop.
  EventLoop() noexcept;
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;
  /// What was made with the loop (hubs, servers, timers) must be gone. Posted functions that did not run are
  /// dropped.
  ~EventLoop();

  /// Runs callbacks until stop(), also while there is nothing to do.
  void run();
  /// Runs callbacks until `done` says so, which is asked after each one. @return false: the time is over
  bool run_until(const std::function<bool()>& done, std::uint64_t timeout_ms);
  /// Makes run() return after the callback that it is in; if nobody is inside, the next run() returns at once.
  void stop();

  /// Runs `function` soon, in the order of the calls of each thread.
  void post(std::function<void()> function);

  /// Calls `function` every `ms` milliseconds until the timer is gone; a late call moves no other.
  [[nodiscard]] Timer every(std::uint64_t ms, std::function<void()> function);
  /// Calls `function` once, unless the timer is gone by then.
  [[nodiscard]] Timer after(std::uint64_t ms, std::function<void()> function);

  /// Calls `function` with the number of each of these signals that comes; they do nothing else from here on.
  /// @errors kInvalidArgument: no signal, or one that can't be caught
  Status on_signal(std::initializer_list<int> signals, std::function<void(int)> function);

  /// Monotonic, of any begin.
  std::uint64_t now_ms() const;

  /// For links/ only.
  boost::asio::io_context& context();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Ends with its handle, also from inside its own function.
class EventLoop::Timer {
 public:
  Timer();
  Timer(Timer&& other) noexcept;
  Timer& operator=(Timer&& other) noexcept;
  ~Timer();

 private:
  friend class EventLoop;
  struct State;
  explicit Timer(std::shared_ptr<State> state);
  void end();
  std::shared_ptr<State> state_;
};

}  // namespace weft::links
