#include "crdt/dashboard/view_state.h"

#include <algorithm>
#include <iterator>
#include <string_view>
#include <utility>

namespace weft::dashboard {
namespace {

using Array = Json::Array;
using Object = Json::Object;

Json* find(Json& json, std::string_view key) {
  if (Object* object = json.as_object())
    for (auto& member : *object)
      if (member.first == key) return &member.second;
  return nullptr;
}

/// Keeps members by key, where they were so.
void set(Json& json, std::string_view key, Json value) {
  if (Json* held = find(json, key)) {
    *held = std::move(value);
    return;
  }
  Object& object = *json.as_object();
  const auto at = std::find_if(object.begin(), object.end(),
                               [&](const auto& member) { return member.first > key; });
  object.emplace(at, std::string(key), std::move(value));
}

bool is_row(const Json& panel) {
  const Json* type = panel.find("type");
  return type && type->as_string() && *type->as_string() == "row";
}

bool is_collapsed(const Json& row) {
  const Json* collapsed = row.find("collapsed");
  return collapsed && collapsed->as_bool() && *collapsed->as_bool();
}

Rect rect_in(const Json& panel) {
  const Json* grid = panel.find("gridPos");
  return (grid ? rect_of(*grid) : std::nullopt).value_or(Rect{});
}

void move_down(Json& panel, std::int64_t by) {
  Json* grid = find(panel, "gridPos");
  if (by == 0 || grid == nullptr || grid->as_object() == nullptr) return;
  set(*grid, "y", clamped(rect_in(panel)).y + by);
}

void collapse(Array& panels, std::size_t row) {
  const auto begin = panels.begin() + static_cast<std::ptrdiff_t>(row) + 1;
  const auto end = std::find_if(begin, panels.end(), is_row);
  Array inside;
  if (const Json* held = panels[row].find("panels"); held && held->as_array())
    inside = *held->as_array();
  inside.insert(inside.end(), std::make_move_iterator(begin), std::make_move_iterator(end));
  panels.erase(begin, end);
  set(panels[row], "panels", std::move(inside));
}

void expand(Array& panels, std::size_t row) {
  Array inside;
  if (Json* held = find(panels[row], "panels"); held && held->as_array())
    inside = std::exchange(*held->as_array(), {});
  if (inside.empty()) return;
  const std::int64_t below = clamped(rect_in(panels[row])).y + 1;
  std::int64_t top = clamped(rect_in(inside.front())).y;
  for (const Json& panel : inside) top = std::min(top, clamped(rect_in(panel)).y);
  std::int64_t bottom = below;
  for (Json& panel : inside) {
    move_down(panel, below - top);
    const Rect rect = clamped(rect_in(panel));
    bottom = std::max(bottom, rect.y + rect.h);
  }
  for (std::size_t i = row + 1; i < panels.size(); ++i) move_down(panels[i], bottom - below);
  panels.insert(panels.begin() + static_cast<std::ptrdiff_t>(row) + 1,
                std::make_move_iterator(inside.begin()), std::make_move_iterator(inside.end()));
}

void apply_rows(Array& panels, const ViewState& state) {
  for (std::size_t i = 0; i < panels.size(); ++i) {  // grows and shrinks behind i
    if (!is_row(panels[i])) continue;
    const Json* id = panels[i].find("id");
    const std::int64_t* number = id ? id->as_int() : nullptr;
    const auto chosen =
        number ? state.is_row_collapsed.find(*number) : state.is_row_collapsed.end();
    if (chosen == state.is_row_collapsed.end() || chosen->second == is_collapsed(panels[i]))
      continue;
    if (chosen->second) {
      collapse(panels, i);
    } else {
      expand(panels, i);
    }
    set(panels[i], "collapsed", chosen->second);
  }
}

}  // namespace

Json apply_view_state(Json dashboard, const ViewState& state) {
  if (dashboard.as_object() == nullptr) return dashboard;
  if (state.time)
    set(dashboard, "time", Object{{"from", state.time->from}, {"to", state.time->to}});
  if (state.refresh) set(dashboard, "refresh", *state.refresh);
  Json* templating = find(dashboard, "templating");
  Json* variables = templating ? find(*templating, "list") : nullptr;
  if (variables && variables->as_array()) {
    for (Json& variable : *variables->as_array()) {
      const Json* name = variable.find("name");
      if (name == nullptr || name->as_string() == nullptr) continue;
      const auto chosen = state.current.find(*name->as_string());
      if (chosen != state.current.end()) set(variable, "current", chosen->second);
    }
  }
  Json* panels = find(dashboard, "panels");
  if (panels && panels->as_array()) apply_rows(*panels->as_array(), state);
  return dashboard;
}

}  // namespace weft::dashboard
