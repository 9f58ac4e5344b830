#include "peer/node.h"

#include <algorithm>
#include <utility>

#include "peer/node_impl.h"

namespace weft {
namespace {

/// Notes of peers go with batches; where none comes they are written by themselves, so often.
constexpr std::uint64_t kNotesPauseMs = 5'000;
constexpr std::size_t kPartialsBytesMax = std::size_t{256} << 20;
// Of links that are gone: the newest ones, for a while.
constexpr std::size_t kKeptPartialsBytesMax = sync::Limits::kTransferBytes;
constexpr std::uint64_t kKeptPartialsMs = 600'000;
/// As many as a store keeps.
constexpr std::size_t kNotesMax = 4'096;
constexpr std::size_t kPresentMax = 10'000;
constexpr std::size_t kOwnPresentMax = 1'000;
constexpr std::size_t kPresentOfLinkMin = 64;

}  // namespace

const char* event_name(NodeEvent::Kind kind) {
  switch (kind) {
    case NodeEvent::Kind::kLinkUp:
      return "link up";
    case NodeEvent::Kind::kLinkDown:
      return "link down";
    case NodeEvent::Kind::kCaughtUp:
      return "caught up";
    case NodeEvent::Kind::kDocumentAdded:
      return "document added";
    case NodeEvent::Kind::kDocumentDeleted:
      return "document deleted";
    case NodeEvent::Kind::kDocumentRestored:
      return "document restored";
    case NodeEvent::Kind::kDocumentPurged:
      return "document purged";
    case NodeEvent::Kind::kDeltaRefused:
      return "delta refused";
    case NodeEvent::Kind::kReplicaForked:
      return "replica forked";
    case NodeEvent::Kind::kTrimmedApart:
      return "trimmed apart";
    case NodeEvent::Kind::kIdentityChanged:
      return "identity changed";
    case NodeEvent::Kind::kEditsRewritten:
      return "edits rewritten";
    case NodeEvent::Kind::kClockSkew:
      return "clock skew";
    case NodeEvent::Kind::kClockCorrected:
      return "clock corrected";
    case NodeEvent::Kind::kStoreFailed:
      return "store failed";
    case NodeEvent::Kind::kDiverged:
      return "diverged";
    case NodeEvent::Kind::kPending:
      return "pending";
    case NodeEvent::Kind::kSettled:
      return "settled";
    case NodeEvent::Kind::kClaimRefused:
      return "claim refused";
  }
  return "unknown";
}

// --- the public face ---

Node::Node(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Node::~Node() { *impl_->alive_ = false; }

Result<std::unique_ptr<Node>> Node::open(Store& store, Committer& committer, Options options) {
  auto impl = std::make_unique<Impl>(store, committer, std::move(options));
  WEFT_TRY(impl->load());
  return std::unique_ptr<Node>(new Node(std::move(impl)));
}

LinkId Node::add_link(LinkOptions options) {
  Impl& impl = *impl_;
  const LinkId id = impl.next_link_++;
  sync::Session::Options session;
  session.link = id;
  session.dialled = options.dialled;
  session.credit_bytes = impl.options_.credit_bytes;
  session.heartbeat_ms = impl.options_.heartbeat_ms;
  session.timeout_ms = impl.options_.timeout_ms;
  Impl::Link& link = impl.links_[id];
  link.name = std::move(options.name);
  link.dialled = options.dialled;
  link.session = std::make_unique<sync::Session>(impl, session);
  if (impl.is_shut_down_) link.session->end(sync::ByeReason::kDone, "shutting down");
  if (impl.is_changing_)
    link.session->end(sync::ByeReason::kIdentityChanged, "this end was rolled back; connect again");
  if (impl.broken_) link.session->end(sync::ByeReason::kStore, impl.broken_.context());
  return id;
}

void Node::receive(LinkId link, sync::Envelope envelope) {
  auto found = impl_->links_.find(link);
  if (found == impl_->links_.end()) return;
  sync::Session& session = *found->second.session;
  const bool was_known = session.other().has_value();
  session.receive(std::move(envelope));
  impl_->touched_.push_back(link);
  if (!was_known && session.other() && !session.ended())
    impl_->tell(
        {NodeEvent::Kind::kLinkUp, link, {}, session.other()->replica, 0, session.other()->agent});
  impl_->after();
}

void Node::receive_garbage(LinkId link, const Error& error) {
  auto found = impl_->links_.find(link);
  if (found == impl_->links_.end()) return;
  found->second.session->end(sync::ByeReason::kGarbage, error.message());
  impl_->touched_.push_back(link);
  impl_->after();
}

std::optional<sync::Envelope> Node::poll(LinkId link) {
  auto found = impl_->links_.find(link);
  if (found == impl_->links_.end()) return std::nullopt;
  std::optional<sync::Envelope> envelope = found->second.session->poll();
  if (!envelope) found->second.is_woken = false;
  return envelope;
}

std::optional<sync::Bye> Node::ended(LinkId link) const {
  auto found = impl_->links_.find(link);
  if (found == impl_->links_.end()) return sync::Bye{sync::ByeReason::kDone, "no such link"};
  return found->second.session->ended();
}

void Node::remove_link(LinkId link) {
  auto found = impl_->links_.find(link);
  if (found == impl_->links_.end()) return;
  sync::Session& session = *found->second.session;
  if (!session.ended()) session.end(sync::ByeReason::kLost, "the link broke off");
  const sync::Bye bye = *session.ended();
  NodeEvent event;
  event.kind = NodeEvent::Kind::kLinkDown;
  event.link = link;
  if (session.other()) event.replica = session.other()->replica;
  event.text = std::string(sync::reason_name(bye.reason)) + ": " + bye.text;
  const bool was_greeted = session.is_greeted() && bye.reason != sync::ByeReason::kDouble;
  impl_->forget_doubts(link, found->second.doubted_in);
  impl_->links_.erase(found);
  // What came on it comes on another from now on.
  if (was_greeted)
    for (auto& [id, other] : impl_->links_) {
      other.session->want_everything();
      impl_->touched_.push_back(id);
    }
  impl_->tell(std::move(event));
  impl_->after();
}

void Node::tick(std::uint64_t monotonic_ms) {
  Impl& impl = *impl_;
  impl.now_ms_ = std::max(impl.now_ms_, monotonic_ms);
  for (auto at = impl.coalescing_.begin(); at != impl.coalescing_.end();) {
    if (at->second > impl.now_ms_) {
      ++at;
      continue;
    }
    impl.to_advance_.emplace_back(at->first, 0);
    at = impl.coalescing_.erase(at);
  }
  for (auto& [id, link] : impl.links_) {
    link.session->tick();
    if (link.session->wants_poll()) impl.touched_.push_back(id);
  }
  impl.judge_clock();
  impl.keep_presence_small();
  std::erase_if(impl.partials_, [&](const auto& each) {
    return impl.now_ms_ >= each.second.kept_ms + kKeptPartialsMs;
  });
  impl.end_doubles();
  impl.forget_empty();
  impl.close_unused();
  if (impl.now_ms_ >= impl.notes_flushed_ms_ + kNotesPauseMs) impl.flush_notes();
  impl.note_time();
  impl.look_at_evictions();
  impl.after();
}

void Node::fail_store(const Error& why) {
  impl_->store_failed(why);
  impl_->after();
}

void Node::shut_down() {
  Impl& impl = *impl_;
  impl.is_shut_down_ = true;
  impl.coalescing_.clear();
  impl.end_all(sync::ByeReason::kDone, "shutting down");
  impl.flush_notes();
  for (const DocumentId& id : impl.open_ids_) {
    Impl::Entry& entry = impl.entry(id);
    if (impl.can_close(entry)) impl.keep_state(entry);
  }
  impl.after();
}

bool Node::is_flushed() const {
  return impl_->next_.batch.empty() && impl_->flights_ == 0 && impl_->jobs_ == 0;
}

ReplicaId Node::replica() const { return impl_->replica_; }

// --- links, inside ---

std::string Node::Impl::link_name(LinkId link) const {
  auto found = links_.find(link);
  if (found != links_.end()) return found->second.name;
  return link == 0 ? "this device" : "a link that is gone";
}

void Node::Impl::end_all(sync::ByeReason reason, const std::string& text) {
  end_all_ = sync::Bye{reason, text};
}

/// What sessions and batches have brought about, once none of them is running.
void Node::Impl::after() {
  while (!to_advance_.empty() || !to_release_.empty() || !changed_status_.empty() ||
         !presence_out_.empty()) {
    // By index, and cleared behind: a keystroke comes by here, so the memory is kept.
    for (std::size_t i = 0; i < to_advance_.size(); ++i) {
      const auto [document, except] = to_advance_[i];
      for (auto& [id, link] : links_) {
        if (id == except) continue;
        link.session->document_advanced(document);
        touched_.push_back(id);
      }
    }
    to_advance_.clear();
    for (const auto& [document, only] : std::exchange(to_release_, {}))
      for (auto& [id, link] : links_) {
        if (only != 0 && only != id) continue;
        link.session->release(document);
        touched_.push_back(id);
      }
    for (const DocumentId& document : std::exchange(changed_status_, {})) {
      for (auto& [id, link] : links_) link.session->document_changed_status(document);
      touch_all();
    }
    for (const auto& [presence, except] : std::exchange(presence_out_, {})) {
      for (auto& [id, link] : links_)
        if (id != except) link.session->send_presence(presence);
      touch_all();
    }
  }
  for (const auto& [link, bye] : std::exchange(to_end_, {})) {
    auto found = links_.find(link);
    if (found == links_.end()) continue;
    found->second.session->end(bye.reason, bye.text);
    touched_.push_back(link);
  }
  if (end_all_) {
    const sync::Bye bye = *std::exchange(end_all_, std::nullopt);
    for (auto& [id, link] : links_) link.session->end(bye.reason, bye.text);
    touch_all();
  }
  submit();
  wake_touched();
}

void Node::Impl::touch_all() {
  touched_.clear();
  for (auto& [id, link] : links_) touched_.push_back(id);
}

void Node::Impl::wake_touched() {
  for (std::size_t i = 0; i < touched_.size(); ++i) {
    const LinkId id = touched_[i];
    auto found = links_.find(id);
    if (found == links_.end() || found->second.is_woken) continue;
    if (!found->second.session->wants_poll()) continue;
    found->second.is_woken = true;
    if (options_.wake) options_.wake(id);
  }
  touched_.clear();
}

/// One link a pair of devices: all would be sent twice on two. The end with the smaller replica decides, so that both
/// don't end the other's; it keeps the link that was there first, once both are known to work: a link whose other end has
/// gone without a word must not stand in the way of the one that took its place.
void Node::Impl::end_doubles() {
  if (links_.size() < 2) return;
  std::map<ReplicaId, Link*> first_of;
  for (auto& [id, link] : links_) {
    const sync::Session& session = *link.session;
    if (session.ended() || !session.is_greeted()) continue;
    const sync::Hello& other = *session.other();
    if (!(replica_ < other.replica)) continue;
    const auto [at, is_first] = first_of.emplace(other.replica, &link);
    if (is_first) continue;
    const sync::Session& first = *at->second->session;
    // A device that was started again, or a copy of it, is another.
    if (first.other()->epoch != other.epoch || first.other()->incarnations != other.incarnations)
      continue;
    const std::uint64_t here = session.counters().messages_received;
    const std::uint64_t there = first.counters().messages_received;
    if (link.double_of != first.link()) {
      link.double_of = first.link();
      link.received_here = here;
      link.received_there = there;
    } else if (here > link.received_here && there > link.received_there) {
      to_end_.emplace_back(
          id, sync::Bye{sync::ByeReason::kDouble, "another link between these two devices stands"});
    }
  }
}

bool Node::Impl::may_remember() const {
  std::size_t documents = 0;
  std::size_t ends = 0;
  for (const auto& [id, link] : links_) {
    documents += link.session->unknown_documents();
    ends += link.session->unknown_ends();
  }
  return documents <= 2 * sync::Limits::kUnknownDocuments && ends <= 2 * sync::Limits::kUnknownEnds;
}

bool Node::Impl::may_buffer(std::size_t more_bytes) const {
  std::size_t bytes = more_bytes;
  std::size_t largest = 0;  // one state at a time may be larger than all that
  for (const auto& [id, link] : links_) {
    bytes += link.session->buffered_bytes();
    largest = std::max(largest, link.session->large_state_bytes());
  }
  return bytes - largest <= kPartialsBytesMax;
}

sync::Hello Node::Impl::greeting() {
  sync::Hello hello;
  hello.replica = replica_;
  hello.epoch = epoch_;
  hello.log_end = log_end();
  hello.set_key = set_key_;
  hello.time_ms = wall_ms();
  hello.document_count = document_count();
  hello.sum = sum();
  hello.incarnations = incarnations_;
  hello.agent = options_.agent;
  return hello;
}

sync::KnownPeer Node::Impl::known_peer(ReplicaId replica) const {
  auto found = notes_.find(replica);
  if (found == notes_.end()) return {};
  return {found->second.epoch, found->second.position, found->second.incarnation};
}

sync::PeerBudgets& Node::Impl::budgets_of(ReplicaId replica) {
  if (auto found = budgets_.find(replica); found != budgets_.end()) return found->second;
  auto note = notes_.find(replica);
  const bool is_stranger = note == notes_.end() || note->second.position == 0;
  if (is_stranger || budgets_.size() >= kNotesMax) return strangers_budgets_;
  return budgets_.try_emplace(replica, 1).first->second;
}

/// @return  false: too many strangers come; nothing is noted of this one, so he is compared from scratch each time
bool Node::Impl::make_room_for_note() {
  if (!notes_budget_.take(1, now_ms_)) return false;
  if (notes_.size() < kNotesMax) return true;
  auto oldest = notes_.end();
  for (auto at = notes_.begin(); at != notes_.end(); ++at) {
    const bool may_go = at->second.position == 0 && at->second.epoch != epoch_;
    if (may_go && (oldest == notes_.end() || at->second.seen_ms < oldest->second.seen_ms))
      oldest = at;
  }
  if (oldest == notes_.end()) return false;
  changed_notes_.erase(oldest->first);
  notes_.erase(oldest);
  return true;
}

void Node::Impl::met(ReplicaId replica, std::uint64_t epoch, std::uint64_t incarnation) {
  if (!notes_.contains(replica) && !make_room_for_note()) return;
  PeerNote& note = notes_[replica];
  note.replica = replica;
  if (note.epoch != epoch) note.position = 0;
  note.epoch = epoch;
  note.incarnation = incarnation;
  note.seen_ms = wall_ms();
  changed_notes_.insert(replica);
  if (!is_meeting_durable_ && !std::exchange(is_meeting_on_its_way_, true)) store_first_meeting();
}

/// Before anything goes out: a copy of the disk that others have seen operations of must not look like one that nobody has
/// (see state_to_keep()).
void Node::Impl::store_first_meeting() {
  flush_notes();
  next_.callbacks.push_back([this](const Status& status) {
    is_meeting_on_its_way_ = false;
    if (!status.ok()) return;
    is_meeting_durable_ = true;
    for (auto& [id, entry] : entries_)
      if (std::exchange(entry.is_read_again, false)) to_advance_.emplace_back(id, 0);
  });
}

void Node::Impl::reached(ReplicaId replica, std::uint64_t epoch, std::uint64_t position) {
  auto found = notes_.find(replica);
  if (found == notes_.end() || found->second.epoch != epoch) return;
  if (found->second.position >= position) return;
  found->second.position = position;
  found->second.seen_ms = wall_ms();
  changed_notes_.insert(replica);
}

/// Notes alone, where no batch takes them along.
void Node::Impl::flush_notes() {
  notes_flushed_ms_ = now_ms_;
  if (unsettled_.empty() && flights_ == 0 && jobs_ == 0 && next_.batch.empty())
    note_settled(log_end_);
  if (changed_notes_.empty() || broken_) return;
  for (const ReplicaId& replica : changed_notes_) next_.batch.notes.push_back(notes_.at(replica));
  changed_notes_.clear();
}

std::vector<sync::Part> Node::Impl::take_partials(ReplicaId replica) {
  auto found = partials_.find(replica);
  if (found == partials_.end()) return {};
  std::vector<sync::Part> parts = std::move(found->second.parts);
  partials_.erase(found);
  return parts;
}

/// Newer ones push out older ones, so that nobody can fill the room for good.
void Node::Impl::keep_partials(ReplicaId replica, std::vector<sync::Part> partials) {
  Partials kept;
  for (const sync::Part& part : partials)
    (part.total > sync::Limits::kTransferBytes ? kept.large_bytes : kept.bytes) +=
        part.bytes.size();
  if (partials.empty() || kept.bytes > kKeptPartialsBytesMax) return;
  const bool is_large = kept.large_bytes > 0;
  kept.parts = std::move(partials);
  kept.kept_ms = now_ms_;
  partials_[replica] = std::move(kept);
  for (;;) {
    std::size_t bytes = 0;
    auto oldest = partials_.end();
    auto other_large = partials_.end();  // of large states, as may_buffer() has it, one
    for (auto at = partials_.begin(); at != partials_.end(); ++at) {
      bytes += at->second.bytes;
      if (at->first == replica) continue;
      if (is_large && at->second.large_bytes > 0) other_large = at;
      if (oldest == partials_.end() || at->second.kept_ms < oldest->second.kept_ms) oldest = at;
    }
    if (other_large != partials_.end()) {
      partials_.erase(other_large);
    } else if (bytes > kKeptPartialsBytesMax && oldest != partials_.end()) {
      partials_.erase(oldest);
    } else {
      return;
    }
  }
}

void Node::Impl::caught_up(LinkId link) {
  if (was_alone_) met_for_the_first_time();
  tell({NodeEvent::Kind::kCaughtUp, link, {}, {}, 0, {}});
}

void Node::Impl::diverged(LinkId link) { tell({NodeEvent::Kind::kDiverged, link, {}, {}, 0, {}}); }

void Node::Impl::met_clock(LinkId link, std::int64_t skew_ms) {
  const auto size = static_cast<std::uint64_t>(skew_ms < 0 ? -skew_ms : skew_ms);
  tell({NodeEvent::Kind::kClockSkew,
        link,
        {},
        {},
        size,
        skew_ms < 0 ? "the other clock is behind" : "the other clock is ahead"});
}

/// Once a tick: linked devices' clocks against this one's.
void Node::Impl::judge_clock() {
  std::map<ReplicaId, std::int64_t> skews;  // a device with two links has one voice
  for (const auto& [id, link] : links_)
    if (const std::optional<sync::Hello>& hello = link.session->other();
        hello && !link.session->ended() && hello->time_ms > options_.clock_floor_ms)
      skews[hello->replica] = link.session->clock_skew_ms();
  std::vector<std::int64_t> each;
  for (const auto& [replica, skew] : skews) each.push_back(skew);
  if (!clock_.update(std::move(each), now_ms_, wall_ms())) return;
  const std::int64_t offset = clock_.offset_ms();
  tell({NodeEvent::Kind::kClockCorrected,
        0,
        {},
        {},
        static_cast<std::uint64_t>(offset < 0 ? -offset : offset),
        offset == 0  ? "this device's clock is taken as it is again"
        : offset < 0 ? "this device's clock is ahead of several that agree: edits get their time"
                     : "this device's clock is behind several that agree: edits get their time"});
}

// --- presence ---

Status Node::set_presence(const DocumentId& id, ByteSpan data, std::uint32_t ttl_ms) {
  if (data.size() > sync::Limits::kPresenceBytes)
    return Error(ErrorCode::kTooLarge, "a presence takes at most " +
                                           std::to_string(sync::Limits::kPresenceBytes) + " bytes");
  sync::Presence presence;
  presence.document = id;
  presence.replica = impl_->replica_;
  // Grows through restarts, too, as long as the clock does not go back.
  impl_->presence_age_ = std::max(impl_->presence_age_ + 1, impl_->wall_ms());
  presence.age = impl_->presence_age_;
  presence.ttl_ms = ttl_ms;
  presence.data.assign(data.begin(), data.end());
  const auto own = impl_->present_of_.find(0);
  if (own != impl_->present_of_.end() && own->second >= kOwnPresentMax &&
      !impl_->presence_.contains({id, presence.replica}))
    return Error(ErrorCode::kLimit, "a device is present in at most " +
                                        std::to_string(kOwnPresentMax) + " documents at once");
  impl_->take_presence(0, presence);
  impl_->after();
  return {};
}

/// A link has its share of the table; this device's own words always find room.
void Node::Impl::take_presence(LinkId link, const sync::Presence& presence) {
  constexpr std::uint32_t kTtlMaxMs = 300'000;
  if (link != 0 && presence.replica == replica_) return;  // nobody else speaks for this device
  const std::pair key{presence.document, presence.replica};
  auto found = presence_.find(key);
  if (found == presence_.end()) {
    const std::size_t share =
        std::max(kPresentOfLinkMin, kPresentMax / std::max<std::size_t>(4, links_.size()));
    std::size_t& of_link = present_of_[link];
    if (link != 0 && (presence_.size() >= kPresentMax || of_link >= share)) return;
    found = presence_.try_emplace(key).first;
    found->second.link = link;
    ++of_link;
  } else if (presence.age <= found->second.age) {
    return;  // known, or older
  }
  const std::uint32_t ttl_ms = std::min(presence.ttl_ms, kTtlMaxMs);
  // One that has gone stays a moment, so that an older word of it is not taken for news.
  constexpr std::uint64_t kGoneMs = 10'000;
  found->second.age = presence.age;
  found->second.expires_ms = now_ms_ + (ttl_ms == 0 ? kGoneMs : ttl_ms);
  found->second.data = ttl_ms == 0 ? Bytes() : presence.data;
  presence_out_.emplace_back(presence, link);
}

void Node::Impl::keep_presence_small() {
  std::erase_if(presence_, [&](const auto& each) {
    if (each.second.expires_ms > now_ms_) return false;
    const auto count = present_of_.find(each.second.link);
    if (count != present_of_.end() && --count->second == 0) present_of_.erase(count);
    return true;
  });
}

std::vector<PresenceEntry> Node::presence(const DocumentId& id) const {
  std::vector<PresenceEntry> result;
  for (auto at = impl_->presence_.lower_bound({id, ReplicaId{0}});
       at != impl_->presence_.end() && at->first.first == id; ++at) {
    if (at->second.data.empty() || at->second.expires_ms <= impl_->now_ms_) continue;
    result.push_back({at->first.second, at->second.expires_ms - impl_->now_ms_, at->second.data});
  }
  return result;
}

}  // namespace weft
