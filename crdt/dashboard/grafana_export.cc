#include <algorithm>
#include <unordered_set>
#include <utility>

#include "crdt/dashboard/grafana.h"
#include "crdt/dashboard/keyed_array.h"
#include "crdt/dashboard/spot.h"
#include "crdt/dashboard/unique_names.h"
#include "crdt/document/json_text.h"

namespace weft::dashboard {
namespace {

/// One walk through a document, from its root down, in the order of shape.h (I2).
class Exporter {
 public:
  /// @param names  null: each element says its own
  explicit Exporter(MapView root, const UniqueNames* names = nullptr)
      : panels_(root), names_(names) {
    const std::optional<Value> panels = root.get(kPanels);
    if (!panels || !panels->is_container(ContainerKind::kMap)) return;
    panels_ = root.child_map(*panels);
    has_panels_ = true;
  }

  Json dashboard(const MapView& root) {
    Json::Object object = members(root, Place::kRoot);
    if (!has_panels_) return object;
    Json::Array placeless = unshown_panels();
    auto at = std::find_if(object.begin(), object.end(),
                           [](const auto& member) { return member.first == kPanels; });
    if (at == object.end() && !placeless.empty()) {
      object.emplace_back(std::string(kPanels), Json::Array());
      sort(object);
      at = std::find_if(object.begin(), object.end(),
                        [](const auto& member) { return member.first == kPanels; });
    }
    for (Json& panel : placeless) at->second.as_array()->push_back(std::move(panel));
    return object;
  }

  Json value(const MapView& parent, const Value& value, Place place, std::string_view key) {
    if (!value.is_container()) return value.json();
    switch (value.container_kind()) {
      case ContainerKind::kMap:
        return map(parent.child_map(value), place, key);
      case ContainerKind::kText:
        return parent.child_text(value).str();
      case ContainerKind::kList:
        return list(parent.child_list(value));
      case ContainerKind::kCounter:
        break;
    }
    return parent.child_counter(value).value();
  }

  Json element(std::string_view array, std::string_view key, const MapView& map, Place place) {
    Json::Object object = members(map, place);
    const std::string_view field = natural_field(array);
    if (!field.empty() && is_natural(key) && !map.contains(field)) {
      object.emplace_back(std::string(field), name_of_key(array, key));
      sort(object);
    }
    if (const Json* shown = names_ ? names_->find(map) : nullptr)
      std::find_if(object.begin(), object.end(), [&](const auto& member) {
        return member.first == field;
      })->second = *shown;
    return object;
  }

 private:
  /// @pre  the document is readable: without that nothing is shown of a list
  static Json list(const ListView& list) {
    Result<Json> json = list.json();
    return json.ok() ? *std::move(json) : Json(Json::Array());
  }
  static void sort(Json::Object& object) {
    std::sort(object.begin(), object.end(),
              [](const auto& a, const auto& b) { return a.first < b.first; });
  }

  /// @param place  of the object
  Json::Object members(const MapView& object, Place place) {
    Json::Object result;
    std::optional<Value> panels;
    result.reserve(object.size() + 1);
    object.for_each([&](std::string_view key, const Value& value) {
      if (holds_panels(place) && key == kPanels && value.is_container()) {
        panels = value;  // behind /rows, in whatever order the keys come
        return;
      }
      if (is_reserved(key)) return;
      result.emplace_back(std::string(unescaped(key)), this->value(object, value, place, key));
    });
    if (panels && is_array(object.child_map(*panels)))
      result.emplace_back(std::string(kPanels), shown_panels(object.child_map(*panels)));
    sort(result);
    return result;
  }

  /// @param place  of the object that holds it under `key`
  Json map(const MapView& map, Place place, std::string_view key) {
    const Place below = place_below(place, key);
    if (!is_array(map)) return members(map, below);
    Json::Array result;
    for (const ArrayElement& each : shown_elements(map))
      result.push_back(each.value.is_container(ContainerKind::kMap)
                           ? element(key, each.key, map.child_map(each.value), below)
                           : value(map, each.value, below, each.key));
    return result;
  }

