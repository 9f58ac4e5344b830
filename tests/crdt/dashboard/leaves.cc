#include "tests/crdt/dashboard/leaves.h"

#include <set>

#include "crdt/document/json_text.h"

namespace weft::test {
namespace {

std::string text_of(const Json& json) { return print_json(json, {.indent = 0, .sort_keys = true}); }

const char* name_field(const std::string& key) {
  if (key == "targets") return "refId";
  if (key == "list" || key == "__inputs") return "name";
  if (key == "properties" || key == "__requires") return "id";
  return nullptr;
}

class Flattener {
 public:
  void object(const std::string& path, const Json::Object& object, const std::string& row) {
    for (const auto& [key, value] : object) {
      if (path.empty() && (key == "version" || key == "iteration")) continue;
      if (key == "panels" && value.as_array()) {
        for (const Json& panel : *value.as_array()) this->panel(panel, row);
        continue;
      }
      if (path.empty() && key == "rows" && value.as_array()) {
        for (std::size_t i = 0; i < value.as_array()->size(); ++i)
          this->object("/rows/" + std::to_string(i), *(*value.as_array())[i].as_object(),
                       "row " + std::to_string(i));
        continue;
      }
      member(path + "/" + key, key, value);
    }
    if (object.empty()) result.leaves[path] = "{}";
  }
  FlatDashboard result;

 private:
  void panel(const Json& panel, const std::string& row) {
    const Json* id = panel.find("id");
    if (id == nullptr || !ids_.insert(text_of(*id)).second) {
      result.is_ambiguous = true;
      return;
    }
    const std::string path = "/panels/" + text_of(*id);
    result.leaves[path + "@"] = row;
    object(path, *panel.as_object(), text_of(*id));
  }
  void member(const std::string& path, const std::string& key, const Json& value) {
    if (value.as_object() && key != "gridPos") return object(path, *value.as_object(), "?");
    const Json::Array* array = value.as_array();
    const char* field = name_field(key);
    if (array == nullptr || field == nullptr || array->empty()) {
      result.leaves[path] = text_of(value);
      return;
    }
    std::set<std::string> names;
    for (const Json& element : *array) {
      const Json* name = element.find(field);
      if (name == nullptr || name->as_string() == nullptr ||
          !names.insert(*name->as_string()).second) {
        result.leaves[path] = text_of(value);  // no names: one leaf
        return;
      }
    }
    for (const Json& element : *array)
      object(path + "/" + *element.find(field)->as_string(), *element.as_object(), "?");
  }
  std::set<std::string> ids_;
};

}  // namespace

FlatDashboard flatten(const Json& dashboard) {
  Flattener flattener;
  flattener.object("", *dashboard.as_object(), "");
  return std::move(flattener.result);
}

ThreeWay compare_sides(const Leaves& base, const Leaves& ours, const Leaves& theirs) {
  const auto at = [](const Leaves& leaves, const std::string& path) {
    const auto found = leaves.find(path);
    return found == leaves.end() ? std::string() : found->second;
  };
  std::set<std::string> paths;
  for (const Leaves* side : {&base, &ours, &theirs})
    for (const auto& [path, value] : *side) paths.insert(path);
  ThreeWay result;
  for (const std::string& path : paths) {
    const std::string b = at(base, path), o = at(ours, path), t = at(theirs, path);
    if (o == b && t == b) continue;
    if (o == t || t == b) {
      result.one_sided[path] = o;
    } else if (o == b) {
      result.one_sided[path] = t;
    } else {
      result.concurrent[path] = o + " | " + t;
    }
  }
  return result;
}

bool is_array_leaf(const std::string& value) { return !value.empty() && value[0] == '['; }

}  // namespace weft::test
