#include "tests/fuzz/alloc_guard.h"

#include <malloc.h>

#include <atomic>
#include <cstdlib>
#include <new>

namespace weft::test {
namespace {

constinit std::atomic<std::ptrdiff_t> g_now{0};
constinit std::atomic<std::ptrdiff_t> g_peak{0};

void* counted_allocate(std::size_t size) {
  void* memory = std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) std::abort();
  const auto usable = static_cast<std::ptrdiff_t>(malloc_usable_size(memory));
  const std::ptrdiff_t now = g_now.fetch_add(usable, std::memory_order_relaxed) + usable;
  std::ptrdiff_t peak = g_peak.load(std::memory_order_relaxed);
  while (now > peak && !g_peak.compare_exchange_weak(peak, now, std::memory_order_relaxed)) {
  }
  return memory;
}

void counted_free(void* memory) {
  if (memory == nullptr) return;
  g_now.fetch_sub(static_cast<std::ptrdiff_t>(malloc_usable_size(memory)),
                  std::memory_order_relaxed);
  std::free(memory);
}

}  // namespace

AllocationGuard::AllocationGuard() : begin_(g_now.load(std::memory_order_relaxed)) {
  g_peak.store(begin_, std::memory_order_relaxed);
}
std::size_t AllocationGuard::peak_bytes() const {
  return static_cast<std::size_t>(g_peak.load(std::memory_order_relaxed) - begin_);
}
std::size_t AllocationGuard::held_bytes() const {
  const std::ptrdiff_t now = g_now.load(std::memory_order_relaxed);
  return now > begin_ ? static_cast<std::size_t>(now - begin_) : 0;
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
