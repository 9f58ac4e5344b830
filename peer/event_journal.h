#pragma once
// EventJournal: what happens to a running peer, said in its log and counted for status and metrics. What could come
// from the other end of a link as often as that likes is said a few times only.
//
// Threads: none of its own; that of its peer.

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "peer/event_log.h"
#include "peer/node_status.h"
#include "peer/peer_facts.h"
#include "peer/store_thread.h"

namespace weft {

class EventJournal {
 public:
  /// @param now_ms  monotonic
  EventJournal(EventLog& log, std::function<std::uint64_t()> now_ms)
      : log_(log), now_ms_(std::move(now_ms)) {}
  EventJournal(const EventJournal&) = delete;
  EventJournal& operator=(const EventJournal&) = delete;

  EventLog& log() { return log_; }

  /// @param link  the name of the event's link, if it has one
  /// @param why   what the socket says of a link that ended
  void note(const NodeEvent& event, const std::string& link, const std::string& why);
  /// As StoreThread::Options::on_unsaved, on_flush.
  void note_unsaved(const Status& status);
  void note_flush(const StoreThread::Flush& flush);
  /// A word of the links.
  void note_links(const std::string& text);
  /// How an address that is dialled stands now; said when it changes.
  void note_dialled(const std::string& address, bool is_unreachable, const std::string& state);
  /// How full the store is now; said when four fifths of its quota are reached.
  void note_space(std::uint64_t bytes, std::uint64_t quota_bytes);

  /// How often each event came.
  const std::map<std::string, std::uint64_t>& events() const { return events_; }
  const FlushTimes& flushes() const { return flushes_; }
  /// Why nothing can be stored for now; empty: it can.
  const std::string& unsaved() const { return unsaved_; }

 private:
  EventLog& log_;
  std::function<std::uint64_t()> now_ms_;
  std::map<std::string, std::uint64_t> events_;
  FlushTimes flushes_;
  std::string unsaved_;
  std::map<std::string, bool> is_unreachable_;
  bool is_near_quota_ = false;
  LogLimit& limit_of(const NodeEvent& event);

  LogLimit strangers_limit_{10, 1'000};  ///< who connects and never says who it is
  LogLimit own_limit_{1'000, 10};        ///< what no other end can bring about
  /// What the other ends of links can bring about as often as they like.
  std::map<NodeEvent::Kind, LogLimit> limits_;
  LogLimit slow_limit_{5, 10'000};
  LogLimit links_limit_{20, 1'000};
};

}  // namespace weft
