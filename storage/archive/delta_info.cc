#include "storage/archive/delta_info.h"

#include "crdt/delta/codec.h"

namespace weft {

Result<DeltaInfo> read_delta_info(ByteSpan delta, Batch& scratch) {
  WEFT_TRY(decode_delta_into(delta, scratch));
  const DeltaRun& run = scratch.deltas.front();
  DeltaInfo info;
  info.first = {scratch.author(), scratch.first_seq};
  info.op_count = scratch.op_count;
  info.committed_at_ms = run.committed_at_ms;
  info.message = scratch.messages.substr(run.message_begin, run.message_size);
  for (std::uint32_t i = 0; i < run.dependency_count; ++i) {
    const LocalDot dot = scratch.dependencies[run.dependency_begin + i].dot;
    info.dependencies.push_back({scratch.replicas[dot.replica], dot.seq});
  }
  return info;
}

}  // namespace weft
