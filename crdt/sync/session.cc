#include "crdt/sync/session.h"

#include <algorithm>
#include <utility>

namespace weft::sync {
namespace {

/// What may wait in the control queue: a peer that asks without reading the answers is cut off.
constexpr std::size_t kControlMax = 1024;
/// So long after everything was wanted it may come twice.
constexpr std::uint64_t kWantedMs = 1'000;
constexpr std::uint64_t kAskPauseMaxMs = 60'000;
constexpr std::uint32_t kAsksMax = 8;
/// What was asked for so often in vain holds up nothing else.
constexpr std::uint32_t kAsksBeforeSums = 3;
constexpr std::int64_t kSkewToleratedMs = 120'000;
// At once, and a minute. (docs/adr/0019)
constexpr Budget kPresenceBudget(2'000, 30'000);

bool contains(const std::vector<std::uint64_t>& list, std::uint64_t value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

/// Of two devices that write as one replica: has this one to become another?
bool has_to_change(const Hello& own, const Hello& other) {
  if (own.incarnations.empty() || other.incarnations.empty())
    return own.epoch < other.epoch || own.incarnations.empty();
  const std::uint64_t own_newest = own.incarnations.back();
  const std::uint64_t other_newest = other.incarnations.back();
  const bool other_is_older = contains(own.incarnations, other_newest);
  const bool own_is_older = contains(other.incarnations, own_newest);
  if (other_is_older != own_is_older) return other_is_older;  // the copy was opened later
  return own_newest < other_newest;
}

}  // namespace

Session::Session(SyncHost& host, Options options)
    : host_(host), options_(options), presence_budget_(kPresenceBudget) {
  own_hello_ = host_.greeting();
  own_hello_.credit_bytes = options_.credit_bytes;
  granted_ = options_.credit_bytes;
  last_received_ms_ = last_sent_ms_ = last_mark_ms_ = last_ack_ms_ = host_.now_ms();
  put(own_hello_);
}

void Session::put(Message message) {
  if (control_.size() >= kControlMax)
    return end(ByeReason::kLimit, "too many answers wait for the other end to read them");
  control_.push_back(std::move(message));
  wants_poll_ = true;
}

Envelope Session::sealed(Message message) {
  const std::size_t cost = charge(message);
  charged_out_ += cost;
  counters_.bytes_sent += cost;
  ++counters_.messages_sent;
  if (cost > 0) ++activity_;
  if (cost > 0 || std::holds_alternative<Have>(message)) is_mark_wanted_ = true;
  if (std::holds_alternative<Symbols>(message)) answers_symbols_ = false;
  last_sent_ms_ = host_.now_ms();
  return {sequence_out_++, std::move(message)};
}

void Session::end(ByeReason reason, std::string text) {
  if (ended_) return;
  if (reason == ByeReason::kDone && greeted()) {
    put(make_mark());
  } else {
    std::erase_if(control_, [&](const Message& message) { return type_of(message) > 2; });
  }
  if (text.size() > Limits::kTextBytes) {
    std::size_t size = Limits::kTextBytes;
    while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xc0) == 0x80) --size;
    text.resize(size);
  }
  ended_ = Bye{reason, std::move(text)};
  phase_ = Phase::kEnded;
  wants_poll_ = true;
  reconciling_.reset();
  outgoing_.reset();
  if (hello_) host_.keep_partials(hello_->replica, incoming_.leave());
}

std::optional<Bye> Session::ended() const { return ended_; }

std::uint64_t Session::credit() const {
  return credit_out_ > charged_out_ ? credit_out_ - charged_out_ : 0;
}

// --- in ---

