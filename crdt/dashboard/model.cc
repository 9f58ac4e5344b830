// Reading, and what is written outside of panels and arrays: fields by path, tags, texts.

#include "crdt/dashboard/model.h"

#include <algorithm>
#include <array>
#include <utility>

#include "crdt/dashboard/keyed_array.h"
#include "crdt/dashboard/model_fields.h"
#include "crdt/document/json_text.h"

namespace weft::dashboard {
namespace {

/// What the query text is called, by data source; the first that is there counts.
constexpr std::array<std::string_view, 5> kQueryFields = {"expr", "query", "rawSql", "target",
                                                          "queryText"};

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool holds_text(std::string_view where, std::string_view what) {
  return std::search(where.begin(), where.end(), what.begin(), what.end(),
                     [](char a, char b) { return lower(a) == lower(b); }) != where.end();
}

bool is_true(const MapView& map, std::string_view key) {
  const std::optional<Value> value = map.get(key);
  return value && value->as_bool();
}

std::string text_of(const Json& json) {
  const std::string* text = json.as_string();
  return text ? *text : std::string();
}

TargetInfo target_info(const UniqueNames& names, const std::string& key, const MapView& target) {
  TargetInfo info;
  info.key = key;
  info.ref_id = text_of(names.shown("targets", key, target));
  for (std::string_view field : kQueryFields)
    if (info.expr.empty()) info.expr = text_at(target, field);
  info.is_hidden = is_true(target, "hide");
  return info;
}

std::vector<TargetInfo> targets_of(const UniqueNames& names, const MapView& panel) {
  std::vector<TargetInfo> result;
  const std::optional<MapView> targets = map_at(panel, "targets");
  if (!targets || !is_array(*targets)) return result;
  for (const auto& [key, target] : map_elements(*targets))
    result.push_back(target_info(names, key, target));
  return result;
}

std::vector<PanelInfo> panels_of(const MapView& root, const UniqueNames& names) {
  std::vector<PanelInfo> result;
  std::string row;  // the last in the dashboard's own list
  for (const ShownPanel& panel : shown_panels(root)) {
    PanelInfo info;
    info.key = panel.key;
    const Json id = names.shown(kPanels, panel.key, panel.map);
    if (const std::int64_t* number = id.as_int()) info.id = *number;
    info.type = text_at(panel.map, "type");
    info.title = text_at(panel.map, "title");
    if (const std::optional<Value> grid = panel.map.get("gridPos"))
      info.rect = rect_of(grid->json());
    info.is_nested = !panel.holder.empty();
    if (info.is_nested) {
      info.row = panel.holder;
    } else if (panel.is_row()) {
      row = panel.key;
    } else {
      info.row = row;
    }
    result.push_back(std::move(info));
  }
  return result;
}

}  // namespace

std::string text_at(const MapView& map, std::string_view key) {
  const std::optional<Value> value = map.get(key);
  if (!value) return {};
  if (value->is_container(ContainerKind::kText)) return map.child_text(*value).str();
  return std::string(value->as_string());
}

std::optional<MapView> part_of(const MapView& root, Part part) {
  if (part == Part::kLinks) return map_at(root, "links");
  const auto holder = map_at(root, part == Part::kVariables ? "templating" : "annotations");
  return holder ? map_at(*holder, "list") : std::nullopt;
}

// --- reading ---

std::string Dashboard::title() const { return text_at(root_, "title"); }
std::string Dashboard::description() const { return text_at(root_, "description"); }

std::vector<std::string> Dashboard::tags() const {
  std::vector<std::string> result;
  const std::optional<MapView> tags = map_at(root_, "tags");
  if (!tags) return result;
  for (const ArrayElement& tag : shown_elements(*tags))
    if (tag.value.type() == Value::Type::kString) result.emplace_back(tag.value.as_string());
  return result;
}

std::optional<TimeRange> Dashboard::time() const {
  const std::optional<MapView> time = map_at(root_, "time");
  if (!time) return std::nullopt;
  return TimeRange{text_at(*time, "from"), text_at(*time, "to")};
}

std::vector<PanelInfo> Dashboard::panels() const { return panels_of(root_, UniqueNames(root_)); }

std::optional<PanelInfo> Dashboard::find_panel(std::string_view key) const {
  for (PanelInfo& panel : panels())
    if (panel.key == key) return std::move(panel);
  return std::nullopt;
}

std::optional<std::string> Dashboard::key_of_id(std::int64_t id) const {
  for (PanelInfo& panel : panels())
    if (panel.id == id) return std::move(panel.key);
  return std::nullopt;
}

Result<Json> Dashboard::panel(std::string_view key) const {
  WEFT_ASSIGN(const MapView panels, root_.map(kPanels));
  WEFT_ASSIGN(const MapView panel, panels.map(key));
  return shown_element_json(root_, UniqueNames(root_), panel, kPanels, key, Place::kPanel);
}

std::vector<RowInfo> Dashboard::rows() const {
  std::vector<RowInfo> result;
  if (const std::optional<MapView> rows = map_at(root_, "rows")) {
    for (const auto& [key, row] : map_elements(*rows))
      result.push_back(
          {std::string(kOldRowPrefix) + key, text_at(row, "title"), is_true(row, "collapse"), {}});
  }
  const std::vector<PanelInfo> all = panels();
  const std::optional<MapView> panels = map_at(root_, kPanels);
  for (const PanelInfo& panel : all)
    if (panel.type == "row")
      result.push_back(
          {panel.key, panel.title, is_true(*map_at(*panels, panel.key), "collapsed"), {}});
  for (const PanelInfo& panel : all) {
    const auto row = std::find_if(result.begin(), result.end(),
                                  [&](const RowInfo& each) { return each.key == panel.row; });
    if (row != result.end()) row->panels.push_back(panel.key);
  }
  return result;
}

std::vector<TargetInfo> Dashboard::targets(std::string_view panel) const {
  const std::optional<MapView> panels = map_at(root_, kPanels);
  const std::optional<MapView> map = panels ? map_at(*panels, panel) : std::nullopt;
  return map ? targets_of(UniqueNames(root_), *map) : std::vector<TargetInfo>();
}

std::vector<VariableInfo> Dashboard::variables() const {
  std::vector<VariableInfo> result;
  for (const ElementInfo& element : elements(Part::kVariables)) {
    VariableInfo info;
    info.key = element.key;
    const auto text = [&](std::string_view field) {
      const Json* member = element.json.find(field);
      return member ? text_of(*member) : std::string();
    };
    info.name = text("name");
    info.type = text("type");
    info.label = text("label");
    if (const Json* query = element.json.find("query")) info.query = *query;
    result.push_back(std::move(info));
  }
  return result;
}

std::vector<ElementInfo> Dashboard::elements(Part part) const {
  std::vector<ElementInfo> result;
  const std::optional<MapView> map = part_of(root_, part);
  if (!map || !is_array(*map)) return result;
  const UniqueNames names(root_);
  for (const auto& [key, element] : map_elements(*map))
    result.push_back(
        {key, shown_element_json(root_, names, element, array_of(part), key, Place::kElsewhere)});
  return result;
}

std::vector<SearchHit> Dashboard::search(std::string_view text) const {
  std::vector<SearchHit> result;
  if (text.empty()) return result;
  const auto look = [&](const std::string& panel, const MapView& map, std::string_view key,
                        const std::string& prefix) {
    std::string found = text_at(map, key);
    if (holds_text(found, text))
      result.push_back({panel, prefix + "/" + std::string(key), std::move(found)});
  };
  look({}, root_, "title", {});
  look({}, root_, "description", {});
  for (const ShownPanel& panel : shown_panels(root_)) {
    look(panel.key, panel.map, "title", {});
    look(panel.key, panel.map, "description", {});
    const std::optional<MapView> targets = map_at(panel.map, "targets");
    if (!targets || !is_array(*targets)) continue;
    for (const auto& [key, target] : map_elements(*targets))
      for (std::string_view field : kQueryFields)
        look(panel.key, target, field, "/targets/" + path_token(key));
  }
  return result;
}

// --- writing ---

Status DashboardEdit::set_title(std::string_view title) {
  return write_member(root_, root_, Place::kRoot, "title", title);
}

Status DashboardEdit::add_tag(std::string_view tag) {
  const std::vector<std::string> held = tags();
  if (std::find(held.begin(), held.end(), tag) != held.end()) return {};
  MapEdit map = root_.ensure_map("tags");
  WEFT_TRY(root_.map("tags"));
  const std::string key = natural_key("tags", tag).value_or(content_key(print_json(Json(tag))));
  ListEdit order = map.ensure_list(kOrder);
  WEFT_TRY(map.list(kOrder));
  WEFT_TRY(map.set(key, tag));
  WEFT_ASSIGN(const std::size_t end, order.size());
  return put_at(order, key, end);
}

Status DashboardEdit::remove_tag(std::string_view tag) {
  Result<MapEdit> map = root_.map("tags");
  if (map.ok()) {
    for (const ArrayElement& each : shown_elements(*map)) {
      if (each.value.type() != Value::Type::kString || each.value.as_string() != tag) continue;
      WEFT_TRY(map->erase(each.key));
      WEFT_ASSIGN(const ListEdit order, map->list(kOrder));
      return take_out(order, each.key);
    }
  }
  return Error(ErrorCode::kNotFound, "no tag '" + std::string(tag) + "'");
}

Status DashboardEdit::set_time(const TimeRange& time) {
  MapEdit map = root_.ensure_map("time");
  WEFT_TRY(root_.map("time"));
  WEFT_TRY(write_member(root_, map, Place::kElsewhere, "from", time.from));
  return write_member(root_, map, Place::kElsewhere, "to", time.to);
}

Status DashboardEdit::set(std::string_view path, const Json& value) {
  return set_field_below(root_, {root_, Place::kRoot, {}, {}}, path, value);
}
Status DashboardEdit::erase(std::string_view path) {
  return erase_field_below({root_, Place::kRoot, {}, {}}, path);
}

Result<TextEdit> DashboardEdit::edit_description() { return edit_text(root_, "description"); }
Result<TextEdit> DashboardEdit::edit_notes() { return edit_text(root_, "notes"); }

Result<TextEdit> DashboardEdit::edit_description(std::string_view panel) {
  WEFT_ASSIGN(const MapEdit map, panel_map(panel));
  return edit_text(map, "description");
}

Result<TextEdit> DashboardEdit::edit_content(std::string_view panel) {
  WEFT_ASSIGN(MapEdit map, panel_map(panel));
  const std::optional<MapView> options = map_at(map, "options");
  if (map.contains("content") && !(options && options->contains("content")))
    return edit_text(map, "content");
  MapEdit made = map.ensure_map("options");
  WEFT_TRY(map.map("options"));
  return edit_text(made, "content");
}

}  // namespace weft::dashboard
