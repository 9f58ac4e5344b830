#include "storage/admission.h"

#include <string>
#include <utility>

namespace weft {
namespace {

Status check_shape(const NewRecord& record) {
  if (!record.has_operations())
    return Error(ErrorCode::kInvalidArgument, "only deltas and bundles can be appended");
  if (record.op_count == 0 || record.op_count > kMaxSeq ||
      record.first_seq > kMaxSeq - record.op_count)
    return Error(ErrorCode::kInvalidArgument, "a record of operations that can't be");
  if (record.payload.size() > kPayloadBytesMax)
    return Error(ErrorCode::kInvalidArgument, "a record of over 1 GiB");
  return {};
}

std::string first_of(const NewRecord& record) {
  return to_string(Dot{record.replica, record.first_seq});
}

}  // namespace

Result<DocumentHead*> Admission::head(const DocumentId& document) {
  auto found = heads_.find(document);
  if (found == heads_.end()) {
    WEFT_ASSIGN(DocumentHead loaded, load_(document));
    found = heads_.emplace(document, std::move(loaded)).first;
  }
  return &found->second;
}

Status Admission::admit_one(const NewRecord& record, Batch& batch) {
  WEFT_TRY(check_shape(record));
  WEFT_ASSIGN(DocumentHead * head, this->head(record.document));
  if (head->status == DocumentStatus::kPurged) {
    batch.late.push_back(&record);
    return {};
  }
  if (head->status == DocumentStatus::kEvicted)
    return Error(ErrorCode::kNotKept, "the document is evicted here; make it live first");
  switch (head->fit(record)) {
    case DocumentHead::Fit::kKnown:
      ++batch.known;
      return {};
    case DocumentHead::Fit::kOverlaps:
      return Error(ErrorCode::kForkedReplica, "the operations from " + first_of(record) +
                                                  " on are stored already, cut in another way");
    case DocumentHead::Fit::kNew:
      break;
  }
  if (record.replica == own_ && own_are_lost_)
    return Error(
        ErrorCode::kForkedReplica,
        "own operations of this store turned out damaged, so its dots can't be trusted; open "
        "it again: it then writes as another replica");
  if (record.replica == own_ && head->last_end(own_) < record.first_seq)
    return Error(ErrorCode::kInvalidArgument,
                 "an own delta, " + first_of(record) + ", before those that precede it");
  batch.chains_before.push_back(head->chain_at(record.replica, record.first_seq).value_or(0));
  head->add(record, record.payload, record.first_seq);
  batch.fresh.push_back(&record);
  return {};
}

Result<Admission::Batch> Admission::admit(std::span<const NewRecord> records) {
  Batch batch;
  batch.fresh.reserve(records.size());
  for (const NewRecord& record : records) {
    Status status = admit_one(record, batch);
    if (status.ok()) continue;
    for (std::size_t i = batch.fresh.size(); i-- > 0;) {
      const NewRecord& fresh = *batch.fresh[i];
      heads_.at(fresh.document)
          .remove(fresh.replica, fresh.first_seq, fresh.end(), batch.chains_before[i]);
    }
    return status.take_error();
  }
  return batch;
}

}  // namespace weft
