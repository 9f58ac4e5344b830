// What sessions ask of a node: what it holds, and what of it another device lacks.
#include <algorithm>
#include <utility>

#include "crdt/delta/codec.h"
#include "crdt/delta/history_file.h"
#include "peer/node_impl.h"
#include "storage/admission.h"
#include "storage/documents.h"

namespace weft {
namespace {

/// From so many operations on a stretch of history is sealed for its way instead of sent delta by delta.
constexpr std::uint64_t kSealFrom = 64;
/// What is read of a store at once to be sealed.
constexpr std::size_t kSealedBytesMax = std::size_t{8} << 20;

/// One bundle as it is, several as a history file, so that they are applied together.
Bytes joined(const DocumentId& document, std::vector<Bytes> bundles) {
  if (bundles.size() == 1) return std::move(bundles.front());
  struct Sorted {
    ReplicaId author;
    ByteSpan bytes;
  };
  std::vector<Sorted> sorted;
  for (const Bytes& bundle : bundles) {
    Result<BundleInfo> info = read_bundle_info(bundle);
    sorted.push_back({info.ok() ? info->author : ReplicaId(), bundle});
  }
  std::sort(sorted.begin(), sorted.end(),
            [](const Sorted& a, const Sorted& b) { return a.author < b.author; });
  HistoryFile file;
  file.document = document.bytes;
  for (const Sorted& each : sorted) file.bundles.push_back(each.bytes);
  return encode_history_file(file);
}

}  // namespace

// --- what is held ---

std::optional<sync::HeldAs> Node::Impl::held_as(const DocumentId& document) const {
  const Entry* entry = find_entry(document);
  if (entry == nullptr) return std::nullopt;
  return held_as_of(entry->status);
}

VersionVector Node::Impl::durable_version(const DocumentId& document) const {
  const Entry* entry = find_entry(document);
  return entry == nullptr ? VersionVector() : entry->durable;
}

VersionVector Node::Impl::sendable_version(const DocumentId& document) const {
  const Entry* entry = find_entry(document);
  return entry == nullptr || entry->status != DocumentStatus::kLive ? VersionVector()
                                                                    : sendable(*entry);
}

bool Node::Impl::is_unknown(const DocumentId& document) const {
  const Entry* entry = find_entry(document);
  return entry == nullptr || (entry->status == DocumentStatus::kLive && entry->durable.empty());
}

sync::Digest Node::Impl::digest(const DocumentId& document) {
  sum_up();
  const Entry* entry = find_entry(document);
  return entry == nullptr || !entry->is_summed ? sync::Digest() : entry->digest;
}

void Node::Impl::for_each_document(
    const std::function<void(const DocumentId&, const sync::Digest&)>& visit) {
  sum_up();
  for (const auto& [id, entry] : entries_)
    if (entry.is_summed) visit(id, entry.digest);
}

void Node::Impl::for_each_evicted(const std::function<void(const DocumentId&)>& visit) const {
  for (const auto& [id, entry] : entries_)
    if (entry.status == DocumentStatus::kEvicted) visit(id);
}

void Node::Impl::changed_since(std::uint64_t position,
                               const std::function<void(const DocumentId&)>& visit) const {
  std::unordered_set<DocumentId, DocumentHash> seen;
  const Status read = store_.scan(position, [&](const RecordView& record) {
    if (seen.insert(record.document).second) visit(record.document);
    return true;
  });
  if (read.ok()) return;
  for (const auto& [id, entry] : entries_)  // a damaged record: whatever it was, it is among all
    if (entry.is_in_set() && seen.insert(id).second) visit(id);
}

sync::HeldDocument Node::Impl::describe(const DocumentId& document, bool thorough) {
  sync::HeldDocument held;
  held.document = document;
  Entry* entry = find_entry(document);
  if (entry == nullptr) return held;
  held.as = *held_as(document);
  held.deletion = entry->deletion;
  if (held.as != sync::HeldAs::kLive) return held;
  for (sync::LogEnd end : durable_ends(*entry)) {
    // What an earlier replica of this device wrote may not be what others know under its name: they say it all.
    if (is_suspect(*entry, end.replica)) continue;
    if (!thorough && !entry->open) end.chain = 0;
    held.log_ends.push_back(end);
  }
  return held;
}

std::uint64_t Node::Impl::count_beyond(const DocumentId& document, const VersionVector& since) {
  Entry* entry = find_entry(document);
  if (entry == nullptr || entry->status != DocumentStatus::kLive) return 0;
  if (!is_meeting_durable_) {  // see store_first_meeting()
    entry->is_read_again = true;
    return 0;
  }
  return count_ops_beyond(sendable(*entry), since);
}

// --- reading ---

sync::Outgoing Node::Impl::read(const DocumentId& document, const VersionVector& since,
                                std::uint64_t hint, std::size_t bytes_max, bool one_state) {
  Entry* entry = find_entry(document);
  if (entry == nullptr || entry->status != DocumentStatus::kLive) return {};
  if (!is_meeting_durable_) {
    entry->is_read_again = true;
    return {};
  }
  sync::Outgoing out = read_nearest(*entry, since, hint, bytes_max);
  if (out.is_state && one_state && !read_one_state(*entry, since, out)) return {};
  if (!out.deltas.empty()) entry->sent_end = std::max(entry->sent_end, out.reached.end(replica_));
  return out;
}

/// From the recent deltas, sealed from the open document, or from the store.
sync::Outgoing Node::Impl::read_nearest(Entry& found, const VersionVector& since,
                                        std::uint64_t hint, std::size_t bytes_max) {
  Entry* entry = &found;
  if (entry->open && since.covers(entry->open->recent_base)) {
    entry->used = ++use_count_;
    return read_recent(*entry, since, hint, bytes_max);
  }
  const VersionVector version = sendable(*entry);
  if (since.covers(version)) return {};
  if (entry->open) {
    entry->used = ++use_count_;
    const bool all_durable = entry->open->document.version() == entry->durable;
    if (all_durable && count_ops_beyond(version, since) >= kSealFrom) {
      sync::Outgoing whole = read_whole(*entry, since);
      if (!whole.deltas.empty()) return whole;
    }
  }
  if (entry->rewriting > 0) {  // what is taken back there must not go out any more
    entry->is_read_again = true;
    return {};
  }
  sync::Outgoing out = read_store(*entry, since, bytes_max);
  // What is on its way to the store and not among the recent ones can be read when it is there.
  if (!out.more && !out.reached.covers(version)) entry->is_read_again = true;
  return out;
}

sync::Outgoing Node::Impl::read_recent(const Entry& entry, const VersionVector& since,
                                       std::uint64_t hint, std::size_t bytes_max) const {
  sync::Outgoing out;
  const Open& open = *entry.open;
  out.reached = since;
  out.hint = std::max(hint, open.recent_number);
  std::size_t bytes = 0;
  bool passed_all = true;  // nothing before was left for later
  for (std::uint64_t number = out.hint; number < open.recent_number + open.recent.size();
       ++number) {
    const Recent& recent = open.recent[static_cast<std::size_t>(number - open.recent_number)];
    if (passed_all) out.hint = number;
    if (out.reached.end(recent.first.replica) >= recent.end) continue;
    if (recent.is_own && entry.durable.end(recent.first.replica) < recent.end) {  // (I1)
      passed_all = false;
      continue;
    }
    const bool is_full =
        bytes + recent.bytes.size() > bytes_max || out.deltas.size() == sync::Limits::kDeltas;
    if (!out.deltas.empty() && is_full) {
      out.more = true;
      break;
    }
    bytes += recent.bytes.size();
    out.deltas.push_back(recent.bytes);
    out.chain = recent.chain;
    out.reached.raise(recent.first.replica, recent.end);
    if (passed_all) out.hint = number + 1;
  }
  return out;
}

sync::Outgoing Node::Impl::read_whole(Entry& entry, const VersionVector& since) const {
  sync::Outgoing out;
  Result<std::vector<Bytes>> bundles = entry.open->document.bundles_since(since);
  if (!bundles.ok() || bundles->empty()) return out;
  Bytes whole = joined(entry.id, std::move(*bundles));
  if (whole.size() > sync::Limits::kTransferBytes) return out;
  out.deltas.push_back(std::move(whole));
  out.reached = entry.open->document.version();
  return out;
}

/// Puts a state of all that is here into the place of the one that lies in the store.
/// @return  false: not now
bool Node::Impl::read_one_state(Entry& entry, const VersionVector& since, sync::Outgoing& out) {
  for (const ReplicaId& former : former_)
    if (entry.durable.end(former) > 0 && is_suspect(entry, former)) return true;
  if (!open(entry).ok()) return true;
  const Document& document = entry.open->document;
  if (!(document.version() == entry.durable) || entry.rewriting > 0) {  // (I1)
    entry.is_read_again = true;
    return false;
  }
  Bytes payload = state_payload(document.version(), document.snapshot());
  if (payload.size() > sync::Limits::kStateBytes) return true;
  out.deltas.front() = std::move(payload);
  out.reached = since;
  out.reached.merge(document.version());
  out.more = false;
  return true;
}

// Whatever a store holds fits a transfer: else a link would end over it, and be dialled again, for ever.
static_assert(kPayloadBytesMax <= sync::Limits::kStateBytes);
static_assert(DecodeLimits().input_bytes <= sync::Limits::kTransferBytes);
static_assert(kSealedBytesMax < DecodeLimits().input_bytes);

/// Records as they lie there, or, where they are many, sealed by author for their way.
sync::Outgoing Node::Impl::read_store(const Entry& entry, const VersionVector& since,
                                      std::size_t bytes_max) const {
  sync::Outgoing out;
  out.reached = since;
  OutgoingRows rows(count_ops_beyond(entry.durable, since) >= kSealFrom);
  const Status read = store_.scan_document(entry.id, since, [&](const RecordView& record) {
    if (record.kind == RecordKind::kState) {
      Result<StateView> state = read_state_payload(record.payload);
      if (!state.ok()) return true;
      out.is_state = true;
      out.deltas.emplace_back(record.payload.begin(), record.payload.end());
      out.reached.merge(state->version);
      out.more = true;
      return false;
    }
    if (!record.has_operations() || record.end() <= out.reached.end(record.replica)) return true;
    if (record.kind != RecordKind::kDelta) rows.give_up_sealing();
    const std::size_t limit = rows.can_seal() ? kSealedBytesMax : bytes_max;
    const bool is_full = rows.bytes() + record.payload.size() > limit ||
                         (!rows.can_seal() && rows.size() >= sync::Limits::kDeltas);
    if (!rows.empty() && is_full) {
      out.more = true;
      return false;
    }
    rows.add(record, since.end(record.replica) == 0);
    out.reached.raise(record.replica, record.end());
    return true;
  });
  if (!read.ok()) return {};  // damaged: others have it
  if (out.is_state || rows.empty()) return out;
  if (rows.can_seal() && rows.size() >= kSealFrom) {
    out.deltas.push_back(
        joined(entry.id, rows.seal(options_.compressor, [&](ReplicaId author, Seq end) {
          return chain_at(entry, author, end);
        })));
    return out;
  }
  send_rows(entry, since, bytes_max, rows, out);
  return out;
}

/// The rows one by one. More may have been gathered than fits one message, and turned out not to be sealed.
void Node::Impl::send_rows(const Entry& entry, const VersionVector& since, std::size_t bytes_max,
                           const OutgoingRows& rows, sync::Outgoing& out) const {
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < rows.size() && i < sync::Limits::kDeltas; ++i) {
    const ByteSpan row = rows.row(i);
    bytes += row.size();
    if (i > 0 && bytes > bytes_max) break;
    out.deltas.emplace_back(row.begin(), row.end());
  }
  if (out.deltas.size() == rows.size()) {
    if (!entry.open) return;
    Result<std::uint64_t> chain =
        entry.open->document.chain_at(rows.last_author(), rows.last_end());
    if (chain.ok()) out.chain = static_cast<std::uint32_t>(*chain);
    return;
  }
  out.reached = since;
  for (const Bytes& delta : out.deltas) {
    NewRecord record;
    if (record_of(entry.id, delta, record).ok()) out.reached.raise(record.replica, record.end());
  }
  out.more = true;
}

}  // namespace weft
