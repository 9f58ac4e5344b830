#include "storage/log_index.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "crdt/base/assert.h"

namespace weft {

std::size_t DocumentHash::operator()(const DocumentId& id) const noexcept {
  std::uint64_t words[2];
  std::memcpy(words, id.bytes.data(), sizeof words);
  const std::uint64_t mixed = (words[0] ^ (words[1] << 1)) * 0x9e37'79b9'7f4a'7c15;
  return static_cast<std::size_t>(mixed ^ (mixed >> 32));
}

void IndexedDocument::add(LogPosition position, const RecordHead& record, ByteSpan payload) {
  head.add(record, payload, record.first_seq);
  add_entry(position, record, payload.size());
}

void IndexedDocument::add_entry(LogPosition position, const RecordHead& record,
                                std::size_t payload_bytes) {
  ++head.records;
  head.history_bytes += payload_bytes;
  entries.push_back({position, record.replica, record.first_seq, record.end()});
}

Status IndexedDocument::replay(const RecordView& record) {
  switch (record.kind) {
    case RecordKind::kDelta:
    case RecordKind::kBundle: {
      // What was trimmed away may reach into a record that came before it, and was sealed since.
      RecordHead above = record;
      const Seq base_end = head.base.end(record.replica);
      if (record.first_seq < base_end && base_end < record.end()) {
        above.first_seq = base_end;
        above.op_count = record.end() - base_end;
      }
      if (head.fit(above) != DocumentHead::Fit::kNew) return {};
      head.add(record, record.payload, above.first_seq);
      add_entry(record.position, record, record.payload.size());
      return {};
    }
    case RecordKind::kMark: {
      WEFT_ASSIGN(StatusMark mark, read_status_payload(record.payload));
      set_status(record.position, mark);
      return {};
    }
    case RecordKind::kDeletion: {
      WEFT_ASSIGN(DeletionNote note, read_deletion_payload(record.payload));
      set_deletion(record.position, std::move(note));
      return {};
    }
    case RecordKind::kState: {
      WEFT_ASSIGN(StateView state, read_state_payload(record.payload));
      (void)set_base(record.position, state);
      ++head.records;
      head.history_bytes += record.payload.size();
      return {};
    }
  }
  return {};
}

void IndexedDocument::set_deletion(LogPosition position, DeletionNote note) {
  head.deletion = std::move(note.deletion);
  head.deletion_since_ms = note.since_ms;
  head.deletion_position = position;
  complete = true;
}

void IndexedDocument::set_status(LogPosition position, const StatusMark& mark) {
  DocumentHead before = std::move(head);
  head = DocumentHead();
  head.deletion = std::move(before.deletion);
  head.deletion_position = before.deletion_position;
  head.deletion_since_ms = before.deletion_since_ms;
  head.status = mark.status;
  if (mark.status == DocumentStatus::kDeleted) {  // by an older weft
    head.status = DocumentStatus::kPurged;
    for (const VersionVector::Entry& end : mark.version.entries())
      head.deletion.raise(end.replica, end.end, 0);
  }
  head.mark_position = position;
  head.last_version = mark.version;
  entries.clear();
  complete = true;
}

std::vector<LogPosition> IndexedDocument::set_base(LogPosition position, const StateView& state) {
  const VersionVector& base = state.version;
  // Where they can't be read they are not known.
  const auto chains = read_snapshot_chains(state.snapshot);
  const auto chain_of = [&](ReplicaId replica) -> std::uint64_t {
    if (!chains.ok()) return 0;
    const auto at = std::find_if(chains->begin(), chains->end(),
                                 [&](const auto& each) { return each.first == replica; });
    return at == chains->end() ? 0 : at->second;
  };
  std::vector<LogPosition> gone;
  if (head.base_position != 0) gone.push_back(head.base_position);
  std::erase_if(entries, [&](const IndexEntry& entry) {
    if (entry.end > base.end(entry.replica)) return false;
    gone.push_back(entry.position);
    return true;
  });
  for (const VersionVector::Entry& entry : base.entries())
    head.cover(entry.replica, entry.end, chain_of(entry.replica));
  head.base = base;
  head.base_position = position;
  complete = true;
  return gone;
}

std::vector<IndexEntry> IndexedDocument::members(const RecordHead& bundle) const {
  std::vector<IndexEntry> result;
  for (const IndexEntry& entry : entries)
    if (entry.replica == bundle.replica && entry.begin < bundle.end() &&
        entry.end > bundle.first_seq)
      result.push_back(entry);
  std::sort(result.begin(), result.end(),
            [](const IndexEntry& a, const IndexEntry& b) { return a.begin < b.begin; });
  Seq at = bundle.first_seq;
  for (const IndexEntry& entry : result) {
    if (entry.begin != at) return {};
    at = entry.end;
  }
  if (at != bundle.end()) return {};
  return result;
}

std::vector<LogPosition> IndexedDocument::seal(const std::vector<IndexEntry>& members) {
  WEFT_ASSERT(complete && !members.empty());
  std::vector<LogPosition> gone;
  for (const IndexEntry& member : members) gone.push_back(member.position);
  std::sort(gone.begin(), gone.end());
  const LogPosition last = gone.back();
  std::erase_if(entries, [&](const IndexEntry& entry) {
    return entry.position != last && std::binary_search(gone.begin(), gone.end(), entry.position);
  });
  gone.pop_back();
  for (IndexEntry& entry : entries)
    if (entry.position == last)
      entry = {last, members.front().replica, members.front().begin, members.back().end};
  return gone;
}

void add_positions(const std::vector<IndexEntry>& entries, const VersionVector& since,
                   LogPosition begin, std::vector<LogPosition>& out) {
  for (const IndexEntry& entry : entries)
    if (entry.position >= begin && entry.end > since.end(entry.replica))
      out.push_back(entry.position);
}

}  // namespace weft
