// The keyed diff. Panels are matched first, all of them, wherever they are shown: then one that was moved into
// a row is known to be the same. After that the document and the JSON are walked side by side.

#include <algorithm>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "crdt/dashboard/grafana.h"
#include "crdt/dashboard/keyed_array.h"
#include "crdt/dashboard/panel_walk.h"
#include "crdt/document/json_text.h"

namespace weft::dashboard {
namespace {

using Array = Json::Array;
using Object = Json::Object;

bool is_kind(const std::optional<Value>& value, ContainerKind kind) {
  return value && value->is_container(kind);
}

/// An array that is held by keys: of objects, or the dashboard's tags.
bool is_keyed(const Array& array, Place place, std::string_view key) {
  if (array.empty()) return false;
  const bool tags = is_tag_set(place, key);
  return std::all_of(array.begin(), array.end(), [&](const Json& each) {
    return tags ? each.as_string() != nullptr : each.as_object() != nullptr;
  });
}

std::string line_of(const Json& json) { return print_json(json, {.indent = 0, .sort_keys = true}); }

/// The element's name in the array of that key; null: it has none, or something that can't be one.
const Json* name_in(std::string_view array, const Json& element) {
  const std::string_view field = natural_field(array);
  const Json* name = field.empty() ? nullptr : element.find(field);
  const bool is_none = name == nullptr || name->is_null() || name->as_object() || name->as_array();
  return is_none ? nullptr : name;
}

/// Does the register hold this already?
bool holds(const Value& value, const Json& wanted) {
  switch (value.type()) {
    case Value::Type::kNull:
      return wanted.is_null();
    case Value::Type::kBool:
      return wanted.as_bool() && *wanted.as_bool() == value.as_bool();
    case Value::Type::kInt:
      return wanted.as_int() && *wanted.as_int() == value.as_int();
    case Value::Type::kString:
      return wanted.as_string() && *wanted.as_string() == value.as_string();
    case Value::Type::kDouble:
      return wanted.as_double() && Value(*wanted.as_double()) == value;
    case Value::Type::kRecord:
      return (wanted.as_array() || wanted.as_object()) && Value::from_json(wanted) == value;
    case Value::Type::kNumberText:
      return wanted.as_number_text() && Value::from_json(wanted) == value;
    case Value::Type::kBytes:
      return wanted.as_bytes() && Value::from_json(wanted) == value;
    case Value::Type::kContainer:
      break;
  }
  return false;
}

/// Finds elements by what names them: the n-th of one name is the n-th of that name.
class Occurrences {
 public:
  void add(std::string name, std::size_t index) { indices_[std::move(name)].push_back(index); }
  /// The next one of that name that was not taken.
  std::optional<std::size_t> take(const std::string& name) {
    const auto at = indices_.find(name);
    if (at == indices_.end() || at->second.empty()) return std::nullopt;
    const std::size_t index = at->second.front();
    at->second.erase(at->second.begin());
    return index;
  }

 private:
  std::unordered_map<std::string, std::vector<std::size_t>> indices_;
};

/// What an element is found by, as lines of JSON.
struct NamedElement {
  std::string own;
  std::string shown;  ///< another one where a clash is repaired (unique_names.h)
};
/// Of each wanted element the index of the held one; none is taken twice.
using Matches = std::vector<std::optional<std::size_t>>;

/// By the names as they are shown, so that a repaired export finds its own; then by those that the elements
/// have. A name that the file repeats as often as elements have it goes by these at once: it was exported
/// without repair.
Matches match_names(const std::vector<NamedElement>& held, const std::vector<std::string>& wanted) {
  std::unordered_map<std::string_view, std::size_t> held_count, wanted_count;
  Occurrences by_own, by_shown;
  for (std::size_t i = 0; i < held.size(); ++i) {
    ++held_count[held[i].own];
    by_own.add(held[i].own, i);
    by_shown.add(held[i].shown, i);
  }
  for (const std::string& name : wanted) ++wanted_count[name];
  Matches result(wanted.size());
  std::vector<bool> is_taken(held.size());
  const auto match = [&](std::size_t i, Occurrences& names) {
    while (!result[i]) {
      const auto found = names.take(wanted[i]);
      if (!found) return;
      if (is_taken[*found]) continue;
      is_taken[*found] = true;
      result[i] = found;
    }
  };
  for (std::size_t i = 0; i < wanted.size(); ++i)
    if (wanted_count[wanted[i]] == held_count[wanted[i]]) match(i, by_own);
  for (std::size_t i = 0; i < wanted.size(); ++i) match(i, by_shown);
  for (std::size_t i = 0; i < wanted.size(); ++i) match(i, by_own);
  return result;
}

class Importer {
 public:
  enum class Scope : std::uint8_t {
    kWhole,
    kPart,  ///< an object that doesn't speak of its panels keeps them
  };
  Importer(MapEdit root, Scope scope) : root_(root), panels_(root), scope_(scope) {}

