#include "storage/replacement.h"

#include <algorithm>
#include <string>
#include <utility>

#include "storage/admission.h"

namespace weft {
namespace {

Status check_live(const DocumentHead& head) {
  if (head.status == DocumentStatus::kLive) return {};
  return Error(ErrorCode::kNotKept,
               std::string("the document is ") + status_name(head.status) + " here");
}

}  // namespace

void Replacement::recount(std::uint64_t gone_bytes) {
  document.complete = true;
  if (record.kind == RecordKind::kMark) return;  // nothing is left to count
  DocumentHead& head = document.head;
  head.records = document.entries.size() + (head.base_position != 0 ? 1 : 0);
  head.history_bytes += record.payload.size();
  for (const NewRecord& each : more) head.history_bytes += each.payload.size();
  head.history_bytes -= std::min(head.history_bytes, gone_bytes);  // damaged ones count for nothing
}

Status check_status(const DocumentHead& document, DocumentStatus status) {
  if (document.status != DocumentStatus::kDeleted || status != DocumentStatus::kEvicted) return {};
  return Error(
      ErrorCode::kInvalidArgument,
      "a deleted document has nothing left to evict, and its deletion is to be remembered");
}

bool begins_anew(const DocumentHead& document, DocumentStatus status, ReplicaId own) {
  return status == DocumentStatus::kLive && document.status != DocumentStatus::kLive &&
         document.last_version.end(own) > 0;
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
  return plan_adoption(id, std::move(document), end, state);
}

Result<Replacement> plan_adoption(const DocumentId& id, IndexedDocument document, LogPosition end,
                                  const StoredState& state) {
  WEFT_TRY(check_live(document.head));
  if (!state.version.covers(document.head.base))
    return Error(ErrorCode::kInvalidArgument, "more than this was trimmed before");
  Replacement plan;
  plan.payload = state_payload(state.version, state.snapshot);
  if (plan.payload.size() > kPayloadBytesMax)
    return Error(ErrorCode::kInvalidArgument, "a state of over 1 GiB");
  plan.record.kind = RecordKind::kState;
  plan.record.document = id;
  plan.record.payload = plan.payload;
  plan.position = end;
  plan.document = std::move(document);
  plan.gone = plan.document.set_base(end, state.version);
  return plan;
}

Result<Replacement> plan_rewrite(const DocumentId& id, IndexedDocument document, LogPosition end,
                                 const Rewrite& rewrite) {
  WEFT_TRY(check_live(document.head));
  DocumentHead& head = document.head;
  if (!rewrite.keep.covers(head.base))
    return Error(ErrorCode::kInvalidArgument, "some of what is to go was trimmed away");
  Replacement plan;
  std::vector<IndexEntry> kept;
  for (const IndexEntry& entry : document.entries) {
    const Seq keep_end = rewrite.keep.end(entry.replica);
    const Seq begin = std::max(entry.begin, head.base.end(entry.replica));
    if (entry.end <= keep_end) {
      kept.push_back(entry);
      continue;
    }
    if (begin < keep_end)
      return Error(ErrorCode::kInvalidArgument,
                   "the operations from " + to_string(Dot{entry.replica, entry.begin}) + " to " +
                       std::to_string(entry.end) + " are one record, which can't be cut");
    plan.gone.push_back(entry.position);
    head.remove(entry.replica, begin, entry.end);
  }
  document.entries = std::move(kept);
  plan.drops_state = head.records > 0;
  plan.record.document = id;
  for (const NewRecord& record : rewrite.instead)
    if (record.document != id)
      return Error(ErrorCode::kInvalidArgument, "a delta of another document");
  Admission admission(
      rewrite.own, [&](const DocumentId&) -> Result<DocumentHead> { return head; },
      rewrite.own_are_lost);
  WEFT_ASSIGN(Admission::Batch admitted, admission.admit(rewrite.instead));
  for (const NewRecord* record : admitted.fresh) {
    const LogPosition position = end + plan.more.size() + (plan.position != 0 ? 1 : 0);
    head.add(record->replica, record->first_seq, record->end());
    document.entries.push_back({position, record->replica, record->first_seq, record->end()});
    if (plan.position != 0) {
      plan.more.push_back(*record);
    } else {
      plan.position = position;
      plan.record = *record;
    }
  }
  plan.document = std::move(document);
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
