#include "crdt/dashboard/names.h"

#include <charconv>
#include <optional>
#include <vector>

#include "crdt/dashboard/grafana.h"
#include "crdt/dashboard/keyed_array.h"
#include "crdt/dashboard/unique_names.h"
#include "crdt/document/json_pointer.h"

namespace weft::dashboard {
namespace {

std::optional<std::size_t> number_of(std::string_view text) {
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::string quoted(std::string_view name) { return "'" + std::string(name) + "'"; }

Error no_panel(std::string_view name) {
  return Error(ErrorCode::kNotFound,
               "there is no panel " + quoted(name) + "; name it by its key, its id or its title");
}

/// The element that is meant, where `token` is no key. @param key  the array's
std::optional<std::string> named_element(const UniqueNames& names, const MapView& array,
                                         std::string_view key, std::string_view token) {
  const std::vector<ArrayElement> elements = shown_elements(array);
  for (const ArrayElement& each : elements) {
    if (!each.value.is_container(ContainerKind::kMap)) continue;
    const MapView element = array.child_map(each.value);
    const Json name = names.shown(key, each.key, element);
    if (name.as_string() && *name.as_string() == token) return each.key;
  }
  const std::optional<std::size_t> place = number_of(token);
  if (place && *place < elements.size()) return elements[*place].key;
  return std::nullopt;
}

const Json* part_of_value(const Json& value, const std::string& token) {
  if (const Json::Array* array = value.as_array()) {
    const std::optional<std::size_t> place = number_of(token);
    return place && *place < array->size() ? &(*array)[*place] : nullptr;
  }
  return value.find(token);
}

}  // namespace

Result<std::string> find_panel_key(const Dashboard& dashboard, std::string_view name) {
  const std::vector<PanelInfo> panels = dashboard.panels();
  const std::optional<std::size_t> id = number_of(name);
  const PanelInfo* by_id = nullptr;
  const PanelInfo* by_title = nullptr;
  std::string titled;  // their keys, where there are several
  for (const PanelInfo& panel : panels) {
    if (panel.key == name) return panel.key;
    if (id && panel.id == static_cast<std::int64_t>(*id) && by_id == nullptr) by_id = &panel;
    if (panel.title != name || name.empty()) continue;
    titled += (titled.empty() ? "" : ", ") + panel.key;
    if (by_title == nullptr) by_title = &panel;
  }
  if (by_id != nullptr) return by_id->key;
  if (by_title == nullptr) return no_panel(name);
  if (titled != by_title->key)
    return Error(ErrorCode::kInvalidArgument, "several panels have the title " + quoted(name) +
                                                  "; name one by its key: " + titled);
  return by_title->key;
}

Result<std::string> find_row_key(const Dashboard& dashboard, std::string_view name) {
  const std::vector<RowInfo> rows = dashboard.rows();
  std::string titled;
  std::size_t count = 0;
  for (const RowInfo& row : rows) {
    if (row.key == name) return row.key;
    if (row.title != name || name.empty()) continue;
    titled += (titled.empty() ? "" : ", ") + row.key;
    ++count;
  }
  if (count == 1) return titled;
  if (count > 1)
    return Error(ErrorCode::kInvalidArgument, "several rows have the title " + quoted(name) +
                                                  "; name one by its key: " + titled);
  if (Result<std::string> panel = find_panel_key(dashboard, name); panel.ok()) {
    for (const RowInfo& row : rows)
      if (row.key == *panel) return row.key;
    return Error(ErrorCode::kInvalidArgument, "panel " + quoted(name) + " is no row");
  }
  return Error(ErrorCode::kNotFound,
               "there is no row " + quoted(name) + "; name it by its key, its id or its title");
}

Result<std::string> find_variable_key(const Dashboard& dashboard, std::string_view name) {
  const std::vector<VariableInfo> variables = dashboard.variables();
  for (const VariableInfo& variable : variables)
    if (variable.key == name) return variable.key;
  for (const VariableInfo& variable : variables)
    if (variable.name == name) return variable.key;
  return Error(ErrorCode::kNotFound, "there is no variable " + quoted(name));
}

Result<std::string> path_of_names(const Dashboard& dashboard, std::string_view path) {
  WEFT_ASSIGN(std::vector<std::string> tokens, pointer_tokens(path));
  std::optional<UniqueNames> names;
  std::optional<MapView> at = dashboard.root();
  std::string array;  // the key of *at, where that is an array
  for (std::size_t i = 0; i < tokens.size() && at; ++i) {
    std::string& token = tokens[i];
    if (i == 1 && array == kPanels) {
      Result<std::string> key = find_panel_key(dashboard, token);
      if (!key.ok() && key.error().code() != ErrorCode::kNotFound)
        return Error(key.error().code(), std::string(path) + ": " + key.error().context());
      if (key.ok()) token = *std::move(key);
    } else if (!array.empty() && !at->contains(token)) {
      if (!names) names.emplace(dashboard.root());
      if (std::optional<std::string> key = named_element(*names, *at, array, token))
        token = *std::move(key);
    }
    const bool was_array = !array.empty();
    Result<MapView> child = at->map(token);
    at = child.ok() ? std::optional(*child) : std::nullopt;
    const bool is_list = at && !was_array && (is_array(*at) || (i == 0 && token == kPanels));
    array = is_list ? token : std::string();
  }
  std::string result;
  for (const std::string& token : tokens) append_pointer_token(result, token);
  return result;
}

Result<Json> shown_at(const Document& document, std::string_view path) {
  WEFT_ASSIGN(const std::string full, path_of_names(Dashboard(document), path));
  WEFT_ASSIGN(const std::vector<std::string> tokens, pointer_tokens(full));
  std::string_view holder = full;
  for (std::size_t below = 0; below <= tokens.size(); ++below) {
    Result<Json> json = holder.empty() ? to_grafana(document) : to_grafana_at(document, holder);
    const Json* part = json.ok() ? &*json : nullptr;
    for (std::size_t i = tokens.size() - below; part != nullptr && i < tokens.size(); ++i)
      part = part_of_value(*part, tokens[i]);
    if (part != nullptr) return Json(*part);
    if (json.ok() || holder.empty()) break;
    holder = parent_pointer(holder);
  }
  return Error(ErrorCode::kNotFound, std::string(path) + ": nothing is there");
}

}  // namespace weft::dashboard
