#pragma once
// InlineBytes: bytes that belong to whoever holds them, without an allocation where they are few, as a keystroke's
// delta is. A range like any other: a ByteSpan can be made of one that lives on.

#include <cstring>

#include "crdt/base/bytes.h"

namespace weft {

class InlineBytes {
 public:
  static constexpr std::size_t kInlineBytes = 40;

  InlineBytes() = default;
  explicit InlineBytes(ByteSpan bytes) : size_(bytes.size()) {
    if (size_ <= kInlineBytes) {
      if (size_ > 0) std::memcpy(inline_, bytes.data(), size_);
    } else {
      large_.assign(bytes.begin(), bytes.end());
    }
  }

  const std::byte* data() const { return size_ <= kInlineBytes ? inline_ : large_.data(); }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  const std::byte* begin() const { return data(); }
  const std::byte* end() const { return data() + size_; }

 private:
  std::size_t size_ = 0;
  std::byte inline_[kInlineBytes];
  Bytes large_;
};

}  // namespace weft
