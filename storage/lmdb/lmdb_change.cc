// What replaces records of a store: statuses, trimming, rewriting, seals. Each runs as a job on the writer thread.
#include <algorithm>
#include <utility>

#include "storage/lmdb/lmdb_store_parts.h"

namespace weft {

using lmdb::LogMeta;
using lmdb::Writing;

void LmdbStore::Tail::drop_state(const DocumentId& id) {
  auto found = states.find(id);
  if (found != states.end()) {
    state_bytes -= found->second.state.snapshot.size();
    states.erase(found);
  }
  dropped_states.insert(id);
}

/// In one transaction. On the writer thread. @param before  what the document was
Status LmdbStore::carry_out(const DocumentHead& before, Replacement plan, lmdb::Room room) const {
  if (plan.is_nothing()) return {};
  LogMeta meta = meta_;
  ++meta.rewrites;
  meta.end = std::max(meta.end, plan.position + 1) + plan.more.size();
  std::uint64_t gone_bytes = 0;
  WEFT_TRY(write_log(
      [&](Writing& writing) -> Status {
        gone_bytes = 0;
        auto count = [&](LogPosition at) -> Status {
          WEFT_ASSIGN(std::optional<ByteSpan> value, writing.get(kLogDatabase, at));
          if (!value) return {};
          Result<RecordView> old = decode_record(at, *value);
          if (old.ok()) gone_bytes += old->payload.size();
          return {};
        };
        for (LogPosition at : plan.gone) {
          WEFT_TRY(count(at));
          WEFT_TRY(writing.erase(kLogDatabase, at));
        }
        auto put = [&](LogPosition at, const NewRecord& record) {
          return writing.put(
              kLogDatabase, at, record_size(record.payload.size()),
              [&](std::byte* out) { encode_record(at, record, record.payload, out); });
        };
        if (plan.position != 0) {
          WEFT_TRY(count(plan.position));
          WEFT_TRY(put(plan.position, plan.record));
        }
        LogPosition behind = plan.position;
        for (const NewRecord& record : plan.more) WEFT_TRY(put(++behind, record));
        return lmdb::write_log_meta(writing, kMetaDatabase, meta);
      },
      room));
  plan.recount(gone_bytes);
  std::lock_guard lock(mutex_);
  meta_ = std::move(meta);
  note_meta_written();
  totals_.records += plan.document.head.records - before.records;
  totals_.history_bytes += plan.document.head.history_bytes - before.history_bytes;
  if (plan.drops_state) tail_.drop_state(plan.record.document);
  tail_.documents[plan.record.document] = std::move(plan.document);
  tail_.end = meta_.end;
  tail_.rewrites = meta_.rewrites;
  taking_work_.notify_one();
  return {};
}

Status LmdbStore::set_status(const DocumentId& id, DocumentStatus status) {
  return run_job([&]() -> Status {
    WEFT_ASSIGN(IndexedDocument document, look_up(id, true));
    const DocumentHead before = document.head;
    if (status == DocumentStatus::kDeleted)
      return carry_out(before, plan_deletion(id, std::move(document), meta_.end,
                                             deletion_of_all(before), meta_.retention.elapsed_ms));
    WEFT_TRY(check_status(before, status));
    if (begins_anew(before, status, meta_.replica)) WEFT_TRY(write_as_another());
    return carry_out(before, plan_status(id, std::move(document), meta_.end, status,
                                         meta_.retention.elapsed_ms));
  });
}

Status LmdbStore::mark_deleted(const DocumentId& id, const Deletion& deletion) {
  return run_job([&]() -> Status {
    WEFT_ASSIGN(IndexedDocument document, look_up(id, true));
    const DocumentHead before = document.head;
    return carry_out(before, plan_deletion(id, std::move(document), meta_.end, deletion,
                                           meta_.retention.elapsed_ms));
  });
}

Result<std::uint64_t> LmdbStore::note_time(std::uint64_t wall_ms) {
  std::uint64_t elapsed_ms = 0;
  WEFT_TRY(run_job([&]() -> Status {
    WEFT_TRY(write_meta([&](LogMeta& meta) { meta.retention.note(wall_ms); }));
    elapsed_ms = meta_.retention.elapsed_ms;
    return {};
  }));
  return elapsed_ms;
}

Status LmdbStore::purge(const DocumentId& id) {
  return run_job([&]() -> Status {
    WEFT_ASSIGN(IndexedDocument document, look_up(id, true));
    const DocumentHead before = document.head;
    WEFT_ASSIGN(Replacement plan,
                plan_purge(id, std::move(document), meta_.end, meta_.retention.elapsed_ms));
    return carry_out(before, std::move(plan), lmdb::Room::kKept);
  });
}

Status LmdbStore::trim(const DocumentId& id, const StoredState& state) {
  return run_job([&]() -> Status {
    WEFT_ASSIGN(IndexedDocument document, look_up(id, true));
    const DocumentHead before = document.head;
    WEFT_ASSIGN(Replacement plan, plan_trim(id, std::move(document), meta_.end, state));
    return carry_out(before, std::move(plan));
  });
}

Status LmdbStore::adopt_state(const DocumentId& id, const StoredState& state) {
  return run_job([&]() -> Status {
    WEFT_ASSIGN(IndexedDocument document, look_up(id, true));
    const DocumentHead before = document.head;
    WEFT_ASSIGN(Replacement plan, plan_adoption(id, std::move(document), meta_.end, state));
    WEFT_TRY(check_quota(record_size(plan.payload.size())));
    return carry_out(before, std::move(plan));
  });
}

Status LmdbStore::rewrite(const DocumentId& id, const VersionVector& keep,
                          std::span<const NewRecord> instead) {
  return run_job([&]() -> Status {
    WEFT_ASSIGN(IndexedDocument document, look_up(id, true));
    const DocumentHead before = document.head;
    const Rewrite rewrite{keep, instead, meta_.replica, own_are_lost_};
    WEFT_ASSIGN(Replacement plan, plan_rewrite(id, std::move(document), meta_.end, rewrite));
    return carry_out(before, std::move(plan));
  });
}

Status LmdbStore::seal(const NewRecord& bundle) {
  return run_job([&]() -> Status {
    WEFT_ASSIGN(IndexedDocument document, look_up(bundle.document, true));
    const DocumentHead before = document.head;
    WEFT_ASSIGN(Replacement plan, plan_seal(std::move(document), bundle));
    return carry_out(before, std::move(plan));
  });
}

// --- several seals in one transaction ---

/// Of the records that go and of the one that is replaced; damaged ones count for nothing.
Result<std::uint64_t> LmdbStore::payload_bytes(const Replacement& plan) const {
  std::uint64_t bytes = 0;
  WEFT_TRY(read_log([&](const lmdb::Reading& reading) -> Status {
    bytes = 0;
    const auto count = [&](LogPosition at) -> Status {
      WEFT_ASSIGN(std::optional<ByteSpan> value, reading.get(kLogDatabase, at));
      if (!value) return {};
      Result<RecordView> old = decode_record(at, *value);
      if (old.ok()) bytes += old->payload.size();
      return {};
    };
    for (const LogPosition at : plan.gone) WEFT_TRY(count(at));
    return count(plan.position);
  }));
  return bytes;
}

/// On the writer thread. @param documents  as they are afterwards
Status LmdbStore::carry_out_seals(std::span<const Replacement> plans, const DocumentCounts& more,
                                  LogIndex documents) {
  LogMeta meta = meta_;
  ++meta.rewrites;
  WEFT_TRY(write_log([&](Writing& writing) -> Status {
    for (const Replacement& plan : plans) {
      for (const LogPosition at : plan.gone) WEFT_TRY(writing.erase(kLogDatabase, at));
      WEFT_TRY(writing.put(kLogDatabase, plan.position, record_size(plan.record.payload.size()),
                           [&](std::byte* out) {
                             encode_record(plan.position, plan.record, plan.record.payload, out);
                           }));
    }
    return lmdb::write_log_meta(writing, kMetaDatabase, meta);
  }));
  std::lock_guard lock(mutex_);
  meta_ = std::move(meta);
  note_meta_written();
  totals_.records += more.records;
  totals_.history_bytes += more.history_bytes;
  for (auto& [id, document] : documents) tail_.documents[id] = std::move(document);
  tail_.end = meta_.end;
  tail_.rewrites = meta_.rewrites;
  taking_work_.notify_one();
  return {};
}

Status LmdbStore::seal_all(std::span<const NewRecord> bundles) {
  if (bundles.empty()) return {};
  return run_job([&]() -> Status {
    LogIndex documents;
    std::vector<Replacement> plans;
    DocumentCounts more;
    for (const NewRecord& bundle : bundles) {
      auto [found, is_new] = documents.try_emplace(bundle.document);
      if (is_new) {
        WEFT_ASSIGN(found->second, look_up(bundle.document, true));
      }
      const std::uint64_t records = found->second.head.records;
      const std::uint64_t history_bytes = found->second.head.history_bytes;
      WEFT_ASSIGN(Replacement plan, plan_seal(std::move(found->second), bundle));
      WEFT_ASSIGN(const std::uint64_t gone_bytes, payload_bytes(plan));
      plan.recount(gone_bytes);
      found->second = std::move(plan.document);
      more.records += found->second.head.records - records;
      more.history_bytes += found->second.head.history_bytes - history_bytes;
      plans.push_back(std::move(plan));
    }
    return carry_out_seals(plans, more, std::move(documents));
  });
}

}  // namespace weft
