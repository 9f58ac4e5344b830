// Panels and rows: made, copied, deleted, moved. A panel's content lies in /panels, whatever order it is in.

#include <algorithm>
#include <map>
#include <unordered_set>
#include <utility>

#include "crdt/dashboard/keyed_array.h"
#include "crdt/dashboard/model.h"
#include "crdt/dashboard/model_fields.h"

namespace weft::dashboard {
namespace {

using Panels = std::vector<PanelInfo>;

Error no_panel(std::string_view key) {
  return Error(ErrorCode::kNotFound, "no panel has the key '" + std::string(key) + "'");
}

const PanelInfo* find(const Panels& panels, std::string_view key) {
  for (const PanelInfo& panel : panels)
    if (panel.key == key) return &panel;
  return nullptr;
}

bool is_row(const PanelInfo& panel) { return panel.type == "row"; }

/// The panel whose list holds it; empty: the dashboard's own.
std::string holder_of(const PanelInfo& panel) {
  return panel.is_nested ? panel.row : std::string();
}

/// The order of a holder as ShownPanel names it; made where there is none.
Result<ListEdit> order_of(MapEdit root, std::string_view holder) {
  MapEdit map = root;
  if (!holder.empty()) {
    const bool is_old = holder.starts_with(kOldRowPrefix);
    WEFT_ASSIGN(const MapEdit holders, root.map(is_old ? "rows" : kPanels));
    WEFT_ASSIGN(map, holders.map(is_old ? holder.substr(kOldRowPrefix.size()) : holder));
  }
  MapEdit list = map.ensure_map(kPanels);
  WEFT_TRY(map.map(kPanels));
  const ListEdit order = list.ensure_list(kOrder);
  WEFT_TRY(list.list(kOrder));
  return order;
}

/// Out of every order but that of `kept`.
Status take_out_of_orders(MapEdit root, const Panels& panels, std::string_view key,
                          const std::optional<std::string>& kept) {
  std::vector<std::string> holders = {""};
  if (const std::optional<MapView> rows = map_at(root, "rows"))
    for (const auto& [row, map] : map_elements(*rows))
      holders.push_back(std::string(kOldRowPrefix) + row);
  for (const PanelInfo& panel : panels) holders.push_back(panel.key);
  for (const std::string& holder : holders) {
    if (kept == holder) continue;
    const Result<MapView> list = panel_list(root, holder);
    if (!list.ok() || !list->list(kOrder).ok()) continue;
    WEFT_ASSIGN(const ListEdit order, order_of(root, holder));
    WEFT_TRY(take_out(order, key));
  }
  return {};
}

/// Where a panel goes, in terms of orders.
struct Target {
  std::string holder;
  std::string before;       ///< the panel that it comes behind; empty: first
  std::int64_t bottom = 0;  ///< below this row's panels
};

bool is_collapsed(const MapView& root, std::string_view row) {
  const std::optional<MapView> panels = map_at(root, kPanels);
  const std::optional<MapView> map = panels ? map_at(*panels, row) : std::nullopt;
  const std::optional<Value> value = map ? map->get("collapsed") : std::nullopt;
  return value && value->as_bool();
}

/// @param panel  what is to be placed: it doesn't count
Result<Target> find_target(const MapView& root, const Panels& panels, std::string_view panel,
                           const PanelPlace& place) {
  Target target;
  const bool is_old = place.row.starts_with(kOldRowPrefix);
  const PanelInfo* row = nullptr;
  if (is_old) {
    const std::optional<MapView> rows = map_at(root, "rows");
    if (!rows || !map_at(*rows, std::string_view(place.row).substr(kOldRowPrefix.size())))
      return no_panel(place.row);
  } else if (!place.row.empty()) {
    row = find(panels, place.row);
    if (row == nullptr || !is_row(*row)) return no_panel(place.row);
    if (row->rect) target.bottom = clamped(*row->rect).y + 1;
  }
  std::vector<const PanelInfo*> there;
  std::size_t nested_count = 0;  // they come first
  for (const PanelInfo& each : panels) {
    if (each.row != place.row || each.key == panel || (place.row.empty() && is_row(each))) continue;
    there.push_back(&each);
    if (each.is_nested) ++nested_count;
    if (!each.rect) continue;
    const Rect rect = clamped(*each.rect);
    target.bottom = std::max(target.bottom, rect.y + rect.h);
  }
  std::size_t index = place.index.value_or(there.size());
  if (index > there.size())
    return Error(ErrorCode::kOutOfRange,
                 "place " + std::to_string(index) + " among " + std::to_string(there.size()));
  if (is_old || nested_count > 0 || (row != nullptr && is_collapsed(root, row->key))) {
    target.holder = place.row;
    index = std::min(index, nested_count);
  }
  if (index > 0) {
    target.before = there[index - 1]->key;
  } else if (target.holder.empty()) {
    target.before = place.row;
  }
  return target;
}

Status put(MapEdit root, const Panels& panels, std::string_view key, const Target& target) {
  WEFT_TRY(take_out_of_orders(root, panels, key, target.holder));
  WEFT_ASSIGN(const ListEdit order, order_of(root, target.holder));
  return put_behind(order, key, target.before);
}

Json grid_pos(const Rect& rect) {
  return Json::Object{{"h", rect.h}, {"w", rect.w}, {"x", rect.x}, {"y", rect.y}};
}

std::int64_t next_id(const MapView& root, const Panels& panels) {
  std::unordered_set<std::int64_t> ids;
  for (const PanelInfo& panel : panels)
    if (panel.id) ids.insert(*panel.id);
  if (const std::optional<MapView> maps = map_at(root, kPanels))
    for (const auto& [key, map] : map_elements(*maps))
      if (const Json id = name_of(kPanels, key, map); id.as_int()) ids.insert(*id.as_int());
  return next_panel_id(ids);
}

/// The dashboard's own order, as it is shown, from a row to before the next one.
std::vector<std::string> section_of(const Panels& panels, std::string_view row) {
  std::vector<std::string> result;
  for (const PanelInfo& panel : panels)
    if (!panel.is_nested && (panel.key == row || (panel.row == row && !is_row(panel))))
      result.push_back(panel.key);
  return result;
}

}  // namespace

Result<MapEdit> DashboardEdit::panel_map(std::string_view key) const {
  const Result<MapEdit> panels = root_.map(kPanels);
  if (!panels.ok()) return no_panel(key);
  Result<MapEdit> panel = panels->map(key);
  if (!panel.ok()) return no_panel(key);
  return panel;
}

Result<std::string> DashboardEdit::create_panel(std::string_view fresh, const Json& fields,
                                                const PanelPlace& place) {
  if (fields.as_object() == nullptr)
    return Error(ErrorCode::kInvalidArgument, "a panel is a JSON object, this is none");
  const Panels all = panels();
  WEFT_ASSIGN(const Target target, find_target(root_, all, {}, place));
  Json::Object object = *fields.as_object();
  std::erase_if(object,
                [](const auto& member) { return member.first == "id" || member.first == kPanels; });
  const Json* type = fields.find("type");
  const bool makes_row = type && type->as_string() && *type->as_string() == "row";
  if (makes_row && !place.row.empty())
    return Error(ErrorCode::kInvalidArgument, "a row stands in no other row");
  object.emplace_back("id", next_id(root_, all));
  if (fields.find("gridPos") == nullptr)
    object.emplace_back("gridPos", grid_pos(makes_row ? Rect{0, target.bottom, kGridColumns, 1}
                                                      : Rect{0, target.bottom, 12, 8}));
  MapEdit maps = root_.ensure_map(kPanels);
  WEFT_TRY(root_.map(kPanels));
  WEFT_ASSIGN(std::string key, fresh_key(maps, fresh));
  const MapEdit panel = maps.ensure_map(key);
  WEFT_TRY(maps.map(key));
  WEFT_TRY(write_element(root_, panel, Place::kPanel, kPanels, key, Json(std::move(object))));
  WEFT_TRY(put(root_, all, key, target));
  return key;
}

Result<std::string> DashboardEdit::duplicate_panel(std::string_view panel, std::string_view fresh) {
  WEFT_ASSIGN(const MapEdit from, panel_map(panel));
  const Panels all = panels();
  const PanelInfo* info = find(all, panel);
  if (info == nullptr) return no_panel(panel);
  WEFT_ASSIGN(MapEdit maps, root_.map(kPanels));
  WEFT_ASSIGN(std::string key, fresh_key(maps, fresh));
  MapEdit copy = maps.ensure_map(key);
  WEFT_TRY(maps.map(key));
  WEFT_TRY(copy_map(copy, from, {"id", kPanels}));
  WEFT_TRY(copy.set("id", next_id(root_, all)));
  WEFT_TRY(put(root_, all, key, {holder_of(*info), std::string(panel)}));
  if (info->rect) {
    Rect rect = *info->rect;
    if (rect.x + 2 * rect.w <= kGridColumns) {
      rect.x += rect.w;
    } else {
      rect.y += rect.h;
    }
    WEFT_TRY(set_rect(key, rect));
  }
  return key;
}

Status DashboardEdit::rename_panel(std::string_view panel, std::string_view title) {
  WEFT_ASSIGN(const MapEdit map, panel_map(panel));
  return write_member(root_, map, Place::kPanel, "title", title);
}

Status DashboardEdit::set_field(std::string_view panel, std::string_view path, const Json& value) {
  WEFT_ASSIGN(const MapEdit map, panel_map(panel));
  return set_field_below(root_, {map, Place::kPanel, std::string(kPanels), std::string(panel)},
                         path, value);
}

Status DashboardEdit::erase_field(std::string_view panel, std::string_view path) {
  WEFT_ASSIGN(const MapEdit map, panel_map(panel));
  return erase_field_below({map, Place::kPanel, std::string(kPanels), std::string(panel)}, path);
}

Status DashboardEdit::set_rect(std::string_view panel, const Rect& rect) {
  WEFT_ASSIGN(const MapEdit map, panel_map(panel));
  Json::Object members = *grid_pos(rect).as_object();
  if (const std::optional<Value> held = map.get("gridPos")) {
    const Json json = held->json();
    if (const Json::Object* object = json.as_object())
      for (const auto& member : *object)
        if (Json(members).find(member.first) == nullptr) members.push_back(member);
  }
  return write_member(root_, map, Place::kPanel, "gridPos", Json(std::move(members)));
}

Status DashboardEdit::delete_panel(std::string_view panel, RowPanels with) {
  const Panels all = panels();
  const bool is_old = panel.starts_with(kOldRowPrefix);
  const PanelInfo* info = find(all, panel);
  if (!is_old && info == nullptr) return no_panel(panel);
  if (is_old) WEFT_TRY(find_target(root_, all, {}, {std::string(panel), std::nullopt}));
  if (is_old || is_row(*info)) {
    std::string before = is_old ? std::string() : std::string(panel);
    std::int64_t top = std::int64_t{1} << 53;
    for (const PanelInfo& each : all)
      if (each.row == panel && each.is_nested && each.rect) top = std::min(top, each.rect->y);
    for (const PanelInfo& each : all) {
      if (each.row != panel) continue;
      if (with == RowPanels::kDelete) {
        WEFT_TRY(delete_panel(each.key));
        continue;
      }
      if (!each.is_nested) continue;
      WEFT_TRY(put(root_, all, each.key, {is_old ? std::string() : holder_of(*info), before}));
      before = each.key;
      if (is_old || !each.rect || !info->rect || top == info->rect->y) continue;
      Rect rect = *each.rect;
      rect.y += info->rect->y - top;
      WEFT_TRY(set_rect(each.key, rect));
    }
  }
  if (is_old) {
    WEFT_ASSIGN(MapEdit rows, root_.map("rows"));
    const std::string_view key = panel.substr(kOldRowPrefix.size());
    WEFT_TRY(rows.erase(key));
    WEFT_ASSIGN(const ListEdit order, rows.list(kOrder));
    return take_out(order, key);
  }
  WEFT_TRY(take_out_of_orders(root_, all, panel, std::nullopt));
  WEFT_ASSIGN(MapEdit maps, root_.map(kPanels));
  return maps.erase(panel);
}

Status DashboardEdit::move_panel(std::string_view panel, const PanelPlace& place) {
  const Panels all = panels();
  const PanelInfo* info = find(all, panel);
  if (info == nullptr) return no_panel(panel);
  if (is_row(*info)) return Error(ErrorCode::kInvalidArgument, "a row is moved by move_row");
  WEFT_ASSIGN(const Target target, find_target(root_, all, panel, place));
  WEFT_TRY(put(root_, all, panel, target));
  if (info->row == place.row || !info->rect) return {};
  Rect rect = *info->rect;
  rect.y = target.bottom;
  return set_rect(panel, rect);
}

Status DashboardEdit::move_row(std::string_view row, std::size_t index) {
  const Panels all = panels();
  std::vector<std::string> others;
  bool is_found = false;
  for (const RowInfo& each : rows()) {
    if (each.key == row) {
      is_found = true;
    } else {
      others.push_back(each.key);
    }
  }
  if (!is_found) return no_panel(row);
  if (index > others.size())
    return Error(ErrorCode::kOutOfRange,
                 "row " + std::to_string(index) + " of " + std::to_string(others.size() + 1));
  if (row.starts_with(kOldRowPrefix)) {
    WEFT_ASSIGN(const MapEdit rows, root_.map("rows"));
    WEFT_ASSIGN(const ListEdit order, rows.list(kOrder));
    const std::string before = index == 0 ? std::string() : others[index - 1];
    return put_behind(order, row.substr(kOldRowPrefix.size()),
                      std::string_view(before).substr(before.empty() ? 0 : kOldRowPrefix.size()));
  }
  const std::vector<std::string> above =
      section_of(all, index == 0 ? std::string_view() : std::string_view(others[index - 1]));
  std::string before = above.empty() ? std::string() : above.back();
  WEFT_ASSIGN(const ListEdit order, order_of(root_, {}));
  for (const std::string& key : section_of(all, row)) {
    WEFT_TRY(put_behind(order, key, before));
    before = key;
  }
  return settle_rows(row);
}

Status DashboardEdit::settle_rows(std::string_view moved) {
  const Panels all = panels();
  const PanelInfo* row = find(all, moved);
  const PanelInfo* below = nullptr;  // the row that it stands before now
  bool is_behind = false;
  for (const PanelInfo& each : all) {
    if (is_behind && is_row(each) && !each.is_nested && below == nullptr) below = &each;
    is_behind = is_behind || &each == row;
  }
  if (row == nullptr || !row->rect) return {};
  std::map<std::string, Rect> shifted;
  if (below != nullptr && below->rect && below->rect->y < row->rect->y) {
    for (const std::string& key : section_of(all, moved)) {
      const PanelInfo* each = find(all, key);
      if (!each->rect) continue;
      Rect rect = clamped(*each->rect);
      rect.y -= row->rect->y - below->rect->y;
      shifted.emplace(key, rect);
    }
  }
  for (const GridItem& item : normalised_rects(root_, shifted)) {
    const PanelInfo* each = find(all, item.id);
    if (each->rect && !each->is_nested) WEFT_TRY(set_rect(item.id, item.rect));
  }
  return {};
}

}  // namespace weft::dashboard
