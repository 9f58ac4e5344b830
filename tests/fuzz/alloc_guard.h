#pragma once
// AllocationGuard: how much memory is held at most, beyond what was held when it began, by a piece of code
// under test. Whoever uses it links weft_alloc_guard, which replaces operator new and delete.
//
//   AllocationGuard guard;
//   decode(input);
//   if (guard.peak_bytes() > bound) ...
//
// What malloc hands out to C libraries (zstd's contexts) is not counted. Threads: all are counted together; one uses
// the guard.

#include <cstddef>

namespace weft::test {

class AllocationGuard {
 public:
  AllocationGuard();
  std::size_t peak_bytes() const;
  /// Held now beyond what was held when it began; 0 where that is less.
  std::size_t held_bytes() const;

 private:
  std::ptrdiff_t begin_;
};

}  // namespace weft::test