  Status run(const Json& dashboard) {
    const Object* object = dashboard.as_object();
    if (object == nullptr)
      return Error(ErrorCode::kInvalidArgument, "a dashboard is a JSON object, this is none");
    collect_panels(*object, Place::kRoot);
    if (!wanted_.empty() || root_.map(kPanels).ok()) {
      panels_ = root_.ensure_map(kPanels);
      WEFT_TRY(root_.map(kPanels));
      WEFT_TRY(match_panels());
    }
    WEFT_TRY(write_object(root_, *object, Place::kRoot));
    for (const WantedPanel& wanted : wanted_) {
      MapEdit panel = panels_.ensure_map(wanted.key);
      WEFT_TRY(panels_.map(wanted.key));
      WEFT_TRY(write_element(panel, kPanels, wanted.key, *wanted.json->as_object(), Place::kPanel));
    }
    return {};
  }

 private:
  struct WantedPanel {
    const Json* json;
    std::string key;
  };

  // --- panels ---

  static bool is_panel_list(const Json& json) {
    const Array* array = json.as_array();
    return array != nullptr && std::all_of(array->begin(), array->end(), [](const Json& each) {
             return each.as_object() != nullptr;
           });
  }

  /// In the order in which a walk through the document finds them (shape.h, I2), whatever that of members is.
  void collect_panels(const Object& holder, Place place) {
    const Json* rows = place == Place::kRoot ? find(holder, "rows") : nullptr;
    if (rows != nullptr && rows->as_array())
      for (const Json& row : *rows->as_array())
        if (row.as_object()) collect_panels(*row.as_object(), Place::kOldRow);
    const Json* panels = find(holder, kPanels);
    if (panels == nullptr || !is_panel_list(*panels)) return;
    for (const Json& panel : *panels->as_array()) {
      wanted_.push_back({&panel, {}});
      collect_panels(*panel.as_object(), Place::kPanel);
    }
  }

  Status match_panels() {
    const std::vector<ShownPanel> held = shown_panels(root_);
    std::vector<NamedElement> names;
    names.reserve(held.size());
    for (const ShownPanel& panel : held) names.push_back(names_of(kPanels, panel.key, panel.map));
    std::vector<std::string> wanted_names;
    wanted_names.reserve(wanted_.size());
    for (const WantedPanel& wanted : wanted_) {
      const Json* id = name_in(kPanels, *wanted.json);
      wanted_names.push_back(line_of(id == nullptr ? Json() : *id));
    }
    const Matches match = match_names(names, wanted_names);
    std::vector<bool> is_taken(held.size());
    std::unordered_set<std::string> used;
    for (const ShownPanel& panel : held) used.insert(panel.key);
    for (std::size_t i = 0; i < wanted_.size(); ++i) {
      WantedPanel& wanted = wanted_[i];
      if (match[i]) {
        is_taken[*match[i]] = true;
        wanted.key = held[*match[i]].key;
      } else {
        wanted.key = new_key(kPanels, *wanted.json, Place::kPanel, used);
      }
      key_of_.emplace(wanted.json, wanted.key);
    }
    for (std::size_t i = 0; i < held.size(); ++i)
      if (!is_taken[i]) WEFT_TRY(panels_.erase(held[i].key));
    return {};
  }

  /// Only their order: their content lies in /panels.
  Status write_panel_list(MapEdit holder, const Array& wanted) {
    MapEdit list = holder.ensure_map(kPanels);
    WEFT_TRY(holder.map(kPanels));
    std::vector<std::string> keys;
    keys.reserve(wanted.size());
    for (const Json& panel : wanted) {
      const auto key = key_of_.find(&panel);
      if (key == key_of_.end())  // only run() has matched them
        return Error(ErrorCode::kInvalidArgument,
                     "panels are written one by one, or all of them by an import");
      keys.push_back(key->second);
    }
    return write_keys(list, keys);
  }

  // --- arrays ---

  /// A key that the element gets on whichever device it is imported first. @param used  grows
  static std::string new_key(std::string_view array, const Json& element, Place place,
                             std::unordered_set<std::string>& used) {
    std::string key;
    if (const Json* name = name_in(array, element)) key = natural_key(array, *name).value_or("");
    if (const std::string* tag = element.as_string()) key = natural_key(array, *tag).value_or("");
    if (key.empty() || used.contains(key)) key = content_key(match_text(array, element, place));
    std::string result = key;
    for (int n = 2; !used.insert(result).second; ++n) result = key + "." + std::to_string(n);
    return result;
  }

