// {"do": "move"} and {"do": "add-panel"} of edit_json.h: where panels and rows go.

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "crdt/dashboard/edit_request.h"
#include "crdt/dashboard/names.h"

namespace weft::dashboard {
namespace {

/// Among the others of its row, itself left out.
Result<PanelPlace> place_beside(const Dashboard& dashboard, const std::string& panel,
                                const std::string& beside, bool is_behind) {
  WEFT_ASSIGN(const std::string key, find_panel_key(dashboard, beside));
  if (key == panel) return bad_edit("a panel can't be moved beside itself");
  const std::vector<PanelInfo> panels = dashboard.panels();
  const auto at = std::find_if(panels.begin(), panels.end(),
                               [&](const PanelInfo& each) { return each.key == key; });
  if (at->type == "row") {
    if (is_behind) return PanelPlace{key, 0};
    return bad_edit("before a row ends the one above it: name that by \"into_row\"");
  }
  PanelPlace place{at->row, is_behind ? 1 : 0};
  for (auto each = panels.begin(); each != at; ++each)
    if (each->row == at->row && each->key != panel && each->type != "row") ++*place.index;
  return place;
}

/// nullopt: the edit says none.
Result<std::optional<PanelPlace>> read_place(const EditRequest& request, const std::string& panel) {
  std::optional<PanelPlace> place;
  for (const char* name : {"before", "after", "into_row"}) {
    if (request.edit.find(name) == nullptr) continue;
    if (place || request.is_set("out_of_row"))
      return bad_edit("say one of \"before\", \"after\", \"into_row\" and \"out_of_row\"");
    WEFT_ASSIGN(const std::string where, request.text(name));
    if (name == std::string_view("into_row")) {
      WEFT_ASSIGN(std::string row, find_row_key(request.dashboard, where));
      place = PanelPlace{std::move(row), std::nullopt};
    } else {
      WEFT_ASSIGN(place,
                  place_beside(request.dashboard, panel, where, name == std::string_view("after")));
    }
  }
  if (request.is_set("out_of_row")) place = PanelPlace{};
  return place;
}

Status move_row(EditRequest& request, const std::string& row) {
  const bool is_behind = request.edit.find("after") != nullptr;
  if (!is_behind && request.edit.find("before") == nullptr)
    return bad_edit("a row is moved \"before\" or \"after\" another row");
  WEFT_ASSIGN(const std::string where, request.text(is_behind ? "after" : "before"));
  WEFT_ASSIGN(const std::string beside, find_row_key(request.dashboard, where));
  if (beside == row) return bad_edit("a row can't be moved beside itself");
  std::size_t index = is_behind ? 1 : 0;
  for (const RowInfo& each : request.dashboard.rows()) {
    if (each.key == beside) break;
    if (each.key != row) ++index;
  }
  return request.dashboard.move_row(row, index);
}

}  // namespace

/// A rectangle with four whole numbers; members that are left out are those of `held`.
Result<Rect> read_rect(const Json& json, const Rect& held) {
  Rect rect = held;
  if (json.as_object() == nullptr) return bad_edit("a grid is an object of x, y, w and h");
  for (const auto& [name, value] : *json.as_object()) {
    std::int64_t* member = name == "x"   ? &rect.x
                           : name == "y" ? &rect.y
                           : name == "w" ? &rect.w
                           : name == "h" ? &rect.h
                                         : nullptr;
    if (member == nullptr || value.as_int() == nullptr)
      return bad_edit("a grid has the whole numbers x, y, w and h, not '" + name + "'");
    *member = *value.as_int();
  }
  if (clamped(rect) != rect)
    return bad_edit(
        "a panel lies within 24 columns and is at least 1 by 1: x from 0, w up to 24 - x");
  return rect;
}

Status move_panel(EditRequest& request) {
  WEFT_ASSIGN(const std::string name, request.name("panel"));
  Result<std::string> found = find_panel_key(request.dashboard, name);
  const Json* grid = request.edit.find("grid");
  if (!found.ok() && found.error().code() == ErrorCode::kNotFound && grid == nullptr)
    if (Result<std::string> row = find_row_key(request.dashboard, name); row.ok())
      return move_row(request, *row);  // an old dashboard's
  if (!found.ok()) return found.take_error();
  const PanelInfo panel = *request.dashboard.find_panel(*found);
  if (panel.type == "row" && grid == nullptr) return move_row(request, panel.key);
  WEFT_ASSIGN(const std::optional<PanelPlace> place, read_place(request, panel.key));
  if (!place && grid == nullptr)
    return bad_edit("say where to: a \"grid\", or a panel or row beside which");
  if (place) WEFT_TRY(request.dashboard.move_panel(panel.key, *place));
  if (grid == nullptr) return {};
  const PanelInfo moved = *request.dashboard.find_panel(panel.key);
  WEFT_ASSIGN(const Rect rect, read_rect(*grid, moved.rect.value_or(Rect{0, 0, 6, 3})));
  return request.dashboard.set_rect(panel.key, rect);
}

Status add_panel(EditRequest& request) {
  WEFT_ASSIGN(const Json* panel, request.member("panel"));
  WEFT_ASSIGN(const std::string fresh, request.text("fresh"));
  WEFT_ASSIGN(const std::optional<PanelPlace> place, read_place(request, {}));
  return without_value(request.dashboard.create_panel(fresh, *panel, place.value_or(PanelPlace{})));
}

}  // namespace weft::dashboard
