#pragma once
// A history in which one replica lies, and what honest replicas make of it.

#include <cstdint>

#include "tests/histories/script.h"

namespace weft::test {

/// What a liar does when its lie is refused.
enum class AfterRefusal : std::uint8_t {
  kEnds,        ///< its log ends there for everybody; what it makes later waits forever
  kTellsTruth,  ///< the true delta follows, under the same dots
};

struct LieCounts {
  std::uint64_t valid = 0;     ///< lies that could be true
  std::uint64_t invalid = 0;   ///< that the oracle refuses
  std::uint64_t stranded = 0;  ///< that wait for what will never be
};

/// Runs the script with replica 0 as a liar: some of its deltas are changed before anybody sees them. If
/// the lie is a valid delta, the liar goes on from it.
///
/// Checked: every honest replica, whatever order it meets the deltas in, refuses the same ones, those
/// that the oracle calls invalid; has the same ones waiting forever; ends with the same snapshot bytes
/// and the oracle's JSON. A refused delta changes no byte. Throws Failure.
LieCounts check_lies(const Script& script, AfterRefusal after = AfterRefusal::kEnds);

/// Lies inside sealed bundles: the bundles lead where their deltas lead one by one, in order and in any other,
/// into an empty document as into one that holds something. Throws Failure.
void check_lying_bundle(const Script& script);

}  // namespace weft::test
