#include "storage/compact.h"

#include <algorithm>
#include <chrono>
#include <deque>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "crdt/base/checksum.h"
#include "crdt/delta/bundle_limits.h"
#include "crdt/delta/codec.h"
#include "storage/documents.h"

namespace weft {
namespace {

/// A bundle of this size is left alone: opening many is as fast as opening one.
constexpr std::size_t kFullBundleBytes = std::size_t{1} << 20;
/// How many records one transaction replaces: about 10 ms.
constexpr std::size_t kStretchRecords = 4096;
constexpr std::uint64_t kSampleBytes = std::uint64_t{8} << 20;

/// What is sealed waits until there is so much of it, or so long, and goes into one transaction: two flushes.
constexpr std::uint64_t kGroupBytes = std::uint64_t{8} << 20;
constexpr std::size_t kGroupBundles = 1024;
constexpr std::chrono::milliseconds kGroupTime{500};

/// One record of a replica's log, and what has to come out of a bundle that stands for it.
struct Member {
  RecordHead head;
  std::size_t payload_bytes = 0;
  std::size_t unpacked_bytes = 0;
  std::vector<std::uint64_t> rows;  ///< the hash of each delta
  std::uint64_t end_chain = 0;
};

struct History {
  Document document;
  std::map<ReplicaId, std::vector<Member>>
      replicas;  ///< each in the order of the log, without gaps
};

/// Hashes a record's deltas, and carries the chain on through them.
Status hash_rows(const RecordView& record, const CompactOptions& options, std::uint64_t chain,
                 Member& member) {
  member.end_chain = chain;
  auto add = [&](ByteSpan row) {
    member.rows.push_back(xxh3_64(row));
    member.end_chain = xxh3_64(row, member.end_chain);
  };
  member.unpacked_bytes = record.payload.size();
  if (record.kind == RecordKind::kDelta) {
    add(record.payload);
    return {};
  }
  WEFT_ASSIGN(const BundleInfo info, read_bundle_info(record.payload));
  member.unpacked_bytes = info.unpacked_size;
  WEFT_ASSIGN(OpenedBundle bundle, open_bundle(record.payload, options.compressor));
  DeltaWalk walk(bundle.batch);
  for (Bytes row; walk.next(row); row.clear()) add(row);
  return {};
}

Result<History> read_history(const Store& store, const DocumentUsage& usage,
                             const CompactOptions& options) {
  DocumentOptions document_options;
  document_options.compressor = options.compressor;
  WEFT_ASSIGN(Document document, open_document(store, usage.document, document_options));
  History history{std::move(document), {}};
  const VersionVector version = history.document.version();
  const VersionVector base = history.document.base();
  std::map<ReplicaId, std::map<Seq, std::pair<RecordHead, Bytes>>> records;
  std::map<ReplicaId, std::uint64_t> chains;
  Status status;
  WEFT_TRY(store.scan_document(usage.document, {}, [&](const RecordView& record) {
    if (record.kind == RecordKind::kState) {
      Result<StateView> state = read_state_payload(record.payload);
      Result<Document> old =
          state.ok() ? Document::load(Bytes(state->snapshot.begin(), state->snapshot.end()), {})
                     : Result<Document>(state.take_error());
      if (!old.ok()) status = old.take_error();
      if (status.ok())
        for (const VersionVector::Entry& entry : base.entries())
          chains[entry.replica] = old->chain(entry.replica);
      return status.ok();
    }
    // What waits for others, or reaches below what was trimmed, stays as it is.
    if (record.has_operations() && record.end() <= version.end(record.replica) &&
        record.first_seq >= base.end(record.replica))
      records[record.replica].emplace(
          record.first_seq,
          std::pair(RecordHead(record), Bytes(record.payload.begin(), record.payload.end())));
    return true;
  }));
  WEFT_TRY(std::move(status));
  for (const auto& [replica, log] : records) {
    std::vector<Member>& members = history.replicas[replica];
    Seq at = base.end(replica);
    std::uint64_t chain = chains[replica];
    for (const auto& [first_seq, record] : log) {
      if (first_seq != at) break;
      Member member;
      member.head = record.first;
      member.payload_bytes = record.second.size();
      RecordView view;
      static_cast<RecordHead&>(view) = record.first;
      view.payload = record.second;
      WEFT_TRY(hash_rows(view, options, chain, member));
      chain = member.end_chain;
      at = record.first.end();
      members.push_back(std::move(member));
    }
  }
  return history;
}

/// Seals some members; the result is opened and compared. Empty: it would be no smaller.
Result<Bytes> seal_members(const History& history, std::span<const Member> members,
                           const CompactOptions& options) {
  const RecordHead& first = members.front().head;
  WEFT_ASSIGN(Bytes bundle,
              history.document.seal(first.replica, first.first_seq, members.back().head.end(),
                                    members.back().end_chain));
  std::size_t before = 0;
  for (const Member& member : members) before += record_size(member.payload_bytes);
  if (record_size(bundle.size()) >= before) return Bytes();
  RecordView sealed;
  sealed.kind = RecordKind::kBundle;
  sealed.payload = bundle;
  Member made;
  WEFT_TRY(hash_rows(sealed, options, 0, made));
  std::size_t row = 0;
  for (const Member& member : members)
    for (std::uint64_t hash : member.rows)
      if (row >= made.rows.size() || made.rows[row++] != hash)
        return Error(ErrorCode::kCorrupt, "a bundle does not give back what was sealed in it");
  if (row != made.rows.size())
    return Error(ErrorCode::kCorrupt, "a bundle gives back more than was sealed in it");
  return bundle;
}

/// What of a replica's log is worth sealing: all behind the last bundle that is full, unless that is one
/// bundle already.
std::span<const Member> sealable(std::span<const Member> members) {
  std::size_t begin = members.size();
  while (begin > 0 && !(members[begin - 1].head.kind == RecordKind::kBundle &&
                        members[begin - 1].payload_bytes >= kFullBundleBytes))
    --begin;
  members = members.subspan(begin);
  if (members.size() == 1 && members[0].head.kind == RecordKind::kBundle) return {};
  return members;
}

/// Bundles on their way into the store.
class SealGroup {
 public:
  explicit SealGroup(Store& store) : store_(store) {}

