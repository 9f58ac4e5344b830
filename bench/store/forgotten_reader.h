#pragma once
// How a store's files grow while a document is edited and its state is put again and again, which frees pages all the
// time; and whether a reader that forgot to go on keeps those pages from being used again.

#include <cstdint>
#include <string>

#include "crdt/base/result.h"

namespace weft::bench {

struct GrowthOptions {
  std::string folder;  ///< empty; the store is made here
  std::uint32_t rounds = 500;
  std::uint32_t text_bytes = 200'000;  ///< of the document before the first round
  /// Two threads that read the log and the document stand still inside their visitors during all rounds.
  bool forgotten_readers = false;
};

/// Bytes of the store's files together.
struct Growth {
  std::uint64_t before_bytes = 0;
  std::uint64_t after_bytes = 0;
  std::uint64_t state_bytes = 0;  ///< that were put, in all rounds together
  std::uint64_t grown() const { return after_bytes - before_bytes; }
};

Result<Growth> measure_growth(const GrowthOptions& options);

}  // namespace weft::bench
