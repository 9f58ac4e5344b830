#include "storage/lmdb/salvage.h"

#include <sys/stat.h>

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "storage/lmdb/environment.h"
#include "storage/lmdb/kept_states.h"
#include "storage/lmdb/lmdb_store_parts.h"
#include "storage/lmdb/log_meta.h"
#include "storage/lmdb/page_check.h"
#include "storage/lmdb/page_scan.h"
#include "storage/lmdb/store_folder.h"
#include "storage/lmdb/unfinished_folder.h"
#include "storage/log_index.h"

namespace weft {
namespace {

/// What one transaction of the new store takes.
constexpr std::size_t kBatchBytes = std::size_t{16} << 20;

using Ranges = std::vector<DocumentHead::Range>;

/// What of a document's records belongs to it now: older copies may be of records that were given up or
/// sealed since.
IndexedDocument current_document(const std::vector<const RecordView*>& records) {
  LogPosition mark = 0;
  for (const RecordView* record : records)
    if (record->kind == RecordKind::kMark) mark = std::max(mark, record->position);
  std::vector<const RecordView*> order;
  for (const RecordView* record : records)
    if (record->position >= mark && record->kind != RecordKind::kDeletion) order.push_back(record);
  // Of the deletion records the newest says it all, and it outlives marks.
  const RecordView* deletion = nullptr;
  for (const RecordView* record : records)
    if (record->kind == RecordKind::kDeletion &&
        (deletion == nullptr || record->position > deletion->position))
      deletion = record;
  // A bundle before what is sealed in it, the largest first; states last.
  auto rank = [](const RecordView* record) {
    return record->kind == RecordKind::kBundle  ? 1
           : record->kind == RecordKind::kDelta ? 2
           : record->kind == RecordKind::kState ? 3
                                                : 0;
  };
  std::sort(order.begin(), order.end(), [&](const RecordView* a, const RecordView* b) {
    if (rank(a) != rank(b)) return rank(a) < rank(b);
    if (a->op_count != b->op_count) return a->op_count > b->op_count;
    return a->position > b->position;  // the later one, where a rewrite took the other back
  });
  IndexedDocument document;
  for (const RecordView* record : order) (void)document.replay(*record);
  if (deletion != nullptr) (void)document.replay(*deletion);
  return document;
}

bool has_gap(const DocumentHead& head) {
  return std::any_of(head.held.begin(), head.held.end(),
                     [](const DocumentHead::Range& range) { return range.begin != 0; });
}

/// What of [begin, end) is not held.
void add_missing(const DocumentHead& head, ReplicaId replica, Seq begin, Seq end, Ranges& out) {
  for (const DocumentHead::Range& range : head.held) {
    if (range.replica != replica || range.end <= begin) continue;
    if (range.begin >= end) break;
    if (range.begin > begin) out.push_back({replica, begin, range.begin});
    begin = range.end;
  }
  if (begin < end) out.push_back({replica, begin, end});
}

/// Sorted, and those that overlap as one.
Ranges merged(Ranges ranges) {
  std::sort(ranges.begin(), ranges.end(),
            [](const DocumentHead::Range& a, const DocumentHead::Range& b) {
              return a.replica != b.replica ? a.replica < b.replica : a.begin < b.begin;
            });
  Ranges result;
  for (const DocumentHead::Range& range : ranges) {
    if (!result.empty() && result.back().replica == range.replica &&
        result.back().end >= range.begin)
      result.back().end = std::max(result.back().end, range.end);
    else
      result.push_back(range);
  }
  return result;
}

std::uint64_t count_of(const Ranges& ranges) {
  std::uint64_t count = 0;
  for (const DocumentHead::Range& range : ranges) count += range.end - range.begin;
  return count;
}

/// A state with operations that the log has lost: it takes the place of the history up to there.
std::optional<Bytes> rescue_state(const lmdb::KeptStates& states, const DocumentId& id,
                                  IndexedDocument& document) {
  if (document.head.status != DocumentStatus::kLive) return std::nullopt;
  const std::optional<lmdb::KeptState> kept = states.state(id);
  if (!kept) return std::nullopt;
  const StoredState& state = kept->state;
  // One of an earlier life than the log knows of was given up; of a later one the log has lost the mark.
  if (kept->mark_position < document.head.mark_position || document.head.covers(state.version) ||
      !state.version.covers(document.head.base))
    return std::nullopt;
  (void)document.set_base(0, StateView{state.version, state.snapshot});
  return state_payload(state.version, state.snapshot);
}

/// What is known of a damaged log without trusting its trees.
struct SourceLog {
  bool is_sound = false;  ///< every page, and every record that is in use
  lmdb::FoundRecords found;
  std::vector<lmdb::DamagedRecord> damaged;  ///< as far as they may have been in use
  std::optional<lmdb::LogMeta> meta;
};

/// Its trees are sound: which records in use are damaged is known.
void look_at_sound(const std::string& folder, SourceLog& log) {
  Result<std::unique_ptr<lmdb::Environment>> opened =
      lmdb::Environment::open(log_options(folder, true, lmdb::Environment::Sharing::kNobodyWrites));
  if (!opened.ok()) return;
  std::vector<LogPosition> bad;
  const Status read = (*opened)->read([&](const lmdb::Reading& reading) -> Status {
    WEFT_ASSIGN(log.meta, lmdb::read_log_meta(reading, kMetaDatabase));
    return reading.each(kLogDatabase, 0, [&](lmdb::Key position, ByteSpan value) {
      if (!decode_record(position, value).ok()) bad.push_back(position);
      return true;
    });
  });
  if (!read.ok()) return;
  log.is_sound = bad.empty();
  for (const LogPosition position : bad) {
    if (log.found.whole.contains(position)) continue;  // an older copy takes its place
    const auto same =
        std::find_if(log.found.damaged.begin(), log.found.damaged.end(),
                     [&](const lmdb::DamagedRecord& each) { return each.position == position; });
    log.damaged.push_back(same == log.found.damaged.end() ? lmdb::DamagedRecord{position, {}}
                                                          : *same);
  }
}

SourceLog read_log(const lmdb::StoreFolder& folder, ByteSpan file) {
  SourceLog log;
  log.meta = lmdb::find_log_meta(file);
  log.found = lmdb::find_records(file, log.meta ? log.meta->end : 0);
  if (file.empty()) return log;
  if (lmdb::check_pages(folder.log_file(), lmdb::PageDepth::kEverything).ok()) {
    look_at_sound(folder.log(), log);
    return log;
  }
  log.damaged = log.found.damaged;
  return log;
}

class Salvager {
 public:
  Salvager(const SourceLog& log, const lmdb::KeptStates& states) : log_(log), states_(states) {}