  /// What an element is found again by when it has changed, as far as it can be.
  static std::string match_text(std::string_view array, const Json& element, Place place) {
    if (const Json* name = name_in(array, element)) return line_of(*name);
    const std::string_view field = matched_field(array);
    if (const Json* match = field.empty() ? nullptr : element.find(field)) return line_of(*match);
    if (place != Place::kOldRow || !element.as_object()) return line_of(element);
    Object row = *element.as_object();  // its panels are found by themselves
    std::erase_if(row, [](const auto& member) { return member.first == kPanels; });
    return line_of(row);
  }
  /// As they were when they were first needed, before any was written.
  const UniqueNames& names() const {
    if (!names_) names_.emplace(root_);
    return *names_;
  }
  NamedElement names_of(std::string_view array, std::string_view key, const MapView& map) const {
    NamedElement result{line_of(name_of(array, key, map)), {}};
    const Json* shown = names().find(map);
    result.shown = shown == nullptr ? result.own : line_of(*shown);
    return result;
  }
  NamedElement match_text(std::string_view array, const MapView& map, const ArrayElement& element,
                          Place place) const {
    if (!natural_field(array).empty() && is_kind(element.value, ContainerKind::kMap)) {
      const MapView held = map.child_map(element.value);
      if (!name_of(array, element.key, held).is_null()) return names_of(array, element.key, held);
    }
    std::string text = match_text(array, element_json(root_, map, element, place, array), place);
    return {text, text};
  }

  Status write_array(MapEdit map, std::string_view array, const Array& wanted, Place place) {
    const std::vector<ArrayElement> held = shown_elements(map);
    Matches match(wanted.size());
    if (!match_in_place(map, array, held, wanted, place, match))
      match_elements(map, array, held, wanted, place, match);

    std::vector<bool> is_taken(held.size());
    std::unordered_set<std::string> used;
    for (const auto& each : match)
      if (each) is_taken[*each] = true;
    for (std::size_t i = 0; i < held.size(); ++i) {
      if (is_taken[i]) {
        used.insert(held[i].key);
      } else {
        WEFT_TRY(map.erase(held[i].key));
      }
    }
    std::vector<std::string> keys;
    keys.reserve(wanted.size());
    for (std::size_t i = 0; i < wanted.size(); ++i)
      keys.push_back(match[i] ? held[*match[i]].key : new_key(array, wanted[i], place, used));
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      if (const Object* object = wanted[i].as_object()) {
        MapEdit element = map.ensure_map(keys[i]);
        WEFT_TRY(map.map(keys[i]));
        WEFT_TRY(write_element(element, array, keys[i], *object, place));
      } else if (!match[i]) {
        WEFT_TRY(map.set(keys[i], Value::from_json(wanted[i])));
      }
    }
    return write_keys(map, keys);
  }

  /// The usual case: as many elements of the same names, or of the same content, at the same places.
  bool match_in_place(const MapView& map, std::string_view array,
                      const std::vector<ArrayElement>& held, const Array& wanted, Place place,
                      Matches& match) const {
    if (held.size() != wanted.size()) return false;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      const Json* name = name_in(array, wanted[i]);
      bool is_same;
      if (name != nullptr && is_kind(held[i].value, ContainerKind::kMap)) {
        const MapView element = map.child_map(held[i].value);
        const Json* shown = names().find(element);
        is_same = name_of(array, held[i].key, element) == *name || (shown && *shown == *name);
      } else {
        is_same = match_text(array, map, held[i], place).own == match_text(array, wanted[i], place);
      }
      if (!is_same) return false;
      match[i] = i;
    }
    return true;
  }

