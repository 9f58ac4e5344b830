// What sessions read from a node's documents and what they bring.
#include <algorithm>
#include <utility>

#include "crdt/delta/codec.h"
#include "crdt/delta/history_file.h"
#include "peer/node_impl.h"
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
  switch (entry->status) {
    case DocumentStatus::kEvicted:
      return sync::HeldAs::kEvicted;
    case DocumentStatus::kDeleted:
      return sync::HeldAs::kDeleted;
    case DocumentStatus::kLive:
      break;
  }
  return sync::HeldAs::kLive;
}

VersionVector Node::Impl::durable_version(const DocumentId& document) const {
  const Entry* entry = find_entry(document);
  return entry == nullptr ? VersionVector() : entry->durable;
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
  if (held.as == sync::HeldAs::kDeleted)
    for (const VersionVector::Entry& end : entry->last_version.entries())
      held.log_ends.push_back({end.replica, end.end, 0});
  if (held.as != sync::HeldAs::kLive) return held;
  if (thorough && !entry->open && !entry->durable.empty()) (void)open(*entry);
  for (const VersionVector::Entry& end : entry->durable.entries()) {
    // What an earlier replica of this device wrote may not be what others know under its name: they say it all.
    if (is_suspect(*entry, end.replica)) continue;
    sync::LogEnd log_end{end.replica, end.end, 0};
    if (entry->open) {
      Result<std::uint64_t> chain = entry->open->document.chain_at(end.replica, end.end);
      if (chain.ok()) log_end.chain = *chain;
    }
    held.log_ends.push_back(log_end);
  }
  return held;
}

std::uint64_t Node::Impl::count_beyond(const DocumentId& document, const VersionVector& since) {
  const Entry* entry = find_entry(document);
  if (entry == nullptr || entry->status != DocumentStatus::kLive) return 0;
  return count_ops_beyond(sendable(*entry), since);
}

// --- reading ---