void Session::receive(Envelope envelope) {
  if (ended_) return;
  if (envelope.sequence < sequence_in_) return;  // (S2)
  if (envelope.sequence > sequence_in_)
    return end(ByeReason::kLost, "message " + std::to_string(sequence_in_) + " did not arrive");
  ++sequence_in_;
  ++counters_.messages_received;
  last_received_ms_ = host_.now_ms();
  const Message& message = envelope.message;
  const std::uint16_t type = type_of(message);
  const bool is_bye = std::holds_alternative<Bye>(message);
  if (!hello_ && type != 1 && !is_bye) return fail("the first message is no Hello");
  if (hello_ && !welcome_ && type != 2 && !is_bye) return fail("a message before the Welcome");
  if (welcome_ && type <= 2) return fail("a second greeting");
  if (is_rolled_back_ && welcome_ && !is_bye)
    return end(ByeReason::kIdentityChanged, "you were rolled back; connect as another replica");
  if (const std::size_t cost = charge(message); cost > 0) {
    if (charged_in_ >= granted_) return end(ByeReason::kLimit, "data was sent without credit");
    charged_in_ += cost;
    counters_.bytes_received += cost;
    ++activity_;
    last_data_ms_ = last_received_ms_;
  }
  if (charge(message) > 0 || std::holds_alternative<Have>(message)) is_mark_wanted_ = true;
  std::visit([this](auto&& content) { on(std::move(content)); }, std::move(envelope.message));
  wants_poll_ = true;
}

void Session::note_clock(std::uint64_t time_ms) {
  clock_skew_ms_ = static_cast<std::int64_t>(std::min(time_ms, kMaxTimeMs)) -
                   static_cast<std::int64_t>(host_.wall_ms());
}

void Session::on(Hello&& hello) {
  if (hello.version_min > kProtocolVersion || hello.version_max < kProtocolVersion)
    return end(ByeReason::kVersion, "this end speaks version " + std::to_string(kProtocolVersion));
  hello_ = std::move(hello);
  note_clock(hello_->time_ms);
  if (hello_->replica == own_hello_.replica) {
    if (hello_->epoch == own_hello_.epoch && hello_->incarnations == own_hello_.incarnations)
      return end(ByeReason::kSelf, "both ends are the same device");
    if (has_to_change(own_hello_, *hello_))
      host_.rolled_back(options_.link, "another device writes as the same replica");
    return end(ByeReason::kIdentityChanged, "both ends write as the same replica; connect again");
  }
  credit_out_ = hello_->credit_bytes;
  budgets_ = &host_.budgets_of(hello_->replica);
  const KnownPeer known = host_.known_peer(hello_->replica);
  is_rolled_back_ = known.incarnation != 0 && !contains(hello_->incarnations, known.incarnation);
  if (known.epoch == hello_->epoch && known.position > hello_->log_end) is_rolled_back_ = true;
  if (!is_rolled_back_ && !hello_->incarnations.empty())
    host_.met(hello_->replica, hello_->epoch, hello_->incarnations.back());
  Welcome welcome;
  welcome.known_incarnation = known.incarnation;
  if (known.epoch == hello_->epoch) welcome.cursor = known.position;
  own_cursor_ = welcome.cursor;
  incoming_.resume(host_.take_partials(hello_->replica));
  welcome.resumable = incoming_.resumable();
  put(std::move(welcome));
}

void Session::on(Welcome&& welcome) {
  if (welcome.version != kProtocolVersion)
    return end(ByeReason::kVersion, "a protocol version that was not offered");
  welcome_ = std::move(welcome);
  std::string why;
  if (welcome_->known_incarnation != 0 &&
      !contains(own_hello_.incarnations, welcome_->known_incarnation))
    why = "it knows an opening of this store that this store does not";
  if (welcome_->cursor > own_hello_.log_end) why = "it knows more of this log than is here";
  if (!why.empty()) {
    host_.rolled_back(options_.link, why);
    return end(ByeReason::kIdentityChanged, "this end was rolled back; connect again");
  }
  if (is_rolled_back_) return;  // they find out by our Welcome
  if (clock_skew_ms_ > kSkewToleratedMs || clock_skew_ms_ < -kSkewToleratedMs)
    host_.met_clock(options_.link, clock_skew_ms_);
  begin_catching_up();
}

void Session::on(Bye&& bye) {
  end(bye.reason, std::move(bye.text));
  control_.clear();
  said_bye_ = true;
}

void Session::on(Credit&& credit) { credit_out_ = std::max(credit_out_, credit.total_bytes); }

