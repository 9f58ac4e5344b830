// Edits of dashboards that Control is asked for.
#include <utility>

#include "crdt/dashboard/edit_json.h"
#include "crdt/dashboard/grafana.h"
#include "peer/control.h"
#include "peer/control_request.h"
#include "peer/describe_json.h"
#include "storage/archive/archive.h"

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
  const bool is_seed_alone = is_seeded && array->size() == 1;
  Json::Object result{{"document", to_string(id)}, {"seeded", is_seeded}};
  if (is_seeded)
    WEFT_TRY(node_.apply(id, seed, is_seed_alone ? when_durable(connection) : nullptr));
  if (!is_seed_alone) {
    const std::string* message = find_text(request, "message");
    WEFT_ASSIGN(
        const Commit commit,
        node_.edit_reading(
            id,
            [&](const Document& document, Transaction& transaction) -> Status {
              for (std::size_t i = is_seeded ? 1 : 0; i < array->size(); ++i)
                WEFT_TRY(dashboard::apply_edit(document, transaction, (*array)[i]));
              return {};
            },
            when_durable(connection),
            {.origin = "control", .message = message == nullptr ? std::string() : *message}));
    result.emplace_back("first", to_string(commit.first));
    result.emplace_back("operations", number_json(commit.op_count));
  }
  issued(connection, std::move(result), why_no_edit_waits());
  return {};
}

}  // namespace weft
