#include "storage/log_index.h"

#include <algorithm>

namespace weft {
namespace {

/// The first of `ranges` that ends behind `seq`.
template <typename Ranges>
auto first_behind(Ranges& ranges, Seq seq) {
  return std::upper_bound(ranges.begin(), ranges.end(), seq,
                          [](Seq value, const auto& range) { return value < range.end; });
}

}  // namespace

LogIndex::Fit LogIndex::fit(const RecordHead& record) const {
  auto document = documents_.find(record.document);
  if (document == documents_.end()) return Fit::kNew;
  auto replica = document->second.replicas.find(record.replica);
  if (replica == document->second.replicas.end()) return Fit::kNew;
  const std::vector<Range>& ranges = replica->second;
  auto at = first_behind(ranges, record.first_seq);
  if (at == ranges.end() || at->begin >= record.end()) return Fit::kNew;
  for (Seq seq = record.first_seq; at != ranges.end() && at->begin <= seq; ++at) {
    seq = at->end;
    if (seq >= record.end()) return Fit::kKnown;
  }
  return Fit::kOverlaps;
}

void LogIndex::add(LogPosition position, const RecordHead& record, std::uint64_t payload_bytes) {
  Entry& entry = documents_[record.document];
  std::vector<Range>& ranges = entry.replicas[record.replica];
  Range range{record.first_seq, record.end(), position};
  if (ranges.empty() || ranges.back().end <= range.begin) {
    ranges.push_back(range);
  } else {
    ranges.insert(first_behind(ranges, range.begin), range);
  }
  ++entry.records;
  ++record_count_;
  entry.payload_bytes += payload_bytes;
  payload_bytes_ += payload_bytes;
}

std::vector<LogPosition> LogIndex::positions(const DocumentId& document,
                                             const VersionVector& since) const {
  std::vector<LogPosition> result;
  auto found = documents_.find(document);
  if (found == documents_.end()) return result;
  for (const auto& [replica, ranges] : found->second.replicas)
    for (auto at = first_behind(ranges, since.end(replica)); at != ranges.end(); ++at)
      result.push_back(at->position);
  std::sort(result.begin(), result.end());
  return result;
}

VersionVector LogIndex::version_of(const Entry& entry) {
  VersionVector version;
  for (const auto& [replica, ranges] : entry.replicas) {
    Seq end = 0;
    for (const Range& range : ranges) {
      if (range.begin != end) break;  // a gap
      end = range.end;
    }
    version.set(replica, end);
  }
  return version;
}

VersionVector LogIndex::version(const DocumentId& document) const {
  auto found = documents_.find(document);
  return found == documents_.end() ? VersionVector() : version_of(found->second);
}

std::vector<DocumentUsage> LogIndex::documents() const {
  std::vector<DocumentUsage> result;
  for (const auto& [id, entry] : documents_) {
    DocumentUsage& usage = result.emplace_back();
    usage.document = id;
    usage.records = entry.records;
    usage.payload_bytes = entry.payload_bytes;
    usage.version = version_of(entry);
  }
  return result;
}

}  // namespace weft
