#pragma once
// Stage: runs an event loop as a daemon does, without a look at each callback, until somebody says that it is enough.

#include <cstdint>

#include "transport/links/event_loop.h"

namespace weft::bench {

class Stage {
 public:
  explicit Stage(links::EventLoop& loop) : loop_(loop) {}

  /// From inside a callback.
  void finish() {
    is_finished_ = true;
    loop_.stop();
  }
  /// @return  false: the time was over first
  bool run(std::uint64_t timeout_ms) {
    bool is_late = false;
    const links::EventLoop::Timer limit = loop_.after(timeout_ms, [&] {
      is_late = true;
      loop_.stop();
    });
    while (!is_finished_ && !is_late) loop_.run();
    return is_finished_;
  }

 private:
  links::EventLoop& loop_;
  bool is_finished_ = false;
};

}  // namespace weft::bench
