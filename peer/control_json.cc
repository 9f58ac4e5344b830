#include "peer/control_json.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "crdt/document/json_text.h"
#include "peer/describe_json.h"
#include "storage/archive/archive.h"

namespace weft {
namespace {

const char* state_name(LinkState state) {
  switch (state) {
    case LinkState::kGreeting:
      return "greeting";
    case LinkState::kCatchingUp:
      return "catching up";
    case LinkState::kLive:
      return "live";
    case LinkState::kEnded:
      return "ended";
  }
  return "";
}

Json link_json(const LinkStatus& link) {
  Json::Object object{{"link", number_json(link.link)},
                      {"name", link.name},
                      {"dialled", link.dialled},
                      {"state", state_name(link.state)},
                      {"replica", to_string(link.replica)},
                      {"agent", link.agent},
                      {"words", link.words},
                      {"documents_to_send", number_json(link.documents_to_send)},
                      {"documents_awaited", number_json(link.documents_awaited)},
                      {"behind_operations", number_json(link.behind_operations)},
                      {"unacknowledged_operations", number_json(link.unacknowledged_operations)},
                      {"bytes_sent", number_json(link.bytes_sent)},
                      {"bytes_received", number_json(link.bytes_received)},
                      {"messages_sent", number_json(link.messages_sent)},
                      {"messages_received", number_json(link.messages_received)},
                      {"credit_bytes", number_json(link.credit_bytes)},
                      {"duplicates", number_json(link.duplicates)},
                      {"refused", number_json(link.refused)},
                      {"clock_skew_ms", link.clock_skew_ms}};
  const bool was_synced = link.synced_ms_ago != ~std::uint64_t{0};
  object.emplace_back("synced_ms_ago", was_synced ? number_json(link.synced_ms_ago) : Json());
  return object;
}

Json fork_json(const ForkReport& fork) {
  return Json::Object{{"document", to_string(fork.document)},
                      {"replica", to_string(fork.replica)},
                      {"seq", number_json(fork.seq)},
                      {"held_from", fork.held_from},
                      {"other_from", fork.other_from}};
}

Json trim_json(const TrimReport& trim) {
  return Json::Object{{"document", to_string(trim.document)}, {"other", trim.other}};
}

Json store_json(const NodeStatus& status, const PeerFacts& facts) {
  return Json::Object{{"folder", facts.store},
                      {"records", number_json(facts.records)},
                      {"payload_bytes", number_json(facts.payload_bytes)},
                      {"log_bytes", number_json(facts.log_bytes)},
                      {"log_free_bytes", number_json(facts.log_free_bytes)},
                      {"derived_bytes", number_json(facts.derived_bytes)},
                      {"quota_bytes", number_json(facts.quota_bytes)},
                      {"unsaved_records", number_json(status.unsaved_records)},
                      {"unsaved_bytes", number_json(status.unsaved_bytes)},
                      {"unsaved", facts.unsaved},
                      {"error", status.store_error}};
}

Json flushes_json(const FlushTimes& flushes) {
  const double mean_s =
      flushes.count() == 0 ? 0 : flushes.sum_s() / static_cast<double>(flushes.count());
  return Json::Object{{"count", number_json(flushes.count())},
                      {"records", number_json(flushes.records())},
                      {"bytes", number_json(flushes.bytes())},
                      {"mean_ms", mean_s * 1000},
                      {"max_ms", flushes.max_s() * 1000}};
}

}  // namespace

Json error_json(const Error& error) {
  return Json::Object{{"error", Json::Object{{"code", static_cast<std::int64_t>(error.code())},
                                             {"name", error_name(error.code())},
                                             {"message", error.context()}}}};
}

std::optional<Error> read_error_json(const Json& line) {
  const Json* error = line.find("error");
  if (error == nullptr) return std::nullopt;
  const Json* code = error->find("code");
  const Json* message = error->find("message");
  const std::string* text = message == nullptr ? nullptr : message->as_string();
  const std::int64_t number =
      code != nullptr && code->as_int() != nullptr ? *code->as_int() : std::int64_t{0};
  const bool is_code = number > 0 && number < 1000;
  return Error(is_code ? static_cast<ErrorCode>(number) : ErrorCode::kIoError,
               text != nullptr ? *text : print_json(*error));
}

Json status_json(const NodeStatus& status, const PeerFacts& facts) {
  Json::Array dialled;
  for (const PeerFacts::Dialled& each : facts.dialled)
    dialled.push_back(Json::Object{{"address", each.address}, {"state", each.state}});
  Json::Array links;
  for (const LinkStatus& link : status.links) links.push_back(link_json(link));
  Json::Array forks;
  for (const ForkReport& fork : status.forks) forks.push_back(fork_json(fork));
  Json::Array trimmed_apart;
  for (const TrimReport& trim : status.trimmed_apart) trimmed_apart.push_back(trim_json(trim));
  Json::Object events;
  for (const auto& [name, count] : facts.events) events.emplace_back(name, number_json(count));
  return Json::Object{{"version", facts.version},
                      {"pid", std::int64_t{facts.pid}},
                      {"uptime_ms", number_json(facts.uptime_ms)},
                      {"resident_bytes", number_json(facts.resident_bytes)},
                      {"replica", to_string(status.replica)},
                      {"clock_offset_ms", status.clock_offset_ms},
                      {"control", facts.control},
                      {"documents", number_json(status.documents)},
                      {"open_documents", number_json(status.open_documents)},
                      {"open_bytes", number_json(status.open_bytes)},
                      {"cache_hits", number_json(status.cache_hits)},
                      {"cache_misses", number_json(status.cache_misses)},
                      {"pending_deltas", number_json(status.pending_deltas)},
                      {"in_step", is_in_step(status)},
                      {"pending_documents", number_json(status.pending_documents)},
                      {"pending_operations", number_json(status.pending_operations)},
                      {"oldest_pending_ms", number_json(status.oldest_pending_ms)},
                      {"known_peers", known_peers_json(status)},
                      {"store", store_json(status, facts)},
                      {"flushes", flushes_json(facts.flushes)},
                      {"listening", listening_json(facts)},
                      {"dialled", std::move(dialled)},
                      {"links", std::move(links)},
                      {"forks", std::move(forks)},
                      {"trimmed_apart", std::move(trimmed_apart)},
                      {"events", std::move(events)}};
}

Json listening_json(const PeerFacts& facts) {
  Json::Array listening;
  for (const PeerFacts::Listening& each : facts.listening)
    listening.push_back(Json::Object{{"address", each.address}, {"state", each.state}});
  return listening;
}

Json known_peers_json(const NodeStatus& status) {
  Json::Array known;
  for (const KnownPeer& each : status.known_peers)
    known.push_back(Json::Object{{"replica", to_string(each.replica)},
                                 {"seen", iso_time(each.seen_ms)},
                                 {"linked", each.is_linked}});
  return known;
}

Json pending_json(const NodeStatus& status) {
  return Json::Object{{"pending_documents", number_json(status.pending_documents)},
                      {"pending_operations", number_json(status.pending_operations)},
                      {"oldest_pending_ms", number_json(status.oldest_pending_ms)}};
}

Json health_json(const NodeStatus& status, const PeerFacts& facts) {
  std::uint64_t live = 0;
  std::uint64_t behind = 0;
  std::uint64_t lag_ms = status.oldest_pending_ms;
  for (const LinkStatus& link : status.links) {
    live += link.state == LinkState::kLive || link.state == LinkState::kCatchingUp ? 1 : 0;
    behind = std::max(behind, link.behind_operations);
    if (link.behind_operations > 0)
      lag_ms = std::max(lag_ms, std::min(link.synced_ms_ago, facts.uptime_ms));
  }
  return Json::Object{{"pid", std::int64_t{facts.pid}},
                      {"uptime_ms", number_json(facts.uptime_ms)},
                      {"store_error", status.store_error},
                      {"unsaved", facts.unsaved},
                      {"unsaved_records", number_json(status.unsaved_records)},
                      {"links_live", number_json(live)},
                      {"dialled", number_json(facts.dialled.size())},
                      {"in_step", is_in_step(status)},
                      {"pending_documents", number_json(status.pending_documents)},
                      {"pending_operations", number_json(status.pending_operations)},
                      {"behind_operations", number_json(behind)},
                      {"lag_ms", number_json(lag_ms)}};
}

Json peers_json(const NodeStatus& status, const PeerFacts& facts) {
  Json::Array peers;
  std::set<LinkId> there;
  for (const LinkStatus& link : status.links) {
    there.insert(link.link);
    peers.push_back(Json::Object{{"name", link.name},
                                 {"replica", to_string(link.replica)},
                                 {"state", state_name(link.state)},
                                 {"words", link.words}});
  }
  for (const PeerFacts::Dialled& each : facts.dialled) {
    if (each.link && there.contains(*each.link)) continue;
    peers.push_back(Json::Object{
        {"name", each.address}, {"state", "not connected"}, {"words", "no link, " + each.state}});
  }
  return peers;
}

Json overview_json(const DocumentOverview& document) {
  std::uint64_t operations = 0;
  for (const VersionVector::Entry& entry : document.version.entries()) operations += entry.end;
  return Json::Object{{"document", to_string(document.document)},
                      {"status", status_name(document.status)},
                      {"operations", number_json(operations)},
                      {"version", document.version.to_string()},
                      {"open", document.is_open},
                      {"contested", document.is_contested}};
}

Json document_sync_json(const DocumentSyncStatus& document) {
  Json::Array waiting_for;
  for (const Dot& dot : document.waiting_for) waiting_for.push_back(to_string(dot));
  Json::Array links;
  for (const DocumentLinkStatus& link : document.links)
    links.push_back(
        Json::Object{{"name", link.name},
                     {"to_send_operations", number_json(link.to_send_operations)},
                     {"unacknowledged_operations", number_json(link.unacknowledged_operations)},
                     {"behind_operations", number_json(link.behind_operations)},
                     {"words", link.words}});
  return Json::Object{{"document", to_string(document.overview.document)},
                      {"status", status_name(document.overview.status)},
                      {"contested", document.overview.is_contested},
                      {"words", document.words},
                      {"in_step", is_in_step(document)},
                      {"state", state_name(document.state)},
                      {"pending_operations", number_json(document.pending_operations)},
                      {"synced_at_ms", number_json(document.synced_at_ms)},
                      {"unsaved_operations", number_json(document.unsaved_operations)},
                      {"waiting_for", std::move(waiting_for)},
                      {"links", std::move(links)}};
}

bool is_in_step(const DocumentSyncStatus& document) {
  return document.unsaved_operations == 0 && document.pending_operations == 0 &&
         document.waiting_for.empty() && !document.overview.is_contested &&
         !document.is_trimmed_apart &&
         std::all_of(document.links.begin(), document.links.end(),
                     [](const DocumentLinkStatus& link) {
                       return link.to_send_operations == 0 && link.behind_operations == 0 &&
                              link.unacknowledged_operations == 0;
                     });
}

bool is_in_step(const NodeStatus& status) {
  return status.store_error.empty() && status.unsaved_records == 0 &&
         status.pending_documents == 0 && status.pending_deltas == 0 &&
         status.trimmed_apart.empty() &&
         std::all_of(status.links.begin(), status.links.end(), [](const LinkStatus& link) {
           return link.state != LinkState::kGreeting && link.state != LinkState::kCatchingUp &&
                  link.behind_operations == 0 && link.documents_to_send == 0 &&
                  link.documents_awaited == 0 && link.unacknowledged_operations == 0;
         });
}

}  // namespace weft
