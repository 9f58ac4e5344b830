#pragma once
// DeltaLog: every delta that a history made, read back from its bytes, and the oracle that they feed.
//
// The dots, neighbours and targets come out of the bytes, the causal past out of the dependencies: so
// the oracle is told what was sent, not what the engine that made it believes.

#include <map>
#include <string>
#include <vector>

#include "crdt/base/bytes.h"
#include "crdt/clock/version_vector.h"
#include "tests/oracle/oracle.h"

namespace weft::test {

struct KnownDelta {
  Bytes bytes;
  Dot first;
  Seq op_count = 0;
  Past past;     ///< what its author had seen, its own log included
  Past version;  ///< that and the delta itself
  Hlc first_hlc = 0;
  std::uint64_t weight_ms = 0;
  bool legacy = false;  ///< its row is of version 1
  std::uint64_t committed_at_ms = 0;
  std::string message;
  std::uint64_t chain = 0;
  std::vector<OracleOp> ops;
};

class DeltaLog {
 public:
  explicit DeltaLog(SiblingRule rule = SiblingRule::kFugueMax) : oracle_(rule) {}

  /// Reads a delta whose past is already here. Throws Failure where it is not what the format or
  /// design.md says, as far as that can be seen without its operations' meaning.
  KnownDelta read(ByteSpan bytes) const;
  const KnownDelta& add(ByteSpan bytes);

  /// In the order in which they were added: dependencies first.
  const std::vector<KnownDelta>& deltas() const { return deltas_; }
  /// What `have` lacks of `want`, dependencies first.
  std::vector<const KnownDelta*> missing(const Past& have, const Past& want) const;
  /// The delta that `dot` is in; null if none is known.
  const KnownDelta* find(const Dot& dot) const;
  const Oracle& oracle() const { return oracle_; }
  const Past& version() const { return version_; }

 private:
  std::vector<KnownDelta> deltas_;
  std::map<Dot, std::size_t> by_last_;  ///< dot of its last operation -> index in deltas_
  Past version_;
  Oracle oracle_;
};

Past past_of(const VersionVector& version);
VersionVector vector_of(const Past& past);
std::string to_string(const Past& past);

}  // namespace weft::test
