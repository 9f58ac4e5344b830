#include "storage/document_head.h"

#include <algorithm>

#include "crdt/base/assert.h"
#include "crdt/base/checksum.h"
#include "crdt/delta/codec.h"

namespace weft {
namespace {

/// The first range of `replica` that ends at or behind `seq`, or what follows that replica's.
template <typename Ranges>
auto first_ending_at(Ranges& held, ReplicaId replica, Seq seq) {
  return std::lower_bound(held.begin(), held.end(), std::pair(replica, seq),
                          [](const DocumentHead::Range& range, const auto& at) {
                            return std::pair(range.replica, range.end) < at;
                          });
}

}  // namespace

DocumentHead::Fit DocumentHead::fit(const RecordHead& record) const {
  auto at = first_ending_at(held, record.replica, record.first_seq + 1);
  if (at == held.end() || at->replica != record.replica || at->begin >= record.end())
    return Fit::kNew;
  return at->begin <= record.first_seq && record.end() <= at->end ? Fit::kKnown : Fit::kOverlaps;
}

Seq DocumentHead::end(ReplicaId replica) const {
  auto at = first_ending_at(held, replica, 0);
  return at != held.end() && at->replica == replica && at->begin == 0 ? at->end : 0;
}

Seq DocumentHead::last_end(ReplicaId replica) const {
  auto behind = first_ending_at(held, replica, kMaxSeq + 1);
  if (behind == held.begin() || (behind - 1)->replica != replica) return 0;
  return (behind - 1)->end;
}

VersionVector DocumentHead::version() const {
  VersionVector version;
  for (const Range& range : held)
    if (range.begin == 0) version.set(range.replica, range.end);
  return version;
}

bool DocumentHead::covers_held() const {
  if (deletion.empty()) return false;
  for (const Range& range : held)
    if (range.end > deletion.end(range.replica)) return false;
  return true;
}

bool DocumentHead::covers(const VersionVector& other) const {
  for (const VersionVector::Entry& entry : other.entries())
    if (end(entry.replica) < entry.end) return false;
  return true;
}

std::optional<std::uint64_t> chain_behind(const RecordHead& record, ByteSpan payload,
                                          std::optional<std::uint64_t> before) {
  if (record.kind == RecordKind::kBundle) {
    Result<BundleInfo> info = read_bundle_info(payload);
    // One that was sealed for its way, in the middle of a log, may not know it.
    if (info.ok() && info->end() == record.end() && info->end_chain != 0) return info->end_chain;
    return std::nullopt;
  }
  if (!before) return std::nullopt;
  return xxh3_64(payload, *before);
}

std::optional<std::uint64_t> DocumentHead::chain_at(ReplicaId replica, Seq end) const {
  if (end == 0) return 0;
  auto at = first_ending_at(held, replica, end);
  const bool is_end =
      at != held.end() && at->replica == replica && at->begin == 0 && at->end == end;
  if (!is_end || at->chain == 0) return std::nullopt;
  return at->chain;
}

void DocumentHead::add(const RecordHead& record, ByteSpan payload, Seq begin) {
  // What was trimmed away may reach into a bundle, which says its chain hash; a delta is whole.
  const std::optional<std::uint64_t> before =
      begin == record.first_seq ? chain_at(record.replica, begin) : std::nullopt;
  add(Range{record.replica, begin, record.end(),
            chain_behind(record, payload, before).value_or(0)});
}

void DocumentHead::add(const Range& range) {
  const auto& [replica, begin, end, chain] = range;
  auto at = first_ending_at(held, replica, begin);
  const bool joins = at != held.end() && at->replica == replica && at->end == begin;
  auto next = joins ? at + 1 : at;
  const bool joins_next = next != held.end() && next->replica == replica && next->begin == end;
  if (joins && joins_next) {
    at->end = next->end;
    at->chain = 0;
    held.erase(next);
  } else if (joins) {
    at->end = end;
    at->chain = chain;
  } else if (joins_next) {
    next->begin = begin;
    next->chain = 0;
  } else {
    held.insert(at, range);
  }
}

void DocumentHead::cover(ReplicaId replica, Seq end, std::uint64_t chain) {
  auto first = first_ending_at(held, replica, 0);
  auto last = first;
  while (last != held.end() && last->replica == replica && last->begin <= end) {
    if (last->end > end) chain = last->begin == 0 ? last->chain : 0;
    end = std::max(end, last->end);
    ++last;
  }
  held.insert(held.erase(first, last), Range{replica, 0, end, chain});
}

void DocumentHead::remove(ReplicaId replica, Seq begin, Seq end, std::uint64_t chain) {
  auto at = first_ending_at(held, replica, begin + 1);
  WEFT_ASSERT(at != held.end() && at->replica == replica && at->begin <= begin && end <= at->end);
  const Range before{replica, at->begin, begin, at->begin == 0 ? chain : 0};
  const Range after{replica, end, at->end, 0};
  at = held.erase(at);
  if (after.begin < after.end) at = held.insert(at, after);
  if (before.begin < before.end) held.insert(at, before);
}

std::uint64_t DocumentHead::count_beyond(const VersionVector& version) const {
  std::uint64_t count = 0;
  for (const Range& range : held)
    count += ops_beyond(range.begin, range.end, version.end(range.replica));
  return count;
}

DocumentUsage DocumentHead::usage(const DocumentId& document) const {
  DocumentUsage usage;
  usage.document = document;
  usage.status = shown_status();
  usage.version = status == DocumentStatus::kLive ? version() : last_version;
  if (status == DocumentStatus::kLive)
    for (const Range& range : held)
      if (range.begin == 0) usage.chains.push_back(range.chain);
  usage.base = base;
  usage.deletion = deletion;
  usage.deletion_since_ms = deletion_since_ms;
  usage.records = records;
  usage.history_bytes = history_bytes;
  return usage;
}

}  // namespace weft
