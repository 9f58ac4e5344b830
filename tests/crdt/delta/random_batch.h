#pragma once
// Random logs of one replica, as valid batches, and a description of a batch that was written without the
// codecs: unit by unit, every name spelled out. Two batches that say the same have equal descriptions,
// however their tables and runs are cut.

#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "crdt/delta/batch.h"
#include "tests/support/random.h"

namespace weft::test {

struct BatchShape {
  unsigned units = 60;       ///< at least
  unsigned delta_units = 8;  ///< at most, in one delta
  unsigned replicas = 4;
  unsigned containers = 4;
  unsigned keys = 5;
  bool only_text = false;  ///< insertions and erasures in one text, as somebody types them
  bool ascii = false;
};

/// The result owns its bytes.
Batch random_batch(Random& random, const BatchShape& shape);

/// One string for each delta.
std::vector<std::string> describe(const Batch& batch);

/// The seed of a test: WEFT_SEED where it is set.
inline std::uint64_t seed_or(std::uint64_t seed) {
  const char* given = std::getenv("WEFT_SEED");
  return given != nullptr ? std::strtoull(given, nullptr, 0) : seed;
}

}  // namespace weft::test
