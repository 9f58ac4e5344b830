// Deltas that come: what may be taken, what became of it, and what of it goes to the store.
#include <algorithm>
#include <utility>

#include "crdt/delta/codec.h"
#include "crdt/delta/history_file.h"
#include "peer/node_impl.h"
#include "storage/documents.h"

namespace weft {
namespace {

void count(const ApplyReport& report, sync::Taken& taken) {
  taken.applied += report.applied;
  taken.duplicates += report.duplicate;
  taken.refused += report.refused;
  if (report.pending > 0 || report.dropped > 0) taken.has_gap = true;
}

}  // namespace

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
  note_doubt(link, entry.id);
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
  count(*report, taken);
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
      note_doubt(link, entry.id);
      taken.doubtful.push_back({entry.id, dot.replica, 0});
    } else if (is_refused && !is_suspect(entry, dot.replica)) {
      forked(link, entry, dot);
    }
  }
  // Its author's own log is named by no chain hash.
  const ReplicaId author = item.head.replica;
  if (is_refused && item.head.first_seq > 0 && !is_suspect(entry, author) &&
      entry.doubted.emplace(link, author).second) {
    note_doubt(link, entry.id);
    taken.doubtful.push_back({entry.id, author, 0});
  }
}

void Node::Impl::apply_row(LinkId link, Entry& entry, const Item& item, sync::Taken& taken) {
  const Dot first{item.head.replica, item.head.first_seq};
  Result<ApplyReport> report = entry.open->document.apply(item.bytes);
  if (!report.ok() && report.error().code() == ErrorCode::kForkedReplica &&
      is_suspect(entry, first.replica)) {
    Status rewritten = rewrite(entry, first.replica, first.seq);
    if (!rewritten.ok() && rewritten.error().code() == ErrorCode::kForkedReplica) {
      verified(entry, first.replica);  // elsewhere there is the same log as here, and another one
      return forked(link, entry, first);
    }
    if (!rewritten.ok()) {
      taken.has_gap = true;  // not now: it comes again
      return;
    }
    report = entry.open->document.apply(item.bytes);
  }
  if (report.ok()) {
    count(*report, taken);
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
  note_doubt(link, entry.id);
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
  if (entry.status == DocumentStatus::kPurged) {
    // They come again, all of them, once it is kept again: the other end is told then that nothing is here.
    if (!entry.deletion.covers(taken.shown) && entry.changing == 0) revive(entry, nullptr);
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

}  // namespace weft
