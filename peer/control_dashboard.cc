// Edits of dashboards that Control is asked for.
#include <utility>

#include "crdt/dashboard/edit_json.h"
#include "crdt/dashboard/grafana.h"
#include "peer/control.h"
#include "peer/control_request.h"
#include "peer/describe_json.h"
#include "storage/archive/archive.h"
#include "storage/documents.h"

namespace weft {

/// The seed that the first of the edits makes of a document in which nobody has written yet; empty: none.
Result<Bytes> Control::seed_of(const DocumentId& id, const Json& edits) {
  const Json* import = dashboard::first_import(edits);
  if (import == nullptr) return Bytes();
  const Result<const Document*> document = node_.read(id);
  if (document.ok() && !dashboard::takes_seed(**document)) return Bytes();
  if (!document.ok() && document.error().code() != ErrorCode::kNotFound)
    return document.error().clone();
  return dashboard::seed_delta(id, *import);
}

Status Control::dashboard(Connection connection, const Json& request) {
  WEFT_ASSIGN(const DocumentId id, document_to_edit(request));
  const Json* edits = request.find("edits");
  const Json::Array* array = edits == nullptr ? nullptr : edits->as_array();
  if (array == nullptr || array->empty()) return bad_request("the request has no list 'edits'");
  WEFT_ASSIGN(const Bytes seed, seed_of(id, *edits));
  const bool is_seeded = !seed.empty();
  const std::size_t begin = is_seeded ? 1 : 0;
  Dot first;
  std::uint64_t operations = 0;
  if (is_seeded) {
    NewRecord record;
    WEFT_TRY(record_of(id, seed, record));
    first = {record.replica, record.first_seq};
    operations = record.op_count;
    WEFT_TRY(node_.apply(id, seed, begin == array->size() ? when_durable(connection) : nullptr));
  }
  if (begin < array->size()) {
    const std::string* message = find_text(request, "message");
    WEFT_ASSIGN(
        const Commit commit,
        node_.edit_reading(
            id,
            [&](const Document& document, Transaction& transaction) {
              return dashboard::apply_each(document, transaction, *edits, begin);
            },
            when_durable(connection),
            {.origin = "control", .message = message == nullptr ? std::string() : *message}));
    if (commit.op_count != 0) first = commit.first;
    operations += commit.op_count;
  }
  Json::Object result{{"document", to_string(id)},
                      {"seeded", is_seeded},
                      {"first", to_string(first)},
                      {"operations", number_json(operations)}};
  issued(connection, std::move(result), why_no_edit_waits());
  return {};
}

}  // namespace weft