void Session::on(Ack&& ack) {
  const DocumentId* of = nullptr;
  VersionVector here;
  for (const AckedEnd& acked : ack.ends) {
    if (acked.number >= numbers_out_.size()) return fail("an Ack of a document without number");
    const DocumentId& document = numbers_out_[acked.number];
    Shared& shared = documents_[document];
    if (acked.replica == own_hello_.replica) host_.confirmed(document, acked.end);
    // Of writers of whom nothing is here nothing is remembered: whoever tells of them says so again.
    if (shared.held.end(acked.replica) == 0 && shared.theirs.end(acked.replica) == 0) {
      if (of != &document) here = host_.sendable_version(*(of = &document));
      if (here.end(acked.replica) == 0) continue;
    }
    shared.held.raise(acked.replica, acked.end);
    shared.theirs.raise(acked.replica, acked.end);
  }
}

void Session::on(Presence&& presence) {
  if (presence.data.size() > Limits::kPresenceBytes) return fail("a presence that is too large");
  if (!presence_budget_.take(1, host_.now_ms())) return;  // the next word says as much
  host_.take_presence(options_.link, presence);
}

void Session::on(Prune&& prune) {
  if (prune.replica == ReplicaId()) {
    left_to_others_.clear();
    for (auto& [document, held] : std::exchange(held_back_, {}))
      enqueue(document, documents_[document]);
    return;
  }
  if (prune.replica == own_hello_.replica || left_to_others_.size() >= Limits::kPruned) return;
  left_to_others_.insert(prune.replica);
  // Whoever says so leaves it to others, too: it saw that this end had it.
  if (pruned_.size() < Limits::kPruned) pruned_.insert(prune.replica);
}

/// @return  false: it is spent, and the link ends
bool Session::may_spend(Budget& budget, std::uint64_t amount, const char* what) {
  if (budget.take(amount, host_.now_ms())) return true;
  end(ByeReason::kLimit, std::string("more than a link may ask for: ") + what);
  return false;
}

// --- out ---

std::optional<Envelope> Session::poll() {
  if (said_bye_) return std::nullopt;
  if (!control_.empty()) {
    Message message = std::move(control_.front());
    control_.pop_front();
    return sealed(std::move(message));
  }
  if (ended_) {
    said_bye_ = true;
    return sealed(*ended_);
  }
  if (greeted() && !is_rolled_back_) {
    if (wants_everything_) {  // what is told is what is durable when it goes out
      if (std::optional<Message> ack = make_ack()) return sealed(std::move(*ack));
      wants_everything_ = false;
      return sealed(Prune());
    }
    if (std::optional<Message> have = due_have()) return sealed(std::move(*have));
    if (has_announced_ && !said_all_announced_ && to_announce_.empty()) {
      said_all_announced_ = true;
      return sealed(AllAnnounced());
    }
    check_caught_up();
    if (std::optional<Message> ack = due_ack()) return sealed(std::move(*ack));
    if (std::optional<Message> data = due_data()) return sealed(std::move(*data));
    if (std::optional<Message> mark = due_mark()) return sealed(std::move(*mark));
  }
  wants_poll_ = false;
  return std::nullopt;
}

/// What the other end waits for: what it brought, and where nothing else has told it for long, all.
std::optional<Message> Session::due_ack() {
  const std::uint64_t now = host_.now_ms();
  if (now >= tell_at_ms_) tell_now();
  if (to_ack_.empty() || now < last_ack_ms_ + options_.ack_delay_ms) return std::nullopt;
  return make_ack();
}

void Session::tell_now() {
  for (const DocumentId& document : to_tell_) documents_[document].is_to_tell_all = true;
  to_ack_.merge(std::exchange(to_tell_, {}));
}

std::optional<Message> Session::make_ack() {
  Ack ack;
  while (!to_ack_.empty() && ack.ends.size() < Limits::kAcks / 2) {
    const DocumentId document = *to_ack_.begin();
    to_ack_.erase(to_ack_.begin());
    auto found = documents_.find(document);
    if (found != documents_.end() && found->second.number_in)
      add_ends(document, found->second, ack);
  }
  if (ack.ends.empty()) return std::nullopt;
  last_ack_ms_ = host_.now_ms();
  return ack;
}

