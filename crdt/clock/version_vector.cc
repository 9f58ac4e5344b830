#include "crdt/clock/version_vector.h"

#include <algorithm>

namespace weft {
namespace {

auto lower(auto& entries, ReplicaId replica) {
  return std::lower_bound(entries.begin(), entries.end(), replica,
                          [](const auto& entry, ReplicaId id) { return entry.replica < id; });
}

bool parse_number(std::string_view text, int base, std::uint64_t max, std::uint64_t& out) {
  if (text.empty() || text.size() > 20) return false;
  std::uint64_t value = 0;
  for (char c : text) {
    int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : 99;
    if (digit >= base) return false;
    auto wide = static_cast<std::uint64_t>(digit);
    auto radix = static_cast<std::uint64_t>(base);
    if (value > (max - wide) / radix) return false;
    value = value * radix + wide;
  }
  out = value;
  return true;
}

}  // namespace

VersionVector::VersionVector(const VersionVector& other) = default;
VersionVector& VersionVector::operator=(const VersionVector& other) = default;
VersionVector::VersionVector(VersionVector&& other) noexcept = default;
VersionVector& VersionVector::operator=(VersionVector&& other) noexcept = default;

Seq VersionVector::end(ReplicaId replica) const {
  auto at = lower(entries_, replica);
  return at != entries_.end() && at->replica == replica ? at->end : 0;
}

bool VersionVector::covers(const VersionVector& other) const {
  return std::all_of(other.entries_.begin(), other.entries_.end(),
                     [&](const Entry& entry) { return end(entry.replica) >= entry.end; });
}

void VersionVector::raise(ReplicaId replica, Seq end) {
  if (end > this->end(replica)) set(replica, end);
}

void VersionVector::set(ReplicaId replica, Seq end) {
  auto at = lower(entries_, replica);
  bool found = at != entries_.end() && at->replica == replica;
  if (end == 0) {
    if (found) entries_.erase(at);
  } else if (found) {
    at->end = end;
  } else {
    entries_.insert(at, Entry{replica, end});
  }
}

void VersionVector::merge(const VersionVector& other) {
  for (const Entry& entry : other.entries_) raise(entry.replica, entry.end);
}

std::string VersionVector::to_string() const {
  std::string text;
  for (const Entry& entry : entries_) {
    if (!text.empty()) text += ' ';
    text += weft::to_string(Dot{entry.replica, entry.end});
  }
  return text;
}

Result<VersionVector> VersionVector::parse(std::string_view text) {
  VersionVector version;
  while (!text.empty()) {
    std::size_t space = text.find_first_of(" ,");
    std::string_view word = text.substr(0, space);
    text = space == std::string_view::npos ? std::string_view() : text.substr(space + 1);
    if (word.empty()) continue;
    std::size_t colon = word.find(':');
    std::uint64_t replica = 0;
    std::uint64_t end = 0;
    if (colon == std::string_view::npos || colon > 16 ||
        !parse_number(word.substr(0, colon), 16, ~std::uint64_t{0}, replica) ||
        !parse_number(word.substr(colon + 1), 10, kMaxSeq, end))
      return Error(
          ErrorCode::kInvalidArgument,
          "a version is REPLICA:END pairs (hexadecimal, decimal), not '" + std::string(word) + "'");
    version.raise(ReplicaId{replica}, static_cast<Seq>(end));
  }
  return version;
}

void VersionVector::encode(ByteWriter& out) const {
  out.varint(entries_.size());
  for (const Entry& entry : entries_) {
    out.u64(entry.replica.value);
    out.varint(entry.end);
  }
}

Result<VersionVector> VersionVector::decode(ByteReader& in) {
  VersionVector version;
  std::uint64_t count = in.varint_up_to(in.remaining() / 9, "more replicas than bytes");
  version.entries_.reserve(static_cast<std::size_t>(count));
  for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
    Entry entry{ReplicaId{in.u64()}, 0};
    std::uint64_t end = in.varint();
    if (end > kMaxSeq) in.fail(ErrorCode::kLimit, "a log of too many operations");
    entry.end = static_cast<Seq>(end);
    if (entry.end == 0) in.fail("a version entry without operations");
    if (!version.entries_.empty() && !(version.entries_.back().replica < entry.replica))
      in.fail(ErrorCode::kNotCanonical, "version entries out of order");
    version.entries_.push_back(entry);
  }
  if (!in.ok()) return in.error("version vector");
  return version;
}

}  // namespace weft
