#include "crdt/clock/deletion.h"

#include <algorithm>
#include <utility>

namespace weft {
namespace {

template <typename Entries>
auto first_from(Entries& entries, ReplicaId replica) {
  return std::lower_bound(
      entries.begin(), entries.end(), replica,
      [](const Deletion::Entry& entry, ReplicaId wanted) { return entry.replica < wanted; });
}

}  // namespace

bool Deletion::raise(ReplicaId replica, Seq end, std::uint64_t chain) {
  if (end == 0) return false;
  auto at = first_from(entries_, replica);
  if (at == entries_.end() || !(at->replica == replica)) {
    entries_.insert(at, Entry{replica, end, chain, false});
    return true;
  }
  if (std::pair(end, chain) <= std::pair(at->end, at->chain)) return false;
  *at = Entry{replica, end, chain, false};
  return true;
}

bool Deletion::merge(const Deletion& other) {
  bool has_grown = false;
  for (const Entry& entry : other.entries_)
    has_grown = raise(entry.replica, entry.end, entry.chain) || has_grown;
  if (std::pair(other.at_ms_, other.by_) > std::pair(at_ms_, by_)) {
    at_ms_ = other.at_ms_;
    by_ = other.by_;
  }
  return has_grown;
}

bool Deletion::set_void(ReplicaId replica) {
  auto at = first_from(entries_, replica);
  if (at == entries_.end() || !(at->replica == replica)) return false;
  return !std::exchange(at->is_void, true);
}

Seq Deletion::end(ReplicaId replica) const {
  auto at = first_from(entries_, replica);
  return at == entries_.end() || !(at->replica == replica) || at->is_void ? 0 : at->end;
}

VersionVector Deletion::version() const {
  VersionVector version;
  for (const Entry& entry : entries_)
    if (!entry.is_void) version.raise(entry.replica, entry.end);
  return version;
}

std::vector<Deletion::Entry> Deletion::to_check(const VersionVector& held) const {
  std::vector<Entry> result;
  for (const Entry& entry : entries_)
    if (!entry.is_void && entry.chain != 0 && held.end(entry.replica) == entry.end)
      result.push_back(entry);
  return result;
}

bool Deletion::is_same_vector(const Deletion& other) const {
  return std::equal(entries_.begin(), entries_.end(), other.entries_.begin(), other.entries_.end(),
                    [](const Entry& a, const Entry& b) {
                      return a.replica == b.replica && a.end == b.end && a.chain == b.chain;
                    });
}

void Deletion::encode(ByteWriter& out) const {
  out.u64(by_.value);
  out.varint(at_ms_);
  out.varint(entries_.size());
  for (const Entry& entry : entries_) {
    out.u64(entry.replica.value);
    out.varint(entry.end);
    out.u64(entry.chain);
    out.u8(entry.is_void ? 1 : 0);
  }
}

Result<Deletion> Deletion::decode(ByteReader& in) {
  constexpr std::size_t kEntryBytesMin = 18;
  Deletion deletion;
  deletion.by_.value = in.u64();
  deletion.at_ms_ = in.varint();
  const std::uint64_t count = in.varint_up_to(in.remaining() / kEntryBytesMin);
  for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
    Entry entry;
    entry.replica.value = in.u64();
    entry.end = static_cast<Seq>(in.varint_up_to(kMaxSeq));
    entry.chain = in.u64();
    entry.is_void = in.u8() != 0;
    const bool ascends =
        deletion.entries_.empty() || deletion.entries_.back().replica < entry.replica;
    if (!ascends || entry.end == 0) in.fail("a deletion whose entries are out of order");
    deletion.entries_.push_back(entry);
  }
  if (!in.ok()) return in.error("a deletion");
  return deletion;
}

}  // namespace weft
