// What is edited and taken on its way to the store, and what changes here once it is durable.
#include <algorithm>
#include <utility>

#include "peer/node_impl.h"
#include "storage/documents.h"

namespace weft {
namespace {

constexpr std::size_t kRecentBytesMax = std::size_t{64} << 10;
constexpr std::size_t kRecentMax = 1024;
/// Batches on their way to the store: more would only wait there.
constexpr std::size_t kFlightsMax = 2;

}  // namespace

void Node::Impl::remember_recent(Open& open, const VersionVector& before, Recent recent) {
  if (open.recent.empty()) open.recent_base = before;
  open.recent_bytes += recent.bytes.size();
  open.recent.push_back(std::move(recent));
  while (open.recent_bytes > kRecentBytesMax || open.recent.size() > kRecentMax) {
    const Recent& oldest = open.recent.front();
    open.recent_base.raise(oldest.first.replica, oldest.end);
    open.recent_bytes -= oldest.bytes.size();
    open.recent.pop_front();
    ++open.recent_number;
  }
}

void Node::Impl::add_record(Entry& entry, const RecordHead& head, Bytes payload) {
  RecordHead own = head;
  own.document = entry.id;
  next_.bytes += payload.size();
  ++next_.records;
  unsaved_bytes_ += payload.size();
  ++unsaved_records_;
  if (entry.open) entry.open->ops_since_state += head.op_count;
  grow(entry, payload.size());
  next_.batch.add(own, std::move(payload));
}

/// Once what was added is durable, so is the document as it is noted now.
void Node::Impl::cover(Entry& entry, bool has_own) {
  const VersionVector& version = entry.open->noted;
  for (Cover& each : next_.covers) {
    if (!(each.document == entry.id) || each.rewrites != entry.rewrites) continue;
    each.version = version;
    each.has_own = each.has_own || has_own;
    return;
  }
  next_.covers.push_back({entry.id, version, entry.rewrites, has_own});
}

/// Takes what is not noted of the document into the next batch, delta by delta.
void Node::Impl::note_change(Entry& entry, bool is_own) {
  Open& open = *entry.open;
  if (open.document.version() == open.noted) return;
  Result<std::vector<Bytes>> rows = open.document.deltas_since(open.noted);
  if (!rows.ok()) return store_failed(rows.error());  // it came after that: it is held
  VersionVector running = open.noted;
  for (Bytes& row : *rows) {
    NewRecord record;
    if (Status read = record_of(entry.id, row, record); !read.ok())
      return store_failed(read.error());
    Recent recent{{record.replica, record.first_seq}, record.end(), is_own, 0, row};
    if (open.document.version().end(record.replica) == record.end())
      recent.chain = static_cast<std::uint32_t>(open.document.chain(record.replica));
    remember_recent(open, running, std::move(recent));
    running.raise(record.replica, record.end());
    const RecordHead head = record;
    add_record(entry, head, std::move(row));
  }
  open.noted = open.document.version();
  cover(entry, is_own);
}

void Node::Impl::submit() {
  if (flights_ >= kFlightsMax || next_.batch.empty() || broken_) return;
  for (const ReplicaId& replica : changed_notes_) next_.batch.notes.push_back(notes_.at(replica));
  changed_notes_.clear();
  auto flight = std::make_shared<Flight>(std::exchange(next_, Flight()));
  ++flights_;
  CommitBatch batch = std::move(flight->batch);
  committer_.commit(std::move(batch),
                    [this, flight, alive = std::weak_ptr(alive_)](Result<AppendResult> result) {
                      const std::shared_ptr<bool> held = alive.lock();
                      if (!held || !*held) return;
                      --flights_;
                      landed(*flight, std::move(result));
                      close_unused();
                      after();
                    });
}

/// Of an edit that changed nothing: what it says is durable once all that was handed in before is.
void Node::Impl::when_flushed(std::function<void(Status)> durable) {
  if (!durable) return;
  if (broken_) return durable(broken_.clone());
  if (next_.batch.empty() && flights_ == 0 && jobs_ == 0) return durable({});
  run([](Store&) { return Status(); },
      [this, durable = std::move(durable)](Status status) {
        durable(status.ok() && broken_ ? Status(broken_.clone()) : std::move(status));
      });
}

void Node::Impl::landed(Flight& flight, Result<AppendResult> result) {
  unsaved_bytes_ -= flight.bytes;
  unsaved_records_ -= flight.records;
  log_end_ = store_.log_end();
  if (!result.ok()) {
    store_failed(result.error());
    for (auto& callback : flight.callbacks) callback(result.error().clone());
    return;
  }
  for (const Cover& covered : flight.covers) {
    Entry& entry = entries_.at(covered.document);
    if (entry.rewrites != covered.rewrites) continue;
    became_durable(entry, covered.version);
    if (!covered.has_own) continue;
    if (options_.coalesce_ms == 0) {
      to_advance_.emplace_back(covered.document, 0);
    } else {
      coalescing_.try_emplace(covered.document, now_ms_ + options_.coalesce_ms);
    }
  }
  for (auto& callback : flight.callbacks) callback(Status());
}

void Node::Impl::became_durable(Entry& entry, const VersionVector& version) {
  // What earlier replicas of this device wrote is sent as own edits are: once it is durable. (I1)
  if (std::any_of(former_.begin(), former_.end(), [&](const ReplicaId& former) {
        return version.end(former) > entry.durable.end(former);
      }))
    to_advance_.emplace_back(entry.id, 0);
  entry.durable.merge(version);
  note_unsettled(entry);
  unsum(entry);
  if (!entry.deletion.empty()) check_deletion(entry, 0);
  if (std::exchange(entry.is_read_again, false)) to_advance_.emplace_back(entry.id, 0);
  for (auto& [id, link] : links_) link.session->document_durable(entry.id);
}

/// Its status or what of it is durable has changed.
void Node::Impl::unsum(Entry& entry) {
  if (!std::exchange(entry.is_unsummed, true)) unsummed_.push_back(&entry);
}

void Node::Impl::sum_up() {
  for (Entry* entry : std::exchange(unsummed_, {})) {
    if (entry->is_in_set()) (void)durable_ends(*entry);
    entry->is_unsummed = false;
    if (entry->is_summed) {
      sketch_.remove(sync::make_item(set_key_, entry->id, entry->digest));
      sync::subtract(sum_, entry->digest);
    }
    entry->is_summed = entry->is_in_set();
    if (!entry->is_summed) continue;
    entry->digest = sync::document_digest(entry->id, entry->log_ends, entry->deletion);
    sketch_.add(sync::make_item(set_key_, entry->id, entry->digest));
    sync::add(sum_, entry->digest);
  }
}

/// The chain hash of a log up to `end`, where that takes no opening.
std::optional<std::uint64_t> Node::Impl::chain_at(const Entry& entry, ReplicaId replica,
                                                  Seq end) const {
  auto known = std::lower_bound(
      entry.log_ends.begin(), entry.log_ends.end(), replica,
      [](const sync::LogEnd& each, ReplicaId wanted) { return each.replica < wanted; });
  if (known != entry.log_ends.end() && known->replica == replica && known->end == end &&
      known->chain != 0)
    return known->chain;
  if (!entry.open) return std::nullopt;
  Result<std::uint64_t> chain = entry.open->document.chain_at(replica, end);
  if (!chain.ok()) return std::nullopt;
  return *chain;
}

/// What is durable of a document, with chain hashes: of one that is not open those that were known when it was closed,
/// or that the store knows.
const std::vector<sync::LogEnd>& Node::Impl::durable_ends(Entry& entry) {
  const bool is_up_to_date = std::equal(
      entry.durable.entries().begin(), entry.durable.entries().end(), entry.log_ends.begin(),
      entry.log_ends.end(), [](const VersionVector::Entry& durable, const sync::LogEnd& known) {
        return durable.replica == known.replica && durable.end == known.end && known.chain != 0;
      });
  if (is_up_to_date) return entry.log_ends;
  std::vector<sync::LogEnd> ends;
  bool lacks_some = false;
  for (const VersionVector::Entry& end : entry.durable.entries()) {
    const std::optional<std::uint64_t> chain = chain_at(entry, end.replica, end.end);
    lacks_some = lacks_some || !chain;
    ends.push_back({end.replica, end.end, chain.value_or(0)});
  }
  if (lacks_some && !entry.open) {
    Result<std::vector<std::uint64_t>> chains = read_chains(store_, entry.id, entry.durable);
    for (std::size_t i = 0; chains.ok() && i < ends.size(); ++i) ends[i].chain = (*chains)[i];
    // Sealed in the middle of a log, records may not say it; the document does.
    lacks_some = std::any_of(ends.begin(), ends.end(),
                             [](const sync::LogEnd& end) { return end.chain == 0; });
    if (lacks_some && open(entry).ok())
      for (sync::LogEnd& end : ends)
        if (end.chain == 0) end.chain = chain_at(entry, end.replica, end.end).value_or(0);
  }
  if (entry.is_summed && ends != entry.log_ends) unsum(entry);
  entry.log_ends = std::move(ends);
  return entry.log_ends;
}

void Node::Impl::advance(const DocumentId& id, LinkId except) {
  to_advance_.emplace_back(id, except);
}

void Node::Impl::store_failed(const Error& error) {
  if (broken_) return;
  broken_ = error.clone();
  tell({NodeEvent::Kind::kStoreFailed, 0, {}, {}, 0, error.message()});
  end_all(sync::ByeReason::kStore, "this end's store takes nothing any more");
}

void Node::Impl::run(std::function<Status(Store&)> job, std::function<void(Status)> done,
                     Turn turn) {
  // What is in the next batch was there before the job.
  if (!next_.batch.empty() && !broken_) {
    const std::size_t flights = std::exchange(flights_, 0);
    submit();
    flights_ += flights;
  }
  ++jobs_;
  auto report = [this, done = std::move(done), alive = std::weak_ptr(alive_)](Status status) {
    const std::shared_ptr<bool> held = alive.lock();
    if (!held || !*held) return;
    --jobs_;
    log_end_ = store_.log_end();
    if (done) done(std::move(status));
    after();
  };
  if (turn == Turn::kBeforeWaiting) {
    committer_.run_to_make_room(std::move(job), std::move(report));
  } else {
    committer_.run(std::move(job), std::move(report));
  }
}

/// Neither records nor jobs that change what is held of it or how: whoever overtakes all that waits for the store
/// overtakes nothing of this document. (Sealing, trimming and kept states change nothing, and a store refuses them for
/// what it does not keep.)
bool Node::Impl::has_nothing_on_its_way(const Entry& entry) const {
  Deletion deletion = entry.deletion;
  return entry.changing == 0 && entry.rewriting == 0 && applied(entry) == entry.durable &&
         !deletion.merge(entry.deletion_coming);
}

}  // namespace weft
