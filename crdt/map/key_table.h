#pragma once
// KeyTable: the strings that a document uses as map keys, each under a dense index, so that a map
// entry and an Op name a key by a u32.
//
// Invariants
//   I1  Indices are dense, in order of first use, and never change; the bytes of a key never move.
// Cost: intern and find O(key bytes).

#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

namespace weft {

class KeyTable {
 public:
  std::uint32_t intern(std::string_view key) {
    if ((keys_.size() + 1) * 2 > slots_.size()) grow();
    std::uint32_t hash = hash_of(key);
    std::size_t i = hash & mask_;
    for (; slots_[i].index != kEmpty; i = (i + 1) & mask_)
      if (slots_[i].hash == hash && are_equal(keys_[slots_[i].index], key)) return slots_[i].index;
    slots_[i] = {hash, static_cast<std::uint32_t>(keys_.size())};
    keys_.push_back(keep(key));
    return slots_[i].index;
  }
  std::optional<std::uint32_t> find(std::string_view key) const {
    if (keys_.empty()) return std::nullopt;
    std::uint32_t hash = hash_of(key);
    for (std::size_t i = hash & mask_; slots_[i].index != kEmpty; i = (i + 1) & mask_)
      if (slots_[i].hash == hash && are_equal(keys_[slots_[i].index], key)) return slots_[i].index;
    return std::nullopt;
  }
  std::string_view operator[](std::uint32_t index) const { return keys_[index]; }
  std::size_t size() const { return keys_.size(); }

 private:
  static constexpr std::uint32_t kEmpty = 0xffff'ffff;
  struct Slot {
    std::uint32_t hash = 0;
    std::uint32_t index = kEmpty;
  };
  /// Most keys are of 4 to 16 bytes: two loads that overlap say it all.
  static bool are_equal(std::string_view a, std::string_view b) {
    if (a.size() != b.size()) return false;
    const std::size_t size = a.size();
    auto differ = [&]<typename Word>(Word) {
      Word x[2];
      Word y[2];
      std::memcpy(&x[0], a.data(), sizeof(Word));
      std::memcpy(&x[1], a.data() + size - sizeof(Word), sizeof(Word));
      std::memcpy(&y[0], b.data(), sizeof(Word));
      std::memcpy(&y[1], b.data() + size - sizeof(Word), sizeof(Word));
      return ((x[0] ^ y[0]) | (x[1] ^ y[1])) != 0;
    };
    if (size > 16 || size < 4) return a == b;
    return size >= 8 ? !differ(std::uint64_t{}) : !differ(std::uint32_t{});
  }
  /// A copy of the key where it can stay.
  std::string_view keep(std::string_view key) {
    if (key.empty()) return {};
    if (room_ < key.size()) {
      room_ = key.size() > kBlockBytes ? key.size() : kBlockBytes;
      blocks_.push_back(std::make_unique_for_overwrite<char[]>(room_));
      free_ = blocks_.back().get();
    }
    std::memcpy(free_, key.data(), key.size());
    std::string_view kept(free_, key.size());
    free_ += key.size();
    room_ -= key.size();
    return kept;
  }
  static std::uint32_t hash_of(std::string_view key) {
    std::uint64_t hash = key.size() * 0x9e37'79b9'7f4a'7c15;
    const char* at = key.data();
    std::size_t left = key.size();
    for (; left >= 8; at += 8, left -= 8) {
      std::uint64_t word;
      std::memcpy(&word, at, 8);
      hash = mix(hash ^ word);
    }
    std::uint64_t word = 0;
    if (left != 0) std::memcpy(&word, at, left);  // `at` may be null for an empty key
    hash = mix(hash ^ word);
    return static_cast<std::uint32_t>(hash ^ (hash >> 32));
  }
  static std::uint64_t mix(std::uint64_t x) {
    x ^= x >> 32;
    x *= 0xd6e8'feb8'6659'fd93;
    return x ^ (x >> 29);
  }
  void grow() {
    std::size_t capacity = slots_.empty() ? 16 : slots_.size() * 2;
    std::vector<Slot> old = std::move(slots_);
    slots_.assign(capacity, Slot{});
    mask_ = capacity - 1;
    for (const Slot& slot : old) {
      if (slot.index == kEmpty) continue;
      std::size_t i = slot.hash & mask_;
      while (slots_[i].index != kEmpty) i = (i + 1) & mask_;
      slots_[i] = slot;
    }
  }

  static constexpr std::size_t kBlockBytes = 4096;
  std::vector<std::string_view> keys_;
  std::vector<std::unique_ptr<char[]>> blocks_;
  char* free_ = nullptr;  ///< in the newest block, with `room_` bytes
  std::size_t room_ = 0;
  std::vector<Slot> slots_;
  std::size_t mask_ = 0;
};

}  // namespace weft
