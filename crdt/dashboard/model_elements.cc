// Targets of a panel; variables, annotations and links of the dashboard.

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "crdt/dashboard/keyed_array.h"
#include "crdt/dashboard/model.h"
#include "crdt/dashboard/model_fields.h"

namespace weft::dashboard {
namespace {

Error no_element(std::string_view key) {
  return Error(ErrorCode::kNotFound, "no element has the key '" + std::string(key) + "'");
}

/// The array under `key`, made where there is none.
Result<MapEdit> ensure_array(MapEdit parent, std::string_view key) {
  MapEdit array = parent.ensure_map(key);
  WEFT_TRY(parent.map(key));
  array.ensure_list(kOrder);
  WEFT_TRY(array.list(kOrder));
  return array;
}

Result<MapEdit> ensure_part(MapEdit root, Part part) {
  if (part == Part::kLinks) return ensure_array(root, "links");
  const std::string_view key = part == Part::kVariables ? "templating" : "annotations";
  const MapEdit holder = root.ensure_map(key);
  WEFT_TRY(root.map(key));
  return ensure_array(holder, "list");
}

/// @errors kNotFound: it has no such element
Result<MapEdit> held_part(MapEdit root, Part part, std::string_view key) {
  const std::optional<MapView> held = part_of(root, part);
  if (!held || key == kOrder || !held->contains(key)) return no_element(key);
  return ensure_part(root, part);
}

Result<MapEdit> held_targets(const MapEdit& panel, std::string_view target) {
  Result<MapEdit> targets = panel.map("targets");
  if (!targets.ok() || target == kOrder || !targets->contains(target)) return no_element(target);
  return targets;
}

Status add_element(MapEdit root, MapEdit array, std::string_view name, const std::string& key,
                   const Json& fields) {
  const MapEdit element = array.ensure_map(key);
  WEFT_TRY(array.map(key));
  WEFT_TRY(write_element(root, element, Place::kElsewhere, name, key, fields));
  WEFT_ASSIGN(const ListEdit order, array.list(kOrder));
  WEFT_ASSIGN(const std::size_t end, order.size());
  return put_at(order, key, end);
}

Status remove_element(MapEdit array, std::string_view key) {
  WEFT_TRY(array.erase(key));
  if (!is_array(array)) return {};
  WEFT_ASSIGN(const ListEdit order, array.list(kOrder));
  return take_out(order, key);
}

Status move_element(MapEdit array, std::string_view key, std::size_t index) {
  std::vector<std::string> others;
  for (const ArrayElement& each : shown_elements(array))
    if (each.key != key) others.push_back(each.key);
  if (index > others.size())
    return Error(ErrorCode::kOutOfRange,
                 "place " + std::to_string(index) + " of " + std::to_string(others.size() + 1));
  WEFT_ASSIGN(const ListEdit order, array.list(kOrder));
  return put_behind(order, key, index == 0 ? std::string_view() : others[index - 1]);
}

Status require_object(const Json& fields) {
  if (fields.as_object() != nullptr) return {};
  return Error(ErrorCode::kInvalidArgument, "an element is a JSON object, this is none");
}

}  // namespace

// --- targets ---

Result<std::string> DashboardEdit::add_target(std::string_view panel, std::string_view fresh,
                                              const Json& fields) {
  WEFT_TRY(require_object(fields));
  WEFT_ASSIGN(const MapEdit map, panel_map(panel));
  std::unordered_set<std::string> taken;
  for (TargetInfo& target : targets(panel)) taken.insert(std::move(target.ref_id));
  WEFT_ASSIGN(MapEdit array, ensure_array(map, "targets"));
  for (const auto& [key, target] : map_elements(array))
    if (const Json own = name_of("targets", key, target); own.as_string())
      taken.insert(*own.as_string());
  WEFT_ASSIGN(std::string key, fresh_key(array, fresh));
  Json::Object object = *fields.as_object();
  std::erase_if(object, [](const auto& member) { return member.first == "refId"; });
  object.emplace_back("refId", next_ref_id(taken));
  WEFT_TRY(add_element(root_, array, "targets", key, Json(std::move(object))));
  return key;
}

Status DashboardEdit::remove_target(std::string_view panel, std::string_view target) {
  WEFT_ASSIGN(const MapEdit map, panel_map(panel));
  WEFT_ASSIGN(const MapEdit targets, held_targets(map, target));
  return remove_element(targets, target);
}

Status DashboardEdit::move_target(std::string_view panel, std::string_view target,
                                  std::size_t index) {
  WEFT_ASSIGN(const MapEdit map, panel_map(panel));
  WEFT_ASSIGN(const MapEdit targets, held_targets(map, target));
  return move_element(targets, target, index);
}

Status DashboardEdit::set_expr(std::string_view panel, std::string_view target,
                               std::string_view expr) {
  WEFT_ASSIGN(const MapEdit map, panel_map(panel));
  WEFT_ASSIGN(const MapEdit targets, held_targets(map, target));
  WEFT_ASSIGN(const MapEdit element, targets.map(target));
  return write_member(root_, element, Place::kElsewhere, "expr", expr);
}

// --- variables, annotations, links ---

Result<std::string> DashboardEdit::add(Part part, std::string_view fresh, const Json& fields) {
  WEFT_TRY(require_object(fields));
  WEFT_ASSIGN(const MapEdit array, ensure_part(root_, part));
  WEFT_ASSIGN(std::string key, fresh_key(array, fresh));
  WEFT_TRY(add_element(root_, array, array_of(part), key, fields));
  return key;
}

Status DashboardEdit::remove(Part part, std::string_view key) {
  WEFT_ASSIGN(const MapEdit array, held_part(root_, part, key));
  return remove_element(array, key);
}

Status DashboardEdit::rename(Part part, std::string_view key, std::string_view name) {
  if (part == Part::kLinks)
    return Error(ErrorCode::kInvalidArgument, "a link has no name: set its title");
  return set(part, key, "/name", name);
}

Status DashboardEdit::move(Part part, std::string_view key, std::size_t index) {
  WEFT_ASSIGN(const MapEdit array, held_part(root_, part, key));
  return move_element(array, key, index);
}

Status DashboardEdit::set(Part part, std::string_view key, std::string_view path,
                          const Json& value) {
  WEFT_ASSIGN(const MapEdit array, held_part(root_, part, key));
  WEFT_ASSIGN(const MapEdit element, array.map(key));
  return set_field_below(
      root_, {element, Place::kElsewhere, std::string(array_of(part)), std::string(key)}, path,
      value);
}

}  // namespace weft::dashboard
