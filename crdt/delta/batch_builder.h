#pragma once
// BatchBuilder: strings consecutive deltas of one replica together into one batch, which seal_bundle then
// seals. Tables are merged by what their entries name, runs join across the deltas' borders, and deltas
// that are alike become one DeltaRun.
//
// The result owns its bytes (Batch::owned): what was appended may go.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "crdt/base/result.h"
#include "crdt/delta/batch.h"

namespace weft {

class BatchBuilder {
 public:
  /// @errors kInvalidArgument: of another author, or it does not begin where the batch ends;
  ///         kTooLarge: over 4 GiB of content. The batch is unchanged then.
  Status append(const Batch& next);

  bool empty() const { return batch_.ops.empty(); }
  /// Where the next delta has to begin.
  Seq end() const { return batch_.end(); }
  /// Content bytes so far, to decide when to seal.
  std::size_t content_bytes() const { return batch_.owned.size(); }
  /// Hands the batch out and begins a new one.
  Batch take();

 private:
  struct KeyPlace {
    std::uint32_t begin;
    std::uint32_t size;
  };

  ReplicaIndex rename(const Batch& next, ReplicaIndex replica);
  LocalDot rename(const Batch& next, LocalDot dot);
  std::uint32_t rename_container(const Batch& next, std::uint32_t index);
  std::uint32_t rename_key(const Batch& next, std::uint32_t index);
  void append_op(const Batch& next, const Op& op);
  void append_delta(const Batch& next, const DeltaRun& run);
  std::uint32_t keep(std::string_view bytes);

  Batch batch_;
  // Ordered, not hashed: ids and keys are their senders' choice.
  std::map<ReplicaId, ReplicaIndex> replicas_;
  std::map<std::uint64_t, std::uint32_t> containers_;
  std::map<std::string, std::uint32_t, std::less<>> keys_;
  std::vector<KeyPlace> key_places_;  ///< into batch_.owned, which still grows
};

}  // namespace weft