sync::Outgoing Node::Impl::read(const DocumentId& document, const VersionVector& since,
                                std::uint64_t hint, std::size_t bytes_max) {
  Entry* entry = find_entry(document);
  if (entry == nullptr || entry->status != DocumentStatus::kLive) return {};
  sync::Outgoing out = read_nearest(*entry, since, hint, bytes_max);
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
    out.deltas.push_back(joined(entry.id, rows.seal(options_.compressor)));
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

// --- taking ---

Status Node::Impl::unpack(const DocumentId& document, std::vector<Bytes> deltas,
                          std::vector<Item>& items) {
  for (Bytes& bytes : deltas) {
    if (is_history_file(bytes)) {
      WEFT_ASSIGN(HistoryFile file, decode_history_file(bytes));
      if (file.document != document.bytes)
        return Error(ErrorCode::kCorrupt, "the history of another document");
      for (const ByteSpan bundle : file.bundles) {
        Item& item = items.emplace_back();
        item.bytes.assign(bundle.begin(), bundle.end());
        WEFT_TRY(record_of(document, item.bytes, item.head));
      }
      continue;
    }
    Item& item = items.emplace_back();
    item.bytes = std::move(bytes);
    WEFT_TRY(record_of(document, item.bytes, item.head));
  }
  return {};
}

Status Node::Impl::unpack_bundle(const Item& bundle, std::vector<Item>& rows) const {
  WEFT_ASSIGN(OpenedBundle opened, open_bundle(bundle.bytes, options_.compressor));
  DeltaWalk walk(opened.batch);
  for (Bytes row; walk.next(row); row.clear()) {
    Item& item = rows.emplace_back();
    item.bytes = row;
    WEFT_TRY(record_of(bundle.head.document, item.bytes, item.head));
  }
  return {};
}

/// @return  false: it is passed over
bool Node::Impl::may_take(LinkId link, Entry& entry, const Item& item, sync::Taken& taken) {
  const ReplicaId author = item.head.replica;
  const Seq end = entry.open->document.version().end(author);
  if (author == replica_ && item.head.end() > end) {
    rolled_back(link, "it has operations of this replica that are not here");
    return false;
  }
  if (entry.forked.contains(author)) {  // (I4)
    ++taken.refused;
    return false;
  }
  if (!is_former(author)) {
    if (is_in_doubt(entry, link)) taken.has_gap = true;
    return !is_in_doubt(entry, link);
  }
  if (end == 0) verified(entry, author);
  if (!is_suspect(entry, author)) return true;
  const Seq from = std::max(entry.verified_end[author], entry.open->document.base().end(author));
  if (item.head.first_seq <= from) return true;
  entry.in_doubt.insert(link);
  taken.has_gap = true;
  return false;
}

/// @return  false: some of them have to be looked at delta by delta
bool Node::Impl::apply_bundles(LinkId link, Entry& entry, std::span<const Item> items,
                               sync::Taken& taken) {
  std::vector<ByteSpan> bundles;
  for (const Item& item : items) bundles.emplace_back(item.bytes);
  Result<ApplyReport> report = entry.open->document.apply_bundles(bundles);
  if (!report.ok()) return false;
  taken.applied += report->applied;
  taken.duplicates += report->duplicate;
  taken.refused += report->refused;
  if (report->pending > 0 || report->dropped > 0) taken.has_gap = true;
  if (report->forked == 0) return true;
  for (const Item& bundle : items) {
    std::vector<Item> rows;
    if (!unpack_bundle(bundle, rows).ok()) continue;
    for (const Item& row : rows) check_past(link, entry, row, taken, false);
  }
  return true;
}

/// Its author had another history of some replica than is here: the sender is to show that first. Where it can't be
/// applied once it has it is a fork.
void Node::Impl::check_past(LinkId link, Entry& entry, const Item& item, sync::Taken& taken,
                            bool is_refused) {
  for (const Dot& dot : entry.open->document.contradictions(item.bytes)) {
    if (dot.replica == replica_)
      return rolled_back(link, "it has what stands on other operations of this replica");
    if (entry.forked.contains(dot.replica)) continue;
    if (entry.doubted.emplace(link, dot.replica).second) {
      taken.doubtful.push_back({entry.id, dot.replica, 0});
    } else if (is_refused && !is_suspect(entry, dot.replica)) {
      forked(link, entry, dot);
    }
  }
  // Its author's own log is named by no chain hash.
  const ReplicaId author = item.head.replica;
  if (is_refused && item.head.first_seq > 0 && !is_suspect(entry, author) &&
      entry.doubted.emplace(link, author).second)
    taken.doubtful.push_back({entry.id, author, 0});
}

void Node::Impl::apply_row(LinkId link, Entry& entry, const Item& item, sync::Taken& taken) {
  const Dot first{item.head.replica, item.head.first_seq};
  Result<ApplyReport> report = entry.open->document.apply(item.bytes);
  if (!report.ok() && report.error().code() == ErrorCode::kForkedReplica &&
      is_suspect(entry, first.replica)) {
    Status rewritten = rewrite(entry, first.replica, first.seq);
    if (!rewritten.ok()) {
      taken.has_gap = true;  // not now: it comes again
      return;
    }
    report = entry.open->document.apply(item.bytes);
  }
  if (report.ok()) {
    taken.applied += report->applied;
    taken.duplicates += report->duplicate;
    taken.refused += report->refused;
    if (report->pending > 0 || report->dropped > 0) taken.has_gap = true;
    compared(link, entry, item);
    if (report->forked > 0) check_past(link, entry, item, taken, false);
    return;
  }
  if (report.error().code() == ErrorCode::kForkedReplica) return forked(link, entry, first);
  check_past(link, entry, item, taken, true);
  ++taken.refused;
  tell({NodeEvent::Kind::kDeltaRefused, link, entry.id, first.replica, first.seq,
        report.error().message()});
}

void Node::Impl::apply(LinkId link, Entry& entry, std::vector<Item>& items, sync::Taken& taken) {
  for (std::size_t at = 0; at < items.size();) {
    if (items[at].head.kind != RecordKind::kBundle) {
      apply_row(link, entry, items[at], taken);
      ++at;
      continue;
    }
    std::size_t end = at;
    while (end < items.size() && items[end].head.kind == RecordKind::kBundle) ++end;
    if (!apply_bundles(link, entry, std::span(items).subspan(at, end - at), taken)) {
      for (std::size_t i = at; i < end; ++i) {
        std::vector<Item> rows;
        if (Status opened = unpack_bundle(items[i], rows); !opened.ok()) {
          taken.broken = opened.take_error();
          return;
        }
        for (const Item& row : rows) apply_row(link, entry, row, taken);
      }
    }
    at = end;
  }
}

/// What was applied goes to the store: as it came, where it was applied just so.
void Node::Impl::store_applied(Entry& entry, std::vector<Item>& items) {
  Open& open = *entry.open;
  const VersionVector before = open.noted;
  const VersionVector now = open.document.version();
  if (now == before) return;
  VersionVector running = before;
  bool is_as_it_came = true;
  for (const Item& item : items) {
    is_as_it_came = is_as_it_came && item.head.first_seq == running.end(item.head.replica);
    running.raise(item.head.replica, item.head.end());
  }
  if (!is_as_it_came || !(running == now)) return note_change(entry, false);
  const bool are_rows = std::all_of(items.begin(), items.end(), [](const Item& item) {
    return item.head.kind == RecordKind::kDelta;
  });
  running = before;
  for (Item& item : items) {
    if (are_rows) {
      Recent recent{
          {item.head.replica, item.head.first_seq}, item.head.end(), false, 0, item.bytes};
      if (item.head.end() == now.end(item.head.replica))
        recent.chain = static_cast<std::uint32_t>(open.document.chain(item.head.replica));
      remember_recent(open, running, std::move(recent));
      running.raise(item.head.replica, item.head.end());
    }
    const RecordHead head = item.head;
    add_record(entry, head, std::move(item.bytes));
  }
  if (!are_rows) {  // who lacks these gets them sealed
    open.recent_number += open.recent.size();
    open.recent.clear();
    open.recent_bytes = 0;
    open.recent_base = now;
  }
  open.noted = now;
  cover(entry, false);
}

/// Where both ends hold a log up to the same place, its chain hash has to be the same.
void Node::Impl::check_chains(LinkId link, Entry& entry, const std::vector<Item>& items,
                              std::uint32_t chain, sync::Taken& taken) {
  if (items.empty()) return;
  const Item& last = items.back();
  const ReplicaId author = last.head.replica;
  const Document& document = entry.open->document;
  if (entry.forked.contains(author) || document.version().end(author) != last.head.end()) return;
  std::uint32_t said = chain;
  if (last.head.kind == RecordKind::kBundle && !last.bytes.empty()) {
    Result<BundleInfo> info = read_bundle_info(last.bytes);
    said = info.ok() ? static_cast<std::uint32_t>(info->end_chain) : 0;
  }
  if (said == 0 || said == static_cast<std::uint32_t>(document.chain(author))) return;
  if (!entry.doubted.emplace(link, author).second) return;
  taken.doubtful.push_back({entry.id, author, 0});
}

sync::Taken Node::Impl::take(LinkId link, const DocumentId& document, std::vector<Bytes> deltas,
                             std::uint32_t chain) {
  sync::Taken taken;
  std::vector<Item> items;
  if (Status read = unpack(document, std::move(deltas), items); !read.ok()) {
    taken.broken = read.take_error();
    return taken;
  }
  for (const Item& item : items) taken.shown.raise(item.head.replica, item.head.end());
  Entry& entry = this->entry(document);
  if (entry.status == DocumentStatus::kDeleted) {  // the store lists them as late
    for (Item& item : items) {
      const RecordHead head = item.head;
      add_record(entry, head, std::move(item.bytes));
    }
    return taken;
  }
  const bool is_new = !entry.open && entry.durable.empty();
  Result<Open*> opened = open(entry);
  if (!opened.ok()) {
    taken.has_gap = entry.status == DocumentStatus::kLive;
    return taken;
  }
  std::vector<Item> allowed;
  for (Item& item : items) {
    const bool in_parts =
        item.head.kind == RecordKind::kBundle && is_suspect(entry, item.head.replica);
    std::vector<Item> rows;
    if (in_parts) {
      if (Status read = unpack_bundle(item, rows); !read.ok()) {
        taken.broken = read.take_error();
        return taken;
      }
    } else {
      rows.push_back(std::move(item));
    }
    for (Item& row : rows) allowed.push_back(std::move(row));
  }
  // One after the other: whether one may be taken can depend on what became of the one before.
  const std::uint32_t rewrites = entry.rewrites;
  std::vector<Item> passed;
  // What earlier replicas of this device wrote comes first: the others' deltas may stand on it.
  std::stable_partition(allowed.begin(), allowed.end(),
                        [&](const Item& item) { return is_suspect(entry, item.head.replica); });
  const bool needs_care = !entry.forked.empty() || is_in_doubt(entry, link) ||
                          std::any_of(allowed.begin(), allowed.end(), [&](const Item& item) {
                            return item.head.replica == replica_ || is_former(item.head.replica);
                          });
  if (needs_care) {
    for (Item& item : allowed) {
      if (!may_take(link, entry, item, taken)) continue;
      std::vector<Item> one;
      one.push_back(std::move(item));
      apply(link, entry, one, taken);
      if (taken.broken || is_changing_) break;
      passed.push_back(std::move(one.front()));
    }
  } else {
    passed = std::move(allowed);
    apply(link, entry, passed, taken);
  }
  if (taken.has_gap) note_pending(document);
  for (const Item& item : passed) entry.source[item.head.replica] = link;
  if (!taken.broken) check_chains(link, entry, passed, chain, taken);
  const bool has_changed = !(entry.open->document.version() == entry.open->noted);
  if (entry.rewrites == rewrites) {
    store_applied(entry, passed);
  } else {
    note_change(entry, false);
  }
  if (has_changed) advance(document, link);
  if (is_new && taken.applied > 0)
    tell({NodeEvent::Kind::kDocumentAdded, link, document, {}, 0, {}});
  return taken;
}

/// Chain hashes are all that a state has to show of the logs that it stands for.
/// @return  false: it is not to be taken
bool Node::Impl::is_of_same_logs(LinkId link, Entry& entry, const Document& state) {
  const Document& here = entry.open->document;
  const VersionVector version = state.version();
  for (const VersionVector::Entry& end : version.entries()) {
    const ReplicaId replica = end.replica;
    const Seq known = here.version().end(replica);
    if (replica == replica_ && end.end > known) {
      rolled_back(link, "it has operations of this replica that are not here");
      return false;
    }
    if (known == 0) continue;
    const Seq both = std::min(known, end.end);
    Result<std::uint64_t> own = here.chain_at(replica, both);
    Result<std::uint64_t> theirs = state.chain_at(replica, both);
    const bool is_cut_elsewhere = !own.ok() && own.error().code() == ErrorCode::kNotFound;
    const bool is_same = own.ok() && theirs.ok() && *own == *theirs;
    const bool is_other = is_cut_elsewhere || (own.ok() && theirs.ok() && *own != *theirs);
    if (is_suspect(entry, replica)) {
      if (is_same && both == known) verified(entry, replica);
      if (is_same && both < known) {  // the rest follows delta by delta
        Seq& same_end = entry.verified_end[replica];
        same_end = std::max(same_end, both);
      }
      continue;
    }
    if (!is_other) continue;
    if (replica == replica_) {
      rolled_back(link, "it has other operations of this replica than are here");
      return false;
    }
    forked(link, entry, Dot{replica, both - 1});
    return false;
  }
  return true;
}

sync::Taken Node::Impl::take_state(LinkId link, const DocumentId& document, Bytes payload) {
  sync::Taken taken;
  Result<StateView> view = read_state_payload(payload);
  if (!view.ok()) {
    taken.broken = view.take_error();
    return taken;
  }
  taken.shown = view->version;
  Entry& entry = this->entry(document);
  if (entry.status != DocumentStatus::kLive) return taken;
  Result<Open*> opened = open(entry);
  if (!opened.ok()) {
    taken.has_gap = true;
    return taken;
  }
  Bytes snapshot(view->snapshot.begin(), view->snapshot.end());
  Result<Document> loaded = Document::load(snapshot, document_options(document));
  if (loaded.ok() && (!(loaded->id() == document) || !(loaded->version() == view->version)))
    loaded = Error(ErrorCode::kCorrupt, "a state of another document or version");
  if (!loaded.ok()) {
    taken.broken = loaded.take_error();
    return taken;
  }
  if (!is_of_same_logs(link, entry, *loaded)) {
    ++taken.refused;
    return taken;
  }
  // Also where all of it is known: what follows on this link is passed over as long as a log is in doubt.
  if (Status done = rewrite_suspects(entry, view->version); !done.ok()) {
    taken.has_gap = true;
    return taken;
  }
  if ((*opened)->document.version().covers(view->version)) {
    ++taken.duplicates;
    return taken;
  }
  const Document& here = (*opened)->document;
  // What is here and not in the state comes on top of it.
  Result<std::vector<Bytes>> rest = here.deltas_since(view->version);
  if (!rest.ok() && here.version() == entry.durable &&
      entry.rewriting == 0) {  // opened from its kept state
    Result<Document> whole = open_document(store_, document, document_options(document));
    if (whole.ok()) rest = whole->deltas_since(view->version);
  }
  if (!rest.ok()) {  // more was trimmed here than there: they get ours
    taken.has_gap = true;
    return taken;
  }
  for (const Bytes& row : *rest) {
    Result<ApplyReport> report = loaded->apply(row);
    if (!report.ok() || report->applied == 0) {
      taken.has_gap = true;
      return taken;
    }
  }
  replace_document(entry, std::move(*loaded));
  ++taken.applied;
  auto state = std::make_shared<StoredState>();
  state->version = view->version;
  state->snapshot = std::move(snapshot);
  const VersionVector covered = state->version;
  const std::uint32_t rewrites = entry.rewrites;
  run([state, document](Store& store) { return store.adopt_state(document, *state); },
      [this, document, covered, rewrites](Status status) {
        Entry& kept = entries_.at(document);
        if (!status.ok()) return store_failed(status.error());
        if (kept.rewrites == rewrites) became_durable(kept, covered);
      });
  advance(document, link);
  return taken;
}

void Node::Impl::take_deletion(LinkId link, const sync::HeldDocument& theirs) {
  Entry& entry = this->entry(theirs.document);
  if (entry.status == DocumentStatus::kDeleted) return;
  VersionVector seen;
  for (const sync::LogEnd& end : theirs.log_ends) seen.raise(end.replica, end.end);
  const std::uint64_t unseen = count_ops_beyond(applied(entry), seen);
  change_status(entry, DocumentStatus::kDeleted, nullptr);
  tell({NodeEvent::Kind::kDocumentDeleted,
        link,
        theirs.document,
        {},
        unseen,
        unseen == 0 ? std::string() : "with operations that whoever deleted it had not seen"});
}

}  // namespace weft
