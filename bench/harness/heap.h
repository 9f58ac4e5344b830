#pragma once
// HeapCount: how much heap is in use that was allocated since it was made, as the allocator rounds
// it up (malloc_usable_size). Counted by this program's own operator new and delete; outside of a
// HeapCount these do nothing but look at one flag.
//
// One at a time; memory that was allocated before must not be freed while it lives.

#include <cstddef>

namespace weft::bench {

class HeapCount {
 public:
  HeapCount();
  ~HeapCount();
  HeapCount(const HeapCount&) = delete;
  HeapCount& operator=(const HeapCount&) = delete;

  std::size_t bytes_in_use() const;
  std::size_t blocks_in_use() const;
};

}  // namespace weft::bench
