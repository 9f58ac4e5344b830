// What Control answers without changing anything.
#include <algorithm>
#include <deque>
#include <utility>

#include "crdt/dashboard/inbox.h"
#include "crdt/document/json_text.h"
#include "peer/control.h"
#include "peer/control_json.h"
#include "peer/control_request.h"
#include "peer/describe_json.h"
#include "peer/metrics.h"
#include "peer/parse_id.h"
#include "storage/archive/archive.h"

namespace weft {
namespace {

/// Of that many documents it is found out whether they are in step: so that a question takes no seconds.
constexpr std::size_t kDocumentsExamined = 20'000;
/// Those not in step that an answer names.
constexpr std::size_t kDocumentsNamed = 100;
/// Documents with a lag of their own in the metrics.
constexpr std::size_t kDocumentsMeasured = 1'000;
constexpr std::int64_t kPresenceMsMax = 3'600'000;

Json presence_json(const PresenceEntry& entry) {
  Result<Json> data = parse_json(as_text(entry.data));
  return Json::Object{{"replica", to_string(entry.replica)},
                      {"expires_in_ms", number_json(entry.expires_in_ms)},
                      {"data", data.ok() ? std::move(*data) : Json(entry.data)}};
}

}  // namespace

Result<DocumentId> Control::find_document(const Json& request) const {
  WEFT_ASSIGN(const std::string prefix, text_of(request, "document"));
  if (const Result<DocumentId> whole = parse_document_id(prefix);
      whole.ok() && node_.sync_status(*whole).ok())
    return *whole;
  std::vector<DocumentId> found;
  for (const DocumentOverview& each : node_.documents())
    if (to_string(each.document).starts_with(prefix)) found.push_back(each.document);
  if (found.size() == 1) return found.front();
  if (found.empty())
    return Error(ErrorCode::kNotFound,
                 "the store has no document '" + prefix + "'; `weft store ls` lists those it has");
  return bad_request(prefix.empty() ? "the store has several documents; say which"
                                    : "several documents begin with '" + prefix +
                                          "'; give more digits of the id");
}

/// With "create": one that need not be there.
Result<DocumentId> Control::document_to_edit(const Json& request) const {
  if (!is_set(request, "create")) return find_document(request);
  WEFT_ASSIGN(const std::string text, text_of(request, "document"));
  return parse_document_id(text);
}

std::vector<DocumentSyncStatus> Control::sync_of_documents(std::size_t count_max) const {
  std::vector<DocumentSyncStatus> result;
  for (const DocumentOverview& each : node_.documents()) {
    if (result.size() == count_max) break;
    Result<DocumentSyncStatus> status = node_.sync_status(each.document);
    if (status.ok()) result.push_back(std::move(*status));
  }
  return result;
}

Result<Json> Control::status(const Json&) { return status_json(node_.status(), options_.facts()); }

Result<Json> Control::health(const Json&) { return health_json(node_.status(), options_.facts()); }

Result<Json> Control::metrics(const Json&) {
  std::vector<DocumentSyncStatus> documents = sync_of_documents(kDocumentsExamined);
  std::erase_if(documents, [](const DocumentSyncStatus& each) {
    return !each.overview.is_open && is_in_step(each);
  });
  if (documents.size() > kDocumentsMeasured) documents.resize(kDocumentsMeasured);
  return wrapped("text", metrics_text(node_.status(), options_.facts(), documents));
}

/// What waits for others, change by change, and how many conflicts wait for a person.
Status Control::add_changes(const DocumentId& id, Json::Object& document) {
  WEFT_ASSIGN(const std::vector<PendingChange> changes, node_.pending_changes(id));
  Json::Array listed;
  for (const PendingChange& each : changes) {
    if (listed.size() == kDocumentsNamed) break;
    listed.push_back(Json::Object{{"first", to_string(each.first)},
                                  {"operations", number_json(each.op_count)},
                                  {"time_ms", number_json(each.committed_at_ms)},
                                  {"message", each.message}});
  }
  document.emplace_back("pending_changes", number_json(changes.size()));
  document.emplace_back("pending", std::move(listed));
  WEFT_ASSIGN(const std::optional<Contested> contested, node_.contested(id));
  const bool is_contested = contested.has_value();
  const Result<const Document*> opened = node_.read(id);
  if (!opened.ok()) return {};
  WEFT_ASSIGN(const auto items, dashboard::inbox(**opened));
  document.emplace_back("conflicts", number_json(items.size() + (is_contested ? 1 : 0)));
  return {};
}

Result<Json> Control::sync_status(const Json& request) {
  const NodeStatus node = node_.status();
  const PeerFacts facts = options_.facts();
  Json::Object result{{"peers", peers_json(node, facts)},
                      {"known_peers", known_peers_json(node)},
                      {"listening", listening_json(facts)},
                      {"in_step", is_in_step(node)}};
  if (request.find("document") != nullptr) {
    WEFT_ASSIGN(const DocumentId id, find_document(request));
    WEFT_ASSIGN(const DocumentSyncStatus status, node_.sync_status(id));
    Json document = document_sync_json(status);
    WEFT_TRY(add_changes(id, *document.as_object()));
    result.emplace_back("document", std::move(document));
    return Json(std::move(result));
  }
  const std::vector<DocumentSyncStatus> documents = sync_of_documents(kDocumentsExamined);
  std::size_t behind_count = 0;
  Json::Array behind;
  for (const DocumentSyncStatus& each : documents) {
    if (is_in_step(each)) continue;
    if (++behind_count <= kDocumentsNamed) behind.push_back(document_sync_json(each));
  }
  Json pending = pending_json(node);
  for (auto& [name, value] : *pending.as_object()) result.emplace_back(name, std::move(value));
  result.emplace_back("documents", number_json(node.documents));
  result.emplace_back("examined", number_json(documents.size()));
  result.emplace_back("not_in_step", number_json(behind_count));
  result.emplace_back("named", std::move(behind));
  return Json(std::move(result));
}

Status Control::documents(Connection connection) {
  WEFT_TRY(check_long_answers());
  std::deque<std::string>& lines = talks_[connection].lines;
  for (const DocumentOverview& each : node_.documents())
    lines.push_back(print_json(wrapped("result", overview_json(each))));
  if (!lines.empty()) {
    send_waiting_lines(connection);
    return {};
  }
  talks_.erase(connection);
  options_.finish(connection);
  return {};
}

Result<Json> Control::presence(const Json& request) {
  WEFT_ASSIGN(const DocumentId id, find_document(request));
  if (const Json* data = request.find("data")) {
    const Json* ttl = request.find("ttl_ms");
    const std::int64_t ttl_ms =
        ttl != nullptr && ttl->as_int() != nullptr ? *ttl->as_int() : std::int64_t{30'000};
    if (ttl_ms < 0 || ttl_ms > kPresenceMsMax) return bad_request("ttl_ms: 0 to 3,600,000");
    const std::string text = print_json(*data);
    WEFT_TRY(node_.set_presence(id, as_bytes(text), static_cast<std::uint32_t>(ttl_ms)));
  }
  Json::Array entries;
  for (const PresenceEntry& each : node_.presence(id)) entries.push_back(presence_json(each));
  return Json(std::move(entries));
}

Status Control::watch(Connection connection, const Json& request) {
  WEFT_TRY(check_long_answers());
  WEFT_ASSIGN(const DocumentId id, find_document(request));
  WEFT_ASSIGN(Observer observer, node_.observe(id, [this, connection](const Patch& patch) {
    Json json = patch_json(patch);
    json.as_object()->emplace_back("local", patch.local);
    options_.send(connection, print_json(wrapped("patch", std::move(json))));
  }));
  talks_[connection].observer = std::move(observer);
  talks_[connection].is_watch = true;
  options_.send(connection, print_json(wrapped("result", wrapped("document", to_string(id)))));
  return {};
}

}  // namespace weft
