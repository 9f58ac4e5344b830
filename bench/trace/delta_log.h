#pragma once
// DeltaLog: encoded deltas one behind the other in one buffer, in the order in which they were
// made.

#include <cstddef>
#include <vector>

#include "crdt/base/bytes.h"

namespace weft::trace {

class DeltaLog {
 public:
  void reserve(std::size_t deltas, std::size_t bytes) {
    ends_.reserve(deltas);
    bytes_.reserve(bytes);
  }
  void clear() {
    bytes_.clear();
    ends_.clear();
  }
  void add(ByteSpan delta) {
    bytes_.insert(bytes_.end(), delta.begin(), delta.end());
    ends_.push_back(bytes_.size());
  }
  std::size_t size() const { return ends_.size(); }
  ByteSpan operator[](std::size_t index) const {
    const std::size_t begin = index == 0 ? 0 : ends_[index - 1];
    return ByteSpan(bytes_).subspan(begin, ends_[index] - begin);
  }
  ByteSpan bytes() const { return bytes_; }

 private:
  Bytes bytes_;
  std::vector<std::size_t> ends_;
};

}  // namespace weft::trace
