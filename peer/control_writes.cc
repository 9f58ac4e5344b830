// What Control changes, and when that is answered.
#include <utility>

#include "crdt/document/import_json.h"
#include "crdt/document/json_text.h"
#include "crdt/document/resolve.h"
#include "peer/control.h"
#include "peer/control_request.h"
#include "peer/describe_json.h"
#include "peer/first_write.h"
#include "peer/parse_id.h"
#include "storage/archive/archive.h"
#include "storage/documents.h"

namespace weft {
namespace {

struct Splice {
  std::size_t at = 0;
  std::size_t erased = 0;
  std::string_view inserted;
};

Result<Splice> read_splice(const Json& json) {
  const Json::Array* parts = json.as_array();
  if (parts != nullptr && parts->size() == 3) {
    const std::int64_t* at = (*parts)[0].as_int();
    const std::int64_t* erased = (*parts)[1].as_int();
    const std::string* inserted = (*parts)[2].as_string();
    if (at != nullptr && erased != nullptr && inserted != nullptr && *at >= 0 && *erased >= 0)
      return Splice{static_cast<std::size_t>(*at), static_cast<std::size_t>(*erased), *inserted};
  }
  return bad_request("a splice is [at, erased, \"inserted\"], counted in characters");
}

Status apply_splices(Transaction& transaction, const std::string& key, const Json& splices) {
  const Json::Array* array = splices.as_array();
  if (array == nullptr) return bad_request("a transaction is a list of splices");
  TextEdit text = transaction.root().ensure_text(key);
  for (const Json& each : *array) {
    WEFT_ASSIGN(const Splice splice, read_splice(each));
    if (splice.erased != 0) WEFT_TRY(text.erase(scalar(splice.at), splice.erased));
    if (!splice.inserted.empty()) WEFT_TRY(text.insert(scalar(splice.at), splice.inserted));
  }
  return {};
}

}  // namespace

/// What a node is to call. The answer is sent when it does and issued() was called.
std::function<void(Status)> Control::when_durable(Connection connection) {
  talks_[connection].is_waiting = true;
  return [self = std::weak_ptr(self_), connection](Status status) {
    const std::shared_ptr<Control*> alive = self.lock();
    if (!alive) return;
    auto waiting = (*alive)->talks_.find(connection);
    if (waiting == (*alive)->talks_.end() || !waiting->second.is_waiting) return;
    waiting->second.durable = std::move(status);
    (*alive)->answer_durable(connection);
  };
}

void Control::answer_durable(Connection connection) {
  Talk& talk = talks_.at(connection);
  if (!talk.is_issued || !talk.durable) return;
  if (!talk.durable->ok()) return refuse(connection, talk.durable->take_error());
  Json::Object result = std::move(talk.result);
  result.emplace_back("durable", true);
  answer(connection, std::move(result));
}

/// It was handed to the node. @param result  to be answered once it is durable
void Control::issued(Connection connection, Json::Object result, const std::string& why_not_wait) {
  Talk& talk = talks_.at(connection);
  talk.result = std::move(result);
  talk.is_issued = true;
  const std::optional<std::uint64_t> wait_ms = talk.wait_ms;
  answer_durable(connection);
  if (wait_ms == std::uint64_t{0}) {
    answer_early(connection, why_not_wait.empty() ? "nobody waited for the disk" : why_not_wait);
  } else if (!wait_ms && !why_not_wait.empty()) {
    answer_early(connection, why_not_wait);
  }
}

/// Before it is durable, if it is not answered yet.
void Control::answer_early(Connection connection, const std::string& why) {
  auto talk = talks_.find(connection);
  if (talk == talks_.end() || !talk->second.is_waiting) return;
  Json::Object result = std::move(talk->second.result);
  result.emplace_back("durable", false);
  result.emplace_back("why", why);
  answer(connection, std::move(result));
}

void Control::unsaved(const Status& status) {
  unsaved_ = status.ok() ? std::string() : status.error().message();
  if (unsaved_.empty()) return;
  std::vector<Connection> waiting;
  for (const auto& [connection, talk] : talks_)
    if (talk.is_waiting && !talk.wait_ms) waiting.push_back(connection);
  for (Connection connection : waiting) answer_early(connection, unsaved_);
}

Status Control::edit(Connection connection, const Json& request) {
  WEFT_ASSIGN(const DocumentId id, document_to_edit(request));
  const Json* json = request.find("json");
  if (json == nullptr) return bad_request("the request has no 'json' to write");
  const bool create = is_set(request, "create");
  WEFT_ASSIGN(const PreparedImport import, prepared(id, *json));
  Dot first;
  for (const Bytes& delta : import.shared) {
    NewRecord record;
    WEFT_TRY(record_of(id, delta, record));
    if (&delta == &import.shared.front()) first = {record.replica, record.first_seq};
    const bool is_last = import.own_op_count == 0 && &delta == &import.shared.back();
    WEFT_TRY(node_.apply(id, delta, is_last ? when_durable(connection) : nullptr));
  }
  std::uint64_t operations = import.shared_op_count;
  bool has_own = false;
  if (import.own_op_count != 0 || import.shared.empty()) {
    const std::string* message = find_text(request, "message");
    WEFT_ASSIGN(const Commit commit,
                node_.edit_reading(id,
                                   [&](const Document& document, Transaction& transaction) {
                                     return create && document.version().empty()
                                                ? write_first(transaction, *json)
                                                : write_json(transaction.root(), *json);
                                   },
                                   when_durable(connection),
                                   {.origin = "control",
                                    .message = message == nullptr ? std::string() : *message}));
    has_own = commit.op_count != 0;
    if (has_own) first = commit.first;
    operations += commit.op_count;
  }
  issued(connection,
         {{"document", to_string(id)},
          {"first", to_string(first)},
          {"operations", number_json(operations)},
          {"shared", number_json(import.shared_op_count)},
          {"own", has_own}},
         why_no_edit_waits());
  return {};
}

/// What is split off of an import (crdt/document/import_json.h); of a document that is not there yet nothing.
Result<PreparedImport> Control::prepared(const DocumentId& id, const Json& json) {
  const Result<const Document*> document = node_.read(id);
  if (document.ok()) return prepare_import(**document, json);
  if (document.error().code() != ErrorCode::kNotFound) return document.error().clone();
  return PreparedImport();
}

Status Control::resolve(Connection connection, const Json& request) {
  WEFT_ASSIGN(const DocumentId id, document_to_edit(request));
  const Json* wanted = request.find("resolution");
  if (wanted == nullptr) return bad_request("the request has no 'resolution'");
  WEFT_ASSIGN(const Resolution resolution, read_resolution(*wanted));
  const std::string* message = find_text(request, "message");
  WEFT_ASSIGN(const Commit commit,
              node_.edit_reading(
                  id,
                  [&](const Document& document, Transaction& transaction) {
                    return resolve_conflict(document, transaction, resolution);
                  },
                  when_durable(connection),
                  {.origin = "control", .message = message == nullptr ? std::string() : *message}));
  issued(connection,
         {{"document", to_string(id)},
          {"first", to_string(commit.first)},
          {"operations", number_json(commit.op_count)}},
         why_no_edit_waits());
  return {};
}

Status Control::splice(Connection connection, const Json& request) {
  WEFT_ASSIGN(const DocumentId id, document_to_edit(request));
  WEFT_ASSIGN(const std::string key, text_of(request, "key"));
  const Json* transactions = request.find("transactions");
  const Json::Array* array = transactions == nullptr ? nullptr : transactions->as_array();
  if (array == nullptr || array->empty())
    return bad_request("the request has no list 'transactions'");
  const std::function<void(Status)> durable = when_durable(connection);
  std::uint64_t operations = 0;
  for (std::size_t i = 0; i < array->size(); ++i) {
    const bool is_last = i + 1 == array->size();  // they get durable in their order
    Result<Commit> commit = node_.edit(
        id, [&](Transaction& transaction) { return apply_splices(transaction, key, (*array)[i]); },
        is_last ? durable : nullptr, {.origin = "control", .message = {}});
    if (!commit.ok())
      return Error(commit.error().code(), "transactions[" + std::to_string(i) +
                                              "]: " + commit.error().context() +
                                              "; those before it are written");
    operations += commit->op_count;
  }
  issued(connection, {{"document", to_string(id)}, {"operations", number_json(operations)}},
         why_no_edit_waits());
  return {};
}

/// Why an edit is answered before it is durable; empty: it is not.
std::string Control::why_no_edit_waits() const {
  if (!unsaved_.empty()) return unsaved_;
  return options_.relaxed ? "this peer is relaxed: it is on the disk within 100 ms" : "";
}

Status Control::set_status(Connection connection, const Json& request) {
  WEFT_ASSIGN(const DocumentId id, find_document(request));
  WEFT_ASSIGN(const std::string name, text_of(request, "status"));
  for (DocumentStatus status :
       {DocumentStatus::kLive, DocumentStatus::kEvicted, DocumentStatus::kDeleted}) {
    if (name != status_name(status)) continue;
    std::string before = name;
    for (const DocumentOverview& each : node_.documents())
      if (each.document == id) before = each.is_contested ? "contested" : status_name(each.status);
    node_.set_status(
        id, status, when_durable(connection),
        is_forced(request) ? Node::Evict::kUnconditionally : Node::Evict::kIfKeptElsewhere);
    // What makes room does not wait for it.
    const bool makes_room = status == DocumentStatus::kEvicted;
    issued(connection, {{"document", to_string(id)}, {"status", name}, {"was", before}},
           makes_room ? std::string() : unsaved_);
    return {};
  }
  return bad_request("'" + name + "' is no status; write live, evicted or deleted");
}

Status Control::empty_trash(Connection connection, const Json&) {
  auto durable = when_durable(connection);
  node_.empty_trash(
      [self = std::weak_ptr(self_), connection, durable](Status status, std::size_t count) {
        const std::shared_ptr<Control*> alive = self.lock();
        if (!alive) return;
        auto talk = (*alive)->talks_.find(connection);
        if (talk != (*alive)->talks_.end())
          talk->second.result.emplace_back("purged", number_json(count));
        durable(std::move(status));
      });
  issued(connection, {}, {});  // what makes room does not wait for it
  return {};
}

Status Control::trim(Connection connection, const Json& request) {
  WEFT_ASSIGN(const DocumentId id, find_document(request));
  node_.trim(id, when_durable(connection));
  issued(connection, {{"document", to_string(id)}}, unsaved_);
  return {};
}

}  // namespace weft