  /// @return  the bytes of history that go by it
  Result<std::int64_t> add(const History& history, std::span<const Member> members,
                           const CompactOptions& options) {
    WEFT_ASSIGN(Bytes bundle, seal_members(history, members, options));
    if (bundle.empty()) return std::int64_t{0};
    auto gain = -static_cast<std::int64_t>(bundle.size());
    for (const Member& member : members) gain += static_cast<std::int64_t>(member.payload_bytes);
    if (records_.empty()) since_ = std::chrono::steady_clock::now();
    NewRecord& record = records_.emplace_back();
    static_cast<RecordHead&>(record) = members.front().head;
    record.kind = RecordKind::kBundle;
    record.op_count = members.back().head.end() - record.first_seq;
    bytes_ += bundle.size();
    bundles_.push_back(std::move(bundle));
    record.payload = bundles_.back();
    if (bytes_ >= kGroupBytes || records_.size() >= kGroupBundles ||
        std::chrono::steady_clock::now() >= since_ + kGroupTime)
      WEFT_TRY(flush());
    return gain;
  }

  Status flush() {
    const std::vector<NewRecord> records = std::exchange(records_, {});
    const std::deque<Bytes> bundles = std::exchange(bundles_, {});
    bytes_ = 0;
    const Status all = store_.seal_all(records);
    if (all.ok()) return {};
    if (all.error().code() != ErrorCode::kInvalidArgument) return all.error().clone();
    // Somebody has rewritten one of these documents meanwhile, which has nothing to do with the others.
    for (const NewRecord& record : records) {
      Status one = store_.seal(record);
      if (!one.ok() && one.error().code() != ErrorCode::kInvalidArgument) return one;
    }
    return {};
  }