void Session::add_ends(const DocumentId& document, Shared& shared, Ack& ack) {
  const VersionVector durable = host_.durable_version(document);
  bool is_left = false;
  for (const VersionVector::Entry& entry : durable.entries()) {
    if (entry.end <= shared.acked.end(entry.replica)) continue;
    if (!shared.is_to_tell_all && shared.brought.end(entry.replica) == 0) {
      is_left = true;
      continue;
    }
    if (ack.ends.size() == Limits::kAcks) {
      to_ack_.insert(document);
      return;
    }
    ack.ends.push_back({*shared.number_in, entry.replica, entry.end});
    shared.acked.raise(entry.replica, entry.end);
  }
  shared.is_to_tell_all = false;
  if (durable.covers(shared.brought)) shared.brought = {};
  if (is_left) tell_later(document);
}

// --- time ---

void Session::give_credit() {
  if (ended_ || host_.is_congested()) return;
  if (granted_ - std::min(granted_, charged_in_) >= options_.credit_bytes / 2) return;
  granted_ = charged_in_ + options_.credit_bytes;
  put(Credit{granted_});
}

void Session::tick() {
  if (ended_) return;
  const std::uint64_t now = host_.now_ms();
  if (now >= last_received_ms_ + options_.timeout_ms)
    return end(ByeReason::kTimeout,
               "nothing came for " + std::to_string(now - last_received_ms_) + " ms");
  give_credit();
  if (!greeted()) return;
  ask_again();
  compare_with_last();
  for (auto at = delayed_.begin(); at != delayed_.end();) {
    if (now < at->second) {
      ++at;
      continue;
    }
    const DocumentId document = at->first;
    at = delayed_.erase(at);
    enqueue(document, documents_[document]);
  }
  for (const auto& [document, held] : held_back_)
    if (now >= held.until_ms) enqueue(document, documents_[document]);
  const bool ack_due = (!to_ack_.empty() || (!to_tell_.empty() && now >= tell_at_ms_)) &&
                       now >= last_ack_ms_ + options_.ack_delay_ms;
  if (ack_due || mark_is_due()) wants_poll_ = true;
}

void Session::ask_later(const DocumentId& document, Shared& shared) {
  if (!to_ask_.insert(document).second) return;  // its pause goes on
  shared.ask_at_ms = host_.now_ms() + options_.retry_ms;
}

/// Something of it is new: what is still missing may come, too.
void Session::note_progress(Shared& shared) {
  shared.asked_count = 0;
  if (shared.ask_at_ms != 0)
    shared.ask_at_ms = std::min(shared.ask_at_ms, host_.now_ms() + options_.retry_ms);
}

bool Session::is_waiting() const {
  return std::any_of(to_ask_.begin(), to_ask_.end(), [&](const DocumentId& document) {
    return documents_.at(document).asked_count < kAsksBeforeSums;
  });
}

/// What they have said to hold and that has not come, though nothing else comes either.
void Session::ask_again() {
  const std::uint64_t now = host_.now_ms();
  if (to_ask_.empty() || now < last_data_ms_ + options_.retry_ms) return;
  for (auto at = to_ask_.begin(); at != to_ask_.end();) {
    Shared& shared = documents_[*at];
    const bool is_there = host_.held_as(*at) != HeldAs::kLive || shared.as != HeldAs::kLive ||
                          host_.durable_version(*at).covers(shared.held);
    if (is_there) {
      shared.ask_at_ms = 0;
      shared.asked_count = 0;
      at = to_ask_.erase(at);
      continue;
    }
    if (shared.asked_count >= kAsksMax) {  // nothing helps; sums still tell
      shared.ask_at_ms = 0;
      at = to_ask_.erase(at);
      continue;
    }
    if (now >= shared.ask_at_ms) {
      announce(*at, true);
      const std::uint64_t pause = options_.retry_ms << std::min(shared.asked_count, 5u);
      ++shared.asked_count;
      shared.ask_at_ms = now + std::min(pause * 2, kAskPauseMaxMs);
    }
    ++at;
  }
}

/// Of a document that the other end has named. (S4)
Session::Shared& Session::shared_of(const DocumentId& document) {
  Shared& shared = documents_[document];
  if (documents_.size() > Limits::kNumberedDocuments)
    end(ByeReason::kLimit, "more documents were named than a link may speak of");
  return shared;
}