  void run() {
    std::map<DocumentId, std::vector<const RecordView*>> records;
    for (const auto& [position, record] : log_.found.whole)
      records[record.document].push_back(&record);
    for (const DocumentId& id : states_.with_state()) records.try_emplace(id);
    for (const auto& [id, head] : states_.documents()) records.try_emplace(id);
    for (const lmdb::DamagedRecord& each : log_.damaged)
      if (each.head.has_operations() && each.head.op_count > 0)
        records.try_emplace(each.head.document);
    for (const auto& [id, of_document] : records) take_document(id, of_document);
    std::sort(positions_.begin(), positions_.end());
    count_unnamed();
  }

  /// In the order of the log, states that were not in it last.
  std::vector<const RecordView*> kept() const {
    std::vector<const RecordView*> result;
    for (const LogPosition position : positions_) result.push_back(&log_.found.whole.at(position));
    for (const RecordView& state : rescued_) result.push_back(&state);
    return result;
  }
  SalvageReport take_report() { return std::move(report_); }

 private:
  void take_document(const DocumentId& id, const std::vector<const RecordView*>& records) {
    IndexedDocument document = current_document(records);
    const DocumentHead in_log = document.head;
    if (std::optional<Bytes> payload = rescue_state(states_, id, document)) {
      RecordView& state = rescued_.emplace_back();
      state.kind = RecordKind::kState;
      state.document = id;
      state.payload = payloads_.emplace_back(std::move(*payload));
      Ranges missing;
      for (const VersionVector::Entry& entry : document.head.base.entries())
        add_missing(in_log, entry.replica, 0, entry.end, missing);
      report_.from_state.push_back({id, count_of(missing)});
    }
    for (const IndexEntry& entry : document.entries) positions_.push_back(entry.position);
    for (LogPosition at : {document.head.base_position, document.head.mark_position,
                           document.head.deletion_position})
      if (at != 0) positions_.push_back(at);
    note_loss(id, document.head);
  }

  void note_loss(const DocumentId& id, const DocumentHead& head) {
    const bool has_gaps = has_gap(head);
    if (has_gaps) report_.incomplete.push_back(id);
    if (head.status != DocumentStatus::kLive) return;
    SalvageReport::Loss loss;
    loss.document = id;
    Ranges missing = known_to_be_missing(id, head);
    // What waits for others has such gaps, too; in a damaged log they are losses.
    if (has_gaps && !log_.is_sound)
      for (const DocumentHead::Range& range : head.held)
        add_missing(head, range.replica, 0, range.begin, missing);
    loss.missing = merged(std::move(missing));
    loss.operations = count_of(loss.missing);
    loss.is_whole_document = head.held.empty();
    if (loss.operations > 0) report_.losses.push_back(std::move(loss));
  }

  /// By what was derived from the log, and by what damaged records say that they are.
  Ranges known_to_be_missing(const DocumentId& id, const DocumentHead& head) const {
    Ranges missing;
    const auto derived = states_.documents().find(id);
    // Derived data from before a rewrite knows operations that were taken back.
    const bool is_old = log_.is_sound && log_.meta && states_.meta() &&
                        states_.meta()->stamp.rewrites < log_.meta->rewrites;
    if (derived != states_.documents().end() && !is_old &&
        derived->second.head.status == DocumentStatus::kLive &&
        derived->second.head.mark_position >= head.mark_position)
      for (const DocumentHead::Range& range : derived->second.head.held)
        add_missing(head, range.replica, range.begin, range.end, missing);
    for (const lmdb::DamagedRecord& each : log_.damaged)
      if (each.head.document == id && each.head.has_operations() && each.head.op_count > 0 &&
          (each.position == 0 || each.position > head.mark_position))
        add_missing(head, each.head.replica, each.head.first_seq, each.head.end(), missing);
    return missing;
  }

