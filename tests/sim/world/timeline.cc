#include "tests/sim/world/timeline.h"

#include <algorithm>
#include <utility>

namespace weft::sim {

bool Timeline::is_later(const Entry& a, const Entry& b) {
  return a.time_us != b.time_us ? a.time_us > b.time_us : a.order > b.order;
}

void Timeline::at_us(std::uint64_t time_us, Event event) {
  heap_.push_back({std::max(time_us, now_us_), next_order_++, std::move(event)});
  std::push_heap(heap_.begin(), heap_.end(), is_later);
}

bool Timeline::run_next(std::uint64_t end_us) {
  if (heap_.empty() || heap_.front().time_us > end_us) return false;
  std::pop_heap(heap_.begin(), heap_.end(), is_later);
  Entry entry = std::move(heap_.back());
  heap_.pop_back();
  now_us_ = entry.time_us;
  ++events_run_;
  entry.event();
  return true;
}

void Timeline::run_until_us(std::uint64_t end_us) {
  while (run_next(end_us)) {
  }
  now_us_ = std::max(now_us_, end_us);
}

}  // namespace weft::sim
