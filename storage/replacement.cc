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

/// Is that entry, whoever found it void, one of `deletion`?
bool deletion_has(const Deletion& deletion, const Deletion::Entry& wanted) {
  return std::any_of(deletion.entries().begin(), deletion.entries().end(),
                     [&](const Deletion::Entry& entry) {
                       return entry.replica == wanted.replica && entry.end == wanted.end &&
                              entry.chain == wanted.chain;
                     });
}

}  // namespace

void Replacement::recount(std::uint64_t gone_bytes) {
  document.complete = true;
  if (record.kind == RecordKind::kMark) return;      // nothing is left to count
  if (record.kind == RecordKind::kDeletion) return;  // and nothing went
  DocumentHead& head = document.head;
  head.records = document.entries.size() + (head.base_position != 0 ? 1 : 0);
  head.history_bytes += record.payload.size();
  for (const NewRecord& each : more) head.history_bytes += each.payload.size();
  head.history_bytes -= std::min(head.history_bytes, gone_bytes);  // damaged ones count for nothing
}

Status check_status(const DocumentHead& document, DocumentStatus status) {
  const DocumentStatus now = document.shown_status();
  if (status == DocumentStatus::kPurged)
    return Error(ErrorCode::kInvalidArgument, "a document is purged once its time has run");
  const bool is_deleted = now == DocumentStatus::kDeleted || now == DocumentStatus::kPurged;
  if (status == DocumentStatus::kEvicted && is_deleted)
    return Error(ErrorCode::kInvalidArgument,
                 "a deleted document can't be evicted; its time in the trash is to run");
  if (status == DocumentStatus::kLive && now == DocumentStatus::kDeleted)
    return Error(ErrorCode::kInvalidArgument,
                 "a document in the trash is live again by an edit that restores it");
  return {};
}

bool begins_anew(const DocumentHead& document, DocumentStatus status, ReplicaId own) {
  return status == DocumentStatus::kLive && document.status != DocumentStatus::kLive &&
         (document.last_version.end(own) > 0 || document.deletion.end(own) > 0);
}

Deletion deletion_of_all(const DocumentHead& document) {
  Deletion deletion;
  for (const DocumentHead::Range& range : document.held)
    deletion.raise(range.replica, range.end, 0);
  return deletion;
}

Replacement plan_deletion(const DocumentId& id, IndexedDocument document, LogPosition end,
                          const Deletion& deletion, std::uint64_t retained_ms) {
  Replacement plan;
  const DocumentHead& head = document.head;
  DeletionNote note{head.deletion, head.deletion_since_ms};
  if (note.deletion.merge(deletion)) note.since_ms = retained_ms;
  for (const Deletion::Entry& entry : deletion.entries())
    if (entry.is_void && deletion_has(note.deletion, entry)) note.deletion.set_void(entry.replica);
  if (note.deletion == head.deletion) return plan;
  if (head.deletion_position != 0) plan.gone.push_back(head.deletion_position);
  plan.payload = deletion_payload(note);
  plan.record.kind = RecordKind::kDeletion;
  plan.record.document = id;
  plan.record.payload = plan.payload;
  plan.position = end;
  plan.document = std::move(document);
  plan.document.set_deletion(end, std::move(note));
  return plan;
}

Result<Replacement> plan_purge(const DocumentId& id, IndexedDocument document, LogPosition end,
                               std::uint64_t retained_ms) {
  if (!document.head.is_deleted())
    return Error(ErrorCode::kInvalidArgument,
                 "only what a deletion has seen can be purged; the document is not deleted here");
  const std::uint64_t waited = retained_ms - std::min(retained_ms, document.head.deletion_since_ms);
  if (waited < kRetentionMs) {
    constexpr std::uint64_t kDayMs = 24 * 3'600 * 1'000;
    return Error(ErrorCode::kInvalidArgument,
                 "it stays in the trash for " +
                     std::to_string((kRetentionMs - waited + kDayMs - 1) / kDayMs) + " more days");
  }
  return plan_status(id, std::move(document), end, DocumentStatus::kPurged, retained_ms);
}

Replacement plan_status(const DocumentId& id, IndexedDocument document, LogPosition end,
                        DocumentStatus status, std::uint64_t retained_ms) {
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
  DocumentHead& now = plan.document.head;
  const bool is_kept_again = status == DocumentStatus::kLive;
  // Where it stood in an old mark, that goes; where the document is kept again, its time in the trash begins anew.
  if (!now.deletion.empty() && (now.deletion_position == 0 || is_kept_again)) {
    if (now.deletion_position != 0) plan.gone.push_back(now.deletion_position);
    if (is_kept_again) now.deletion_since_ms = retained_ms;
    plan.more_payload = deletion_payload({now.deletion, now.deletion_since_ms});
    NewRecord& record = plan.more.emplace_back();
    record.kind = RecordKind::kDeletion;
    record.document = id;
    record.payload = plan.more_payload;
    now.deletion_position = end + 1;
  }
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
  plan.gone = plan.document.set_base(end, StateView{state.version, state.snapshot});
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
    head.add(*record, record->payload, record->first_seq);
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
