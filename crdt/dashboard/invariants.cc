#include "crdt/dashboard/invariants.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <tuple>
#include <utility>

#include "crdt/dashboard/keyed_array.h"
#include "crdt/dashboard/model_fields.h"
#include "crdt/dashboard/panel_walk.h"
#include "crdt/document/json_text.h"

namespace weft::dashboard {
namespace {

using Kind = Finding::Kind;

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

std::string_view word_at(std::string_view text, std::size_t begin) {
  std::size_t end = begin;
  while (end < text.size() && is_word(text[end])) ++end;
  return text.substr(begin, end - begin);
}

/// Grafana's own, or a group of a pattern.
bool is_built_in(std::string_view name) {
  return name.empty() || name.starts_with("__") || (name[0] >= '0' && name[0] <= '9') ||
         name == "timeFilter" || name == "interval";
}

/// The variable that a reference at `at` names; empty: none begins there.
std::string_view reference_at(std::string_view text, std::size_t at) {
  const std::string_view rest = text.substr(at);
  if (rest.starts_with("[[")) {
    const std::string_view name = word_at(rest, 2);
    const std::string_view behind = rest.substr(2 + name.size());
    return behind.starts_with("]]") || behind.starts_with(":") ? name : std::string_view();
  }
  if (rest.starts_with("${")) {
    const std::string_view name = word_at(rest, 2);
    const std::string_view behind = rest.substr(2 + name.size());
    const bool is_closed = !behind.empty() && (behind[0] == '}' || behind[0] == ':' ||
                                               behind[0] == '.' || behind[0] == '[');
    return is_closed ? name : std::string_view();
  }
  return rest.starts_with("$") ? word_at(rest, 1) : std::string_view();
}

std::string text_of(const Json& name) {
  return name.as_string() ? *name.as_string() : print_json(name);
}

class Check {
 public:
  explicit Check(const MapView& root) : root_(root), names_(root) {}

  std::vector<Finding> run() {
    add_clashes();
    check_places();
    learn_variables();
    check_references();
    std::sort(found_.begin(), found_.end(), [](const Finding& a, const Finding& b) {
      return std::tie(a.path, a.kind, a.name, a.other) < std::tie(b.path, b.kind, b.name, b.other);
    });
    found_.erase(std::unique(found_.begin(), found_.end()), found_.end());
    return std::move(found_);
  }

 private:
  void add(Kind kind, std::string path, std::string_view name, std::string_view other = {}) {
    found_.push_back({kind, std::move(path), std::string(name), std::string(other)});
  }

  void add_clashes() {
    constexpr std::array<Kind, 4> kKinds = {Kind::kPanelId, Kind::kRefId, Kind::kVariableName,
                                            Kind::kAnnotationName};
    for (const NameClash& clash : names_.clashes()) {
      const bool is_imported = clash.shown == clash.name;
      add(is_imported ? Kind::kImportedDuplicate : kKinds[static_cast<std::size_t>(clash.of)],
          clash.path, text_of(clash.name), text_of(clash.shown));
    }
  }

  // --- places ---

  void check_places() {
    const std::optional<MapView> panels = map_at(root_, kPanels);
    if (!panels) return;
    check_order(*panels, *panels);
    for (const ShownPanel& panel : shown_panels(root_)) {
      if (!panel.has_place) add(Kind::kPanelWithoutPlace, panel.map.path().value_or(""), panel.key);
      if (const std::optional<MapView> list = map_at(panel.map, kPanels))
        check_order(*panels, *list);
    }
    if (const std::optional<MapView> rows = map_at(root_, "rows"))
      for (const auto& [key, row] : map_elements(*rows))
        if (const std::optional<MapView> list = map_at(row, kPanels)) check_order(*panels, *list);
    for (const auto& [key, orders] : places_)
      for (std::size_t i = 1; i < orders.size(); ++i)
        add(Kind::kPanelInTwoPlaces, orders[0], key, orders[i]);
  }

  void check_order(const MapView& panels, const MapView& list) {
    const Result<ListView> order = list.list(kOrder);
    if (!order.ok()) return;
    const std::string path = order->path().value_or("");
    for (const std::string& key : shown_order(list)) {
      if (key != kOrder && map_at(panels, key)) {
        places_[key].push_back(path);
      } else {
        add(Kind::kPlaceWithoutPanel, path, key);
      }
    }
  }

  // --- references ---

