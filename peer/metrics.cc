#include "peer/metrics.h"

#include <cinttypes>
#include <cstdio>
#include <map>
#include <string_view>
#include <utility>

#include "peer/control_json.h"
#include "storage/archive/archive.h"

namespace weft {
namespace {

using Labels = std::vector<std::pair<std::string_view, std::string>>;

std::string escaped(std::string_view text) {
  std::string result;
  for (char each : text) {
    if (each == '\\' || each == '"') result += '\\';
    if (each == '\n') {
      result += "\\n";
    } else {
      result += each;
    }
  }
  return result;
}

std::string number(double value) {
  char text[40];
  std::snprintf(text, sizeof text, "%.9g", value);
  return text;
}

std::string number(std::uint64_t value) { return std::to_string(value); }

class Page {
 public:
  /// Says what the samples that follow are. @param type  counter, gauge, histogram
  void family(std::string_view name, std::string_view type, std::string_view help) {
    name_ = name;
    text_ += "# HELP ";
    text_ += name;
    text_ += ' ';
    text_ += help;
    text_ += "\n# TYPE ";
    text_ += name;
    text_ += ' ';
    text_ += type;
    text_ += '\n';
  }
  template <typename Value>
  void sample(Value value, const Labels& labels = {}, std::string_view suffix = "") {
    text_ += name_;
    text_ += suffix;
    for (std::size_t i = 0; i < labels.size(); ++i) {
      text_ += i == 0 ? "{" : ",";
      text_ += labels[i].first;
      text_ += "=\"" + escaped(labels[i].second) + "\"";
    }
    if (!labels.empty()) text_ += '}';
    text_ += ' ' + number(value) + '\n';
  }
  template <typename Value>
  void single(std::string_view name, std::string_view type, std::string_view help, Value value) {
    family(name, type, help);
    sample(value);
  }
  std::string take() { return std::move(text_); }