  Json::Array shown_panels(const MapView& holder) {
    Json::Array result;
    for (const std::string& key : shown_order(holder)) show_panel(key, result);
    return result;
  }
  void show_panel(const std::string& key, Json::Array& result) {
    const std::optional<Value> panel = panels_.get(key);
    if (!panel || !panel->is_container(ContainerKind::kMap) || depth_ > kPanelDepthMax ||
        !shown_.insert(key).second)
      return;
    ++depth_;
    result.push_back(element(kPanels, key, panels_.child_map(*panel), Place::kPanel));
    --depth_;
  }
  Json::Array unshown_panels() {
    Json::Array result;
    if (shown_.size() + 1 >= panels_.size()) return result;
    for (const std::string& key : panels_.keys()) show_panel(key, result);
    return result;
  }

  MapView panels_;  ///< all of them
  bool has_panels_ = false;
  std::unordered_set<std::string> shown_;
  std::size_t depth_ = 0;  ///< panels around
  const UniqueNames* names_;
};

}  // namespace

Json member_json(const MapView& root, const MapView& parent, const Value& value, Place place,
                 std::string_view key) {
  return Exporter(root).value(parent, value, place, key);
}

Json element_json(const MapView& root, const MapView& map, const ArrayElement& element, Place place,
                  std::string_view array) {
  Exporter exporter(root);
  if (element.value.is_container(ContainerKind::kMap))
    return exporter.element(array, element.key, map.child_map(element.value), place);
  return exporter.value(map, element.value, place, element.key);
}

Json shown_element_json(const MapView& root, const UniqueNames& names, const MapView& element,
                        std::string_view array, std::string_view key, Place place) {
  return Exporter(root, &names).element(array, key, element, place);
}

Result<Json> to_grafana(const Document& document, const ExportOptions& options) {
  WEFT_TRY(document.check_readable());
  const MapView root = document.root();
  std::optional<UniqueNames> names;
  if (options.repair) names.emplace(root);
  Json dashboard = Exporter(root, names ? &*names : nullptr).dashboard(root);
  if (options.version) {
    Json::Object& members = *dashboard.as_object();
    const auto at = std::lower_bound(
        members.begin(), members.end(), std::string_view("version"),
        [](const auto& member, std::string_view key) { return member.first < key; });
    const Json version(static_cast<std::int64_t>(*options.version));
    if (at != members.end() && at->first == "version") {
      at->second = version;
    } else {
      members.emplace(at, "version", version);
    }
  }
  return dashboard;
}

Result<Json> to_grafana_at(const Document& document, std::string_view path) {
  if (path.empty()) return to_grafana(document);
  WEFT_TRY(document.check_readable());
  WEFT_ASSIGN(const Spot spot, find_spot(document.root(), path));
  const std::optional<Value> value = spot.parent.get(spot.key);
  if (!value)
    return Error(ErrorCode::kNotFound,
                 std::string(path) + ": there is no '" + spot.key + "' in " +
                     (spot.parent_path.empty() ? "the dashboard" : spot.parent_path));
  return spot.shown(document.root(), *value);
}

std::uint64_t derived_version(const Document& document) {
  std::uint64_t sum = 0;
  const VersionVector version = document.version();
  for (const VersionVector::Entry& entry : version.entries()) sum += entry.end;
  return sum;
}

Json without_derived(const Json& dashboard) {
  const Json::Object* object = dashboard.as_object();
  if (object == nullptr) return dashboard;
  Json::Object result;
  for (const auto& member : *object)
    if (!is_derived(Place::kRoot, member.first)) result.push_back(member);
  return result;
}

Result<std::string> to_grafana_text(const Document& document, const ExportOptions& options) {
  WEFT_ASSIGN(const Json dashboard, to_grafana(document, options));
  return print_json(dashboard, {.indent = 2, .sort_keys = false}) + "\n";
}

std::string canonical_text(const Json& dashboard) {
  return print_json(dashboard, {.indent = 2, .sort_keys = true}) + "\n";
}

}  // namespace weft::dashboard
