// Deleting, restoring, purging, evicting (docs/adr/0013): what becomes of a document as a whole.
//
//   live --deletion that saw all--> deleted (in the trash) --30 days--> purged
//    |  \--deletion that did not--> contested
//    |      deleted, purged --operations beyond the deletion--> contested
//    |      deleted, contested --restore, an edit that names the deletion--> live
//    \--evict--> evicted --keep--> live
//
// A deletion counts once it is durable here. Purging refuses edits first and then asks the store, so that none is
// acknowledged meanwhile.
#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "peer/node_impl.h"

namespace weft {
namespace {

std::string counted_edits(std::uint64_t count) {
  return std::to_string(count) + (count == 1 ? " operation" : " operations");
}

Error nothing_to_delete() {
  return Error(ErrorCode::kNotFound,
               "this device has nothing of the document, and a deletion counts for what was seen; "
               "delete it on a device that holds it");
}

}  // namespace

// --- what it is ---

bool Node::Impl::is_deleted(const Entry& entry) const {
  return entry.status == DocumentStatus::kLive && !entry.deletion.empty() &&
         entry.deletion.covers(applied(entry));
}

DocumentStatus Node::Impl::shown_status(const Entry& entry) const {
  return is_deleted(entry) ? DocumentStatus::kDeleted : entry.status;
}

Status Node::Impl::check_not_deleted(const Entry& entry) const {
  if (!is_deleted(entry)) return {};
  return Error(ErrorCode::kNotKept,
               "the document is deleted: it is in the trash here, and `weft store trash restore` "
               "brings it back");
}

std::optional<Contested> Node::Impl::contested_of(Entry& entry) {
  if (entry.status != DocumentStatus::kLive || entry.deletion.empty() || is_deleted(entry))
    return std::nullopt;
  Result<Open*> opened = open(entry);
  if (!opened.ok()) return std::nullopt;
  return weft::contested((*opened)->document, entry.deletion);
}

Result<std::optional<Contested>> Node::contested(const DocumentId& id) {
  Impl::Entry* entry = impl_->find_entry(id);
  if (entry == nullptr) return Error(ErrorCode::kNotFound, "this device has no such document");
  return impl_->contested_of(*entry);
}

bool Node::Impl::holds_beyond_deletion(const DocumentId& document) const {
  const Entry* entry = find_entry(document);
  return entry != nullptr && entry->status == DocumentStatus::kLive && !entry->durable.empty() &&
         !entry->deletion.covers(entry->durable);
}

bool Node::Impl::knows_more_of_deletion(const sync::HeldDocument& theirs) const {
  const Entry* entry = find_entry(theirs.document);
  if (entry == nullptr || entry->deletion.empty()) return false;
  Deletion known = theirs.deletion;
  return known.merge(entry->deletion);
}

// --- deleting ---

void Node::Impl::delete_document(Entry& entry, std::function<void(Status)> done) {
  if (entry.status == DocumentStatus::kPurged || is_deleted(entry))
    return when_flushed(std::move(done));
  const DocumentId id = entry.id;
  // What was shown now is durable when this job is done; what comes meanwhile was not seen.
  const VersionVector shown = applied(entry);
  run([](Store&) { return Status(); },
      [this, id, shown, done = std::move(done)](Status status) {
        Entry& deleted = entries_.at(id);
        if (!status.ok()) {
          if (done) done(std::move(status));
          return;
        }
        Deletion deletion;
        const bool is_live = deleted.status == DocumentStatus::kLive;
        const VersionVector& seen = is_live ? deleted.durable : deleted.last_version;
        Result<Open*> opened =
            is_live ? open(deleted) : Error(ErrorCode::kNotKept, "it is not kept here");
        if (is_live && !opened.ok()) {
          if (done) done(opened.take_error());
          return;
        }
        for (const VersionVector::Entry& held : seen.entries()) {
          const Seq end = is_live ? std::min(held.end, shown.end(held.replica)) : held.end;
          Result<std::uint64_t> chain = std::uint64_t{0};
          if (opened.ok()) chain = (*opened)->document.chain_at(held.replica, end);
          deletion.raise(held.replica, end, chain.ok() ? *chain : 0);
        }
        // It would delete nothing, here or elsewhere, and be told as done.
        if (deletion.empty()) {
          if (done) done(nothing_to_delete());
          return;
        }
        deletion.set_author(replica_, wall_ms());
        record_deletion(deleted, deletion, 0, done);
      });
}

void Node::Impl::record_deletion(Entry& entry, const Deletion& deletion, LinkId link,
                                 std::function<void(Status)> done) {
  entry.deletion_coming.merge(deletion);
  const DocumentId id = entry.id;
  auto since_ms = std::make_shared<std::uint64_t>(0);
  run(
      [id, deletion, since_ms, wall = wall_ms()](Store& store) -> Status {
        if (wall != 0) WEFT_TRY(store.note_time(wall));  // what passed before does not count
        WEFT_TRY(store.mark_deleted(id, deletion));
        WEFT_ASSIGN(const std::optional<DocumentUsage> usage, store.document(id));
        if (usage) *since_ms = usage->deletion_since_ms;
        return {};
      },
      [this, id, deletion, link, since_ms, done = std::move(done)](Status status) {
        Entry& deleted = entries_.at(id);
        if (!status.ok()) {
          store_failed(status.error());
        } else {
          const bool has_grown = deleted.deletion.merge(deletion);
          for (const Deletion::Entry& each : deletion.entries())
            if (each.is_void) deleted.deletion.set_void(each.replica);
          deleted.deletion_since_ms = *since_ms;
          retained_ms_ = std::max(retained_ms_, *since_ms);
          unsum(deleted);
          changed_status_.push_back(id);
          check_deletion(deleted, link);
          const bool is_contested = deleted.status == DocumentStatus::kLive && !is_deleted(deleted);
          if (has_grown && is_contested)
            tell({NodeEvent::Kind::kDocumentDeleted, link, id, deletion.by(),
                  count_ops_beyond(applied(deleted), deleted.deletion.version()),
                  "contested: whoever deleted it had not seen these operations"});
        }
        if (done) done(std::move(status));
      });
}

/// Where a log reaches just the end that a deletion saw, its chain hash has to be the one that it saw.
void Node::Impl::check_deletion(Entry& entry, LinkId link) {
  if (entry.status != DocumentStatus::kLive) return;
  for (const Deletion::Entry& end : entry.deletion.to_check(entry.durable)) {
    if (entry.checked_ends.contains({end.replica, end.end, end.chain})) continue;
    Result<Open*> opened = open(entry);
    if (!opened.ok()) break;
    const Result<std::uint64_t> chain = (*opened)->document.chain_at(end.replica, end.end);
    entry.checked_ends.insert({end.replica, end.end, end.chain});
    const bool fits =
        chain.ok() ? *chain == end.chain : chain.error().code() != ErrorCode::kNotFound;
    if (fits) continue;
    if (end.replica == replica_)
      rolled_back(link, "a deletion has seen other operations of this replica than are here");
    Deletion found;
    found.raise(end.replica, end.end, end.chain);
    found.set_void(end.replica);
    record_deletion(entry, found, link, nullptr);
  }
  tell_deletion(entry, link);
}

void Node::Impl::tell_deletion(Entry& entry, LinkId link) {
  const bool is_now = is_deleted(entry);
  if (std::exchange(entry.was_deleted, is_now) == is_now) return;
  tell({is_now ? NodeEvent::Kind::kDocumentDeleted : NodeEvent::Kind::kDocumentRestored,
        link,
        entry.id,
        is_now ? entry.deletion.by() : ReplicaId(),
        0,
        {}});
}

void Node::Impl::take_deletion(LinkId link, const sync::HeldDocument& theirs) {
  Entry& entry = this->entry(theirs.document);
  Deletion known = entry.deletion_coming;
  if (!known.merge(theirs.deletion)) return;
  // Of a purged document nothing is here that a rollback could have taken.
  if (entry.status != DocumentStatus::kPurged) {
    const Seq here = std::max(applied(entry).end(replica_), entry.last_version.end(replica_));
    if (theirs.deletion.end(replica_) > here)
      rolled_back(link, "a deletion has seen operations of this replica that are not here");
  }
  record_deletion(entry, theirs.deletion, link, nullptr);
}

void Node::Impl::take_offer(LinkId, const sync::HeldDocument& theirs) {
  Entry& entry = this->entry(theirs.document);
  if (entry.status != DocumentStatus::kPurged || entry.changing > 0) return;
  VersionVector shown;
  for (const sync::LogEnd& end : theirs.log_ends) shown.raise(end.replica, end.end);
  bool is_beyond = !entry.deletion_coming.covers(shown);
  for (const Deletion::Entry& seen : entry.deletion_coming.to_check(shown))
    for (const sync::LogEnd& end : theirs.log_ends)
      if (end.replica == seen.replica && end.chain != 0 && end.chain != seen.chain)
        is_beyond = true;
  if (is_beyond) revive(entry, nullptr);
}

// --- restoring ---

/// What was evicted may have been beyond its deletion; the edit that restored it went with the rest. Without another the
/// document would be in the trash until it has come from others, and for good where nobody has it.
void Node::Impl::keep_again(Entry& entry, std::function<void(Status)> done) {
  if (entry.deletion.empty() || entry.deletion.covers(entry.last_version))
    return revive(entry, std::move(done));
  revive(entry, [this, id = entry.id, done = std::move(done)](Status status) {
    Entry& kept = entries_.at(id);
    if (status.ok() && is_deleted(kept)) return restore(kept, done);
    if (done) done(std::move(status));
  });
}

void Node::Impl::restore(Entry& entry, std::function<void(Status)> done) {
  if (entry.status == DocumentStatus::kEvicted) return keep_again(entry, std::move(done));
  if (entry.status == DocumentStatus::kPurged) {
    if (done)
      done(Error(ErrorCode::kNotKept,
                 "the document was purged here; restore it on a device that still has it in its "
                 "trash, or import it anew"));
    return;
  }
  Result<Open*> opened = open(entry);
  if (!opened.ok()) {
    if (done) done(opened.take_error());
    return;
  }
  const bool is_settled = entry.deletion.empty() ||
                          (!is_deleted(entry) && is_restored((*opened)->document, entry.deletion));
  if (is_settled) return when_flushed(std::move(done));
  const Deletion deletion = entry.deletion;
  auto write = [&](const Document&, Transaction& tx) { return write_restore(tx, deletion); };
  Result<Commit> commit = edit_open(entry, write, done, {.origin = "restore", .message = {}});
  if (!commit.ok() && done) done(commit.take_error());
}

// --- evicting ---

/// Two devices must not give up the last copies on the strength of each other's word: only whoever has the larger
/// epoch relies on the other. (The epoch stays where a device takes another replica id.)
Status Node::Impl::check_evictable(const Entry& entry) const {
  const VersionVector mine = applied(entry);
  if (mine.empty()) return {};
  VersionVector elsewhere;
  std::string who;
  for (const auto& [id, link] : links_) {
    const sync::Session& session = *link.session;
    const VersionVector* held = session.held_there(entry.id);
    if (!session.other() || session.ended()) continue;
    if (held == nullptr) {
      who += (who.empty() ? "" : ", ") + link.name + " has not said what it holds of it";
      continue;
    }
    const bool is_kept = session.is_kept_there(entry.id);
    const std::uint64_t lacking =
        is_kept ? count_ops_beyond(mine, *held) : count_ops_beyond(mine, VersionVector());
    if (is_kept) elsewhere.merge(*held);
    if (is_kept && lacking == 0 && session.other()->epoch < epoch_) return {};
    who += (who.empty() ? "" : ", ") + link.name +
           (lacking == 0 ? " has all of it, but may itself rely on this device"
                         : " lacks " + counted_edits(lacking));
  }
  const std::uint64_t alone = count_ops_beyond(mine, elsewhere);
  if (who.empty()) who = "no other device is linked";
  return Error(ErrorCode::kNotKept,
               (alone == 0 ? "its " + counted_edits(count_ops_beyond(mine, VersionVector())) +
                                 " could be lost"
                           : counted_edits(alone) + " of it are known to be nowhere else") +
                   ": " + who +
                   "; link a device that keeps it, or evict it with --force and lose what nobody "
                   "else has");
}

bool Node::Impl::is_untold(const Entry& entry) const {
  return std::any_of(links_.begin(), links_.end(), [&](const auto& each) {
    const sync::Session& session = *each.second.session;
    return session.other() && !session.ended() && session.held_there(entry.id) == nullptr;
  });
}

/// Where sums are equal nobody speaks of single documents: then the others are asked, and the answer is waited for.
void Node::Impl::evict_when_told(Entry& entry, std::function<void(Status)> done) {
  for (auto& [id, link] : links_) {
    link.session->document_changed_status(entry.id);
    touched_.push_back(id);
  }
  evictions_.push_back({entry.id, now_ms_ + kEvictionWaitMs, std::move(done)});
}

void Node::Impl::look_at_evictions() {
  for (std::size_t i = 0; i < evictions_.size();) {
    Entry& entry = this->entry(evictions_[i].document);
    if (is_untold(entry) && now_ms_ < evictions_[i].until_ms) {
      ++i;
      continue;
    }
    const std::function<void(Status)> done = std::move(evictions_[i].done);
    evictions_.erase(evictions_.begin() + static_cast<std::ptrdiff_t>(i));
    Status may = shown_status(entry) == DocumentStatus::kLive
                     ? check_evictable(entry)
                     : Status(Error(ErrorCode::kNotKept, "it changed its status meanwhile"));
    if (may.ok())
      evict(entry, done);
    else if (done)
      done(std::move(may));
  }
}

void Node::Impl::evict(Entry& entry, std::function<void(Status)> done) {
  const Turn turn = has_nothing_on_its_way(entry) ? Turn::kBeforeWaiting : Turn::kInOrder;
  entry.status = DocumentStatus::kEvicted;
  ++entry.changing;
  ++entry.rewrites;  // what is on its way is not durable when it lands, but gone
  if (entry.open && entry.watchers.empty()) close(entry);
  if (!entry.durable.empty()) entry.last_version = std::exchange(entry.durable, {});
  entry.log_ends.clear();  // it may come back with another history
  unsum(entry);
  changed_status_.push_back(entry.id);
  run([id = entry.id](Store& store) { return store.set_status(id, DocumentStatus::kEvicted); },
      [this, id = entry.id, done = std::move(done)](Status result) {
        Entry& evicted = entries_.at(id);
        --evicted.changing;
        if (!result.ok() && result.error().code() == ErrorCode::kInvalidArgument) {
          keep_all_the_same(evicted);  // its deletion was on the way to the store
        } else if (!result.ok()) {
          store_failed(result.error());
        }
        if (done) done(std::move(result));
      },
      turn);
}

/// The store has refused to give it up: all of it is there.
void Node::Impl::keep_all_the_same(Entry& entry) {
  entry.status = DocumentStatus::kLive;
  ++entry.rewrites;
  entry.durable = store_.version(entry.id);
  unsum(entry);
  changed_status_.push_back(entry.id);
  check_deletion(entry, 0);
}

void Node::Impl::change_status(Entry& entry, DocumentStatus status, Evict how,
                               std::function<void(Status)> done) {
  auto refuse = [&](Error error) {
    if (done) done(std::move(error));
  };
  switch (status) {
    case DocumentStatus::kLive:
      return restore(entry, std::move(done));
    case DocumentStatus::kDeleted:
      return delete_document(entry, std::move(done));
    case DocumentStatus::kPurged:
      return refuse(Error(ErrorCode::kInvalidArgument,
                          "a document is purged once its time in the trash has run"));
    case DocumentStatus::kEvicted:
      break;
  }
  if (entry.status == DocumentStatus::kEvicted) return when_flushed(std::move(done));
  if (shown_status(entry) != DocumentStatus::kLive)
    return refuse(Error(ErrorCode::kInvalidArgument,
                        "a deleted document can't be evicted; its time in the trash is to run"));
  if (how == Evict::kIfKeptElsewhere)
    if (Status may = check_evictable(entry); !may.ok()) {
      if (is_untold(entry)) return evict_when_told(entry, std::move(done));
      return refuse(may.take_error());
    }
  evict(entry, std::move(done));
}

void Node::set_status(const DocumentId& id, DocumentStatus status, std::function<void(Status)> done,
                      Evict how) {
  if (impl_->is_shut_down_ || impl_->broken_) {
    Error why = impl_->broken_ ? impl_->broken_.clone()
                               : Error(ErrorCode::kReadOnly, "the peer is shutting down");
    if (done) done(std::move(why));
    return;
  }
  if (status == DocumentStatus::kDeleted && impl_->find_entry(id) == nullptr) {
    if (done) done(nothing_to_delete());
    return;
  }
  impl_->change_status(impl_->entry(id), status, how, std::move(done));
  impl_->after();
}

// --- purging ---

bool Node::Impl::is_due(const Entry& entry) const {
  return has_nothing_on_its_way(entry) && !entry.durable.empty() && is_deleted(entry) &&
         retained_ms_ >= entry.deletion_since_ms + kRetentionMs;
}

bool Node::Impl::purge(Entry& entry, std::function<void(Status)> done) {
  if (!is_due(entry)) return false;
  entry.status = DocumentStatus::kPurged;
  ++entry.changing;
  ++entry.rewrites;
  if (entry.open) close(entry);
  entry.last_version = std::exchange(entry.durable, {});
  entry.log_ends.clear();
  unsum(entry);
  changed_status_.push_back(entry.id);
  run([id = entry.id](Store& store) { return store.purge(id); },
      [this, id = entry.id, done = std::move(done)](Status status) {
        Entry& purged = entries_.at(id);
        --purged.changing;
        if (status.ok()) {
          tell({NodeEvent::Kind::kDocumentPurged, 0, id, {}, 0, {}});
        } else if (status.error().code() == ErrorCode::kInvalidArgument) {
          keep_all_the_same(purged);
        } else {
          store_failed(status.error());
        }
        if (done) done(std::move(status));
      },
      Turn::kBeforeWaiting);
  return true;
}

/// Daily, as long as something is in the trash.
void Node::Impl::note_time() {
  if (broken_ || is_shut_down_) return;
  if (was_time_noted_ && now_ms_ < time_noted_ms_ + kRetentionStepMaxMs) return;
  was_time_noted_ = true;
  time_noted_ms_ = now_ms_;
  const std::uint64_t wall = wall_ms();
  const bool has_trash = std::any_of(entries_.begin(), entries_.end(), [&](const auto& each) {
    return !each.second.deletion.empty() && each.second.status == DocumentStatus::kLive;
  });
  if (wall == 0 || !has_trash) return;
  auto elapsed_ms = std::make_shared<std::uint64_t>(0);
  run(
      [wall, elapsed_ms](Store& store) -> Status {
        WEFT_ASSIGN(*elapsed_ms, store.note_time(wall));
        return {};
      },
      [this, elapsed_ms](Status status) {
        if (!status.ok()) return store_failed(status.error());
        retained_ms_ = *elapsed_ms;
        for (auto& [id, entry] : entries_)
          if (!entry.deletion.empty()) (void)purge(entry, nullptr);
      });
}

void Node::empty_trash(std::function<void(Status, std::size_t)> done) {
  Impl& impl = *impl_;
  struct Progress {
    std::size_t purged = 0;
    std::size_t left = 1;  ///< the note of the time counts as one
    Status failed;
    std::function<void(Status, std::size_t)> done;
    void step(Status status) {
      if (!status.ok() && failed.ok()) failed = std::move(status);
      if (--left == 0 && done) done(std::move(failed), purged);
    }
  };
  auto progress = std::make_shared<Progress>();
  progress->done = std::move(done);
  auto elapsed_ms = std::make_shared<std::uint64_t>(0);
  impl.run(
      [wall = impl.wall_ms(), elapsed_ms](Store& store) -> Status {
        // On a full disk time can't be noted; what is due was noted before.
        const Result<std::uint64_t> noted = store.note_time(wall);
        *elapsed_ms = noted.ok() ? *noted : store.info().retained_ms;
        return {};
      },
      [&impl, elapsed_ms, progress](Status status) {
        impl.retained_ms_ = std::max(impl.retained_ms_, *elapsed_ms);
        for (auto& [id, entry] : impl.entries_) {
          if (entry.deletion.empty()) continue;
          const bool is_purging = impl.purge(entry, [progress](Status purged) {
            if (purged.ok()) ++progress->purged;
            progress->step(std::move(purged));
          });
          if (is_purging) ++progress->left;
        }
        progress->step(std::move(status));
      },
      Impl::Turn::kBeforeWaiting);
  impl.after();
}

}  // namespace weft
