#include "crdt/dashboard/edit_json.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>
#include <vector>

#include "crdt/dashboard/edit_request.h"
#include "crdt/dashboard/grafana.h"
#include "crdt/dashboard/keyed_array.h"
#include "crdt/dashboard/model.h"
#include "crdt/dashboard/model_fields.h"
#include "crdt/dashboard/names.h"
#include "crdt/document/json_pointer.h"

namespace weft::dashboard {
namespace {

/// A path as what it leads to is written.
struct FullPath {
  std::string text;
  std::vector<std::string> tokens;

  bool is_panel() const { return tokens.size() == 2 && tokens[0] == kPanels; }
  bool is_in_panel() const { return tokens.size() > 2 && tokens[0] == kPanels; }
  const std::string& panel() const { return tokens[1]; }
  /// As DashboardEdit::set_field takes it.
  std::string below_panel() const {
    std::string path;
    for (std::size_t i = 2; i < tokens.size(); ++i) append_pointer_token(path, tokens[i]);
    return path;
  }
};

Result<FullPath> full_path(const EditRequest& request) {
  WEFT_ASSIGN(const std::string named, request.text("path"));
  FullPath path;
  WEFT_ASSIGN(path.text, path_of_names(request.dashboard, named));
  WEFT_ASSIGN(path.tokens, pointer_tokens(path.text));
  if (path.tokens.empty())
    return bad_edit("the dashboard as a whole is written by an import; name a part of it");
  if (path.tokens.size() == 1 && is_derived(Place::kRoot, path.tokens[0]))
    return bad_edit(path.text + ": is counted by the document itself; an export says it");
  return path;
}

/// `error` names the path.
Status about_path(const std::string& path, Status status) {
  if (status.ok() || status.error().context().find(path) != std::string::npos) return status;
  return Error(status.error().code(), path + ": " + status.error().context());
}

Status import_all(EditRequest& request) {
  WEFT_ASSIGN(const Json* dashboard, request.member("dashboard"));
  return import_grafana(request.transaction, *dashboard);
}

Status set(EditRequest& request) {
  WEFT_ASSIGN(const FullPath path, full_path(request));
  WEFT_ASSIGN(const Json* value, request.member("value"));
  if (path.is_panel()) {
    WEFT_TRY(find_panel_key(request.dashboard, path.panel()));
    return about_path(path.text, write_at(request.transaction, path.text, *value));
  }
  if (!path.is_in_panel()) return about_path(path.text, request.dashboard.set(path.text, *value));
  WEFT_TRY(find_panel_key(request.dashboard, path.panel()));
  const std::string below = path.below_panel();
  if (below == "/gridPos") {
    WEFT_ASSIGN(const Rect rect, read_rect(*value, {}));
    return request.dashboard.set_rect(path.panel(), rect);
  }
  return about_path(path.text, request.dashboard.set_field(path.panel(), below, *value));
}

Status remove(EditRequest& request) {
  using RowPanels = DashboardEdit::RowPanels;
  WEFT_ASSIGN(const FullPath path, full_path(request));
  const RowPanels panels = request.is_set("with_panels") ? RowPanels::kDelete : RowPanels::kKeep;
  if (path.is_panel()) {
    WEFT_TRY(find_panel_key(request.dashboard, path.panel()));
    return request.dashboard.delete_panel(path.panel(), panels);
  }
  if (path.tokens.size() == 2 && path.tokens[0] == "rows")
    return about_path(path.text, request.dashboard.delete_panel(
                                     std::string(kOldRowPrefix) + path.tokens[1], panels));
  if (!path.is_in_panel()) return about_path(path.text, request.dashboard.erase(path.text));
  return about_path(path.text, request.dashboard.erase_field(path.panel(), path.below_panel()));
}

/// What was there before it was removed, where that is a plain value.
Result<std::optional<Json>> removed_value(const EditRequest& request, const FullPath& path) {
  if (const Json* value = request.edit.find("value")) return std::optional(*value);
  Result<std::vector<WriteInfo>> writes = request.document.history(path.text);
  if (!writes.ok()) {
    // Without history there are still the children, which the state keeps.
    if (writes.error().code() == ErrorCode::kNeedHistory) return std::optional<Json>();
    return writes.take_error();
  }
  for (const WriteInfo& write : *writes)
    if (!write.erased)
      return write.value.is_container() ? std::optional<Json>() : std::optional(write.json);
  return Error(ErrorCode::kNotFound, "nothing was ever there");
}

/// Puts what is an element of an array back into its order.
Status put_back(EditRequest& request, const FullPath& path, MapEdit array) {
  const std::string* holder = request.find_text("holder");
  if (path.is_panel() && holder != nullptr && !holder->empty()) {
    const std::string_view name = *holder;
    const bool is_old = name.starts_with(kOldRowPrefix);
    WEFT_ASSIGN(const MapEdit holders, request.transaction.root().map(is_old ? "rows" : kPanels));
    const Result<MapEdit> row = holders.map(is_old ? name.substr(kOldRowPrefix.size()) : name);
    if (row.ok() && row->map(kPanels).ok()) {
      WEFT_ASSIGN(array, row->map(kPanels));
    }
  }
  if (!is_array(array) && !path.is_panel()) return {};
  ListEdit order = array.ensure_list(kOrder);
  WEFT_TRY(array.list(kOrder));
  const std::string* after = request.find_text("after");
  if (after != nullptr) return put_behind(order, path.tokens.back(), *after);
  WEFT_ASSIGN(const std::size_t end, order.size());
  return put_at(order, path.tokens.back(), end);
}

Status restore(EditRequest& request) {
  WEFT_ASSIGN(const FullPath path, full_path(request));
  const std::string_view above = parent_pointer(path.text);
  Result<MapEdit> parent = request.transaction.map(above);
  if (!parent.ok())
    return Error(ErrorCode::kNotFound, path.text + ": what it was in is not there; restore " +
                                           std::string(above) + " first");
  if (parent->contains(path.tokens.back()))
    return bad_edit(path.text + ": is there; there is nothing to restore");
  Result<std::optional<Json>> value = removed_value(request, path);
  if (!value.ok()) return about_path(path.text, value.take_error());
  if (*value) {
    WEFT_TRY(parent->set(path.tokens.back(), Value::from_json(**value)));
  } else if (Status restored = request.transaction.restore(path.text); !restored.ok()) {
    return Error(restored.error().code(),
                 path.text + ": nothing that was removed there is held here; set it instead");
  }
  return put_back(request, path, *parent);
}

Status add(EditRequest& request) {
  WEFT_ASSIGN(const FullPath path, full_path(request));
  WEFT_ASSIGN(const Json* value, request.member("value"));
  WEFT_ASSIGN(const std::string fresh, request.text("fresh"));
  DashboardEdit& dashboard = request.dashboard;
  if (path.tokens.size() == 3 && path.is_in_panel() && path.tokens[2] == "targets")
    return without_value(dashboard.add_target(path.panel(), fresh, *value));
  if (path.text == "/templating/list" || path.text == "/annotations/list") {
    const Part part = path.tokens[0] == "templating" ? Part::kVariables : Part::kAnnotations;
    const Json* name = value->find("name");
    if (name == nullptr || !name->as_string() || name->as_string()->empty())
      return bad_edit(path.text + ": what is added needs a \"name\"");
    for (const ElementInfo& each : dashboard.elements(part))
      if (const Json* taken = each.json.find("name"); taken != nullptr && *taken == *name)
        return bad_edit(path.text + ": has one of the name '" + *name->as_string() +
                        "'; choose another name, or set that one");
    return without_value(dashboard.add(part, fresh, *value));
  }
  if (path.text == "/links") return without_value(dashboard.add(Part::kLinks, fresh, *value));
  return bad_edit(path.text +
                  ": takes no new elements; /panels/PANEL/targets, /templating/list, "
                  "/annotations/list and /links do");
}

Status rename_variable(EditRequest& request) {
  WEFT_ASSIGN(const std::string variable, request.text("variable"));
  WEFT_ASSIGN(const std::string name, request.text("name"));
  WEFT_ASSIGN(const std::string key, find_variable_key(request.dashboard, variable));
  if (name.empty()) return bad_edit("a variable needs a name");
  for (const VariableInfo& each : request.dashboard.variables())
    if (each.name == name && each.key != key)
      return bad_edit("another variable has the name '" + name + "'; choose another name");
  return request.dashboard.rename(Part::kVariables, key, name);
}

struct Kind {
  std::string_view name;
  Status (*run)(EditRequest&);
};
constexpr std::array<Kind, 9> kKinds = {{{"import", import_all},
                                         {"set", set},
                                         {"remove", remove},
                                         {"restore", restore},
                                         {"move", move_panel},
                                         {"resolve", resolve_items},
                                         {"add-panel", add_panel},
                                         {"add", add},
                                         {"rename-variable", rename_variable}}};

}  // namespace

Status apply_edit(const Document& document, Transaction& transaction, const Json& edit) {
  EditRequest request{document, transaction, DashboardEdit(transaction), edit};
  WEFT_ASSIGN(const std::string what, request.text("do"));
  for (const Kind& kind : kKinds)
    if (kind.name == what) return kind.run(request);
  std::string known;
  for (const Kind& kind : kKinds) known += (known.empty() ? "" : ", ") + std::string(kind.name);
  return bad_edit("there is no edit '" + what + "'; there are " + known);
}

Status apply_each(const Document& document, Transaction& transaction, const Json& edits,
                  std::size_t begin) {
  const Json::Array* array = edits.as_array();
  if (array == nullptr) return bad_edit("edits are a list");
  for (std::size_t i = begin; i < array->size(); ++i) {
    Status done = apply_edit(document, transaction, (*array)[i]);
    if (done.ok()) continue;
    if (array->size() == 1) return done;
    return Error(done.error().code(), "edit " + std::to_string(i + 1) + " of " +
                                          std::to_string(array->size()) + ": " +
                                          done.error().context());
  }
  return {};
}

const Json* first_import(const Json& edits) {
  const Json::Array* array = edits.as_array();
  if (array == nullptr || array->empty()) return nullptr;
  const Json* what = array->front().find("do");
  if (what == nullptr || !what->as_string() || *what->as_string() != "import") return nullptr;
  return array->front().find("dashboard");
}

bool takes_seed(const Document& document) { return document.version().empty(); }

Result<EditReport> apply_edits(Document& document, const Json& edits, TransactionOptions options) {
  const Json::Array* array = edits.as_array();
  if (array == nullptr) return bad_edit("edits are a list");
  EditReport report;
  std::size_t begin = 0;
  if (const Json* dashboard = first_import(edits); dashboard != nullptr && takes_seed(document)) {
    WEFT_ASSIGN(const Bytes seed, seed_delta(document.id(), *dashboard));
    if (!seed.empty()) WEFT_TRY(document.apply(seed));
    report.first = {seed_replica(document.id(), *dashboard), 0};
    report.op_count = document.version().end(report.first.replica);
    report.is_seeded = true;
    begin = 1;
  }
  if (begin == array->size()) return report;
  WEFT_ASSIGN(const Commit commit,
              document.transact(std::move(options), [&](Transaction& transaction) {
                return apply_each(document, transaction, edits, begin);
              }));
  if (commit.op_count != 0) report.first = commit.first;
  report.op_count += commit.op_count;
  return report;
}

}  // namespace weft::dashboard
