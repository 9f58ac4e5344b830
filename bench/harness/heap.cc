#include "bench/harness/heap.h"

#include <malloc.h>

#include <cstdint>
#include <cstdlib>
#include <new>

#include "crdt/base/assert.h"

namespace {

// Benchmarks run on one thread.
bool counting = false;
std::int64_t bytes = 0;
std::int64_t blocks = 0;

void* counted(void* block) {
  if (block == nullptr) std::abort();  // a benchmark has no way to go on
  if (counting) [[unlikely]] {
    bytes += static_cast<std::int64_t>(malloc_usable_size(block));
    ++blocks;
  }
  return block;
}

void release(void* block) {
  if (counting && block != nullptr) [[unlikely]] {
    bytes -= static_cast<std::int64_t>(malloc_usable_size(block));
    --blocks;
  }
  std::free(block);
}

std::size_t rounded_up(std::size_t size, std::size_t alignment) {
  return (size + alignment - 1) / alignment * alignment;
}

}  // namespace

// The standard library's array forms call these. The sanitizers' nothrow forms do not, although what they give
// (std::stable_sort's buffer) is freed by the plain delete: so they are here too.
void* operator new(std::size_t size) { return counted(std::malloc(size == 0 ? 1 : size)); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return ::operator new(size);
}
void operator delete(void* block) noexcept { release(block); }
void operator delete(void* block, std::size_t) noexcept { release(block); }
void operator delete(void* block, const std::nothrow_t&) noexcept { release(block); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  const auto align = static_cast<std::size_t>(alignment);
  return counted(std::aligned_alloc(align, rounded_up(size, align)));
}
void operator delete(void* block, std::align_val_t) noexcept { release(block); }
void operator delete(void* block, std::size_t, std::align_val_t) noexcept { release(block); }

namespace weft::bench {

HeapCount::HeapCount() {
  WEFT_ASSERT(!counting);
  counting = true;
  bytes = 0;
  blocks = 0;
}

HeapCount::~HeapCount() { counting = false; }

std::size_t HeapCount::bytes_in_use() const { return static_cast<std::size_t>(bytes); }

std::size_t HeapCount::blocks_in_use() const { return static_cast<std::size_t>(blocks); }

}  // namespace weft::bench
