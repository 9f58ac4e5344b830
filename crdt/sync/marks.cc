// Marks: heartbeats that say what was sent, and by their sums that both ends hold the same. Then each end knows of all
// that is durable at both, without an Ack for any of it.
//
//   here  Mark(S) ------->  there, holding S: all of S is here, too
//         <------- Mark(S)  at once, unless it has said S before
//   holding S, or having said S last: all of S is there, too
//
// The answer is the other end's heartbeat, so that costs nothing. Sums seldom meet while edits come quicker than messages
// travel: then Acks say it, many edits in one.
#include <algorithm>
#include <utility>

#include "crdt/sync/session.h"

namespace weft::sync {
namespace {

/// A Mark beside heartbeats, when something has changed: not more often.
constexpr std::uint64_t kMarkPauseMs = 250;
/// What was behind their Mark when it came has come by then.
constexpr std::uint64_t kBehindMs = 1'000;
constexpr std::uint64_t kComparePauseMinMs = 5'000;
constexpr std::uint64_t kComparePauseMaxMs = 600'000;
/// Memory: of what was held when the last Mark was sent. The rest is told by Acks.
constexpr std::size_t kMarkedDocumentsMax = 64;
constexpr std::size_t kMarkedEndsMax = 4'096;

}  // namespace

bool Session::is_drained() const {
  return said_all_announced_ && heard_all_announced_ && awaited_ == 0 && to_announce_.empty() &&
         queue_.empty() && to_transfer_.empty() && delayed_.empty() && held_back_.empty() &&
         !outgoing_ && !reconciling_;
}

Mark Session::make_mark() const {
  Mark mark;
  if (is_drained()) mark.position = host_.log_end();
  mark.document_count = host_.document_count();
  mark.sum = host_.sum();
  for (const DocumentId& document : unshared_) {
    const std::optional<HeldAs> as = host_.held_as(document);
    if (!as || *as == HeldAs::kEvicted) continue;
    subtract(mark.sum, host_.digest(document));
    --mark.document_count;
  }
  mark.time_ms = host_.wall_ms();
  return mark;
}

bool Session::mark_is_due() const {
  const std::uint64_t now = host_.now_ms();
  if (now >= last_mark_ms_ + options_.heartbeat_ms) return true;
  if (now < last_mark_ms_ + kMarkPauseMs) return false;
  if (is_answer_wanted_) return true;
  return is_mark_wanted_ && is_drained() &&
         (host_.log_end() != position_marked_ || !(host_.sum() == sum_marked_));
}

std::optional<Message> Session::due_mark() {
  if (!mark_is_due()) return std::nullopt;
  Mark mark = make_mark();
  last_mark_ms_ = host_.now_ms();
  is_answer_wanted_ = false;
  if (mark.position != 0) {
    position_marked_ = mark.position;
    sum_marked_ = host_.sum();
    is_mark_wanted_ = false;
  }
  note_marked(mark.sum);
  return mark;
}

/// What this Mark shows to be here, should the other end turn out to hold the same.
void Session::note_marked(const Digest& sum) {
  marked_.sum = sum;
  marked_.versions.clear();
  if (theirs_marked_ == sum) note_agreed();
  if (unagreed_.size() > kMarkedDocumentsMax) return;
  std::size_t ends = 0;
  for (const DocumentId& document : unagreed_) {
    VersionVector version = host_.durable_version(document);
    ends += version.entries().size();
    if (ends > kMarkedEndsMax) return;
    marked_.versions.emplace_back(document, std::move(version));
  }
}

void Session::on(Mark&& mark) {
  if (mark.time_ms != 0) note_clock(mark.time_ms);
  if (mark.position != 0 && to_ask_.empty())
    host_.reached(hello_->replica, hello_->epoch, mark.position);
  theirs_marked_ = mark.sum;
  theirs_marked_ms_ = host_.now_ms();
  compare(mark);
}

void Session::compare(const Mark& mark) {
  const Mark own = make_mark();
  if (own.sum == mark.sum) {
    holds_the_same();
    if (!agreed_at_ms_ || mismatches_ > 0) host_.caught_up(options_.link);
    agreed_at_ms_ = host_.now_ms();
    mismatches_ = 0;
    compare_pause_ms_ = 0;
    return;
  }
  if (marked_.sum == mark.sum) held_the_same();
  const bool is_same = activity_ == activity_at_mismatch_ && own.sum == mismatch_here_ &&
                       mark.sum == mismatch_there_;
  mismatches_ = is_same ? mismatches_ + 1 : 1;
  activity_at_mismatch_ = activity_;
  mismatch_here_ = own.sum;
  mismatch_there_ = mark.sum;
  // Both ends are quiet and have been before: it is no matter of what is on its way.
  if (mismatches_ < 2 || mark.position == 0 || own.position == 0 || is_waiting()) return;
  if (host_.now_ms() < compare_again_ms_) return;
  compare_pause_ms_ = std::clamp(compare_pause_ms_ * 2, kComparePauseMinMs, kComparePauseMaxMs);
  compare_again_ms_ = host_.now_ms() + compare_pause_ms_;
  host_.diverged(options_.link);
  is_thorough_ = true;
  begin_reconciling();
}

// --- what equal sums show ---

/// Says a sum something of this document? Of one that is deleted it does not say what is held.
bool Session::is_summed(const DocumentId& document, const Shared& shared) const {
  return shared.is_theirs_known && !unshared_.contains(document) &&
         host_.holds_beyond_deletion(document);
}

/// They hold it like this.
void Session::note_held(const DocumentId& document, const VersionVector& version) {
  auto found = documents_.find(document);
  if (found == documents_.end() || !is_summed(document, found->second)) return;
  Shared& shared = found->second;
  const Seq own_end = version.end(own_hello_.replica);
  if (own_end > shared.held.end(own_hello_.replica)) host_.confirmed(document, own_end);
  shared.theirs.merge(version);
  shared.held.merge(version);
  auto held_back = held_back_.find(document);
  if (held_back == held_back_.end() || !shared.theirs.covers(held_back->second.version)) return;
  held_back_.erase(held_back);  // it has come there another way
  if (host_.count_beyond(document, shared.theirs) > 0) enqueue(document, shared);
}

/// They know that it is held here like this.
void Session::note_told(const DocumentId& document, const VersionVector& version) {
  auto found = documents_.find(document);
  if (found == documents_.end() || !is_summed(document, found->second)) return;
  found->second.acked.merge(version);
  if (found->second.acked.covers(host_.durable_version(document))) to_tell_.erase(document);
}

/// All that is durable here is held there.
void Session::holds_the_same() {
  bool is_news = !unagreed_.empty() || !held_back_.empty();
  std::vector<DocumentId> documents(unagreed_.begin(), unagreed_.end());
  for (const auto& [document, held] : held_back_)
    if (!unagreed_.contains(document)) documents.push_back(document);
  unagreed_.clear();
  for (const DocumentId& document : documents) note_held(document, host_.durable_version(document));
  if (marked_.sum == theirs_marked_) {
    note_agreed();
  } else if (is_news || !to_tell_.empty()) {
    is_answer_wanted_ = true;
  }
}

/// Both have said the same sum, which is that of what is durable here.
void Session::note_agreed() {
  const std::vector<DocumentId> documents(to_tell_.begin(), to_tell_.end());
  for (const DocumentId& document : documents) note_told(document, host_.durable_version(document));
  marked_.versions.clear();
}

/// All that was durable here when the last Mark was sent is held there, and they know of it by that Mark.
void Session::held_the_same() {
  for (const auto& [document, version] : std::exchange(marked_.versions, {})) {
    note_held(document, version);
    note_told(document, version);
    if (version == host_.durable_version(document)) unagreed_.erase(document);
  }
  tell_at_ms_ = host_.now_ms() + tell_pause_ms();  // what is left is younger than that Mark
}

/// Something has become durable: it may be what their Mark was ahead by.
void Session::compare_with_last() {
  if (!std::exchange(is_to_compare_, false)) return;
  if (!theirs_marked_ || host_.now_ms() > theirs_marked_ms_ + kBehindMs) return;
  if (make_mark().sum == *theirs_marked_) holds_the_same();
}

}  // namespace weft::sync