/// Keeps account of what the other end has said and this end has nothing of. (S4)
void Session::count_unknown(const DocumentId& document, Shared& shared) {
  const bool is_unknown = host_.is_unknown(document);
  std::uint32_t ends = 0;
  if (is_unknown) {
    ends = static_cast<std::uint32_t>(shared.held.entries().size());
  } else if (!shared.held.empty()) {
    const VersionVector here = host_.sendable_version(document);
    for (const VersionVector::Entry& entry : shared.held.entries())
      ends += here.end(entry.replica) == 0 ? 1u : 0u;
  }
  const bool is_more = (is_unknown && !shared.is_unknown) || ends > shared.unknown_ends;
  unknown_documents_ += (is_unknown ? 1u : 0u);
  unknown_documents_ -= (shared.is_unknown ? 1u : 0u);
  unknown_ends_ = unknown_ends_ + ends - shared.unknown_ends;
  shared.is_unknown = is_unknown;
  shared.unknown_ends = ends;
  if (!is_more) return;
  if (unknown_documents_ > Limits::kUnknownDocuments || unknown_ends_ > Limits::kUnknownEnds)
    return end(ByeReason::kLimit, "more was named than has come");
  if (!host_.may_remember())
    end(ByeReason::kOverloaded,
        "too much was named to this end that has not come; connect again later");
}

// --- told by the host ---

void Session::document_advanced(const DocumentId& document) {
  if (ended_) return;
  auto found = documents_.find(document);
  if (found == documents_.end()) {
    announce(document, true);
  } else if (found->second.as == HeldAs::kPurged) {
    announce(document, true);  // they decide whether it is beyond the deletion
  } else if (found->second.is_theirs_known) {
    enqueue(document, found->second);
  }
}

void Session::document_durable(const DocumentId& document) {
  if (ended_) return;
  auto found = documents_.find(document);
  if (found == documents_.end()) return;
  Shared& shared = found->second;
  if (shared.is_unknown || shared.unknown_ends > 0) count_unknown(document, shared);
  unagreed_.insert(document);
  is_to_compare_ = true;
  if (!shared.number_in) return;
  if (shared.brought.empty()) {
    tell_later(document);
  } else {
    to_ack_.insert(document);
  }
}

void Session::tell_later(const DocumentId& document) {
  if (to_tell_.empty()) tell_at_ms_ = host_.now_ms() + tell_pause_ms();
  to_tell_.insert(document);
}

void Session::document_changed_status(const DocumentId& document) {
  if (ended_) return;
  const std::optional<HeldAs> as = host_.held_as(document);
  if (as == HeldAs::kEvicted) unshared_.insert(document);
  auto found = documents_.find(document);
  if (as == HeldAs::kLive && found != documents_.end() && found->second.as != HeldAs::kEvicted)
    unshared_.erase(document);
  announce(document, as == HeldAs::kLive);
}

void Session::send_presence(const Presence& presence) {
  if (!ended_ && greeted() && control_.size() < kControlMax / 2) put(presence);
}

void Session::release(const DocumentId& document) {
  auto found = documents_.find(document);
  if (ended_ || found == documents_.end() || !found->second.is_held_back) return;
  found->second.is_held_back = false;
  enqueue(document, found->second);
}

void Session::want_everything() {
  if (ended_ || !greeted() || is_rolled_back_ || pruned_.empty()) return;
  pruned_.clear();
  // What came on the link that is gone is not to come again, nor to be taken for a sign that there is another.
  tell_now();
  prune_again_ms_ = host_.now_ms() + kWantedMs;
  wants_everything_ = true;
  wants_poll_ = true;
}

// --- looking ---

const VersionVector* Session::held_there(const DocumentId& document) const {
  auto found = documents_.find(document);
  return found != documents_.end() && found->second.is_theirs_known ? &found->second.held : nullptr;
}

bool Session::is_kept_there(const DocumentId& document) const {
  auto found = documents_.find(document);
  return !ended_ && found != documents_.end() && found->second.is_theirs_known &&
         found->second.as == HeldAs::kLive;
}

const VersionVector* Session::sent_there(const DocumentId& document) const {
  auto found = documents_.find(document);
  return found != documents_.end() && found->second.is_theirs_known ? &found->second.theirs
                                                                    : nullptr;
}

void Session::for_each_known(
    const std::function<void(const DocumentId&, const VersionVector&)>& visit) const {
  for (const auto& [document, shared] : documents_)
    if (shared.is_theirs_known && shared.as == HeldAs::kLive) visit(document, shared.held);
}

}  // namespace weft::sync