  void match_elements(const MapView& map, std::string_view array,
                      const std::vector<ArrayElement>& held, const Array& wanted, Place place,
                      Matches& match) const {
    std::vector<NamedElement> held_names;
    for (const ArrayElement& element : held)
      held_names.push_back(match_text(array, map, element, place));
    std::vector<std::string> wanted_names;
    for (const Json& element : wanted) wanted_names.push_back(match_text(array, element, place));
    match = match_names(held_names, wanted_names);
    std::vector<bool> is_taken(held.size());
    for (const auto& each : match)
      if (each) is_taken[*each] = true;
    if (!natural_field(array).empty()) return;
    // Elements without a name that changed: in pairs, between two that are found again.
    std::size_t next = 0;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      if (match[i]) {
        next = *match[i] + 1;
      } else if (next < held.size() && !is_taken[next] && wanted[i].as_object() &&
                 is_kind(held[next].value, ContainerKind::kMap)) {
        is_taken[next] = true;
        match[i] = next++;
      }
    }
  }

  static Status write_keys(MapEdit map, const std::vector<std::string>& keys) {
    ListEdit order = map.ensure_list(kOrder);
    WEFT_TRY(map.list(kOrder));
    return write_order(order, keys);
  }

  // --- objects ---

 public:
  /// @param key  the element's
  Status write_element(MapEdit element, std::string_view array, std::string_view key,
                       const Object& object, Place place) {
    const std::string_view field = natural_field(array);
    const Json* name = nullptr;
    if (!field.empty() && is_natural(key))
      for (const auto& member : object)
        if (member.first == field) name = &member.second;
    const bool is_implied =
        name != nullptr && !element.contains(field) && natural_key(array, *name) == key;
    return write_object(element, object, place, is_implied ? field : std::string_view());
  }

  /// @param place    of the object
  /// @param implied  a member that is not written, since the object's key says it; empty: none
  Status write_object(MapEdit map, const Object& object, Place place,
                      std::string_view implied = {}) {
    std::size_t kept = 0;
    for (const auto& [name, value] : object) {
      if (name == implied || is_derived(place, name)) continue;
      WEFT_TRY(write_member(map, name[0] == ':' ? escaped(name) : name, value, place));
      ++kept;
    }
    const bool panels_are_kept =
        place == Place::kRoot && map.contains(kPanels) && find(object, kPanels) == nullptr;
    if (map.size() == kept + (panels_are_kept ? 1 : 0)) return {};
    for (const std::string& key : map.keys()) {
      if (is_reserved(key)) continue;
      const std::string_view name = unescaped(key);
      if (name == implied || is_derived(place, name)) continue;
      if (find(object, name) != nullptr || keeps_panels(place, key)) continue;
      if (key == kPanels && place == Place::kRoot) {
        if (panels_.contains(kOrder)) WEFT_TRY(panels_.erase(kOrder));
        continue;
      }
      WEFT_TRY(map.erase(key));
    }
    return {};
  }

  bool keeps_panels(Place place, std::string_view key) const {
    return scope_ == Scope::kPart && key == kPanels && holds_panels(place);
  }

  static const Json* find(const Object& object, std::string_view name) {
    for (const auto& member : object)
      if (member.first == name) return &member.second;
    return nullptr;
  }

  /// @param place  of the object that has the member
  Status write_member(MapEdit map, std::string_view key, const Json& wanted, Place place) {
    std::optional<Value> value = map.get(key);
    if (value && holds(*value, wanted)) return {};
    if (const Object* object = wanted.as_object(); object && !is_record(place, key)) {
      if (is_kind(value, ContainerKind::kMap) && is_array(map.child_map(*value)))
        WEFT_TRY(map.erase(key));
      MapEdit child = map.ensure_map(key);
      WEFT_TRY(map.map(key));
      return write_object(child, *object, place_below(place, key));
    }
    if (const Array* array = wanted.as_array()) {
      if (key == kPanels && holds_panels(place) && is_panel_list(wanted))
        return write_panel_list(map, *array);
      const bool was_array = is_kind(value, ContainerKind::kMap) && is_array(map.child_map(*value));
      if (is_keyed(*array, place, key) || (array->empty() && was_array)) {
        if (is_kind(value, ContainerKind::kMap) && !was_array) WEFT_TRY(map.erase(key));
        MapEdit child = map.ensure_map(key);
        WEFT_TRY(map.map(key));
        return write_array(child, key, *array, place_below(place, key));
      }
    }
    if (const std::string* text = wanted.as_string(); text && is_text(place, key)) {
      if (is_kind(value, ContainerKind::kText) && map.child_text(*value).str() == *text) return {};
      if (text->empty()) return map.set(key, "");
      WEFT_TRY(map.set(key, new_text()));
      WEFT_ASSIGN(TextEdit made, map.text(key));
      return made.insert(utf8(0), *text);
    }
    return map.set(key, Value::from_json(wanted));
  }

 private:
  MapEdit root_;
  MapEdit panels_;  ///< all of them, once there are any
  Scope scope_;
  mutable std::optional<UniqueNames> names_;
  std::vector<WantedPanel> wanted_;
  std::unordered_map<const Json*, std::string> key_of_;
};

}  // namespace

Status write_member(MapEdit root, MapEdit parent, Place place, std::string_view key,
                    const Json& wanted) {
  return Importer(root, Importer::Scope::kPart).write_member(parent, key, wanted, place);
}

Status write_element(MapEdit root, MapEdit element, Place place, std::string_view array,
                     std::string_view key, const Json& wanted) {
  if (wanted.as_object() == nullptr)
    return Error(ErrorCode::kInvalidArgument, "an element is a JSON object, this is none");
  if (holds_panels(place) && wanted.find(kPanels) != nullptr)
    return Error(ErrorCode::kInvalidArgument, "the panels of a row are written by themselves");
  return Importer(root, Importer::Scope::kPart)
      .write_element(element, array, key, *wanted.as_object(), place);
}

Status import_grafana(Transaction& transaction, const Json& dashboard) {
  return Importer(transaction.root(), Importer::Scope::kWhole).run(dashboard);
}

}  // namespace weft::dashboard
