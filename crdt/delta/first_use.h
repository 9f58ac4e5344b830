#pragma once
// FirstUseTable: numbers the indices it is shown by first use: the local tables of an encoded delta.
//
// Nearly every delta names no more than a handful of replicas and keys, so the first kLinear entries are
// searched one by one and take no allocation; beyond them there is an open-addressed table. clear() keeps
// the memory. The indices are dense numbers of ours, not bytes of a sender: no defence against chosen
// collisions is needed.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <boost/container/small_vector.hpp>

namespace weft {

class FirstUseTable {
 public:
  struct Added {
    std::uint32_t number;
    bool is_new;
  };

  void clear() {
    order_.clear();
    slots_.clear();
  }
  std::size_t size() const { return order_.size(); }
  /// What was shown as the `number`-th.
  std::uint32_t operator[](std::size_t number) const { return order_[number]; }
  const std::uint32_t* begin() const { return order_.data(); }
  const std::uint32_t* end() const { return order_.data() + order_.size(); }

  Added add(std::uint32_t index) {
    std::uint32_t number = find(index);
    if (number != kAbsent) return {number, false};
    number = static_cast<std::uint32_t>(order_.size());
    order_.push_back(index);
    if (order_.size() > kLinear) insert_slot(number);
    return {number, true};
  }

  static constexpr std::uint32_t kAbsent = 0xffff'ffff;
  std::uint32_t find(std::uint32_t index) const {
    if (order_.size() <= kLinear) {
      for (std::uint32_t i = 0; i < order_.size(); ++i)
        if (order_[i] == index) return i;
      return kAbsent;
    }
    for (std::size_t at = slot_of(index);; at = (at + 1) & (slots_.size() - 1)) {
      if (slots_[at] == kAbsent || order_[slots_[at]] == index) return slots_[at];
    }
  }

 private:
  static constexpr std::size_t kLinear = 8;

  std::size_t slot_of(std::uint32_t index) const {
    return (index * std::uint64_t{0x9e37'79b9'7f4a'7c15} >> 32) & (slots_.size() - 1);
  }
  void insert_slot(std::uint32_t number) {
    if (order_.size() * 2 > slots_.size()) {
      slots_.assign(std::bit_ceil(order_.size() * 4), kAbsent);
      for (std::uint32_t i = 0; i < order_.size(); ++i) place(i);
    } else {
      place(number);
    }
  }
  void place(std::uint32_t number) {
    std::size_t at = slot_of(order_[number]);
    while (slots_[at] != kAbsent) at = (at + 1) & (slots_.size() - 1);
    slots_[at] = number;
  }

  boost::container::small_vector<std::uint32_t, kLinear> order_;
  std::vector<std::uint32_t> slots_;
};

}  // namespace weft
