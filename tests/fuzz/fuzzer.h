#pragma once
// Fuzzer: a check of any input, and seeds that are good ones. The same object is run by libFuzzer (libfuzzer_entry.cc)
// and, over its seeds and the inputs that are kept, by the normal suite (seeds_test.cc), which also demands that most
// of what the seeds hold is *accepted*: a fuzzer whose inputs are all refused at the door tests the door only.
//
// Seeds are made when they are needed, from real documents, messages and files, so they can't go stale. What lies in
// tests/fuzz/corpus/<name>/ are inputs that once found a fault, or were made by hand.
//
// Threads: one.

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "crdt/base/bytes.h"
#include "tests/support/random.h"

namespace weft::test {

/// What became of an input. It has parts: deltas, messages, requests; most have one.
struct Verdict {
  const char* fault = nullptr;  ///< in words; null: nothing is wrong
  std::size_t parts = 1;
  std::size_t accepted = 0;  ///< parts that passed the door, so that what lies behind it was tested
};
constexpr Verdict faulty(const char* fault) { return {fault, 1, 0}; }
constexpr Verdict accepted_if(bool accepted) { return {nullptr, 1, accepted ? 1u : 0u}; }

/// The fault; "" where there is none.
inline std::string words(const Verdict& verdict) {
  return verdict.fault == nullptr ? "" : verdict.fault;
}

struct Seed {
  std::string name;
  Bytes bytes;
};

struct Fuzzer {
  const char* name;  ///< of the executable and of its folder of kept inputs
  Verdict (*check)(ByteSpan input);
  std::vector<Seed> (*seeds)();
  /// Changes an input so that it stays well-formed, for faults that no flipped bit reaches. Null: there is none.
  Bytes (*mutate)(ByteSpan input, Random& random) = nullptr;
};

/// All of them, in the order of tests/fuzz/CMakeLists.txt.
std::span<const Fuzzer* const> all_fuzzers();

extern const Fuzzer kDeltaFuzz;
extern const Fuzzer kBundleFuzz;
extern const Fuzzer kHistoryFileFuzz;
extern const Fuzzer kSnapshotFuzz;
extern const Fuzzer kDocumentFuzz;
extern const Fuzzer kDeliveryFuzz;
extern const Fuzzer kVersionVectorFuzz;
extern const Fuzzer kJsonTextFuzz;
extern const Fuzzer kDashboardFuzz;
extern const Fuzzer kMergeFilesFuzz;
extern const Fuzzer kStoredValueFuzz;
extern const Fuzzer kDamagedStoreFuzz;
extern const Fuzzer kArchiveFuzz;
extern const Fuzzer kFrameFuzz;
extern const Fuzzer kMessageFuzz;
extern const Fuzzer kSessionFuzz;
extern const Fuzzer kControlFuzz;
extern const Fuzzer kConfigFuzz;

}  // namespace weft::test