  /// Records of which nothing says to which document they belong.
  void count_unnamed() {
    report_.log_is_damaged = !log_.is_sound;
    for (const lmdb::DamagedRecord& each : log_.damaged)
      if (each.head.op_count == 0) ++report_.unnamed_records;
    if (log_.is_sound) return;
    if (!log_.meta) {
      report_.may_lack_more = true;
      return;
    }
    // What was derived names everything up to there; of a log of which nothing was ever replaced every position holds
    // a record.
    const bool is_derived = states_.meta() && states_.meta()->stamp.epoch == log_.meta->epoch &&
                            states_.meta()->stamp.rewrites == log_.meta->rewrites;
    LogPosition from = is_derived ? states_.meta()->stamp.indexed_to : 1;
    if (!is_derived && log_.meta->rewrites != 0) {
      report_.may_lack_more = true;
      from = log_.found.whole.empty() ? 1 : log_.found.whole.rbegin()->first + 1;
    }
    std::set<LogPosition> named;
    for (const lmdb::DamagedRecord& each : log_.damaged) named.insert(each.position);
    for (LogPosition at = from; at < log_.meta->end; ++at)
      if (!log_.found.whole.contains(at) && !named.contains(at)) ++report_.unnamed_records;
  }

  const SourceLog& log_;
  const lmdb::KeptStates& states_;
  std::vector<LogPosition> positions_;
  std::deque<Bytes> payloads_;
  std::deque<RecordView> rescued_;
  SalvageReport report_;
};

/// The log's file; nothing where it is gone.
Result<std::unique_ptr<lmdb::MappedFile>> open_log_file(const lmdb::StoreFolder& source) {
  Result<std::unique_ptr<lmdb::MappedFile>> file = lmdb::MappedFile::open(source.log_file());
  if (file.ok() || file.error().code() != ErrorCode::kNotFound) return file;
  struct stat info {};
  if (stat((source.derived() + "/data.mdb").c_str(), &info) == 0)
    return std::unique_ptr<lmdb::MappedFile>();
  return Error(ErrorCode::kNotFound, "there is no store in " + source.path());
}

Status write_store(const std::string& to, const std::vector<const RecordView*>& records,
                   const Retention& retention, const std::function<std::uint64_t()>& random) {
  const lmdb::StoreFolder folder(to);
  WEFT_ASSIGN(std::unique_ptr<lmdb::Environment> log,
              lmdb::Environment::open(log_options(folder.log(), false)));
  lmdb::LogMeta meta;
  meta.format = 0;
  meta.epoch = random();
  meta.retention = retention;
  meta.replica = device_replica(random());
  WEFT_ASSIGN(meta.home, folder.home(folder.log_file()));
  std::size_t next = 0;
  do {
    std::size_t end = next;
    const LogPosition first = meta.end;
    for (std::size_t bytes = 0; end < records.size() && bytes < kBatchBytes; ++end)
      bytes += record_size(records[end]->payload.size());
    meta.end = first + (end - next);
    WEFT_TRY(log->write([&](lmdb::Writing& writing) -> Status {
      for (std::size_t i = next; i < end; ++i) {
        const RecordView& record = *records[i];
        const LogPosition position = first + (i - next);
        WEFT_TRY(writing.append(
            kLogDatabase, position, record_size(record.payload.size()),
            [&](std::byte* out) { encode_record(position, record, record.payload, out); }));
      }
      return lmdb::write_log_meta(writing, kMetaDatabase, meta);
    }));
    meta.format = lmdb::kStoreFormat;
    next = end;
  } while (next < records.size());
  return lmdb::sync_folder(to);
}

}  // namespace

Result<SalvageReport> salvage(const std::string& from, const std::string& to,
                              const std::function<std::uint64_t()>& random) {
  lmdb::StoreFolder source(from);
  WEFT_ASSIGN(const std::unique_ptr<lmdb::MappedFile> file, open_log_file(source));
  WEFT_TRY(source.lock_for_reading());
  WEFT_ASSIGN(lmdb::UnfinishedFolder made, lmdb::UnfinishedFolder::make(to));
  const SourceLog log = read_log(source, file ? file->bytes() : ByteSpan());
  const lmdb::KeptStates states(source.derived());
  Salvager salvager(log, states);
  salvager.run();
  const std::vector<const RecordView*> kept = salvager.kept();
  WEFT_TRY(write_store(made.path(), kept, log.meta ? log.meta->retention : Retention(), random));
  WEFT_TRY(made.finish());
  SalvageReport report = salvager.take_report();
  report.records = kept.size();
  return report;
}

}  // namespace weft
