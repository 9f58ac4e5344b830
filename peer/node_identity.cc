// Whose operations are whose: what a node does when others have seen operations of it that it does not
// have (it was rolled back or cloned), and when one dot has two contents.
//
//   A Welcome, a Have or a delta shows that own operations are not here
//     -> the store takes another replica id, all links end and begin anew; the old id is a *former* one
//   Of each document with a former replica's log it is then found out, link by link, whether the other end
//   has the same log: by chain hashes, or by asking for the whole log and comparing it delta by delta.
//   Until then nothing of the document goes out on that link.
//     -> the first operation with another content: own edits from there on are taken back and made anew,
//        as one delta of the new replica (EditsRewritten); then the other's operations take their dots.
//
// Two contents of somebody else's dot can't be mended: nothing more is taken of that replica in that
// document, and it is reported (I4).
#include <algorithm>
#include <utility>

#include "crdt/delta/codec.h"
#include "crdt/document/apply_patches.h"
#include "peer/node_impl.h"
#include "storage/documents.h"

namespace weft {
namespace {

/// When the first own operation of a record was made, since 1970.
std::uint64_t made_at_ms(const RecordView& record) {
  if (record.kind != RecordKind::kDelta) return 0;
  const Result<Batch> delta = decode_delta(record.payload);
  return delta.ok() && !delta->deltas.empty() ? delta->deltas.front().committed_at_ms : 0;
}

/// How far others have known a replica's log when they wrote: who has built on it has it.
Seq end_in_others_past(const Document& document, ReplicaId replica) {
  Seq known = 0;
  const VersionVector version = document.version();
  for (const VersionVector::Entry& end : version.entries()) {
    if (end.replica == replica) continue;
    Result<VersionVector> past = document.version_of({Dot{end.replica, end.end - 1}});
    if (past.ok()) known = std::max(known, past->end(replica));
  }
  return known;
}

/// Of those who are kept: has one known more of that replica's log?
bool is_built_on(const Document& document, const VersionVector& kept, ReplicaId replica, Seq end) {
  return std::any_of(kept.entries().begin(), kept.entries().end(), [&](const auto& each) {
    if (each.replica == replica || each.end == 0) return false;
    Result<VersionVector> past = document.version_of({Dot{each.replica, each.end - 1}});
    return past.ok() && past->end(replica) > end;
  });
}

/// Puts `delta` into the place of all that is stored beyond `keep`. Bundles that `keep` cuts lie delta by delta
/// from then on.
Status replace_beyond(Store& store, const DocumentId& id, VersionVector keep, const Bytes& delta,
                      const Compressor* compressor) {
  std::deque<Bytes> rows;
  std::vector<NewRecord> records;
  const VersionVector wanted = keep;
  Status unsealed;
  WEFT_TRY(store.scan_document(id, wanted, [&](const RecordView& record) {
    const Seq end = wanted.end(record.replica);
    if (record.kind != RecordKind::kBundle || record.first_seq >= end) return true;
    Result<OpenedBundle> bundle = open_bundle(record.payload, compressor);
    if (!bundle.ok()) {
      unsealed = bundle.take_error();
      return false;
    }
    keep.set(record.replica, record.first_seq);
    DeltaWalk walk(bundle->batch);
    for (Bytes row; walk.next(row); row.clear()) {
      NewRecord member;
      rows.push_back(row);
      unsealed = record_of(id, rows.back(), member);
      if (!unsealed.ok()) return false;
      if (member.end() <= end) records.push_back(member);
    }
    return true;
  }));
  WEFT_TRY(std::move(unsealed));
  if (!delta.empty()) WEFT_TRY(record_of(id, delta, records.emplace_back()));
  return store.rewrite(id, keep, records);
}

}  // namespace

bool Node::Impl::is_former(ReplicaId replica) const {
  return std::find(former_.begin(), former_.end(), replica) != former_.end();
}

bool Node::Impl::is_suspect(const Entry& entry, ReplicaId replica) const {
  return is_former(replica) && !entry.verified.contains(replica);
}

bool Node::Impl::is_in_doubt(const Entry& entry, LinkId link) const {
  if (entry.in_doubt.contains(link)) return true;
  auto at = entry.compare_until.lower_bound({link, ReplicaId{0}});
  return at != entry.compare_until.end() && at->first.first == link;
}

void Node::Impl::rolled_back(LinkId link, const std::string& why) {
  if (is_changing_) return;
  // Nothing that a stranger can't make up shows that it is so (docs/adr/0019). Whoever claims it gets none of this
  // device's operations; the others' links stay, and it is believed later.
  if (!identity_budget_.take(kIdentityCost, now_ms_)) {
    to_end_.emplace_back(link, sync::Bye{sync::ByeReason::kOverloaded,
                                         "too many have said so lately; connect again later"});
    tell({NodeEvent::Kind::kClaimRefused, link, {}, replica_, 0, why});
    return;
  }
  is_changing_ = true;
  end_all(sync::ByeReason::kIdentityChanged, "this end was rolled back or cloned; connect again");
  const std::string text = link_name(link) + ": " + why;
  auto info = std::make_shared<StoreInfo>();
  run(
      [info](Store& store) -> Status {
        WEFT_TRY(store.take_replica());
        *info = store.info();
        return {};
      },
      [this, info, text, link](Status status) {
        is_changing_ = false;
        if (!status.ok()) return store_failed(status.error());
        become(*info, link, text);
      });
}

/// The store writes as another replica from here on.
void Node::Impl::become(const StoreInfo& info, LinkId link, const std::string& why) {
  const ReplicaId before = replica_;
  former_.push_back(before);
  replica_ = info.replica;
  incarnations_ = info.incarnations;
  // Known again after a restart: a note of a replica with this store's own epoch.
  notes_[before] = PeerNote{before, epoch_, 0, 0, wall_ms()};
  changed_notes_.insert(before);
  flush_notes();
  for (const DocumentId& id : open_ids_) (void)entries_.at(id).open->document.write_as(replica_);
  rewrite_unsent(before);
  for (auto& [id, entry] : entries_) entry.confirmed_end = entry.sent_end = 0;
  unsettled_.clear();
  note_settled(log_end_);
  end_all(sync::ByeReason::kIdentityChanged,
          "this end writes as another replica from now on; connect again");
  tell({NodeEvent::Kind::kIdentityChanged, link, {}, replica_, 0, why});
}

void Node::Impl::confirmed(const DocumentId& document, Seq end) {
  Entry* entry = find_entry(document);
  if (entry == nullptr || end > entry->durable.end(replica_)) return;
  entry->confirmed_end = std::max(entry->confirmed_end, end);
  if (entry->durable.end(replica_) > known_elsewhere(*entry) || unsettled_.erase(document) == 0)
    return;
  entry->settled_ms = wall_ms();
  tell({NodeEvent::Kind::kSettled, 0, document, {}, 0, {}});
}

/// Own operations have become durable: has anybody else them?
void Node::Impl::note_unsettled(Entry& entry) {
  if (entry.durable.end(replica_) <= known_elsewhere(entry)) return;
  if (unsettled_.try_emplace(entry.id, wall_ms()).second)
    tell({NodeEvent::Kind::kPending, 0, entry.id, {}, 0, {}});
}

// --- what others have of the own log ---

/// Remembered as a note of this device itself: below that position of its log it wrote nothing that nobody has
/// confirmed.
void Node::Impl::note_settled(LogPosition position) {
  PeerNote& note = notes_[replica_];
  if (note.position == position) return;
  note = PeerNote{replica_, epoch_, position, 0, wall_ms()};
  changed_notes_.insert(replica_);
}

bool Node::Impl::has_met_others() const {
  return notes_.size() > (notes_.contains(replica_) ? 1u : 0u);
}

/// Where there is no such note, what is there is taken for settled; but who has met nobody knows better.
Status Node::Impl::load_settled() {
  was_alone_ = std::none_of(notes_.begin(), notes_.end(), [&](const auto& each) {
    return !(each.first == replica_) && each.second.epoch != epoch_;
  });
  for (auto& [id, entry] : entries_) {
    entry.settled_end = entry.opened_end;
    if (was_alone_ && entry.status == DocumentStatus::kLive && entry.opened_end > 0)
      unsettled_.try_emplace(id, wall_ms());
  }
  auto own = notes_.find(replica_);
  if (own == notes_.end() || own->second.position > log_end_) {
    note_settled(log_end_);
    return {};
  }
  const Status read = store_.scan(own->second.position, [&](const RecordView& record) {
    if (!record.has_operations() || !(record.replica == replica_)) return true;
    Entry& written = entry(record.document);
    written.settled_end = std::min(written.settled_end, record.first_seq);
    if (written.status == DocumentStatus::kLive && !unsettled_.contains(written.id)) {
      const std::uint64_t made_ms = made_at_ms(record);
      unsettled_.emplace(written.id, made_ms == 0 ? wall_ms() : made_ms);
    }
    return true;
  });
  if (read.ok() || read.error().code() == ErrorCode::kCorrupt) return {};
  return read.error().clone();
}

Seq Node::Impl::settled_end(const Entry& entry) const {
  return std::max(replica_ == opened_as_ ? entry.settled_end : 0, entry.confirmed_end);
}

/// Of the own log, what another device is known to have: what is shown of it. settled_end() also takes the word of notes.
Seq Node::Impl::known_elsewhere(const Entry& entry) const {
  return was_alone_ ? entry.confirmed_end : settled_end(entry);
}

/// Behind the own operations of a document that are pending, durable or not; known_elsewhere(): there are none.
Seq Node::Impl::pending_end(const Entry& entry) const {
  const Seq known = known_elsewhere(entry);
  return entry.status == DocumentStatus::kLive ? std::max(known, applied(entry).end(replica_))
                                               : known;
}

/// Another device holds all that is here.
void Node::Impl::met_for_the_first_time() {
  was_alone_ = false;
  std::erase_if(unsettled_, [&](const auto& each) {
    const Entry* entry = find_entry(each.first);
    return entry == nullptr || entry->durable.end(replica_) <= settled_end(*entry);
  });
}

/// What a trimmed document begins with. What this device wrote and nobody has confirmed stays: if it was rolled back it
/// has to be made anew, delta by delta as it lies there. A device that has never met another keeps none of it, since
/// nobody ever would confirm it.
Result<StoredState> Node::Impl::state_to_keep(const Entry& entry) const {
  const Document& document = entry.open->document;
  StoredState state;
  state.version = document.version();
  for (const ReplicaId& former : former_)
    if (state.version.end(former) > 0 && is_suspect(entry, former))
      return Error(
          ErrorCode::kNeedHistory,
          "what this device wrote before it was rolled back is yet to be compared with others");
  const Seq settled = std::max(
      {settled_end(entry), document.base().end(replica_), end_in_others_past(document, replica_)});
  if (!has_met_others() || state.version.end(replica_) <= settled) {
    state.snapshot = document.snapshot();
    return state;
  }
  state.version.set(replica_, settled);
  Result<Document> past = document.at(state.version);
  if (!past.ok() && past.error().code() == ErrorCode::kNeedHistory && entry.rewriting == 0)
    past = open_version(store_, entry.id, state.version, document_options(entry.id));
  if (!past.ok()) return past.take_error();
  state.snapshot = past->snapshot();
  return state;
}

void Node::Impl::for_each_doubtful(const std::function<void(const DocumentId&)>& visit) const {
  for (const auto& [id, entry] : entries_) {
    // What nobody has confirmed may lie where others have something else of the same length, which cursors can't tell,
    // and sums only later (docs/adr/0009).
    bool is_doubtful = entry.durable.end(replica_) > settled_end(entry);
    for (const ReplicaId& former : former_)
      is_doubtful = is_doubtful || (entry.durable.end(former) > 0 && is_suspect(entry, former));
    if (is_doubtful) visit(id);
  }
}

sync::Judgement Node::Impl::judge(LinkId link, const sync::HeldDocument& theirs) {
  sync::Judgement judgement;
  Entry* entry = find_entry(theirs.document);
  if (entry == nullptr) {
    for (const sync::LogEnd& end : theirs.log_ends)
      if (end.replica == replica_) judgement.rolled_back = true;
    if (judgement.rolled_back)
      rolled_back(link, "it has a document of this replica that is not here");
    return judgement;
  }
  entry->in_doubt.erase(link);
  for (const sync::LogEnd& end : theirs.log_ends) {
    const Seq here = applied(*entry).end(end.replica);
    const bool is_own = end.replica == replica_;
    if (is_own && end.end > here) {
      rolled_back(link, "it has operations of this replica that are not here");
      judgement.rolled_back = true;
      return judgement;
    }
    if (here == 0) {
      if (is_former(end.replica)) entry->verified.insert(end.replica);
      continue;
    }
    const bool is_doubtful = !is_own && is_suspect(*entry, end.replica);
    // Others' logs are compared where that costs nothing.
    std::optional<std::uint64_t> own_chain;
    if (end.end <= here && end.chain != 0) own_chain = chain_at(*entry, end.replica, end.end);
    const bool is_cheap = end.end <= here && end.chain != 0 && (own_chain || entry->open);
    if (!is_own && !is_doubtful && !is_cheap) continue;
    if (end.chain == 0) {
      judgement.unclear = judgement.unclear || theirs.answer;
      continue;
    }
    std::optional<bool> is_same;
    if (own_chain) {
      is_same = *own_chain == end.chain;
    } else if (end.end <= here) {
      auto from = links_.find(link);
      if (!is_doubtful && !entry->open && from != links_.end() &&
          !from->second.looks.take(1, now_ms_))
        continue;  // an Ack says the rest
      Result<Open*> opened = open(*entry);
      if (!opened.ok()) continue;
      Result<std::uint64_t> chain = (*opened)->document.chain_at(end.replica, end.end);
      if (chain.ok()) is_same = *chain == end.chain;
      if (!chain.ok() && chain.error().code() == ErrorCode::kNotFound) is_same = false;
      if (!is_same && !is_doubtful) continue;  // it lies in history that is not held
    }
    if (is_same == true) {
      if (is_own) confirmed(entry->id, end.end);
      if (is_doubtful && end.end == here) verified(*entry, end.replica);
      continue;
    }
    if (is_own) {
      rolled_back(link, "it has other operations of this replica than are here");
      judgement.rolled_back = true;
      return judgement;
    }
    if (is_doubtful) {
      judgement.hold = true;
      note_doubt(link, entry->id);
      entry->compare_until[{link, end.replica}] = end.end;
      entry->verified_end[end.replica] = 0;
      judgement.doubtful.push_back({entry->id, end.replica, 0});
    } else if (!entry->forked.contains(end.replica) &&
               entry->doubted.emplace(link, end.replica).second) {
      note_doubt(link, entry->id);
      judgement.doubtful.push_back({entry->id, end.replica, 0});
    }
  }
  return judgement;
}

void Node::Impl::note_doubt(LinkId link, const DocumentId& document) {
  auto found = links_.find(link);
  if (found != links_.end()) found->second.doubted_in.insert(document);
}

/// The link is gone.
void Node::Impl::forget_doubts(LinkId link, const std::set<DocumentId>& documents) {
  for (const DocumentId& document : documents) {
    Entry* entry = find_entry(document);
    if (entry == nullptr) continue;
    entry->in_doubt.erase(link);
    const auto is_of_link = [&](const auto& pair) { return pair.first == link; };
    std::erase_if(entry->doubted, is_of_link);
    std::erase_if(entry->compare_until, [&](const auto& each) { return is_of_link(each.first); });
  }
}

/// A delta of a former replica was found to be the same at both ends, or is new here.
void Node::Impl::compared(LinkId link, Entry& entry, const Item& item) {
  const ReplicaId author = item.head.replica;
  if (!is_suspect(entry, author)) return;
  Seq& end = entry.verified_end[author];
  end = std::max(end, item.head.end());
  auto until = entry.compare_until.find({link, author});
  if (until != entry.compare_until.end() && end >= until->second) {
    entry.compare_until.erase(until);
    to_release_.emplace_back(entry.id, link);
  }
  if (end >= entry.open->document.version().end(author)) verified(entry, author);
}

void Node::Impl::verified(Entry& entry, ReplicaId replica) {
  if (!entry.verified.insert(replica).second) return;
  entry.verified_end.erase(replica);
  std::erase_if(entry.compare_until, [&](const auto& each) {
    if (each.first.second != replica) return false;
    to_release_.emplace_back(entry.id, each.first.first);
    return true;
  });
}

/// @errors  kForkedReplica: others have built on it, so they have it, and it can't be taken back;
///          kNeedHistory, ...: not now
Status Node::Impl::rewrite(Entry& entry, ReplicaId replica, Seq from) {
  note_change(entry, false);
  Open& open = *entry.open;
  const VersionVector now = open.document.version();
  VersionVector keep = now;
  keep.set(replica, from);
  keep.set(replica_, 0);  // what was written since stands on it
  const auto position = std::find(former_.begin(), former_.end(), replica);
  for (auto later = position; later != former_.end(); ++later)
    if (*later != replica && is_suspect(entry, *later)) keep.set(*later, 0);
  VersionVector others = keep;
  for (const ReplicaId& former : former_)
    if (is_suspect(entry, former)) others.set(former, 0);
  if (is_built_on(open.document, others, replica, from))
    return Error(ErrorCode::kForkedReplica, "others have built on what is to be made anew");
  if (!keep.covers(entry.trimmed))  // what is open still has it
    return Error(ErrorCode::kNeedHistory, "some of what is to be made anew was trimmed away");
  // What is open may lack the history that shows the past; the store has it once it is durable.
  Result<Document> past = open.document.at(keep);
  if (!past.ok() && past.error().code() == ErrorCode::kNeedHistory && now == entry.durable &&
      entry.rewriting == 0)
    past = open_version(store_, entry.id, keep, document_options(entry.id));
  if (!past.ok()) return past.take_error();
  WEFT_ASSIGN(const std::vector<Patch> patches, open.document.diff(*past));
  Document fresh = past->fork(replica_);
  Result<Commit> commit =
      fresh.transact([&](Transaction& tx) { return apply_patches(tx, patches, open.document); });
  if (!commit.ok()) return commit.take_error();
  std::uint64_t count = 0;
  for (const VersionVector::Entry& end : now.entries()) count += end.end - keep.end(end.replica);
  auto delta = std::make_shared<Bytes>(commit->delta.begin(), commit->delta.end());

  ++entry.rewrites;
  VersionVector durable;
  for (const VersionVector::Entry& end : entry.durable.entries())
    durable.raise(end.replica, std::min(end.end, keep.end(end.replica)));
  entry.durable = std::move(durable);
  unsum(entry);
  replace_document(entry, std::move(fresh));
  verified(entry, replica);
  const VersionVector after = entry.open->document.version();
  const std::uint32_t rewrites = entry.rewrites;
  const DocumentId id = entry.id;
  ++entry.rewriting;
  run([id, keep, delta, compressor = options_.compressor](
          Store& store) { return replace_beyond(store, id, keep, *delta, compressor); },
      [this, id, after, rewrites](Status status) {
        Entry& kept = entries_.at(id);
        --kept.rewriting;
        if (!status.ok()) return store_failed(status.error());
        if (kept.rewrites != rewrites) return;
        became_durable(kept, after);
        advance(id, 0);
      });
  tell({NodeEvent::Kind::kEditsRewritten, 0, id, replica, count, "their dots were in use already"});
  return {};
}

/// What nobody has confirmed and went to nobody since the node began can be made anew at once: then it never meets a
/// device that takes it for the log that others have. (Where it did go to somebody before that, it is there twice.)
void Node::Impl::rewrite_unsent(ReplicaId former) {
  if (former != opened_as_) return;
  for (auto& [id, entry] : entries_) {
    Seq from = std::min(entry.opened_end, std::max(entry.settled_end, entry.confirmed_end));
    if (entry.status != DocumentStatus::kLive || entry.sent_end > entry.opened_end) continue;
    if (is_deleted(entry)) continue;  // made anew it would be no longer: it is compared, then
    if (applied(entry).end(former) <= from || !open(entry).ok()) continue;
    from = std::max(from, end_in_others_past(entry.open->document, former));
    if (entry.sent_end > from || applied(entry).end(former) <= from) continue;
    if (!rewrite(entry, former, from).ok()) continue;  // when it is compared, then
    entry.verified.erase(former);  // what was there before is compared all the same
  }
}

/// What an earlier replica wrote is about to be covered by a state, so it can't be compared delta by delta. What was there
/// when the node began stood on a disk that others had seen; what it has written since is made anew.
Status Node::Impl::rewrite_suspects(Entry& entry, const VersionVector& theirs) {
  for (const ReplicaId& former : std::vector(former_)) {
    if (!is_suspect(entry, former) || theirs.end(former) == 0) continue;
    auto same_end = entry.verified_end.find(former);
    if (same_end != entry.verified_end.end() && same_end->second >= theirs.end(former)) continue;
    const Seq end = entry.open->document.version().end(former);
    const bool is_older =
        std::find(former_.begin(), former_.begin() + older_, former) != former_.begin() + older_;
    const Seq from = is_older ? end : former == opened_as_ ? std::min(entry.opened_end, end) : 0;
    if (end > from) {
      WEFT_TRY(rewrite(entry, former, from));
    } else {
      verified(entry, former);
    }
  }
  return {};
}

/// Where others have built on what is to be made anew it can't be taken back here and written again: what they wrote
/// would go with it. Then what this device wrote is written again as if it stood where it stood then, as one delta of the
/// new replica; the rest stays, and a state that covers the old dots takes their place.
/// @return  that delta; empty: there is nothing to make anew
/// @errors  kNeedHistory: history that is not here, or own operations that stand on each other, is needed for it
Result<Bytes> Node::Impl::made_anew(const Entry& entry, const VersionVector& theirs) const {
  const Document& here = entry.open->document;
  const VersionVector version = here.version();
  ReplicaId suspect;
  for (const ReplicaId& former : former_) {
    if (!is_suspect(entry, former) || theirs.end(former) == 0 || version.end(former) == 0) continue;
    if (suspect.value != 0 || theirs.end(former) < version.end(former))
      return Error(ErrorCode::kNeedHistory, "more than one log has to be made anew");
    suspect = former;
  }
  if (suspect.value == 0) return Bytes();
  const bool is_older =
      std::find(former_.begin(), former_.begin() + older_, suspect) != former_.begin() + older_;
  const Seq end = version.end(suspect);
  Seq from = is_older ? end : suspect == opened_as_ ? std::min(entry.opened_end, end) : 0;
  auto same_end = entry.verified_end.find(suspect);
  if (same_end != entry.verified_end.end()) from = std::max(from, std::min(same_end->second, end));
  if (from >= end) return Bytes();
  WEFT_ASSIGN(VersionVector with, here.version_of({Dot{suspect, end - 1}}));
  if (const Seq own = version.end(replica_); own > 0) {
    WEFT_ASSIGN(const VersionVector past, here.version_of({Dot{replica_, own - 1}}));
    if (past.end(suspect) > from)
      return Error(ErrorCode::kNeedHistory, "what was written since stands on it");
    with.merge(past);
  }
  VersionVector without = with;
  without.set(suspect, from);
  WEFT_ASSIGN(const Document after, here.at(with));
  WEFT_ASSIGN(const Document before, here.at(without));
  WEFT_ASSIGN(const std::vector<Patch> patches, after.diff(before));
  Document fresh = before.fork(replica_);
  WEFT_ASSIGN(const Commit commit,
              fresh.transact([&](Transaction& tx) { return apply_patches(tx, patches, after); }));
  return Bytes(commit.delta.begin(), commit.delta.end());
}

void Node::Impl::forked(LinkId link, Entry& entry, const Dot& first) {
  if (!entry.forked.insert(first.replica).second) return;
  ForkReport report;
  report.document = entry.id;
  report.replica = first.replica;
  report.seq = first.seq;
  auto source = entry.source.find(first.replica);
  report.held_from = source == entry.source.end() ? "the store" : link_name(source->second);
  report.other_from = link_name(link);
  constexpr std::size_t kForksMax = 1000;
  if (forks_.size() < kForksMax) forks_.push_back(report);
  tell({NodeEvent::Kind::kReplicaForked, link, entry.id, first.replica, first.seq,
        "one history from " + report.held_from + ", another from " + report.other_from});
}

}  // namespace weft
