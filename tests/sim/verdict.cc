#include "tests/sim/verdict.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "crdt/document/json_text.h"
#include "tests/sim/world/failure.h"

namespace weft::sim {
namespace {

std::string name_of(std::size_t peer) { return "device " + std::to_string(peer); }

/// The versions of one document, device by device, for people.
std::string versions_of(World& world, const DocumentId& id) {
  std::string text;
  for (std::size_t i = 0; i < world.size(); ++i) {
    text += "\n  " + name_of(i) + " (" + to_string(world.node(i).replica()) + "): ";
    bool found = false;
    for (const DocumentOverview& overview : world.node(i).documents()) {
      if (overview.document != id) continue;
      found = true;
      text += std::string(status_name(overview.status)) + " " + overview.version.to_string();
    }
    if (!found) text += "nothing";
    if (Result<DocumentSyncStatus> status = world.node(i).sync_status(id); status.ok())
      text += "; " + status->words;
  }
  return text;
}

std::set<DocumentId> all_documents(World& world) {
  std::set<DocumentId> ids;
  for (std::size_t i = 0; i < world.size(); ++i)
    for (const DocumentOverview& overview : world.node(i).documents())
      ids.insert(overview.document);
  return ids;
}

}  // namespace

std::set<DocumentId> Verdict::forked_documents() const {
  std::set<DocumentId> forked;
  for (const SeenEvent& seen : world_.events())
    if (seen.event.kind == NodeEvent::Kind::kReplicaForked) forked.insert(seen.event.document);
  return forked;
}

// --- converged ---

std::string Verdict::why_not_linked() const {
  for (std::size_t i = 0; i < world_.size(); ++i)
    for (std::size_t j = i + 1; j < world_.size(); ++j)
      if (world_.has_edge(i, j) && !world_.is_linked(i, j))
        return name_of(i) + " and " + name_of(j) + " are not linked";
  return "";
}

std::string Verdict::why_not_converged() const {
  for (std::size_t i = 0; i < world_.size(); ++i) {
    if (!world_.peer(i).is_up()) return name_of(i) + " is down";
    if (!world_.node(i).is_flushed()) return name_of(i) + " has something that is not durable";
  }
  if (std::string why = why_not_linked(); !why.empty()) return why;
  std::vector<Overviews> held(world_.size());
  std::set<DocumentId> ids;
  for (std::size_t i = 0; i < world_.size(); ++i) {
    for (DocumentOverview& overview : world_.node(i).documents()) {
      ids.insert(overview.document);
      held[i].emplace(overview.document, std::move(overview));
    }
  }
  std::set<DocumentId> forked = forked_documents();
  for (const DocumentId& id : ids) {
    if (forked.contains(id)) continue;
    const DocumentOverview* first = nullptr;
    for (std::size_t i = 0; i < world_.size(); ++i) {
      const DocumentOverview& mine = held[i][id];
      if (mine.status == DocumentStatus::kEvicted) continue;
      if (first == nullptr) {
        first = &mine;
        continue;
      }
      bool differ = first->status != mine.status ||
                    (mine.status == DocumentStatus::kLive && first->version != mine.version);
      if (differ) return "document " + to_hex(id) + " differs:" + versions_of(world_, id);
    }
  }
  for (std::size_t i = 0; i < world_.size(); ++i)
    for (const LinkStatus& link : world_.node(i).status().links)
      if (link.state != LinkState::kLive && link.state != LinkState::kEnded)
        return name_of(i) + " is not live on the link " + link.name + ": " + link.words;
  return "";
}

// --- contents ---

std::string Verdict::difference(std::size_t a, std::size_t b, const DocumentId& id) {
  std::string jsons[2];
  std::size_t sizes[2] = {};
  const std::size_t peers[2] = {a, b};
  for (std::size_t i = 0; i < 2; ++i) {
    Result<const Document*> document = world_.node(peers[i]).read(id);
    if (!document.ok()) return "one can't be read";
    jsons[i] = print_json((*document)->to_json().value(), {.sort_keys = true});
    sizes[i] = (*document)->snapshot().size();
  }
  std::string text =
      "snapshots of " + std::to_string(sizes[0]) + " and " + std::to_string(sizes[1]) + " bytes, ";
  if (jsons[0] == jsons[1]) return text + "the same JSON";
  return text + "JSON\n  " + jsons[0] + "\n  " + jsons[1] + "\n ";
}

void Verdict::check_contents(const Excuses& excuses) {
  check_identities(excuses);
  live_documents_ = 0;
  for (const DocumentId& id : all_documents(world_)) check_document(id);
  for (std::size_t i = 0; i < world_.size(); ++i) world_.node(i).check_invariants();
}

void Verdict::check_document(const DocumentId& id) {
  bool is_forked = forked_documents().contains(id);
  std::size_t first = world_.size();
  Bytes first_snapshot;
  for (std::size_t i = 0; i < world_.size(); ++i) {
    for (const DocumentOverview& overview : world_.node(i).documents()) {
      if (overview.document != id) continue;
      if (overview.status == DocumentStatus::kDeleted && !is_forked) return check_deleted(id);
      if (overview.status != DocumentStatus::kLive) continue;
      Result<const Document*> document = world_.node(i).read(id);
      expect(document.ok(), FailureKind::kInvariant,
             name_of(i) + " can't read document " + to_hex(id));
      Bytes snapshot = (*document)->snapshot();
      (*document)->check_invariants();
      if (is_forked) continue;
      if (first == world_.size()) {
        first = i;
        first_snapshot = std::move(snapshot);
        ledger_.check_present(id, marks_in(**document));
        // What deletions had seen is never forgotten: it lives because people decided so, or have to.
        expect(overview.is_contested || ledger_.is_restore_asked(id) ||
                   !ledger_.is_deletion_durable(id) || ledger_.is_deletion_in_doubt(id),
               FailureKind::kInvariant,
               "document " + to_hex(id) +
                   " was deleted and lives, uncontested:" + versions_of(world_, id));
        continue;
      }
      if (snapshot != first_snapshot)
        throw Failure(FailureKind::kDiverged, name_of(first) + " and " + name_of(i) +
                                                  " show document " + to_hex(id) +
                                                  " differently, " + difference(first, i, id) +
                                                  ":" + versions_of(world_, id));
    }
  }
  if (first != world_.size()) ++live_documents_;
}

void Verdict::check_deleted(const DocumentId& id) {
  expect(ledger_.is_deletion_asked(id), FailureKind::kInvariant,
         "document " + to_hex(id) + " is deleted, and nobody has asked for it");
  ledger_.check_deleted(id, ledger_.on_disks(&id)[id]);
}

bool Verdict::was_rewritten(const DocumentId& id) const {
  return std::any_of(world_.events().begin(), world_.events().end(), [&](const SeenEvent& seen) {
    return seen.event.kind == NodeEvent::Kind::kEditsRewritten && seen.event.document == id;
  });
}

void Verdict::check_identities(const Excuses& excuses) const {
  for (const SeenEvent& seen : world_.events()) {
    if (seen.event.kind == NodeEvent::Kind::kIdentityChanged)
      expect(excuses.lost_logs, FailureKind::kFalseReport,
             name_of(seen.peer) +
                 " takes another name though its disk is its own: " + seen.event.text);
    if (seen.event.kind != NodeEvent::Kind::kReplicaForked) continue;
    std::string which = "replica " + to_string(seen.event.replica) + " in document " +
                        to_hex(seen.event.document) + ": " + seen.event.text;
    // What was made anew is in no ledger, and a clone may write under its dots.
    if (!was_rewritten(seen.event.document))
      expect(ledger_.is_reused(seen.event.document, seen.event.replica), FailureKind::kFalseReport,
             name_of(seen.peer) + " reports a fork that is none, " + which);
    expect(excuses.forks, FailureKind::kFalseReport,
           name_of(seen.peer) + " reports a fork that could be avoided, " + which);
  }
}

// --- quiet ---

/// What is durable everywhere is known to be so everywhere: nothing is on its way that would still say it.
void Verdict::check_acknowledged() const {
  for (std::size_t i = 0; i < world_.size(); ++i) {
    for (const LinkStatus& link : world_.node(i).status().links)
      expect(link.unacknowledged_operations == 0 && link.behind_operations == 0,
             FailureKind::kNotAcknowledged,
             name_of(i) + " on the link " + link.name + ": " + link.words);
    if (world_.node(i).status().links.empty()) continue;
    for (const DocumentOverview& overview : world_.node(i).documents()) {
      Result<DocumentSyncStatus> status = world_.node(i).sync_status(overview.document);
      if (!status.ok() || overview.status != DocumentStatus::kLive) continue;
      expect(status->pending_operations == 0 || is_kept_nowhere_else(i, overview.document),
             FailureKind::kNotAcknowledged,
             name_of(i) + " does not know who has its edits of document " +
                 to_hex(overview.document) + ": " + status->words);
    }
  }
}

bool Verdict::is_any_waiting() const {
  for (std::size_t i = 0; i < world_.size(); ++i)
    if (world_.node(i).status().pending_deltas != 0) return true;
  return false;
}

bool Verdict::is_held_anywhere(const DocumentId& id, const Dot& dot) const {
  for (std::size_t i = 0; i < world_.size(); ++i)
    for (const DocumentOverview& overview : world_.node(i).documents())
      if (overview.document == id && overview.version.contains(dot)) return true;
  return false;
}

/// Which documents have deltas that wait at `peer`, and for what. Where whoever wrote it gave it up by force nobody has
/// what others that were passed on depend on.
std::string Verdict::waiting_at(std::size_t peer) const {
  std::string text;
  for (const DocumentOverview& overview : world_.node(peer).documents()) {
    const Result<DocumentSyncStatus> status = world_.node(peer).sync_status(overview.document);
    if (!status.ok() || status->waiting_for.empty()) continue;
    std::string dots;
    for (const Dot& dot : status->waiting_for)
      if (!ledger_.has_evicted() || is_held_anywhere(overview.document, dot))
        dots += " " + to_string(dot.replica) + ":" + std::to_string(dot.seq);
    if (!dots.empty()) text += "\n  document " + to_hex(overview.document) + " for" + dots;
  }
  return text;
}

/// Others have evicted it.
bool Verdict::is_kept_nowhere_else(std::size_t peer, const DocumentId& id) const {
  for (std::size_t i = 0; i < world_.size(); ++i) {
    if (i == peer || !world_.is_linked(peer, i)) continue;
    for (const DocumentOverview& overview : world_.node(i).documents())
      if (overview.document == id && overview.status == DocumentStatus::kLive) return false;
  }
  return true;
}

void Verdict::check_quiet() {
  constexpr std::uint64_t kPresenceMsMax = 2'000;
  constexpr std::uint64_t kSettleMs = 1'000;
  constexpr std::uint64_t kListenMs = 2'000;
  constexpr std::uint64_t kSilentEndMsMax = 10'000;  // what was on its way to it may come late
  expect(world_.run_until([&] { return world_.network().half_open_links() == 0; }, kSilentEndMsMax),
         FailureKind::kNotQuiet, "an end whose other end is gone is not given up");
  world_.run_ms(kPresenceMsMax + kSettleMs);
  for (std::size_t i = 0; i < world_.size(); ++i)
    for (const DocumentId& id : all_documents(world_))
      expect(world_.node(i).presence(id).empty(), FailureKind::kInvariant,
             name_of(i) + " shows somebody who said nothing for a long time");
  std::uint64_t beats = 0;  // both ends of each link, at least one more than fits
  for (LinkNumber link : world_.network().open_links())
    for (std::size_t side = 0; side < 2; ++side)
      beats +=
          kListenMs / world_.peer(world_.network().endpoint(link, side)).model().heartbeat_ms + 1;
  LinkBytes before = world_.network().total;
  world_.run_ms(kListenMs);
  const LinkBytes& after = world_.network().total;
  // Where a replica was forked each side has what the other goes on asking for, ever more rarely.
  if (!forked_documents().empty()) return;
  for (std::size_t i = 0; i < world_.size(); ++i)
    expect(waiting_at(i).empty(), FailureKind::kInvariant,
           name_of(i) + " has deltas that wait for others" + waiting_at(i));
  const bool asks = is_any_waiting();  // for what was given up by force: in the same way
  expect(asks || after.charged_sent == before.charged_sent, FailureKind::kNotQuiet,
         std::to_string(after.charged_sent - before.charged_sent) +
             " bytes of data were sent though all is the same");
  std::uint64_t messages = after.messages_sent - before.messages_sent;
  expect(asks || messages <= beats, FailureKind::kNotQuiet,
         std::to_string(messages) + " messages were sent where " + std::to_string(beats) +
             " heartbeats were due");
  check_acknowledged();
  // Notes of the others are being stored now and then.
  world_.run_until([&] { return why_not_converged().empty(); }, kSettleMs);
  std::string why = why_not_converged();
  expect(why.empty(), FailureKind::kNotQuiet, "had converged and has not any more: " + why);
}

}  // namespace weft::sim
