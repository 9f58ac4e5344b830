#pragma once
// PendingQueue: deltas that came before something they depend on. Bounded: over its bound those go whose
// own log lacked most before them when they came, and have to be fetched again.
//
// Invariants
//   I1  Every delta held lacks something, and is watched for the last dot of its `missing`.
//   I2  bytes() <= the bound after each add.
//
// Cost: add, wake and drop O(log n) for each delta.

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <vector>

#include "crdt/base/bytes.h"
#include "crdt/clock/ids.h"

namespace weft {

struct WaitingDelta {
  Bytes bytes;  ///< row form
  Dot first;
  Seq op_count = 0;
  std::vector<Dot> missing;  ///< each one operation that has to come first; not empty
};

class PendingQueue {
 public:
  explicit PendingQueue(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  enum class Added : std::uint8_t { kWaits, kHeldAlready };
  /// @param distance  operations of its author that lie between what is held and the delta
  /// @param dropped   grows by the deltas that had to go, which may be this one
  Added add(WaitingDelta delta, Seq distance, std::uint32_t& dropped);

  /// Takes out the deltas for which nothing is missing any more, now that the replica's operations
  /// before `end` are there. `is_known(Dot)` says what else is.
  template <typename IsKnown>
  std::vector<WaitingDelta> wake(ReplicaId replica, Seq end, IsKnown&& is_known);

  bool empty() const { return deltas_.empty(); }
  std::size_t size() const { return deltas_.size(); }
  /// In the order of their arrival.
  auto begin() const { return deltas_.begin(); }
  auto end() const { return deltas_.end(); }
  /// What is held, overhead included.
  std::size_t bytes() const { return bytes_; }

 private:
  struct Held;
  using Place = std::list<Held>::iterator;
  struct Held : WaitingDelta {
    std::multimap<Dot, Place>::iterator watched;
    std::multimap<Dot, Place>::iterator by_first;
    std::multimap<Seq, Place>::iterator by_distance;
  };
  static std::size_t cost(const Held& held);
  void watch(Place place) { place->watched = watched_.emplace(place->missing.back(), place); }
  WaitingDelta take(Place place);

  std::size_t bytes_max_;
  std::size_t bytes_ = 0;
  std::list<Held> deltas_;
  std::multimap<Dot, Place> watched_;
  std::multimap<Dot, Place> by_first_;
  std::multimap<Seq, Place> by_distance_;
};

template <typename IsKnown>
std::vector<WaitingDelta> PendingQueue::wake(ReplicaId replica, Seq end, IsKnown&& is_known) {
  std::vector<WaitingDelta> ready;
  auto from = watched_.lower_bound({replica, 0});
  auto to = watched_.lower_bound({replica, end});
  std::vector<Place> woken;
  for (auto at = from; at != to; ++at) woken.push_back(at->second);
  for (Place place : woken) {
    std::vector<Dot>& missing = place->missing;
    while (!missing.empty() && is_known(missing.back())) missing.pop_back();
    if (!missing.empty()) {
      watched_.erase(place->watched);
      watch(place);
      continue;
    }
    ready.push_back(take(place));
  }
  return ready;
}

}  // namespace weft