 private:
  std::string name_;
  std::string text_;
};

/// What links are called: by the replica at the other end, which stays when the link is made anew, as its port does not.
/// Each once: of those that share one the later get a number. Who has not said yet who it is has no name.
std::map<LinkId, std::string> link_names(const NodeStatus& status) {
  std::map<ReplicaId, int> used;
  std::map<LinkId, std::string> names;
  for (const LinkStatus& link : status.links) {
    if (link.replica == ReplicaId()) continue;
    const int count = ++used[link.replica];
    names[link.link] =
        to_string(link.replica) + (count == 1 ? std::string() : " #" + std::to_string(count));
  }
  return names;
}

void add_links(Page& page, const NodeStatus& status) {
  const std::map<LinkId, std::string> names = link_names(status);
  const auto name_of = [&](const LinkStatus& link) { return names.at(link.link); };
  std::vector<const LinkStatus*> named;
  for (const LinkStatus& link : status.links)
    if (names.contains(link.link)) named.push_back(&link);
  auto each = [&](std::string_view name, std::string_view type, std::string_view help,
                  auto&& value) {
    page.family(name, type, help);
    for (const LinkStatus* link : named) page.sample(value(*link), {{"replica", name_of(*link)}});
  };
  auto both = [&](std::string_view name, std::string_view help, std::uint64_t LinkStatus::*sent,
                  std::uint64_t LinkStatus::*received) {
    page.family(name, "counter", help);
    for (const LinkStatus* link : named) {
      page.sample(link->*sent, {{"replica", name_of(*link)}, {"direction", "sent"}});
      page.sample(link->*received, {{"replica", name_of(*link)}, {"direction", "received"}});
    }
  };
  page.single("weft_links", "gauge", "Links that are there.", std::uint64_t{status.links.size()});
  page.single("weft_links_greeting", "gauge",
              "Of them those whose other end has not said who it is.",
              std::uint64_t{status.links.size() - named.size()});
  each("weft_link_live", "gauge", "1: nothing is known to differ but what is on its way.",
       [](const LinkStatus& link) { return std::uint64_t{link.state == LinkState::kLive}; });
  both("weft_link_bytes_total", "Bytes of deltas and states.", &LinkStatus::bytes_sent,
       &LinkStatus::bytes_received);
  both("weft_link_messages_total", "Messages.", &LinkStatus::messages_sent,
       &LinkStatus::messages_received);
  each("weft_link_behind_operations", "gauge",
       "Operations that the other end has and this has not.",
       [](const LinkStatus& link) { return link.behind_operations; });
  each("weft_link_unacknowledged_operations", "gauge",
       "Operations that were sent and are not known to be durable there.",
       [](const LinkStatus& link) { return link.unacknowledged_operations; });
  each("weft_link_duplicates_total", "counter", "Deltas that came and were known.",
       [](const LinkStatus& link) { return link.duplicates; });
  each("weft_link_refused_total", "counter", "Deltas that came and were refused.",
       [](const LinkStatus& link) { return link.refused; });
  each("weft_link_credit_bytes", "gauge", "Bytes that may be sent now.",
       [](const LinkStatus& link) { return link.credit_bytes; });
  each("weft_link_clock_skew_seconds", "gauge", "The other clock minus this one.",
       [](const LinkStatus& link) { return static_cast<double>(link.clock_skew_ms) / 1000; });
  page.family("weft_link_synced_seconds", "gauge",
              "Since both ends were last known to hold the same.");
  for (const LinkStatus* link : named)
    if (link->synced_ms_ago != ~std::uint64_t{0})
      page.sample(static_cast<double>(link->synced_ms_ago) / 1000, {{"replica", name_of(*link)}});
}

void add_documents(Page& page, const NodeStatus& status,
                   const std::vector<DocumentSyncStatus>& documents) {
  const std::map<LinkId, std::string> names = link_names(status);
  page.family("weft_document_lag_operations", "gauge",
              "Operations of a document that another end has and this has not; of open documents "
              "and of those that lag.");
  for (const DocumentSyncStatus& document : documents) {
    std::uint64_t lag = 0;
    for (const DocumentLinkStatus& link : document.links)
      lag = std::max(lag, link.behind_operations);
    page.sample(lag, {{"document", to_string(document.overview.document)}});
  }
  page.family("weft_document_to_send_operations", "gauge",
              "Operations of a document that a link is still to be sent.");
  for (const DocumentSyncStatus& document : documents) {
    for (const DocumentLinkStatus& link : document.links) {
      const auto name = names.find(link.link);
      if (name != names.end() && link.to_send_operations != 0)
        page.sample(link.to_send_operations, {{"document", to_string(document.overview.document)},
                                              {"replica", name->second}});
    }
  }
}

void add_store(Page& page, const NodeStatus& status, const PeerFacts& facts) {
  page.single("weft_store_log_bytes", "gauge", "The log's file.", facts.log_bytes);
  page.single("weft_store_log_free_bytes", "gauge", "Of it in free pages.", facts.log_free_bytes);
  page.single("weft_store_derived_bytes", "gauge", "The derived file.", facts.derived_bytes);
  page.single("weft_store_quota_bytes", "gauge", "What the files may take; 0: no limit.",
              facts.quota_bytes);
  page.single("weft_store_records", "gauge", "Records in the log.", facts.records);
  page.single("weft_store_payload_bytes", "gauge", "What they hold.", facts.payload_bytes);
  page.single("weft_store_unsaved", "gauge", "1: nothing can be stored for now.",
              std::uint64_t{!facts.unsaved.empty()});
  page.single("weft_store_failed", "gauge", "1: nothing is stored any more.",
              std::uint64_t{!status.store_error.empty()});
  page.single("weft_compacted_documents_total", "counter",
              "Documents whose history was sealed while nothing happened.",
              facts.compacted.documents);
  page.single("weft_compacted_bytes_total", "counter", "Bytes of history that went by it.",
              facts.compacted.won_bytes);
  page.single("weft_unsaved_records", "gauge", "Records that are not durable yet.",
              status.unsaved_records);
  page.single("weft_unsaved_bytes", "gauge", "Their bytes.", status.unsaved_bytes);
  page.family("weft_flush_seconds", "histogram", "How long appends to the store took.");
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < facts.flushes.counts().size(); ++i) {
    sum += facts.flushes.counts()[i];
    const bool is_last = i == FlushTimes::kBounds_s.size();
    page.sample(sum, {{"le", is_last ? "+Inf" : number(FlushTimes::kBounds_s[i])}}, "_bucket");
  }
  page.sample(facts.flushes.sum_s(), {}, "_sum");
  page.sample(facts.flushes.count(), {}, "_count");
  page.single("weft_flushed_records_total", "counter", "Records that were appended.",
              facts.flushes.records());
  page.single("weft_flushed_bytes_total", "counter", "Their bytes.", facts.flushes.bytes());
}

void add_process(Page& page, const NodeStatus& status, const PeerFacts& facts) {
  page.family("weft_info", "gauge", "Who this is.");
  page.sample(std::uint64_t{1},
              {{"version", facts.version}, {"replica", to_string(status.replica)}});
  page.single("weft_uptime_seconds", "gauge", "Since the start.",
              static_cast<double>(facts.uptime_ms) / 1000);
  if (facts.resident_bytes != 0)
    page.single("process_resident_memory_bytes", "gauge", "Resident memory size in bytes.",
                facts.resident_bytes);
  page.single("weft_clock_offset_seconds", "gauge",
              "Added to this device's clock: several others agree that it is off.",
              static_cast<double>(status.clock_offset_ms) / 1000);
  page.single("weft_documents", "gauge", "Documents that the store knows.", status.documents);
  page.single("weft_documents_open", "gauge", "Documents in memory.", status.open_documents);
  page.single("weft_open_bytes", "gauge", "What they take, about.", status.open_bytes);
  page.single("weft_cache_hits_total", "counter", "Documents asked for that were open.",
              status.cache_hits);
  page.single("weft_cache_misses_total", "counter", "Documents asked for that had to be opened.",
              status.cache_misses);
  page.single("weft_pending_deltas", "gauge", "Deltas that came and wait for others.",
              status.pending_deltas);
  page.single("weft_in_step", "gauge",
              "1: all of this device is at another one, and all that others told of is here.",
              std::uint64_t{is_in_step(status)});
  page.single("weft_pending_documents", "gauge",
              "Documents with own edits that no other device is known to have.",
              status.pending_documents);
  page.single("weft_pending_operations", "gauge", "These edits, in operations.",
              status.pending_operations);
  page.single("weft_oldest_pending_seconds", "gauge",
              "Age of the oldest of them; 0: there is none.",
              static_cast<double>(status.oldest_pending_ms) / 1000);
  page.single("weft_forks", "gauge", "Replicas that are known to have two histories.",
              std::uint64_t{status.forks.size()});
  page.single("weft_trimmed_apart", "gauge",
              "Documents of which this device and another have each trimmed what the other lacks.",
              std::uint64_t{status.trimmed_apart.size()});
  page.family("weft_events_total", "counter", "What happened, by kind.");
  for (const auto& [name, count] : facts.events) page.sample(count, {{"event", name}});
}

}  // namespace

std::string metrics_text(const NodeStatus& status, const PeerFacts& facts,
                         const std::vector<DocumentSyncStatus>& documents) {
  Page page;
  add_process(page, status, facts);
  add_store(page, status, facts);
  add_links(page, status);
  add_documents(page, status, documents);
  return page.take();
}

}  // namespace weft
