// Data: what the other end lacks goes out as credit allows, what comes is given to the host.
#include <algorithm>
#include <utility>

#include "crdt/base/checksum.h"
#include "crdt/sync/session.h"

namespace weft::sync {

// --- out ---

void Session::enqueue(const DocumentId& document, Shared& shared) {
  if (shared.is_queued || shared.is_held_back || shared.as != HeldAs::kLive) return;
  if (shared.not_before_ms != 0 && host_.now_ms() < shared.not_before_ms) {
    delayed_.try_emplace(document, shared.not_before_ms);
    return;
  }
  shared.is_queued = true;
  queue_.push_back(document);
  wants_poll_ = true;
}

Message Session::start_transfer(const DocumentId& document, std::uint32_t number, Bytes bytes,
                                bool is_state) {
  OutgoingTransfer transfer;
  transfer.document = document;
  transfer.number = number;
  transfer.is_state = is_state;
  transfer.id = xxh3_64(bytes);
  transfer.bytes = std::move(bytes);
  for (const Resumable& begun : welcome_->resumable)
    if (begun.transfer == transfer.id && begun.received_bytes < transfer.bytes.size())
      transfer.offset = begun.received_bytes;
  Part part = transfer.next();
  if (!transfer.done()) outgoing_ = std::move(transfer);
  return part;
}

/// What is sent shows that it is here: no Ack has to say so. Only of its own operations the other end wants to hear that
/// they are durable.
/// @pre  `theirs` is what they had before
void Session::note_shown(Shared& shared, const VersionVector& reached) {
  for (const VersionVector::Entry& entry : reached.entries())
    if (!(entry.replica == hello_->replica) && entry.end > shared.theirs.end(entry.replica))
      shared.acked.raise(entry.replica, entry.end);
}

/// One who says again and again that he has less than before, or wants a log again, gets it ever more rarely: else a few
/// bytes make this end send the whole document.
void Session::note_lowered(Shared& shared) {
  constexpr std::uint32_t kFree = 16;
  constexpr std::uint64_t kForgivenMs = 600'000;
  constexpr std::uint64_t kPauseMaxMs = 10'000;
  const std::uint64_t now = host_.now_ms();
  if (now >= shared.lowered_ms + kForgivenMs) shared.lowered_count = 0;
  shared.lowered_ms = now;
  if (++shared.lowered_count <= kFree) return;
  const std::uint32_t doublings = std::min(shared.lowered_count - kFree, 10u);
  shared.not_before_ms = now + std::min(std::uint64_t{100} << doublings, kPauseMaxMs);
}

/// @return  what to read behind: what they have, and what others bring them
VersionVector Session::without_held_back(const DocumentId& document, Shared& shared) {
  VersionVector since = shared.theirs;
  const std::uint64_t now = host_.now_ms();
  auto held = held_back_.find(document);
  if (held != held_back_.end() && now >= held->second.until_ms) {
    for (const VersionVector::Entry& entry : held->second.version.entries())
      if (entry.end > since.end(entry.replica)) left_to_others_.erase(entry.replica);
    held_back_.erase(held);
    held = held_back_.end();
  }
  if (left_to_others_.empty()) return since;
  VersionVector left_out;
  const VersionVector here = host_.sendable_version(document);
  for (const VersionVector::Entry& entry : here.entries())
    if (entry.end > since.end(entry.replica) && left_to_others_.contains(entry.replica))
      left_out.raise(entry.replica, entry.end);
  if (left_out.empty()) {
    if (held != held_back_.end()) held_back_.erase(held);
    return since;
  }
  since.merge(left_out);
  if (held == held_back_.end())
    held_back_.emplace(document, HeldBack{now + options_.heartbeat_ms * options_.relay_delay / 100,
                                          std::move(left_out)});
  return since;
}

Outgoing Session::read(const DocumentId& document, Shared& shared) {
  // They have the same after a state as before it: then they have trimmed what it lacks.
  const bool one_state = !shared.theirs.empty() && shared.stated == shared.theirs;
  const VersionVector since = left_to_others_.empty() && held_back_.empty()
                                  ? shared.theirs
                                  : without_held_back(document, shared);
  const bool is_all = since == shared.theirs;
  Outgoing out =
      host_.read(document, since, is_all ? shared.hint : 0, Limits::kPartBytes, one_state);
  if (out.is_state) shared.stated = shared.theirs;
  if (is_all) return out;
  for (const VersionVector::Entry& entry : since.entries())
    if (entry.end > shared.theirs.end(entry.replica))  // not sent
      out.reached.set(entry.replica, shared.theirs.end(entry.replica));
  out.hint = 0;
  return out;
}

/// The transfer that runs and the documents that wait take turns.
std::optional<Message> Session::due_data() {
  if (charged_out_ >= credit_out_ || !doubtful_.empty()) return std::nullopt;  // (S6)
  const bool is_parts_turn = outgoing_ && std::exchange(part_is_next_, false);
  for (std::size_t left = is_parts_turn ? 0 : queue_.size(); left > 0; --left) {
    const DocumentId document = queue_.front();
    Shared& shared = documents_[document];
    if (outgoing_ && outgoing_->document == document) {  // the rest of it comes behind the transfer
      queue_.pop_front();
      queue_.push_back(document);
      continue;
    }
    for (const VersionVector::Entry& again : shared.resend.entries()) {
      shared.hint = 0;
      if (shared.theirs.end(again.replica) >= again.end)
        shared.theirs.set(again.replica, again.end - 1);
      left_to_others_.erase(again.replica);
    }
    shared.resend = {};
    if (!shared.number_out && shared.as == HeldAs::kLive && !shared.is_held_back) {
      if (host_.count_beyond(document, shared.theirs) > 0) {
        if (numbers_out_.size() == Limits::kNumberedDocuments) {
          end(ByeReason::kDone, "the link has named as many documents as it may; connect again");
          return std::nullopt;
        }
        shared.number_out = static_cast<std::uint32_t>(numbers_out_.size());
        numbers_out_.push_back(document);
        return NameDocument{*shared.number_out, document};
      }
    }
    queue_.pop_front();
    shared.is_queued = false;
    if (!shared.number_out || shared.is_held_back || shared.as != HeldAs::kLive) continue;
    Outgoing out = read(document, shared);
    if (out.deltas.empty()) continue;
    Bytes& first = out.deltas.front();
    const bool is_large = first.size() > Limits::kPartBytes;
    if (is_large && outgoing_) {  // one at a time: it is read again when it is its turn
      to_transfer_.push_back(document);
      continue;
    }
    note_shown(shared, out.reached);
    shared.theirs.merge(out.reached);
    shared.hint = out.hint;
    if (out.more) enqueue(document, shared);
    if (is_large)
      return start_transfer(document, *shared.number_out, std::move(first), out.is_state);
    part_is_next_ = true;
    if (out.is_state) return State{*shared.number_out, std::move(first)};
    return Deltas{*shared.number_out, out.chain, std::move(out.deltas)};
  }
  if (!outgoing_) return std::nullopt;
  Part part = outgoing_->next();
  if (outgoing_->done()) {
    outgoing_.reset();
    for (const DocumentId& document : std::exchange(to_transfer_, {}))
      enqueue(document, documents_[document]);
  }
  return part;
}

// --- in ---

void Session::on(NameDocument&& name) {
  if (name.number != numbers_in_.size() || numbers_in_.size() >= Limits::kNumberedDocuments)
    return fail("documents are not numbered one by one");
  auto found = documents_.find(name.document);
  if (found == documents_.end() || !found->second.was_told)
    return fail("a number for a document that this end has not said to hold");  // (S1)
  if (found->second.number_in) return fail("a second number for a document");
  numbers_in_.push_back(name.document);
  found->second.number_in = name.number;
  count_unknown(name.document, found->second);
}

const DocumentId* Session::numbered(std::uint32_t number) {
  if (number < numbers_in_.size()) return &numbers_in_[number];
  fail("data of a document without number");
  return nullptr;
}

void Session::on(Deltas&& deltas) {
  const DocumentId* document = numbered(deltas.number);
  if (document == nullptr) return;
  Shared& shared = documents_[*document];
  took(*document, shared,
       host_.take(options_.link, *document, std::move(deltas.deltas), deltas.chain));
}

void Session::on(State&& state) { deliver(state.number, std::move(state.payload), true); }

void Session::on(Part&& part) {
  if (numbered(part.number) == nullptr) return;
  if (!host_.may_buffer(part.bytes.size()))
    return end(ByeReason::kOverloaded, "too much is on its way to this end; connect again later");
  Result<std::optional<IncomingTransfers::Complete>> complete = incoming_.add(std::move(part));
  if (!complete.ok()) {
    const bool is_limit = complete.error().code() == ErrorCode::kLimit;
    return end(is_limit ? ByeReason::kLimit : ByeReason::kGarbage, complete.error().context());
  }
  if (*complete) deliver((*complete)->number, std::move((*complete)->bytes), (*complete)->is_state);
  give_credit();
}

void Session::deliver(std::uint32_t number, Bytes bytes, bool is_state) {
  const DocumentId* document = numbered(number);
  if (document == nullptr) return;
  Shared& shared = documents_[*document];
  if (is_state) {
    took(*document, shared, host_.take_state(options_.link, *document, std::move(bytes)));
    return;
  }
  std::vector<Bytes> deltas;
  deltas.push_back(std::move(bytes));
  took(*document, shared, host_.take(options_.link, *document, std::move(deltas), 0));
}

/// It came from somebody else before: that one is quicker.
void Session::note_duplicates(const Taken& taken) {
  if (host_.now_ms() < prune_again_ms_) return;
  for (const VersionVector::Entry& entry : taken.shown.entries()) {
    if (entry.replica == own_hello_.replica || entry.replica == hello_->replica) continue;
    if (left_to_others_.size() >= Limits::kPruned || pruned_.size() >= Limits::kPruned) return;
    left_to_others_.insert(entry.replica);
    pruned_.insert(entry.replica);
    put(Prune{entry.replica});
  }
}

void Session::took(const DocumentId& document, Shared& shared, Taken taken) {
  if (taken.broken) return end(ByeReason::kGarbage, taken.broken.message());
  counters_.duplicates += taken.duplicates;
  counters_.refused += taken.refused;
  if (taken.duplicates > 0 && taken.applied == 0 && phase_ == Phase::kLive) note_duplicates(taken);
  if (taken.applied > 0 || taken.duplicates > 0 || taken.has_gap) shared.brought.merge(taken.shown);
  shared.theirs.merge(taken.shown);
  shared.held.merge(taken.shown);
  ask_for(taken.doubtful);
  if (taken.duplicates > 0) {  // durable already: nothing else will say so, and they don't know it
    to_ack_.insert(document);
    for (const VersionVector::Entry& entry : taken.shown.entries())
      shared.acked.set(entry.replica, 0);
  }
  if (taken.applied > 0) note_progress(shared);
  if (taken.has_gap) ask_later(document, shared);
  give_credit();
}

}  // namespace weft::sync
