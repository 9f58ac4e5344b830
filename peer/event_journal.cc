#include "peer/event_journal.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "storage/archive/archive.h"

namespace weft {
namespace {

constexpr std::chrono::milliseconds kSlowFlush{500};

LogLevel level_of(NodeEvent::Kind kind) {
  switch (kind) {
    case NodeEvent::Kind::kLinkUp:
    case NodeEvent::Kind::kLinkDown:
    case NodeEvent::Kind::kDocumentDeleted:
    case NodeEvent::Kind::kDocumentRestored:
    case NodeEvent::Kind::kDocumentPurged:
      return LogLevel::kInfo;
    case NodeEvent::Kind::kCaughtUp:
    case NodeEvent::Kind::kDocumentAdded:
    case NodeEvent::Kind::kPending:
    case NodeEvent::Kind::kSettled:
      return LogLevel::kDebug;
    case NodeEvent::Kind::kDeltaRefused:
    case NodeEvent::Kind::kClockSkew:
    case NodeEvent::Kind::kClockCorrected:
    case NodeEvent::Kind::kEditsRewritten:
    case NodeEvent::Kind::kIdentityChanged:
    case NodeEvent::Kind::kDiverged:
    case NodeEvent::Kind::kClaimRefused:
      return LogLevel::kWarning;
    case NodeEvent::Kind::kReplicaForked:
    case NodeEvent::Kind::kTrimmedApart:
    case NodeEvent::Kind::kStoreFailed:
      break;
  }
  return LogLevel::kError;
}

/// "link up" as one word.
std::string event_word(NodeEvent::Kind kind) {
  std::string word = event_name(kind);
  std::replace(word.begin(), word.end(), ' ', '_');
  return word;
}

std::int64_t count(std::uint64_t number) { return static_cast<std::int64_t>(number); }

}  // namespace

/// Each kind has a limit of its own, so that a flood of one does not hide the others.
LogLimit& EventJournal::limit_of(const NodeEvent& event) {
  constexpr std::uint64_t kPeriodMs = 1'000;
  switch (event.kind) {
    case NodeEvent::Kind::kPending:
    case NodeEvent::Kind::kSettled:
    case NodeEvent::Kind::kStoreFailed:
    case NodeEvent::Kind::kIdentityChanged:
      return own_limit_;
    case NodeEvent::Kind::kLinkDown:
      if (event.replica == ReplicaId()) return strangers_limit_;
      break;
    default:
      break;
  }
  const std::uint32_t burst = event.kind == NodeEvent::Kind::kDeltaRefused ? 10 : 50;
  return limits_.try_emplace(event.kind, burst, kPeriodMs).first->second;
}

void EventJournal::note(const NodeEvent& event, const std::string& link, const std::string& why) {
  const std::string word = event_word(event.kind);
  ++events_[word];
  EventLog::Fields fields;
  LogLimit& limit = limit_of(event);
  if (!limit.take(now_ms_())) return;
  if (const std::uint64_t more = limit.take_skipped(); more != 0)
    fields.emplace_back("not_said", count(more));
  if (!link.empty()) fields.emplace_back("link", link);
  if (!(event.document == DocumentId())) fields.emplace_back("document", to_string(event.document));
  if (event.replica.value != 0) fields.emplace_back("replica", to_string(event.replica));
  if (event.count != 0) fields.emplace_back("count", count(event.count));
  if (!event.text.empty()) fields.emplace_back("text", event.text);
  if (event.kind == NodeEvent::Kind::kLinkDown && why != event.text)
    fields.emplace_back("why", why);
  log_.write(level_of(event.kind), word, fields);
}

void EventJournal::note_unsaved(const Status& status) {
  unsaved_ = status.ok() ? std::string() : status.error().message();
  if (status.ok()) {
    log_.info("saved_again");
    return;
  }
  ++events_["unsaved"];
  log_.error("unsaved", {{"why", unsaved_},
                         {"do",
                          "make room, or give the store a larger quota; it is tried again and "
                          "again"}});
}

void EventJournal::note_flush(const StoreThread::Flush& flush) {
  flushes_.add(flush);
  if (flush.took < kSlowFlush) return;
  ++events_["slow_flush"];
  if (!slow_limit_.take(now_ms_())) return;
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(flush.took).count();
  log_.warning("slow_flush", {{"ms", std::int64_t{ms}},
                              {"records", count(flush.records)},
                              {"bytes", count(flush.bytes)},
                              {"not_said", count(slow_limit_.take_skipped())}});
}

void EventJournal::note_links(const std::string& text) {
  if (!links_limit_.take(now_ms_())) return;
  log_.warning("links", {{"text", text}, {"not_said", count(links_limit_.take_skipped())}});
}

void EventJournal::note_dialled(const std::string& address, bool is_unreachable,
                                const std::string& state) {
  if (std::exchange(is_unreachable_[address], is_unreachable) == is_unreachable) return;
  if (is_unreachable) log_.warning("unreachable", {{"peer", address}, {"state", state}});
}

void EventJournal::note_space(std::uint64_t bytes, std::uint64_t quota_bytes) {
  const bool is_near = quota_bytes != 0 && bytes >= quota_bytes / 10 * 9;
  if (is_near && !is_near_quota_)
    log_.warning("near_quota", {{"bytes", count(bytes)}, {"quota", count(quota_bytes)}});
  is_near_quota_ = is_near;
}

}  // namespace weft
