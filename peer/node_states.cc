// States that come in the place of deltas: what replaces what is here.
#include <algorithm>
#include <memory>
#include <utility>

#include "peer/node_impl.h"
#include "storage/documents.h"

namespace weft {

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
  Bytes anew;
  if (Status done = rewrite_suspects(entry, view->version); !done.ok()) {
    Result<Bytes> made = made_anew(entry, view->version);
    if (!made.ok() || made->empty()) {
      taken.has_gap = true;
      return taken;
    }
    anew = std::move(*made);
  }
  if (anew.empty() && (*opened)->document.version().covers(view->version)) {
    ++taken.duplicates;
    return taken;
  }
  go_on_from(link, entry, *view, std::move(*loaded), anew, taken);
  return taken;
}

/// Some of what the state lacks was trimmed here. Where the other end has that too it sends one state of both, when it is
/// asked again; else each has trimmed what the other lacks.
void Node::Impl::note_trimmed_apart(LinkId link, const Entry& entry, const VersionVector& state) {
  const Result<std::optional<DocumentUsage>> usage = store_.document(entry.id);
  auto found = links_.find(link);
  if (!usage.ok() || !*usage || found == links_.end()) return;
  const VersionVector* theirs = found->second.session->held_there(entry.id);
  if (theirs != nullptr && theirs->covers((*usage)->base)) return;
  const bool is_known = is_trimmed_apart(entry);
  trimmed_apart_[entry.id] = {link_name(link), state};
  if (is_known) return;
  tell({NodeEvent::Kind::kTrimmedApart,
        link,
        entry.id,
        {},
        0,
        "this device and " + link_name(link) + " have each trimmed what the other lacks"});
}

/// Still? What the state had may have come another way, or nobody linked holds it any more.
bool Node::Impl::is_trimmed_apart(const Entry& entry) const {
  auto found = trimmed_apart_.find(entry.id);
  if (found == trimmed_apart_.end() || entry.status != DocumentStatus::kLive) return false;
  const VersionVector here = applied(entry);
  if (here.covers(found->second.version)) return false;
  return links_.empty() || std::any_of(links_.begin(), links_.end(), [&](const auto& link) {
           const VersionVector* held = link.second.session->held_there(entry.id);
           return held != nullptr && !here.covers(*held);
         });
}

/// What is here and not in the state comes on top of it; last what is made anew of own edits whose dots it has otherwise.
void Node::Impl::go_on_from(LinkId link, Entry& entry, const StateView& view, Document loaded,
                            const Bytes& anew, sync::Taken& taken) {
  const DocumentId document = entry.id;
  const Document& here = entry.open->document;
  Result<std::vector<Bytes>> rest = here.deltas_since(view.version);
  if (!rest.ok() && here.version() == entry.durable &&
      entry.rewriting == 0) {  // opened from its kept state
    Result<Document> whole = open_document(store_, document, document_options(document));
    if (whole.ok()) rest = whole->deltas_since(view.version);
  }
  taken.has_gap = true;
  if (!rest.ok()) return note_trimmed_apart(link, entry, view.version);
  for (const Bytes& row : *rest) {
    Result<ApplyReport> report = loaded.apply(row);
    if (!report.ok() || report->applied == 0) return;
  }
  if (!anew.empty()) {
    Document trial = loaded.fork(replica_);
    Result<ApplyReport> report = trial.apply(anew);
    if (!report.ok() || report->applied == 0) return;
  }
  taken.has_gap = false;
  trimmed_apart_.erase(document);
  replace_document(entry, std::move(loaded));
  ++taken.applied;
  auto state = std::make_shared<StoredState>();
  state->version = view.version;
  state->snapshot.assign(view.snapshot.begin(), view.snapshot.end());
  const VersionVector covered = state->version;
  const std::uint32_t rewrites = entry.rewrites;
  run([state, document](Store& store) { return store.adopt_state(document, *state); },
      [this, document, covered, rewrites](Status status) {
        Entry& kept = entries_.at(document);
        if (!status.ok()) return store_failed(status.error());
        if (kept.rewrites == rewrites) became_durable(kept, covered);
      });
  if (!anew.empty()) {
    const std::uint64_t count = entry.open->document.version().end(replica_);
    (void)entry.open->document.apply(anew);  // it was tried
    note_change(entry, true);
    for (const ReplicaId& former : former_)
      if (view.version.end(former) > 0) verified(entry, former);
    tell({NodeEvent::Kind::kEditsRewritten, 0, document, replica_,
          entry.open->document.version().end(replica_) - count,
          "their dots were in use already, and others have built on them"});
  }
  advance(document, link);
}

}  // namespace weft
