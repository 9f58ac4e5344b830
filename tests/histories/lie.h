#pragma once
// Lies: deltas that no honest replica would write, made from honest ones.

#include <optional>
#include <string>
#include <vector>

#include "crdt/base/bytes.h"
#include "tests/histories/delta_log.h"
#include "tests/support/random.h"

namespace weft::test {

struct Lie {
  Bytes bytes;
  std::string what;  ///< in words, for reports
};

/// One thing in the delta changed, or up to three: a neighbour, a target, a container, what it depends on, one operation more ... Its author
/// and place in the log stay, or it comes too late in the log. The lie may still be a valid delta.
/// @param world  everything that anybody has made: dots to name falsely
/// @return nothing where the change leaves no delta that decodes
std::optional<Lie> tell_lie(ByteSpan honest, const DeltaLog& world, Random& random);

/// A sealed bundle with one thing in it changed, or up to three.
struct LyingBundle {
  Bytes bundle;
  std::vector<Bytes> rows;  ///< its deltas, the changed one among them
  std::string what;
};
std::optional<LyingBundle> tell_lie_in_bundle(ByteSpan honest, const DeltaLog& world,
                                              Random& random);

}  // namespace weft::test
