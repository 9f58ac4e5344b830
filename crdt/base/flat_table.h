#pragma once
// FlatTable: an open-addressing hash table for small keys (packed dots, indices). Linear probing,
// power-of-two capacity, at most 3/4 full, deletion by backward shift, so no tombstones gather.
//
// Its iteration order depends on its history: never let it reach bytes, patches or logs unsorted.
// Pointers into it are valid until the next insertion or erasure.

#include <cstddef>
#include <cstdint>
#include <memory>
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

  std::size_t size() const { return rep_ ? rep_->size : 0; }
  bool empty() const { return size() == 0; }

  Mapped* find(Key key) {
    if (!rep_) return nullptr;
    Rep& rep = *rep_;
    for (std::size_t i = rep.home(key);; i = (i + 1) & rep.mask) {
      if (!rep.used[i]) return nullptr;
      if (rep.slots[i].key == key) return &rep.slots[i].value;
    }
  }
  const Mapped* find(Key key) const { return const_cast<FlatTable*>(this)->find(key); }

  /// The value at `key`, made by default where there was none.
  Mapped& operator[](Key key) {
    if (!rep_ || (rep_->size + 1) * 4 > rep_->slots.size() * 3) grow();
    Rep& rep = *rep_;
    std::size_t i = rep.home(key);
    for (; rep.used[i]; i = (i + 1) & rep.mask)
      if (rep.slots[i].key == key) return rep.slots[i].value;
    rep.used[i] = 1;
    ++rep.size;
    rep.slots[i].key = key;
    rep.slots[i].value = Mapped();
    return rep.slots[i].value;
  }

  bool erase(Key key) {
    if (!rep_) return false;
    Rep& rep = *rep_;
    std::size_t i = rep.home(key);
    for (;; i = (i + 1) & rep.mask) {
      if (!rep.used[i]) return false;
      if (rep.slots[i].key == key) break;
    }
    for (std::size_t j = (i + 1) & rep.mask; rep.used[j]; j = (j + 1) & rep.mask) {
      std::size_t distance_home = (j - rep.home(rep.slots[j].key)) & rep.mask;
      std::size_t distance_gap = (j - i) & rep.mask;
      if (distance_home >= distance_gap) {
        rep.slots[i] = std::move(rep.slots[j]);
        i = j;
      }
    }
    rep.used[i] = 0;
    rep.slots[i] = Slot{};
    --rep.size;
    return true;
  }

  void clear() { rep_.reset(); }
  void reserve(std::size_t count) {
    while (count != 0 && (!rep_ || rep_->slots.size() * 3 < count * 4)) grow();
  }

  template <typename Visit>
  void for_each(Visit&& visit) const {
    if (!rep_) return;
    for (std::size_t i = 0; i < rep_->slots.size(); ++i)
      if (rep_->used[i]) visit(rep_->slots[i].key, rep_->slots[i].value);
  }

 private:
  struct Rep {
    std::vector<Slot> slots;
    std::vector<std::uint8_t> used;
    std::size_t size = 0;
    std::size_t mask = 0;

    std::size_t home(Key key) const {
      std::uint64_t x = key * 0x9e37'79b9'7f4a'7c15;
      return static_cast<std::size_t>(x ^ (x >> 32)) & mask;
    }
  };

  void grow() {
    auto larger = std::make_unique<Rep>();
    std::size_t capacity = rep_ ? rep_->slots.size() * 2 : 8;
    larger->slots = std::vector<Slot>(capacity);
    larger->used.assign(capacity, 0);
    larger->mask = capacity - 1;
    if (rep_) {
      larger->size = rep_->size;
      for (std::size_t i = 0; i < rep_->slots.size(); ++i) {
        if (!rep_->used[i]) continue;
        std::size_t at = larger->home(rep_->slots[i].key);
        while (larger->used[at]) at = (at + 1) & larger->mask;
        larger->used[at] = 1;
        larger->slots[at] = std::move(rep_->slots[i]);
      }
    }
    rep_ = std::move(larger);
  }

  std::unique_ptr<Rep> rep_;  ///< null: empty, and most tables are: a map's losers
};

}  // namespace weft
