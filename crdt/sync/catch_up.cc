// Finding out what differs: by cursors, by symbols, or by naming everything; then document by document.
#include <algorithm>
#include <utility>

#include "crdt/sync/session.h"

namespace weft::sync {
namespace {

/// Where no more documents than this are to be named, their chain hashes are said at once.
constexpr std::size_t kThoroughMax = 64;
constexpr std::uint32_t kRestartsMax = 3;
/// So many are waited for before anything is sent; beyond, one rollback in many would show in these.
constexpr std::size_t kDoubtfulMax = Limits::kNamedAhead;
/// Each costs a look at every document: a link has no need of more.
constexpr std::uint32_t kNameRequestsMax = 256;

}  // namespace

void Session::begin_catching_up() {
  phase_ = Phase::kCatchingUp;
  host_.for_each_evicted([&](const DocumentId& document) {
    unshared_.insert(document);
    announce(document, false);
  });
  host_.for_each_doubtful([&](const DocumentId& document) {
    if (doubtful_.size() < kDoubtfulMax) doubtful_.insert(document);
    announce(document, true);
  });
  if (own_cursor_ != 0 && welcome_->cursor != 0) {
    host_.changed_since(welcome_->cursor,
                        [&](const DocumentId& document) { announce(document, true); });
    has_announced_ = true;
  } else if (own_hello_.sum == hello_->sum && own_hello_.document_count == hello_->document_count) {
    has_announced_ = true;
  } else if (options_.dialled) {
    begin_reconciling();
  }  // else they ask, and AllAnnounced says when they are done
}

// --- symbols ---

void Session::begin_reconciling() {
  std::vector<SetItem> own;
  std::unordered_map<std::uint64_t, DocumentId> names;
  own.reserve(static_cast<std::size_t>(host_.document_count()));
  host_.for_each_document([&](const DocumentId& document, const Digest& digest) {
    own.push_back(make_item(hello_->set_key, document, digest));
    names.emplace(own.back().name, document);
  });
  const std::uint64_t size = own.size();
  reconciling_.emplace(
      Reconciling{SetDifference(hello_->set_key, std::move(own)), std::move(names), size});
  ask_for_symbols(symbols_to_ask(0, size, hello_->document_count));
}

void Session::ask_for_symbols(std::size_t count) {
  if (count == 0) return give_up_reconciling();
  const auto begin = reconciling_->difference.received();
  put(SymbolRequest{begin, static_cast<std::uint32_t>(std::min(count, Limits::kSymbols))});
}

void Session::give_up_reconciling() {
  reconciling_.reset();
  put(SymbolRequest{0, 0});
  announce_everything();
  has_announced_ = true;
}

void Session::announce_everything() {
  host_.for_each_document(
      [&](const DocumentId& document, const Digest&) { announce(document, true); });
}

void Session::on(SymbolRequest&& request) {
  if (request.count == 0) {
    if (may_spend(budgets_->everything, 1, "the names of all documents")) announce_everything();
    return;
  }
  if (request.count > Limits::kSymbols || request.begin > kSymbolsMax)
    return fail("more symbols are asked for than there are");
  if (answers_symbols_) return fail("symbols are asked for before the last ones were read");
  if (!may_spend(budgets_->symbols, request.count, "symbols")) return;
  SetSketch& sketch = host_.sketch();
  const bool has_changed = request.begin > 0 && sketch.revision() != sketch_revision_;
  Symbols answer;
  answer.begin = has_changed ? 0 : request.begin;
  const std::uint64_t end =
      std::min<std::uint64_t>(request.begin + request.count, answer.begin + Limits::kSymbols);
  answer.set_size = sketch.size();
  const auto symbols = sketch.symbols(answer.begin, end - answer.begin, [&](auto&& visit) {
    host_.for_each_document([&](const DocumentId& document, const Digest& digest) {
      visit(make_item(sketch.key(), document, digest));
    });
  });
  answer.symbols.assign(symbols.begin(), symbols.end());
  sketch_revision_ = sketch.revision();
  put(std::move(answer));
  answers_symbols_ = true;
}

void Session::on(Symbols&& symbols) {
  if (!reconciling_) return;
  if (symbols.begin == 0 && reconciling_->difference.received() > 0) {
    // Their set has changed. One that always does is named as a whole, and so is one of a peer that only says so.
    if (++restarts_ > kRestartsMax) return give_up_reconciling();
    begin_reconciling();
    if (!reconciling_) return;
    control_.pop_back();  // here is the answer already
  }
  SetDifference& difference = reconciling_->difference;
  if (symbols.begin != difference.received()) return fail("symbols that were not asked for");
  if (symbols.symbols.empty()) return give_up_reconciling();
  difference.receive(symbols.symbols);
  if (difference.decoded()) return announce_difference();
  if (difference.failed()) return give_up_reconciling();
  ask_for_symbols(symbols_to_ask(difference.received(), reconciling_->set_size, symbols.set_size));
}

void Session::announce_difference() {
  const Reconciling found = std::move(*reconciling_);
  reconciling_.reset();
  std::vector<std::uint64_t> unknown;
  std::unordered_set<std::uint64_t> named;  // what differs here and there is one item at each end
  auto name = [&](const SetItem& item) {
    if (!named.insert(item.name).second) return;
    auto known = found.names.find(item.name);
    if (known != found.names.end()) {
      announce(known->second, true);
    } else {
      unknown.push_back(item.name);
    }
  };
  for (const SetItem& item : found.difference.only_here()) name(item);
  for (const SetItem& item : found.difference.only_there()) name(item);
  for (std::size_t at = 0; at < unknown.size(); at += Limits::kNames) {
    NameRequest request;
    const std::size_t end = std::min(unknown.size(), at + Limits::kNames);
    request.names.assign(unknown.begin() + static_cast<std::ptrdiff_t>(at),
                         unknown.begin() + static_cast<std::ptrdiff_t>(end));
    put(std::move(request));
  }
  has_announced_ = true;
}

void Session::on(NameRequest&& request) {
  if (request.names.empty() || ++name_requests_ > kNameRequestsMax)
    return fail("names are asked for again and again");
  if (!may_spend(budgets_->names, request.names.size(), "names")) return;
  const std::unordered_set<std::uint64_t> wanted(request.names.begin(), request.names.end());
  host_.for_each_document([&](const DocumentId& document, const Digest& digest) {
    if (wanted.contains(make_item(own_hello_.set_key, document, digest).name))
      announce(document, true);
  });
}

void Session::on(AllAnnounced&&) {
  heard_all_announced_ = true;
  if (!options_.dialled) has_announced_ = true;
  check_caught_up();
}

void Session::check_caught_up() {
  if (phase_ == Phase::kCatchingUp && said_all_announced_ && heard_all_announced_ &&
      awaited_ == 0 && to_announce_.empty()) {
    phase_ = Phase::kLive;
    is_mark_wanted_ = true;  // both find out that they agree, or that they do not
  }
}

// --- Have ---

void Session::announce(const DocumentId& document, bool wants_answer) {
  Shared& shared = documents_[document];
  shared.announce_wants_answer = shared.announce_wants_answer || wants_answer;
  wants_poll_ = true;
  if (shared.is_theirs_known) {
    if (std::exchange(shared.is_to_answer, true)) return;
    to_announce_.push_front(document);
  } else if (!shared.is_to_announce) {
    to_announce_.push_back(document);
  }
  shared.is_to_announce = true;
}

/// Of documents that the other end has not spoken of no more are named than it may remember without having them.
bool Session::may_name(const Shared& shared) const {
  const std::size_t to_send = doubtful_.empty() ? queue_.size() : 0;  // these wait for answers
  return shared.is_theirs_known || awaited_ + to_send < Limits::kNamedAhead;
}

std::optional<Message> Session::due_have() {
  Have have;
  std::size_t ends = 0;
  while (!to_announce_.empty() && have.documents.size() < Limits::kDocuments) {
    const DocumentId document = to_announce_.front();
    Shared& shared = documents_[document];
    if (!shared.is_to_announce) {  // was said meanwhile
      to_announce_.pop_front();
      continue;
    }
    if (!may_name(shared)) break;
    const bool wants_answer = shared.announce_wants_answer;
    const bool is_thorough = is_thorough_ || !wants_answer || to_announce_.size() <= kThoroughMax;
    HeldDocument held = host_.describe(document, is_thorough);
    const std::size_t deleted =
        held.deletion.empty() ? 0 : held.deletion.entries().size() + Limits::kReplicasOfDeletion;
    const std::size_t size = held.log_ends.size() + deleted;
    if (!have.documents.empty() && ends + size > Limits::kReplicas / 2) break;
    to_announce_.pop_front();
    shared.is_to_announce = shared.is_to_answer = shared.announce_wants_answer = false;
    if (size > Limits::kReplicas) {  // its writers are too many
      note_answered(document);
      continue;
    }
    ends += size;
    held.answer = wants_answer && held.as == HeldAs::kLive;
    if (!held.answer) note_answered(document);
    shared.told = {};
    shared.acked = {};  // this replaces what they believed
    for (const LogEnd& end : held.log_ends) {
      shared.told.raise(end.replica, end.end);
      // Their own operations count for them with a chain hash, or by an Ack.
      if (end.chain != 0 || !(end.replica == hello_->replica))
        shared.acked.raise(end.replica, end.end);
    }
    shared.was_told = true;
    shared.was_told_chains = is_thorough;
    if (held.answer && !shared.is_theirs_known && !shared.is_awaited) {
      shared.is_awaited = true;
      ++awaited_;
    }
    have.documents.push_back(std::move(held));
  }
  if (have.documents.empty()) return std::nullopt;
  return have;
}

void Session::note_answered(const DocumentId& document) {
  if (doubtful_.erase(document) != 0 && doubtful_.empty()) wants_poll_ = true;
}

void Session::on(Have&& have) {
  theirs_marked_.reset();  // they may hold less since
  for (const HeldDocument& held : have.documents) {
    take_have(held);
    if (ended_) return;
  }
  check_caught_up();
}

/// Nothing is sent of a document that is purged at one end, until that end wants it back.
void Session::take_purged(const HeldDocument& theirs, Shared& shared, std::optional<HeldAs> here,
                          bool knows_more) {
  const DocumentId& document = theirs.document;
  shared.is_theirs_known = true;
  if (theirs.as == HeldAs::kEvicted || here == HeldAs::kEvicted) {
    unshared_.insert(document);
  } else {
    unshared_.erase(document);
  }
  shared.hint = 0;
  shared.theirs = shared.held = VersionVector();
  for (const LogEnd& end : theirs.log_ends) {
    shared.theirs.raise(end.replica, end.end);
    shared.held.raise(end.replica, end.end);
  }
  if (here == HeldAs::kPurged && theirs.as == HeldAs::kLive)
    host_.take_offer(options_.link, theirs);
  const bool is_news =
      !shared.was_told || (here == HeldAs::kLive && host_.holds_beyond_deletion(document) &&
                           !(shared.told == host_.durable_version(document)));
  if (is_news || knows_more) announce(document, false);
}

void Session::take_have(const HeldDocument& theirs) {
  const DocumentId& document = theirs.document;
  Shared& shared = shared_of(document);
  if (ended_) return;
  if (shared.is_awaited) {
    shared.is_awaited = false;
    --awaited_;
  }
  shared.as = theirs.as;
  if (theirs.as != HeldAs::kLive) note_answered(document);
  if (!theirs.deletion.empty()) host_.take_deletion(options_.link, theirs);
  const std::optional<HeldAs> here = host_.held_as(document);
  const bool knows_more = host_.knows_more_of_deletion(theirs);
  if (theirs.as == HeldAs::kPurged || here == HeldAs::kPurged)
    return take_purged(theirs, shared, here, knows_more);
  if (knows_more) announce(document, false);
  const bool is_here = !here || *here == HeldAs::kLive;
  if (!is_here) note_answered(document);
  if (theirs.as == HeldAs::kEvicted || !is_here) {
    if (theirs.as == HeldAs::kEvicted || here == HeldAs::kEvicted) unshared_.insert(document);
    shared.is_theirs_known = true;
    if (!is_here && !shared.was_told) announce(document, false);
    return;
  }
  unshared_.erase(document);
  Judgement judgement = host_.judge(options_.link, theirs);
  if (judgement.rolled_back)
    return end(ByeReason::kIdentityChanged, "this end was rolled back; connect again");
  VersionVector version;
  for (const LogEnd& end : theirs.log_ends) version.raise(end.replica, end.end);
  if (!(version == shared.held)) note_progress(shared);
  if (!version.covers(shared.held)) note_lowered(shared);
  shared.theirs = shared.held = std::move(version);
  count_unknown(document, shared);
  if (ended_) return;
  shared.hint = 0;
  shared.is_theirs_known = true;
  if (std::exchange(shared.was_asked_chains, shared.was_asked_chains || judgement.unclear))
    judgement.unclear = false;
  shared.is_held_back = judgement.hold || judgement.unclear;
  if (!judgement.unclear) note_answered(document);
  ask_for(judgement.doubtful);
  enqueue(document, shared);
  const VersionVector durable = host_.durable_version(document);
  if (!durable.covers(shared.held)) ask_later(document, shared);
  // Sums may have been equal before this came, which was said earlier: the next equal ones say it again.
  if (!shared.held.covers(durable)) unagreed_.insert(document);
  const bool was_answered = shared.was_told && shared.was_told_chains && shared.told == durable;
  if (judgement.unclear || (theirs.answer && !was_answered)) announce(document, judgement.unclear);
}

// --- logs that are in doubt ---

void Session::ask_for(const std::vector<LogRequest>& logs) {
  for (const LogRequest& log : logs) put(log);
}

void Session::on(LogRequest&& request) {
  auto found = documents_.find(request.document);
  if (found == documents_.end() || !may_spend(budgets_->logs, 1, "logs")) return;
  note_lowered(found->second);
  // What comes before the answer is sent, a Have or deltas, must not make it forgotten.
  found->second.resend.set(request.replica, request.begin + 1);
  if (!found->second.is_theirs_known) return;  // (S1) their Have comes behind this
  found->second.is_held_back = false;          // who asks is in doubt, not this end
  enqueue(request.document, found->second);
}

}  // namespace weft::sync
