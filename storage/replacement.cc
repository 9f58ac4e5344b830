#include "storage/replacement.h"

#include <algorithm>
#include <utility>

namespace weft {

void Replacement::recount(std::uint64_t gone_bytes) {
  document.complete = true;
  if (record.kind == RecordKind::kMark) return;  // nothing is left to count
  DocumentHead& head = document.head;
  head.records = document.entries.size() + (head.base_position != 0 ? 1 : 0);
  head.history_bytes += record.payload.size();
  head.history_bytes -= std::min(head.history_bytes, gone_bytes);  // damaged ones count for nothing
}

Replacement plan_status(const DocumentId& id, IndexedDocument document, LogPosition end,
                        DocumentStatus status) {
  Replacement plan;
  const DocumentHead& head = document.head;
  if (head.status == status) return plan;
  for (const IndexEntry& entry : document.entries) plan.gone.push_back(entry.position);
  for (LogPosition at : {head.base_position, head.mark_position})
    if (at != 0) plan.gone.push_back(at);
  const StatusMark mark{status,
                        head.status == DocumentStatus::kLive ? head.version() : head.last_version};
  plan.payload = status_payload(mark.status, mark.version);
  plan.record.kind = RecordKind::kMark;
  plan.record.document = id;
  plan.record.payload = plan.payload;
  plan.position = end;
  plan.document = std::move(document);
  plan.document.set_status(end, mark);
  return plan;
}

Result<Replacement> plan_trim(const DocumentId& id, IndexedDocument document, LogPosition end,
                              const StoredState& state) {
  if (!document.head.covers(state.version))
    return Error(ErrorCode::kInvalidArgument, "the store lacks some of what is to be trimmed");
  if (!state.version.covers(document.head.base))
    return Error(ErrorCode::kInvalidArgument, "more than this was trimmed before");
  Replacement plan;
  plan.payload = state_payload(state.version, state.snapshot);
  plan.record.kind = RecordKind::kState;
  plan.record.document = id;
  plan.record.payload = plan.payload;
  plan.position = end;
  plan.document = std::move(document);
  plan.gone = plan.document.set_base(end, state.version);
  return plan;
}

Result<Replacement> plan_seal(IndexedDocument document, const NewRecord& bundle) {
  const std::vector<IndexEntry> members = document.members(bundle);
  if (members.empty())
    return Error(ErrorCode::kInvalidArgument,
                 "a bundle of other operations than records of the store hold");
  Replacement plan;
  plan.record = bundle;
  for (const IndexEntry& member : members) plan.position = std::max(plan.position, member.position);
  plan.document = std::move(document);
  plan.gone = plan.document.seal(members);
  return plan;
}

}  // namespace weft
