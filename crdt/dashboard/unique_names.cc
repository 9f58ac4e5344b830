#include "crdt/dashboard/unique_names.h"

#include <algorithm>
#include <optional>
#include <tuple>
#include <utility>

#include "crdt/dashboard/keyed_array.h"
#include "crdt/document/json_text.h"

namespace weft::dashboard {
namespace {

constexpr std::int64_t kIdMax = std::int64_t{1} << 53;

struct Named {
  std::string line;  ///< the name, printed: equal names, equal lines
  int rank = 0;      ///< of those with one name the least keeps it
  std::string key;
  Json name;
  MapView map;
};

/// Free names of one array.
class FreeNames {
 public:
  FreeNames(NameClash::Of of, const std::vector<Named>& named) : of_(of) {
    for (const Named& each : named) {
      if (const std::int64_t* id = each.name.as_int()) ids_.insert(*id);
      if (const std::string* text = each.name.as_string()) texts_.insert(*text);
    }
  }

  Json next(const Json& name) {
    if (of_ == NameClash::Of::kPanel) {
      last_id_ = last_id_ == 0 || last_id_ >= kIdMax ? next_panel_id(ids_) : last_id_ + 1;
      ids_.insert(last_id_);
      return last_id_;
    }
    std::string result;
    if (of_ == NameClash::Of::kTarget || name.as_string() == nullptr) {
      result = next_ref_id(texts_);
    } else {
      std::size_t& n = suffixes_[*name.as_string()];
      for (n = std::max<std::size_t>(n, 2); result.empty() || texts_.contains(result); ++n)
        result = *name.as_string() + "_" + std::to_string(n);
    }
    texts_.insert(result);
    return result;
  }

 private:
  NameClash::Of of_;
  std::unordered_set<std::int64_t> ids_;
  std::unordered_set<std::string> texts_;
  std::int64_t last_id_ = 0;                               ///< 0: none yet
  std::unordered_map<std::string, std::size_t> suffixes_;  ///< the next to try, by name
};

}  // namespace

UniqueNames::UniqueNames(const MapView& root) {
  if (const auto panels = map_at(root, kPanels)) {
    add_array(NameClash::Of::kPanel, kPanels, *panels);
    for (const std::string& key : panels->keys()) {
      const auto panel = map_at(*panels, key);
      const auto targets = panel ? map_at(*panel, "targets") : std::nullopt;
      if (targets) add_array(NameClash::Of::kTarget, "targets", *targets);
    }
  }
  for (const auto& [parent, of] : {std::pair("templating", NameClash::Of::kVariable),
                                   std::pair("annotations", NameClash::Of::kAnnotation)}) {
    const auto holder = map_at(root, parent);
    const auto list = holder ? map_at(*holder, "list") : std::nullopt;
    if (list) add_array(of, "list", *list);
  }
}

Json UniqueNames::shown(std::string_view array, std::string_view key,
                        const MapView& element) const {
  const Json* instead = find(element);
  return instead == nullptr ? name_of(array, key, element) : *instead;
}

void UniqueNames::add_array(NameClash::Of of, std::string_view array, const MapView& map) {
  if (of != NameClash::Of::kPanel && !is_array(map)) return;
  std::vector<Named> named;
  map.for_each([&](std::string_view key, const Value& value) {
    if (key == kOrder || !value.is_container(ContainerKind::kMap)) return;
    const MapView element = map.child_map(value);
    Json name = name_of(array, key, element);
    if (name.is_null()) return;
    const bool is_its_own = natural_key(array, name) == key;
    named.push_back({print_json(name),
                     is_its_own                         ? 0
                     : is_natural(key) || is_fresh(key) ? 2
                                                        : 1,
                     std::string(key), std::move(name), element});
  });
  std::sort(named.begin(), named.end(), [](const Named& a, const Named& b) {
    return std::tie(a.line, a.rank, a.key) < std::tie(b.line, b.rank, b.key);
  });
  std::optional<FreeNames> free;
  const Named* keeper = nullptr;
  for (const Named& each : named) {
    if (keeper == nullptr || keeper->line != each.line) {
      keeper = &each;
      continue;
    }
    Json shown = each.name;
    if (each.rank != 1) {
      if (!free) free.emplace(of, named);
      shown = free->next(each.name);
      shown_.emplace(each.map.index(), shown);
    }
    clashes_.push_back({of, each.map.path().value_or(""), keeper->map.path().value_or(""),
                        each.name, std::move(shown)});
  }
}

std::string next_ref_id(const std::unordered_set<std::string>& taken) {
  for (std::size_t n = 1;; ++n) {
    std::string name;
    for (std::size_t rest = n; rest > 0; rest = (rest - 1) / 26)
      name.insert(name.begin(), static_cast<char>('A' + (rest - 1) % 26));
    if (!taken.contains(name)) return name;
  }
}

std::int64_t next_panel_id(const std::unordered_set<std::int64_t>& ids) {
  std::int64_t largest = 0;
  for (std::int64_t id : ids) largest = std::max(largest, id);
  if (largest < kIdMax) return largest + 1;
  std::int64_t id = 1;
  while (ids.contains(id)) ++id;
  return id;
}

}  // namespace weft::dashboard
