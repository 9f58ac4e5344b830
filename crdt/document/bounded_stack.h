#pragma once
// BoundedStack: a stack that forgets what lies deepest.
//
//   items_:  [forgotten: emptied][begin_: deepest ... top]
//
// Invariants
//   I1  At least half of items_ counts, or it is empty: what is forgotten is moved away in one go.
//
// Cost: push O(1) amortised.

#include <cstddef>
#include <utility>
#include <vector>

namespace weft {

template <typename T>
class BoundedStack {
 public:
  /// @pre   size_max > 0
  /// @post  size() <= size_max, if it was before
  void push(T item, std::size_t size_max) {
    items_.push_back(std::move(item));
    if (size() <= size_max) return;
    items_[begin_++] = T();
    drop_forgotten();
  }
  void pop() {
    items_.pop_back();
    drop_forgotten();
  }
  void clear() {
    items_.clear();
    begin_ = 0;
  }
  const T& top() const { return items_.back(); }
  bool empty() const { return size() == 0; }
  std::size_t size() const { return items_.size() - begin_; }

 private:
  void drop_forgotten() {
    if (2 * begin_ <= items_.size()) return;
    items_.erase(items_.begin(), items_.begin() + static_cast<std::ptrdiff_t>(begin_));
    begin_ = 0;
  }

  std::vector<T> items_;
  std::size_t begin_ = 0;
};

}  // namespace weft
