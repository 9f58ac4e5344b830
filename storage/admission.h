#pragma once
// What every engine asks before it takes a batch.

#include <span>
#include <vector>

#include "storage/log_index.h"

namespace weft {

/// Largest payload: a quarter of the 4 GiB that a record's size can say.
inline constexpr std::size_t kPayloadBytesMax = std::size_t{1} << 30;

/// Which records of `batch` are new; `staged` holds what is about to be stored before them.
/// @errors kInvalidArgument, kForkedReplica, as Store::append says
inline Result<std::vector<const NewRecord*>> admit(std::span<const NewRecord> batch,
                                                   const LogIndex& stored, const LogIndex& staged) {
  std::vector<const NewRecord*> fresh;
  LogIndex within;
  for (const NewRecord& record : batch) {
    if (record.op_count == 0 || record.op_count > kMaxSeq ||
        record.first_seq > kMaxSeq - record.op_count)
      return Error(ErrorCode::kInvalidArgument, "a record of operations that can't be");
    if (record.payload.size() > kPayloadBytesMax)
      return Error(ErrorCode::kInvalidArgument, "a record of over 1 GiB");
    bool known = false;
    for (const LogIndex* index : {&stored, &staged, static_cast<const LogIndex*>(&within)}) {
      LogIndex::Fit fit = index->fit(record);
      if (fit == LogIndex::Fit::kOverlaps)
        return Error(ErrorCode::kForkedReplica,
                     "the operations from " + to_string(Dot{record.replica, record.first_seq}) +
                         " on are stored already, cut in another way");
      known = known || fit == LogIndex::Fit::kKnown;
    }
    if (known) continue;
    within.add(0, record, record.payload.size());
    fresh.push_back(&record);
  }
  return fresh;
}

}  // namespace weft
