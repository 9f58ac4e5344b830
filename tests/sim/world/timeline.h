#pragma once
// Timeline: virtual time, and what is to happen when. Events of one moment happen in the order in which they
// were handed in, so a run depends on nothing but its seed.
//
// Threads: one.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

namespace weft::sim {

class Timeline {
 public:
  using Event = std::function<void()>;

  std::uint64_t now_us() const { return now_us_; }
  std::uint64_t now_ms() const { return now_us_ / 1'000; }

  /// @param time_us  a moment that has passed is taken for now
  void at_us(std::uint64_t time_us, Event event);
  void after_us(std::uint64_t delay_us, Event event) {
    at_us(now_us_ + delay_us, std::move(event));
  }
  void after_ms(std::uint64_t delay_ms, Event event) {
    after_us(delay_ms * 1'000, std::move(event));
  }

  /// Lets the next event happen, if it comes not later than `end_us`.
  bool run_next(std::uint64_t end_us);
  /// Lets all happen that comes not later; then it is `end_us`.
  void run_until_us(std::uint64_t end_us);

  std::uint64_t events_run() const { return events_run_; }

 private:
  struct Entry {
    std::uint64_t time_us;
    std::uint64_t order;
    Event event;
  };
  static bool is_later(const Entry& a, const Entry& b);

  std::uint64_t now_us_ = 0;
  std::uint64_t next_order_ = 0;
  std::uint64_t events_run_ = 0;
  std::vector<Entry> heap_;  ///< the earliest first
};

}  // namespace weft::sim
