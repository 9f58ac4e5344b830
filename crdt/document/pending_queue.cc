#include "crdt/document/pending_queue.h"

#include <utility>

namespace weft {
namespace {

/// Of the four nodes that hold a delta, beside its bytes.
constexpr std::size_t kOverheadBytes = 320;

}  // namespace

std::size_t PendingQueue::cost(const Held& held) {
  return held.bytes.size() + held.missing.capacity() * sizeof(Dot) + kOverheadBytes;
}

PendingQueue::Added PendingQueue::add(WaitingDelta delta, Seq distance, std::uint32_t& dropped) {
  auto [from, to] = by_first_.equal_range(delta.first);
  for (auto at = from; at != to; ++at)
    if (at->second->bytes == delta.bytes) return Added::kHeldAlready;
  Place place = deltas_.insert(deltas_.end(), Held{{std::move(delta)}, {}, {}, {}});
  place->missing.shrink_to_fit();
  watch(place);
  place->by_first = by_first_.emplace(place->first, place);
  place->by_distance = by_distance_.emplace(distance, place);
  bytes_ += cost(*place);
  for (; bytes_ > bytes_max_ && !deltas_.empty(); ++dropped)
    take(std::prev(by_distance_.end())->second);
  return Added::kWaits;
}

WaitingDelta PendingQueue::take(Place place) {
  bytes_ -= cost(*place);
  watched_.erase(place->watched);
  by_first_.erase(place->by_first);
  by_distance_.erase(place->by_distance);
  WaitingDelta delta = std::move(static_cast<WaitingDelta&>(*place));
  deltas_.erase(place);
  return delta;
}

}  // namespace weft