  void learn_variables() {
    if (const std::optional<MapView> variables = part_of(root_, Part::kVariables))
      learn(*variables, "list");
    if (const std::optional<MapView> inputs = map_at(root_, "__inputs")) learn(*inputs, "__inputs");
  }
  void learn(const MapView& array, std::string_view name) {
    for (const auto& [key, element] : map_elements(array)) {
      known_.insert(text_of(name_of(name, key, element)));
      if (const Json* shown = names_.find(element)) known_.insert(text_of(*shown));
    }
  }

  void check_references() {
    for (const ShownPanel& panel : shown_panels(root_)) {
      const std::string path = panel.map.path().value_or("");
      check_text(Kind::kUnknownVariable, path + "/title", text_at(panel.map, "title"));
      const std::string repeat = text_at(panel.map, "repeat");
      if (!repeat.empty() && !known_.contains(repeat))
        add(Kind::kUnknownVariable, path + "/repeat", repeat);
      check_datasource(path, panel.map, Place::kPanel);
      if (const std::optional<MapView> targets = map_at(panel.map, "targets"))
        check_elements(*targets, "targets");
    }
    for (Part part : {Part::kVariables, Part::kAnnotations})
      if (const std::optional<MapView> list = part_of(root_, part)) check_elements(*list, "list");
  }

  /// Queries lie in other fields with every data source: all texts of an element are looked at, but for
  /// patterns and what was chosen or found last.
  void check_elements(const MapView& array, std::string_view name) {
    if (!is_array(array)) return;
    for (const auto& [key, element] : map_elements(array)) {
      const std::string path = element.path().value_or("");
      const Json json = shown_element_json(root_, names_, element, name, key, Place::kElsewhere);
      check_datasource(path, element, Place::kElsewhere);
      for (const auto& [field, value] : *json.as_object())
        if (field != "datasource" && field != "regex" && field != "current" && field != "options")
          check_texts(Kind::kUnknownVariable, path + "/" + path_token(field), value);
    }
  }
  void check_datasource(const std::string& path, const MapView& map, Place place) {
    if (const std::optional<Value> value = map.get("datasource"))
      check_texts(Kind::kUnknownDatasource, path + "/datasource",
                  member_json(root_, map, *value, place, "datasource"));
  }
  void check_texts(Kind kind, const std::string& path, const Json& json) {
    if (const std::string* text = json.as_string()) check_text(kind, path, *text);
    if (const Json::Array* array = json.as_array())
      for (const Json& each : *array) check_texts(kind, path, each);
    if (const Json::Object* object = json.as_object())
      for (const auto& member : *object) check_texts(kind, path, member.second);
  }
  void check_text(Kind kind, const std::string& path, std::string_view text) {
    for (const std::string& name : variables_in(text))
      if (!known_.contains(name)) add(kind, path, name);
  }

  MapView root_;
  UniqueNames names_;
  std::set<std::string> known_;                             ///< variables
  std::map<std::string, std::vector<std::string>> places_;  ///< of each panel: the orders
  std::vector<Finding> found_;
};

}  // namespace

std::vector<std::string> variables_in(std::string_view text) {
  std::vector<std::string> result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '$' && text[i] != '[') continue;
    const std::string_view name = reference_at(text, i);
    if (is_built_in(name) || std::find(result.begin(), result.end(), name) != result.end())
      continue;
    result.emplace_back(name);
  }
  return result;
}

std::vector<Finding> check_dashboard(const Document& document) {
  return Check(document.root()).run();
}

std::string describe(const Finding& finding) {
  const auto line = [&](std::string_view what) {
    std::string text = finding.path;
    text += ": ";
    return text += what;
  };
  switch (finding.kind) {
    case Kind::kPanelId:
      return line("another panel has the id " + finding.name + ", shown as " + finding.other);
    case Kind::kRefId:
      return line("another target has the refId " + finding.name + ", shown as " + finding.other);
    case Kind::kVariableName:
      return line("another variable is named " + finding.name + ", shown as " + finding.other);
    case Kind::kAnnotationName:
      return line("another annotation is named " + finding.name + ", shown as " + finding.other);
    case Kind::kImportedDuplicate:
      return line("was imported as a second " + finding.name);
    case Kind::kUnknownVariable:
      return line("there is no variable " + finding.name);
    case Kind::kUnknownDatasource:
      return line("there is no variable " + finding.name + " for the data source");
    case Kind::kPlaceWithoutPanel:
      return line("has a place for panel " + finding.name + ", which is gone");
    case Kind::kPanelWithoutPlace:
      return line("stands in no order, shown last");
    case Kind::kPanelInTwoPlaces:
      break;
  }
  return line("panel " + finding.name + " stands here and in " + finding.other);
}

}  // namespace weft::dashboard
