#pragma once
// BatchNames: the naming provider (row_encoder.h) of a decoded batch.

#include "crdt/delta/batch.h"

namespace weft {

class BatchNames {
 public:
  explicit BatchNames(const Batch& batch) : batch_(batch) {}

  ReplicaId replica(ReplicaIndex index) const { return batch_.replicas[index]; }
  LocalDot container(std::uint32_t index) const { return batch_.containers[index]; }
  std::string_view key(std::uint32_t index) const { return batch_.keys[index]; }

 private:
  const Batch& batch_;
};

}  // namespace weft
