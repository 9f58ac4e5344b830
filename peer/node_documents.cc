// Documents of a node: opened, closed, edited; what becomes of their status.
#include <algorithm>
#include <utility>

#include "crdt/delta/codec.h"
#include "peer/node_impl.h"
#include "storage/documents.h"

namespace weft {
namespace {

constexpr LinkId kNoLink = 0;  // no link has this number

/// A document's state is kept when it is closed, if so many operations came since.
constexpr std::uint64_t kOpsBetweenStates = 4096;

/// What a byte of deltas, or of what a state shows, takes in memory: text, log, graph, trees. Measured by
/// tests/peer/memory_test.cc.
constexpr std::uint64_t kResidentPerByte = 4;

}  // namespace

Status Node::Impl::load() {
  const StoreInfo info = store_.info();
  replica_ = opened_as_ = info.replica;
  epoch_ = info.epoch;
  log_end_ = info.end;
  incarnations_ = info.incarnations;
  set_key_ = options_.random ? options_.random() : 1;
  retained_ms_ = info.retained_ms;
  sketch_ = sync::SetSketch(set_key_);
  WEFT_ASSIGN(const std::vector<DocumentUsage> documents, store_.documents());
  for (const DocumentUsage& usage : documents) {
    Entry& made = entry(usage.document);
    made.status = usage.status;
    // What is in the trash is held like anything else.
    if (usage.status == DocumentStatus::kDeleted) made.status = DocumentStatus::kLive;
    (made.status == DocumentStatus::kLive ? made.durable : made.last_version) = usage.version;
    for (std::size_t i = 0; i < usage.chains.size(); ++i) {
      const VersionVector::Entry& end = usage.version.entries()[i];
      made.log_ends.push_back({end.replica, end.end, usage.chains[i]});
    }
    made.deletion = made.deletion_coming = usage.deletion;
    made.deletion_since_ms = usage.deletion_since_ms;
    made.was_deleted = is_deleted(made);
    made.opened_end = usage.version.end(replica_);
    unsum(made);
  }
  WEFT_ASSIGN(const std::vector<PeerNote> notes, store_.peer_notes());
  for (const PeerNote& note : notes) {
    PeerNote& kept = notes_[note.replica] = note;
    if (note.epoch != epoch_ || note.replica == replica_) continue;
    former_.push_back(note.replica);  // see become(), which a power cut may have come before
    if (note.incarnation == 0) kept.position = 0;  // of note_settled(): says nothing of a clone
  }
  older_ = static_cast<std::ptrdiff_t>(former_.size());
  is_meeting_durable_ = has_met_others();
  return load_settled();
}

Node::Impl::Entry& Node::Impl::entry(const DocumentId& id) {
  Entry& found = entries_[id];
  found.id = id;
  return found;
}

Node::Impl::Entry* Node::Impl::find_entry(const DocumentId& id) {
  auto found = entries_.find(id);
  return found == entries_.end() ? nullptr : &found->second;
}

const Node::Impl::Entry* Node::Impl::find_entry(const DocumentId& id) const {
  auto found = entries_.find(id);
  return found == entries_.end() ? nullptr : &found->second;
}

DocumentOptions Node::Impl::document_options(const DocumentId& id) const {
  DocumentOptions options;
  options.replica = replica_;
  options.id = id;
  if (options_.wall_ms) options.now_ms = [this] { return clock_.correct(options_.wall_ms()); };
  options.clock_floor_ms = options_.clock_floor_ms;
  options.compressor = options_.compressor;
  options.pending_bytes_max = options_.pending_bytes_max;
  options.undo_depth = 100;
  return options;
}

Result<Node::Impl::Open*> Node::Impl::open(Entry& entry) {
  entry.used = ++use_count_;
  if (entry.status != DocumentStatus::kLive)
    return Error(ErrorCode::kNotKept,
                 std::string("the document is ") + status_name(entry.status) + " here");
  if (entry.open) {
    ++cache_hits_;
    return entry.open.get();
  }
  ++cache_misses_;
  Result<Document> document = entry.durable.empty()
                                  ? Document::create(document_options(entry.id))
                                  : open_latest(store_, entry.id, document_options(entry.id));
  if (!document.ok() && document.error().code() == ErrorCode::kNotFound)
    document = Document::create(document_options(entry.id));
  if (!document.ok()) return document.take_error();
  entry.open = std::make_unique<Open>(*std::move(document));
  entry.open->recent_number = next_recent_;
  next_recent_ += std::uint64_t{1} << 32;
  entry.open->recent_base = entry.open->noted = entry.open->document.version();
  if (Result<std::optional<DocumentUsage>> usage = store_.document(entry.id);
      usage.ok() && *usage) {
    entry.open->bytes = (*usage)->live_bytes == 0
                            ? (*usage)->history_bytes * kResidentPerByte
                            : (*usage)->live_bytes * kResidentPerByte + (*usage)->history_bytes;
    // Where there is no state, or an old one, the next opening shall have one.
    if ((*usage)->live_bytes == 0) entry.open->ops_since_state = (*usage)->records;
  }
  open_bytes_ += entry.open->bytes;
  open_ids_.insert(entry.id);
  for (const auto& [number, watcher] : entry.watchers) watch(*entry.open, watcher);
  return entry.open.get();
}

VersionVector Node::Impl::applied(const Entry& entry) const {
  return entry.open ? entry.open->document.version() : entry.durable;
}

VersionVector Node::Impl::sendable(const Entry& entry) const {
  VersionVector version = applied(entry);
  version.set(replica_, entry.durable.end(replica_));  // (I1)
  for (const ReplicaId& former : former_) version.set(former, entry.durable.end(former));
  return version;
}

bool Node::Impl::can_close(const Entry& entry) const {
  // Deltas that wait for others are asked for again.
  return entry.open && entry.changing == 0 && entry.rewriting == 0 &&
         entry.open->document.version() == entry.durable;
}

/// Who watches it is told again once it is open again: it changes only then.
void Node::Impl::close(Entry& entry) {
  for (const auto& [number, watcher] : entry.watchers) watcher->observer = Observer();
  open_bytes_ -= entry.open->bytes;
  if (entry.durable.empty()) maybe_empty_.push_back(entry.id);
  (void)durable_ends(entry);
  entry.open.reset();
  open_ids_.erase(entry.id);
}

void Node::Impl::grow(Entry& entry, std::size_t payload_bytes) {
  if (!entry.open) return;
  entry.open->bytes += payload_bytes * kResidentPerByte;
  open_bytes_ += payload_bytes * kResidentPerByte;
}

/// Documents that were spoken of, and of which nothing has come that could be stored.
void Node::Impl::forget_empty() {
  for (const DocumentId& id : std::exchange(maybe_empty_, {})) {
    auto found = entries_.find(id);
    if (found == entries_.end()) continue;
    const Entry& entry = found->second;
    if (entry.open || entry.status != DocumentStatus::kLive || !entry.durable.empty() ||
        !entry.watchers.empty() || entry.changing > 0 || entry.rewriting > 0 || entry.is_summed ||
        !entry.forked.empty() || entry.rewrites > 0)
      continue;
    if (entry.is_unsummed) {
      maybe_empty_.push_back(id);
      continue;
    }
    unsettled_.erase(id);
    std::erase(with_pending_, id);
    entries_.erase(found);
  }
}

/// Deltas that wait take memory: of documents with such ones only the newest few stay open.
void Node::Impl::note_pending(const DocumentId& id) {
  constexpr std::size_t kWithPendingMax = 16;
  std::erase(with_pending_, id);
  with_pending_.push_back(id);
  for (std::size_t left = with_pending_.size(); left > kWithPendingMax; --left) {
    const DocumentId oldest = with_pending_.front();
    with_pending_.pop_front();
    auto found = entries_.find(oldest);
    if (found == entries_.end()) continue;
    Entry& entry = found->second;
    if (!entry.open || entry.open->document.pending().empty()) continue;
    if (can_close(entry)) {
      close(entry);
    } else {
      with_pending_.push_back(oldest);
    }
  }
}

void Node::Impl::close_unused() {
  while (open_ids_.size() > options_.open_documents_max || open_bytes_ > options_.open_bytes_max) {
    Entry* oldest = nullptr;
    for (const DocumentId& id : open_ids_) {
      Entry& candidate = entries_.at(id);
      if (can_close(candidate) && (oldest == nullptr || candidate.used < oldest->used))
        oldest = &candidate;
    }
    if (oldest == nullptr || open_ids_.size() <= 1) return;
    keep_state(*oldest);
    close(*oldest);
  }
}

/// A hint for the next opening: what fails here is no loss.
void Node::Impl::keep_state(Entry& entry) {
  if (entry.open->ops_since_state < kOpsBetweenStates || broken_) return;
  entry.open->ops_since_state = 0;
  auto state = std::make_shared<StoredState>();
  state->version = entry.open->document.version();
  state->snapshot = entry.open->document.snapshot();
  Result<SnapshotInfo> info = read_snapshot_info(state->snapshot);
  if (!info.ok()) return;
  run(
      [state, id = entry.id, live = info->live_bytes](Store& store) {
        (void)store.put_state(id, std::move(*state), live);
        return Status();
      },
      nullptr);
}

void Node::Impl::watch(Open& open, const std::shared_ptr<Watcher>& watcher) {
  watcher->observer = open.document.observe([weak = std::weak_ptr(watcher)](const Patch& patch) {
    if (std::shared_ptr<Watcher> held = weak.lock()) held->callback(patch);
  });
}

/// The document goes on as another object; who watches it is told everything that it shows.
void Node::Impl::replace_document(Entry& entry, Document document) {
  Open& open = *entry.open;
  entry.log_ends.clear();  // the same dots may be other operations
  unsum(entry);
  Patch patch;
  // Where a damaged state is replaced, what it showed is not known: everything is told as new then.
  const Result<Json> shown = open.document.to_json();
  const Json before = shown.ok() ? *shown : Json();
  open.document = std::move(document);
  open.recent_number += open.recent.size();
  open.recent.clear();
  open.recent_bytes = 0;
  open.recent_base = open.noted = open.document.version();
  const MapView root = open.document.root();
  for (const auto& [key, value] : before.as_object() ? *before.as_object() : Json::Object())
    if (!root.get(key)) patch.keys.push_back({key, true, {}, {}});
  for (const std::string& key : root.keys()) {
    KeyChange change;
    change.key = key;
    change.value = *root.get(key);
    patch.keys.push_back(std::move(change));
  }
  const Result<Json> after = open.document.to_json();
  if (const Json::Object* members = after.ok() ? after->as_object() : nullptr)
    for (KeyChange& change : patch.keys)
      for (const auto& [key, value] : *members)
        if (key == change.key) change.json = value;
  for (const auto& [number, watcher] : std::map(entry.watchers)) {
    watch(open, watcher);
    watcher->callback(patch);
  }
}

// --- statuses ---

/// It is live once the store says so: nothing may be written in it before it is known who writes.
void Node::Impl::revive(Entry& entry, std::function<void(Status)> done) {
  ++entry.changing;
  const DocumentId id = entry.id;
  const std::uint32_t rewrites = entry.rewrites;
  auto info = std::make_shared<StoreInfo>();
  run(
      [id, info](Store& store) -> Status {
        // Who asked twice: it may be in the trash by now, where only an edit brings it back.
        WEFT_ASSIGN(const std::optional<DocumentUsage> usage, store.document(id));
        if (!usage || usage->status != DocumentStatus::kDeleted)
          WEFT_TRY(store.set_status(id, DocumentStatus::kLive));
        *info = store.info();
        return {};
      },
      [this, id, rewrites, info, done = std::move(done)](Status result) {
        Entry& revived = entries_.at(id);
        --revived.changing;
        if (!result.ok()) store_failed(result.error());
        // Who asked twice is told twice; what was deleted or given up again meanwhile is what it is by now.
        if (result.ok() && revived.rewrites == rewrites) {
          revived.status = DocumentStatus::kLive;
          ++revived.rewrites;
          revived.opened_end = revived.settled_end = 0;
          revived.deletion_since_ms = retained_ms_;  // its time in the trash begins anew
          revived.was_deleted = is_deleted(revived);
          unsum(revived);
          changed_status_.push_back(id);
        }
        if (result.ok() && !(info->replica == replica_))
          become(*info, 0, "it had written in a document that it gave up and keeps again");
        if (done) done(std::move(result));
      });
}

void Node::trim(const DocumentId& id, std::function<void(Status)> done) {
  Impl& impl = *impl_;
  Impl::Entry& entry = impl.entry(id);
  Result<Impl::Open*> opened = impl.open(entry);
  if (!opened.ok()) return done(opened.take_error());
  Result<StoredState> kept = impl.state_to_keep(entry);
  if (!kept.ok()) return done(kept.take_error());
  auto state = std::make_shared<StoredState>(std::move(*kept));
  entry.trimmed.merge(state->version);
  impl.run([state, id](Store& store) { return store.trim(id, *state); },
           [&impl, id, done = std::move(done)](Status status) {
             // What is open still has the history.
             Impl::Entry& trimmed = impl.entry(id);
             if (status.ok() && impl.can_close(trimmed)) impl.close(trimmed);
             if (done) done(std::move(status));
           });
  impl.after();
}

// --- the public face ---

std::vector<DocumentOverview> Node::documents() const {
  std::vector<DocumentOverview> result;
  for (const auto& [id, entry] : impl_->entries_)
    if (entry.is_in_set() || entry.status != DocumentStatus::kLive || entry.open)
      result.push_back(
          {id, impl_->shown_status(entry), entry.durable, entry.open != nullptr, false});
  for (DocumentOverview& each : result) {
    Impl::Entry& entry = impl_->entries_.at(each.document);
    if (!entry.deletion.empty()) each.is_contested = impl_->contested_of(entry).has_value();
  }
  std::sort(result.begin(), result.end(),
            [](const auto& a, const auto& b) { return a.document < b.document; });
  return result;
}

Result<const Document*> Node::read(const DocumentId& id) {
  Impl::Entry* entry = impl_->find_entry(id);
  if (entry == nullptr) return Error(ErrorCode::kNotFound, "this device has no such document");
  WEFT_TRY(impl_->check_not_deleted(*entry));
  WEFT_ASSIGN(Impl::Open * open, impl_->open(*entry));
  return static_cast<const Document*>(&open->document);
}

Result<Commit> Node::edit(const DocumentId& id, const std::function<Status(Transaction&)>& body,
                          std::function<void(Status)> durable, TransactionOptions transaction) {
  return edit_reading(
      id, [&](const Document&, Transaction& tx) { return body(tx); }, std::move(durable),
      std::move(transaction));
}

Status Node::apply(const DocumentId& id, Bytes delta, std::function<void(Status)> durable) {
  Impl& impl = *impl_;
  if (impl.is_shut_down_) return Error(ErrorCode::kReadOnly, "the peer is shutting down");
  if (impl.broken_) return impl.broken_.clone();
  Impl::Entry& entry = impl.entry(id);
  WEFT_TRY(impl.check_not_deleted(entry));
  WEFT_ASSIGN(Impl::Open * open, impl.open(entry));
  const VersionVector before = open->document.version();
  std::vector<Bytes> deltas;
  deltas.push_back(std::move(delta));
  sync::Taken taken = impl.take(kNoLink, id, std::move(deltas), 0);
  if (taken.broken) return std::move(taken.broken);
  if (taken.refused > 0)
    return Error(ErrorCode::kInvalidDelta, "the delta contradicts what the document holds");
  const bool is_known = entry.open && entry.open->document.version() == before;
  if (durable && is_known) {
    impl.when_flushed(std::move(durable));
  } else if (durable) {
    impl.next_.callbacks.push_back(std::move(durable));
  }
  impl.after();
  return {};
}

Result<Commit> Node::edit_reading(const DocumentId& id,
                                  const std::function<Status(const Document&, Transaction&)>& body,
                                  std::function<void(Status)> durable,
                                  TransactionOptions transaction) {
  Impl& impl = *impl_;
  if (impl.is_shut_down_) return Error(ErrorCode::kReadOnly, "the peer is shutting down");
  if (impl.broken_) return impl.broken_.clone();
  Impl::Entry& entry = impl.entry(id);
  WEFT_TRY(impl.check_not_deleted(entry));
  return impl.edit_open(entry, body, std::move(durable), std::move(transaction));
}

Result<Commit> Node::Impl::edit_open(
    Entry& entry, const std::function<Status(const Document&, Transaction&)>& body,
    std::function<void(Status)> durable, TransactionOptions transaction) {
  Impl& impl = *this;
  WEFT_ASSIGN(Impl::Open * open, impl.open(entry));
  WEFT_ASSIGN(Commit commit, open->document.transact(std::move(transaction), [&](Transaction& tx) {
    return body(open->document, tx);
  }));
  if (commit.op_count == 0) {
    impl.when_flushed(std::move(durable));
    return commit;
  }
  Bytes delta(commit.delta.begin(), commit.delta.end());
  impl.remember_recent(
      *open, open->noted,
      {commit.first, commit.first.seq + commit.op_count, true,
       static_cast<std::uint32_t>(open->document.chain(commit.first.replica)), delta});
  RecordHead head;
  head.kind = RecordKind::kDelta;
  head.replica = commit.first.replica;
  head.first_seq = commit.first.seq;
  head.op_count = commit.op_count;
  impl.add_record(entry, head, std::move(delta));
  open->noted = open->document.version();
  impl.cover(entry, true);
  if (durable) impl.next_.callbacks.push_back(std::move(durable));
  impl.after();
  return commit;
}

Result<UndoReport> Node::undo(const DocumentId& id, std::function<void(Status)> durable) {
  Impl& impl = *impl_;
  if (impl.is_shut_down_) return Error(ErrorCode::kReadOnly, "the peer is shutting down");
  if (impl.broken_) return impl.broken_.clone();
  Impl::Entry& entry = impl.entry(id);
  WEFT_TRY(impl.check_not_deleted(entry));
  WEFT_ASSIGN(Impl::Open * open, impl.open(entry));
  const VersionVector before = open->document.version();
  WEFT_ASSIGN(UndoReport report, open->document.undo());
  if (open->document.version() == before) {
    impl.when_flushed(std::move(durable));
    return report;
  }
  impl.note_change(entry, true);
  if (durable) impl.next_.callbacks.push_back(std::move(durable));
  impl.after();
  return report;
}

Result<Observer> Node::observe(const DocumentId& id, std::function<void(const Patch&)> callback) {
  Impl& impl = *impl_;
  Impl::Entry& entry = impl.entry(id);
  WEFT_TRY(impl.check_not_deleted(entry));
  WEFT_ASSIGN(Impl::Open * open, impl.open(entry));
  auto watcher = std::make_shared<Impl::Watcher>();
  watcher->callback = std::move(callback);
  const std::uint64_t number = impl.next_watcher_++;
  entry.watchers.emplace(number, watcher);
  impl.watch(*open, watcher);
  return Observer([&impl, id, number, alive = std::weak_ptr(impl.alive_)] {
    const std::shared_ptr<bool> held = alive.lock();
    if (!held || !*held) return;
    Impl::Entry* found = impl.find_entry(id);
    if (found != nullptr) found->watchers.erase(number);
  });
}

}  // namespace weft
