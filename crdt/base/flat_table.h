#pragma once
// FlatTable: an open-addressing hash table for small keys (packed dots, indices). Linear probing,
// power-of-two capacity, at most 3/4 full, deletion by backward shift, so no tombstones gather.
//
// Its iteration order depends on its history: never let it reach bytes, patches or logs unsorted.
// Pointers into it are valid until the next insertion or erasure.

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace weft {

template <typename Mapped>
class FlatTable {
 public:
  using Key = std::uint64_t;
  struct Slot {
    Key key;
    Mapped value;
  };

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  Mapped* find(Key key) {
    if (size_ == 0) return nullptr;
    for (std::size_t i = home(key);; i = (i + 1) & mask_) {
      if (!used_[i]) return nullptr;
      if (slots_[i].key == key) return &slots_[i].value;
    }
  }
  const Mapped* find(Key key) const { return const_cast<FlatTable*>(this)->find(key); }

  /// The value at `key`, made by default where there was none.
  Mapped& operator[](Key key) {
    if ((size_ + 1) * 4 > slots_.size() * 3) grow();
    std::size_t i = home(key);
    for (; used_[i]; i = (i + 1) & mask_)
      if (slots_[i].key == key) return slots_[i].value;
    used_[i] = 1;
    ++size_;
    slots_[i].key = key;
    slots_[i].value = Mapped();
    return slots_[i].value;
  }

  bool erase(Key key) {
    if (size_ == 0) return false;
    std::size_t i = home(key);
    for (;; i = (i + 1) & mask_) {
      if (!used_[i]) return false;
      if (slots_[i].key == key) break;
    }
    for (std::size_t j = (i + 1) & mask_; used_[j]; j = (j + 1) & mask_) {
      std::size_t distance_home = (j - home(slots_[j].key)) & mask_;
      std::size_t distance_gap = (j - i) & mask_;
      if (distance_home >= distance_gap) {
        slots_[i] = std::move(slots_[j]);
        i = j;
      }
    }
    used_[i] = 0;
    slots_[i] = Slot{};
    --size_;
    return true;
  }

  void clear() {
    slots_.clear();
    used_.clear();
    size_ = mask_ = 0;
  }
  void reserve(std::size_t count) {
    while (slots_.size() * 3 < count * 4) grow();
  }

  template <typename Visit>
  void for_each(Visit&& visit) const {
    for (std::size_t i = 0; i < slots_.size(); ++i)
      if (used_[i]) visit(slots_[i].key, slots_[i].value);
  }

 private:
  std::size_t home(Key key) const {
    std::uint64_t x = key * 0x9e37'79b9'7f4a'7c15;
    return static_cast<std::size_t>(x ^ (x >> 32)) & mask_;
  }
  void grow() {
    std::vector<Slot> old_slots = std::move(slots_);
    std::vector<std::uint8_t> old_used = std::move(used_);
    std::size_t capacity = old_slots.empty() ? 8 : old_slots.size() * 2;
    slots_ = std::vector<Slot>(capacity);
    used_.assign(capacity, 0);
    mask_ = capacity - 1;
    for (std::size_t i = 0; i < old_slots.size(); ++i) {
      if (!old_used[i]) continue;
      std::size_t at = home(old_slots[i].key);
      while (used_[at]) at = (at + 1) & mask_;
      used_[at] = 1;
      slots_[at] = std::move(old_slots[i]);
    }
  }

  std::vector<Slot> slots_;
  std::vector<std::uint8_t> used_;
  std::size_t size_ = 0;
  std::size_t mask_ = 0;
};

}  // namespace weft
