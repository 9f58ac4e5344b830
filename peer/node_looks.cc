// What a node says of itself.
#include <algorithm>
#include <string>
#include <utility>

#include "crdt/delta/codec.h"
#include "peer/node_impl.h"

namespace weft {
namespace {

std::string counted(std::uint64_t count, const char* noun) {
  return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

void append(std::string& words, const std::string& more) {
  if (!words.empty()) words += ", ";
  words += more;
}

LinkState state_of(sync::Session::Phase phase) {
  switch (phase) {
    case sync::Session::Phase::kGreeting:
      return LinkState::kGreeting;
    case sync::Session::Phase::kCatchingUp:
      return LinkState::kCatchingUp;
    case sync::Session::Phase::kLive:
      return LinkState::kLive;
    case sync::Session::Phase::kEnded:
      break;
  }
  return LinkState::kEnded;
}

}  // namespace

const char* state_name(SyncState state) {
  switch (state) {
    case SyncState::kSynced:
      return "synced";
    case SyncState::kPending:
      return "pending";
    case SyncState::kOffline:
      break;
  }
  return "offline";
}

void Node::Impl::add_known_peers(NodeStatus& status) const {
  for (const auto& each_note : notes_) {
    const ReplicaId replica = each_note.first;
    const PeerNote& note = each_note.second;
    if (replica == replica_ || note.epoch == epoch_) continue;  // an earlier replica of this device
    const bool is_linked = std::any_of(links_.begin(), links_.end(), [&](const auto& each) {
      const auto& other = each.second.session->other();
      return other && other->replica == replica;
    });
    status.known_peers.push_back({replica, note.seen_ms, is_linked});
  }
  std::sort(status.known_peers.begin(), status.known_peers.end(),
            [](const KnownPeer& a, const KnownPeer& b) {
              return std::pair(b.seen_ms, a.replica) < std::pair(a.seen_ms, b.replica);
            });
}

NodeStatus Node::status() const {
  const Impl& impl = *impl_;
  NodeStatus status;
  status.replica = impl.replica_;
  status.clock_offset_ms = impl.clock_.offset_ms();
  status.documents = impl_->document_count();
  status.open_documents = impl.open_ids_.size();
  status.open_bytes = impl.open_bytes_;
  status.cache_hits = impl.cache_hits_;
  status.cache_misses = impl.cache_misses_;
  status.unsaved_records = impl.unsaved_records_;
  status.unsaved_bytes = impl.unsaved_bytes_;
  if (impl.broken_) status.store_error = impl.broken_.message();
  status.forks = impl.forks_;
  for (const auto& [document, apart] : impl.trimmed_apart_)
    if (const Impl::Entry* entry = impl.find_entry(document);
        entry != nullptr && impl.is_trimmed_apart(*entry))
      status.trimmed_apart.push_back({document, apart.other});
  std::vector<Dot> waiting;
  for (const DocumentId& id : impl.open_ids_) {
    const Impl::Entry& entry = impl.entries_.at(id);
    if (impl.is_deleted(entry)) continue;  // nobody sends what the trash lacks
    for (const PendingDelta& pending : entry.open->document.pending()) {
      ++status.pending_deltas;
      waiting.insert(waiting.end(), pending.missing.begin(), pending.missing.end());
    }
  }
  for (const auto& [id, since_ms] : impl.unsettled_) {
    const Impl::Entry* entry = impl.find_entry(id);
    const Seq known = entry == nullptr ? 0 : impl.known_elsewhere(*entry);
    const Seq end = entry == nullptr ? 0 : impl.pending_end(*entry);
    if (end <= known || impl.is_deleted(*entry)) continue;  // nothing of the trash is owed
    ++status.pending_documents;
    status.pending_operations += end - known;
    const std::uint64_t now_ms = impl.wall_ms();
    status.oldest_pending_ms = std::max<std::uint64_t>(
        {status.oldest_pending_ms, 1, now_ms > since_ms ? now_ms - since_ms : 0});
  }
  impl.add_known_peers(status);
  for (const auto& [id, link] : impl.links_) {
    const sync::Session& session = *link.session;
    LinkStatus& made = status.links.emplace_back();
    made.link = id;
    made.name = link.name;
    made.dialled = link.dialled;
    made.state = state_of(session.phase());
    if (session.other()) {
      made.replica = session.other()->replica;
      made.agent = session.other()->agent;
    }
    made.documents_to_send = session.documents_to_send();
    made.documents_awaited = session.documents_awaited();
    session.for_each_known([&](const DocumentId& document, const VersionVector& held) {
      const Impl::Entry* entry = impl.find_entry(document);
      if (entry == nullptr || impl.shown_status(*entry) != DocumentStatus::kLive) return;
      made.behind_operations += count_ops_beyond(held, impl.applied(*entry));
      if (const VersionVector* sent = session.sent_there(document))
        made.unacknowledged_operations += count_ops_beyond(*sent, held);
    });
    made.bytes_sent = session.counters().bytes_sent;
    made.bytes_received = session.counters().bytes_received;
    made.messages_sent = session.counters().messages_sent;
    made.messages_received = session.counters().messages_received;
    made.credit_bytes = session.credit();
    made.duplicates = session.counters().duplicates;
    made.refused = session.counters().refused;
    made.synced_ms_ago =
        session.agreed_at_ms() ? impl.now_ms_ - *session.agreed_at_ms() : ~std::uint64_t{0};
    made.clock_skew_ms = session.clock_skew_ms();
    std::string words;
    if (made.state == LinkState::kGreeting) append(words, "waiting for the other end's greeting");
    if (made.state == LinkState::kCatchingUp) append(words, "comparing documents");
    if (made.state == LinkState::kEnded && session.ended())
      append(words, std::string("ending: ") + session.ended()->text);
    if (made.behind_operations > 0) {
      append(words, "behind by " + counted(made.behind_operations, "operation"));
      if (!waiting.empty()) append(words, "waiting for " + to_string(waiting.front()));
    }
    if (made.documents_to_send > 0) {
      append(words, counted(made.documents_to_send, "document") + " to send");
      if (made.credit_bytes == 0) append(words, "waiting for credit");
    }
    if (made.unacknowledged_operations > 0)
      append(words, counted(made.unacknowledged_operations, "operation") + " not acknowledged");
    if (words.empty()) words = session.agreed_at_ms() ? "in step" : "nothing known to differ";
    made.words = std::move(words);
  }
  return status;
}

Result<DocumentSyncStatus> Node::sync_status(const DocumentId& id) const {
  const Impl& impl = *impl_;
  const Impl::Entry* entry = impl.find_entry(id);
  if (entry == nullptr) return Error(ErrorCode::kNotFound, "this device has no such document");
  DocumentSyncStatus status;
  status.overview = {id, impl.shown_status(*entry), entry->durable, entry->open != nullptr,
                     impl_->contested_of(*impl_->find_entry(id)).has_value()};
  const VersionVector version = impl.applied(*entry);
  status.unsaved_operations = count_ops_beyond(version, entry->durable);
  const DocumentStatus shown = impl.shown_status(*entry);
  const bool is_live = shown == DocumentStatus::kLive;
  if (entry->open && is_live) {
    for (const PendingDelta& pending : entry->open->document.pending())
      status.waiting_for.insert(status.waiting_for.end(), pending.missing.begin(),
                                pending.missing.end());
    std::sort(status.waiting_for.begin(), status.waiting_for.end());
    status.waiting_for.erase(std::unique(status.waiting_for.begin(), status.waiting_for.end()),
                             status.waiting_for.end());
  }
  for (const auto& [link_id, link] : impl.links_) {
    DocumentLinkStatus& made = status.links.emplace_back();
    made.link = link_id;
    made.name = link.name;
    if (!is_live) {  // nothing of it is wanted here, or owed
      made.words = status_name(shown);
      continue;
    }
    const VersionVector* held = link.session->held_there(id);
    if (held == nullptr) {
      made.words = link.session->phase() == sync::Session::Phase::kLive ? "nothing known to differ"
                                                                        : "not compared yet";
      continue;
    }
    if (!link.session->is_kept_there(id)) {  // nothing of it is wanted there
      made.words = "not kept there";
      continue;
    }
    const VersionVector* sent = link.session->sent_there(id);
    made.to_send_operations = count_ops_beyond(impl.sendable(*entry), *sent);
    made.unacknowledged_operations = count_ops_beyond(*sent, *held);
    made.behind_operations = count_ops_beyond(*held, version);
    std::string words;
    if (made.behind_operations > 0)
      append(words, "behind by " + counted(made.behind_operations, "operation"));
    if (!status.waiting_for.empty() && made.behind_operations > 0)
      append(words, "waiting for " + to_string(status.waiting_for.front()));
    if (made.to_send_operations > 0)
      append(words, counted(made.to_send_operations, "operation") + " to send");
    if (made.unacknowledged_operations > 0)
      append(words, counted(made.unacknowledged_operations, "operation") + " not acknowledged");
    made.words = words.empty() ? "in step" : words;
  }
  const ReplicaId self = impl.replica_;
  if (!impl.is_deleted(*entry))
    status.pending_operations = impl.pending_end(*entry) - impl.known_elsewhere(*entry);
  const bool is_linked = std::any_of(impl.links_.begin(), impl.links_.end(), [](const auto& link) {
    return state_of(link.second.session->phase()) == LinkState::kLive;
  });
  status.state = !is_linked                       ? SyncState::kOffline
                 : status.pending_operations != 0 ? SyncState::kPending
                                                  : SyncState::kSynced;
  status.synced_at_ms = entry->settled_ms;
  // What is remembered of this device itself holds for all documents in which nothing waits.
  const auto own = impl.notes_.find(self);
  if (status.pending_operations == 0 && own != impl.notes_.end() && impl.has_met_others())
    status.synced_at_ms = std::max(status.synced_at_ms, own->second.seen_ms);
  std::string words;
  if (status.overview.is_contested) append(words, "contested: deleted by one, edited by another");
  if (!is_live) append(words, status_name(shown));
  if (status.pending_operations > 0)
    append(words, counted(status.pending_operations, "operation") +
                      (is_linked ? " on the way to others" : " to send when another is linked"));
  if (status.unsaved_operations > 0)
    append(words, counted(status.unsaved_operations, "operation") + " not durable yet");
  status.is_trimmed_apart = impl.is_trimmed_apart(*entry);
  if (status.is_trimmed_apart)
    append(words, "trimmed apart: this device and " + impl.trimmed_apart_.at(id).other +
                      " have each trimmed what the other lacks");
  if (!entry->forked.empty())
    append(words, "replica " + to_string(*entry->forked.begin()) +
                      " has two histories: nothing more is taken of it here");
  status.words = words.empty() ? "durable" : words;
  return status;
}

Result<std::vector<PendingChange>> Node::pending_changes(const DocumentId& id) const {
  const Impl& impl = *impl_;
  const Impl::Entry* entry = impl.find_entry(id);
  if (entry == nullptr) return Error(ErrorCode::kNotFound, "this device has no such document");
  VersionVector settled = entry->durable;
  settled.set(impl.replica_, impl.known_elsewhere(*entry));
  std::vector<PendingChange> changes;
  WEFT_TRY(impl.store_.scan_document(id, settled, [&](const RecordView& record) {
    if (record.kind != RecordKind::kDelta || !(record.replica == impl.replica_)) return true;
    const Result<Batch> delta = decode_delta(record.payload);
    if (!delta.ok() || delta->deltas.empty()) return true;
    const DeltaRun& only = delta->deltas.front();
    changes.push_back({{record.replica, record.first_seq},
                       record.op_count,
                       only.committed_at_ms,
                       delta->messages.substr(only.message_begin, only.message_size)});
    return true;
  }));
  return changes;
}

void Node::check_invariants() const {
  Impl& impl = *impl_;
  impl.sum_up();
  std::uint64_t in_set = 0;
  sync::Digest sum;
  for (auto& [id, entry] : impl.entries_) {
    if (entry.is_in_set()) {
      ++in_set;
      sync::add(sum, sync::document_digest(id, entry.log_ends, entry.deletion));
      WEFT_ASSERT(entry.log_ends.size() == entry.durable.entries().size());
    }
    if (!entry.open) continue;
    const VersionVector version = entry.open->document.version();
    WEFT_ASSERT(version.covers(entry.durable));  // (I3)
    WEFT_ASSERT(version == entry.open->noted);   // (I3)
    entry.open->document.check_invariants();
  }
  WEFT_ASSERT(in_set == impl_->document_count());
  WEFT_ASSERT(sum == impl_->sum());
}

}  // namespace weft