 private:
  Store& store_;
  std::vector<NewRecord> records_;
  std::deque<Bytes> bundles_;
  std::uint64_t bytes_ = 0;
  std::chrono::steady_clock::time_point since_;
};

/// As many from the front as one bundle may hold.
std::size_t count_for_bundle(std::span<const Member> members) {
  const std::uint64_t bytes_max = bundle_bytes_max({});
  std::size_t count = 1;
  for (std::uint64_t bytes = members[0].unpacked_bytes; count < members.size(); ++count) {
    bytes += members[count].unpacked_bytes;
    if (bytes > bytes_max) break;
  }
  return count;
}

Result<std::int64_t> seal_bounded(SealGroup& group, const History& history,
                                  std::span<const Member> members, const CompactOptions& options) {
  std::int64_t gain = 0;
  if (members.size() == 1 && members[0].head.kind == RecordKind::kBundle) return gain;
  if (members.size() > kStretchRecords) {  // first in stretches, whose transactions are short
    for (std::size_t at = 0; at < members.size(); at += kStretchRecords) {
      const auto size = std::min(kStretchRecords, members.size() - at);
      WEFT_TRY(group.add(history, members.subspan(at, size), options));
    }
    WEFT_TRY(group.flush());
  }
  return group.add(history, members, options);
}

Result<std::int64_t> seal_log(SealGroup& group, const History& history,
                              std::span<const Member> members, const CompactOptions& options) {
  std::int64_t gain = 0;
  while (!members.empty()) {
    const std::size_t count = count_for_bundle(members);
    WEFT_ASSIGN(const std::int64_t more,
                seal_bounded(group, history, members.first(count), options));
    gain += more;
    members = members.subspan(count);
  }
  return gain;
}

/// @return  the bytes of history that go by it
Result<std::int64_t> seal_document(Store& store, SealGroup& group, const DocumentUsage& usage,
                                   const CompactOptions& options) {
  WEFT_ASSIGN(const History history, read_history(store, usage, options));
  std::int64_t gain = 0;
  for (const auto& [replica, members] : history.replicas) {
    WEFT_ASSIGN(const std::int64_t more, seal_log(group, history, sealable(members), options));
    gain += more;
  }
  return gain;
}

/// Is it the store that refuses, not a document?
bool is_of_store(const Error& error) {
  switch (error.code()) {
    case ErrorCode::kDiskFull:
    case ErrorCode::kIoError:
    case ErrorCode::kInUse:
    case ErrorCode::kQuota:
    case ErrorCode::kReadOnly:
      return true;
    default:
      return false;
  }
}

bool is_worth_reading(const DocumentUsage& usage) {
  return usage.status == DocumentStatus::kLive && usage.records > 0;
}

}  // namespace

Result<CompactProgress> compact(Store& store, const CompactOptions& options) {
  WEFT_ASSIGN(const std::vector<DocumentUsage> documents, store.documents());
  CompactProgress progress;
  progress.document_count = documents.size();
  SealGroup group(store);
  for (const DocumentUsage& usage : documents) {
    std::uint64_t after = usage.history_bytes;
    if (is_worth_reading(usage)) {
      Result<std::int64_t> gain = seal_document(store, group, usage, options);
      if (gain.ok()) {
        after -= static_cast<std::uint64_t>(*gain);
      } else if (is_of_store(gain.error())) {
        return gain.take_error();
      } else {
        progress.failed.push_back({usage.document, gain.take_error()});
      }
    }
    ++progress.documents;
    progress.before_bytes += usage.history_bytes;
    progress.after_bytes += after;
    if (options.progress && !options.progress(progress)) break;
  }
  WEFT_TRY(group.flush());
  return progress;
}

Result<std::uint64_t> compact_document(Store& store, const DocumentId& id,
                                       const CompactOptions& options) {
  WEFT_ASSIGN(const std::optional<DocumentUsage> usage, store.document(id));
  if (!usage) return Error(ErrorCode::kNotFound, "the store has nothing of this document");
  if (!is_worth_reading(*usage)) return std::uint64_t{0};
  SealGroup group(store);
  WEFT_ASSIGN(const std::int64_t gain, seal_document(store, group, *usage, options));
  WEFT_TRY(group.flush());
  return static_cast<std::uint64_t>(std::max<std::int64_t>(gain, 0));
}

Result<CompactEstimate> estimate_compact(const Store& store, const CompactOptions& options) {
  CompactEstimate estimate;
  std::uint64_t sampled_after = 0;
  WEFT_ASSIGN(const std::vector<DocumentUsage> documents, store.documents());
  for (const DocumentUsage& usage : documents) {
    estimate.history_bytes += usage.history_bytes;
    if (!is_worth_reading(usage) || estimate.sampled_bytes >= kSampleBytes) continue;
    Result<History> history = read_history(store, usage, options);
    if (!history.ok()) continue;
    for (const auto& [replica, members] : history->replicas) {
      std::span<const Member> worth = sealable(members);
      for (const Member& member : members) {
        estimate.sampled_bytes += member.payload_bytes;
        sampled_after += member.payload_bytes;
      }
      if (worth.empty() || count_for_bundle(worth) < worth.size()) continue;
      WEFT_ASSIGN(Bytes bundle, seal_members(*history, worth, options));
      if (bundle.empty()) continue;
      for (const Member& member : worth) sampled_after -= member.payload_bytes;
      sampled_after += bundle.size();
    }
  }
  estimate.sealed_bytes =
      estimate.sampled_bytes == 0
          ? estimate.history_bytes
          : static_cast<std::uint64_t>(static_cast<double>(estimate.history_bytes) *
                                       static_cast<double>(sampled_after) /
                                       static_cast<double>(estimate.sampled_bytes));
  return estimate;
}

Status trim_document(Store& store, const DocumentId& id, const VersionVector& horizon,
                     const DocumentOptions& options) {
  WEFT_ASSIGN(Document past, open_version(store, id, horizon, options));
  return store.trim(id, {horizon, past.snapshot()});
}

}  // namespace weft
