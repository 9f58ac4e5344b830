#pragma once
// AllocationGuard: how much memory is held at most, beyond what was held when it began, by a piece of code
// under test. Include it in exactly one source of an executable: it replaces operator new and delete.
//
//   AllocationGuard guard;
//   decode(input);
//   if (guard.peak_bytes() > bound) ...
//
// What malloc hands out to C libraries (zstd's contexts) is not counted. Thread rule: one thread.

#include <malloc.h>

#include <cstddef>
#include <cstdlib>
#include <new>

namespace weft::test {

struct HeldBytes {
  std::ptrdiff_t now = 0;
  std::ptrdiff_t peak = 0;
};
inline HeldBytes held_bytes;

class AllocationGuard {
 public:
  AllocationGuard() : begin_(held_bytes.now) { held_bytes.peak = held_bytes.now; }
  std::size_t peak_bytes() const { return static_cast<std::size_t>(held_bytes.peak - begin_); }

 private:
  std::ptrdiff_t begin_;
};

inline void* counted_allocate(std::size_t size) {
  void* memory = std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) std::abort();
  held_bytes.now += static_cast<std::ptrdiff_t>(malloc_usable_size(memory));
  if (held_bytes.now > held_bytes.peak) held_bytes.peak = held_bytes.now;
  return memory;
}
inline void counted_free(void* memory) {
  if (memory == nullptr) return;
  held_bytes.now -= static_cast<std::ptrdiff_t>(malloc_usable_size(memory));
  std::free(memory);
}

}  // namespace weft::test

void* operator new(std::size_t size) { return weft::test::counted_allocate(size); }
void* operator new[](std::size_t size) { return weft::test::counted_allocate(size); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return weft::test::counted_allocate(size);
}
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
  return weft::test::counted_allocate(size);
}
void operator delete(void* memory) noexcept { weft::test::counted_free(memory); }
void operator delete[](void* memory) noexcept { weft::test::counted_free(memory); }
void operator delete(void* memory, std::size_t) noexcept { weft::test::counted_free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { weft::test::counted_free(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept {
  weft::test::counted_free(memory);
}
void operator delete[](void* memory, const std::nothrow_t&) noexcept {
  weft::test::counted_free(memory);
}
