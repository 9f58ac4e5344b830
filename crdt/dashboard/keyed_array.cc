#include "crdt/dashboard/keyed_array.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "crdt/document/list_match.h"

namespace weft::dashboard {
bool is_array(const MapView& map) { return map.contains(kOrder); }

std::vector<std::string> shown_order(const MapView& map) {
  std::vector<std::string> result;
  const std::optional<Value> order = map.get(kOrder);
  if (!order || !order->is_container(ContainerKind::kList)) return result;
  const Result<std::vector<Value>> places = map.child_list(*order).values();
  if (!places.ok()) return result;  // @pre
  if (places->size() <= 16) {
    for (const Value& place : *places)
      if (std::find(result.begin(), result.end(), place.as_string()) == result.end())
        result.emplace_back(place.as_string());
    return result;
  }
  std::unordered_set<std::string_view> seen;
  for (const Value& place : *places)
    if (seen.insert(place.as_string()).second) result.emplace_back(place.as_string());
  return result;
}

std::vector<ArrayElement> shown_elements(const MapView& map) {
  std::vector<ArrayElement> result;
  for (std::string& key : shown_order(map)) {
    std::optional<Value> value = key == kOrder ? std::nullopt : map.get(key);
    if (value) result.push_back({std::move(key), *std::move(value)});
  }
  if (result.size() + 1 >= map.size()) return result;
  std::unordered_set<std::string_view> shown;
  for (const ArrayElement& element : result) shown.insert(element.key);
  std::vector<ArrayElement> placeless;
  map.for_each([&](std::string_view key, const Value& value) {
    if (key != kOrder && !shown.contains(key)) placeless.push_back({std::string(key), value});
  });
  std::sort(placeless.begin(), placeless.end(),
            [](const ArrayElement& a, const ArrayElement& b) { return a.key < b.key; });
  for (ArrayElement& element : placeless) result.push_back(std::move(element));
  return result;
}

std::vector<std::pair<std::string, MapView>> map_elements(const MapView& array) {
  std::vector<std::pair<std::string, MapView>> result;
  for (ArrayElement& each : shown_elements(array))
    if (each.value.is_container(ContainerKind::kMap))
      result.emplace_back(std::move(each.key), array.child_map(each.value));
  return result;
}

std::optional<MapView> map_at(const MapView& parent, std::string_view key) {
  Result<MapView> result = parent.map(key);
  return result.ok() ? std::optional(*result) : std::nullopt;
}

Json name_of(std::string_view array, std::string_view key, const MapView& element) {
  const std::string_view field = natural_field(array);
  if (field.empty()) return nullptr;
  if (std::optional<Value> name = element.get(field)) {
    if (name->is_container() || name->type() == Value::Type::kRecord) return nullptr;
    return name->json();
  }
  return is_natural(key) ? name_of_key(array, key) : Json();
}

Status write_order(ListEdit order, std::span<const std::string> wanted) {
  std::unordered_map<std::string_view, std::size_t> rank;  // in `wanted`
  for (std::size_t i = 0; i < wanted.size(); ++i) rank.emplace(wanted[i], i);

  // What stays of the places as they are: the first of each wanted key.
  WEFT_ASSIGN(const std::vector<Value> places, order.values());
  std::vector<std::string_view> held;
  std::vector<bool> is_held(wanted.size());
  std::vector<std::size_t> to_erase;
  for (std::size_t i = 0; i < places.size(); ++i) {
    const auto at = rank.find(places[i].as_string());
    if (at == rank.end() || is_held[at->second]) {
      to_erase.push_back(i);
      continue;
    }
    is_held[at->second] = true;
    held.push_back(at->first);
  }
  for (std::size_t i = to_erase.size(); i-- > 0;) WEFT_TRY(order.erase(to_erase[i]));

  std::vector<std::size_t> ranks;
  ranks.reserve(held.size());
  for (std::string_view key : held) ranks.push_back(rank.at(key));
  std::vector<bool> stays(wanted.size());
  for (std::size_t i : longest_ascending(ranks)) stays[ranks[i]] = true;

  // One move for each key that doesn't stay: to behind the one before it.
  const auto index_of = [&](std::string_view key) {
    return static_cast<std::size_t>(std::find(held.begin(), held.end(), key) - held.begin());
  };
  std::size_t at = 0;  // behind what is right so far
  std::vector<Value> run;
  for (std::size_t i = 0; i < wanted.size();) {
    if (!is_held[i]) {
      run.clear();
      const std::size_t begin = i;
      for (; i < wanted.size() && !is_held[i]; ++i) run.emplace_back(wanted[i]);
      WEFT_TRY(order.insert(at, run));
      held.insert(held.begin() + static_cast<std::ptrdiff_t>(at),
                  wanted.begin() + static_cast<std::ptrdiff_t>(begin),
                  wanted.begin() + static_cast<std::ptrdiff_t>(i));
      at += i - begin;
      continue;
    }
    const std::size_t from = index_of(wanted[i]);
    std::size_t to = from;
    if (!stays[i]) {
      to = from < at ? at - 1 : at;
      if (to != from) WEFT_TRY(order.move(from, to));
      held.erase(held.begin() + static_cast<std::ptrdiff_t>(from));
      held.insert(held.begin() + static_cast<std::ptrdiff_t>(to), wanted[i]);
    }
    at = to + 1;
    ++i;
  }
  return {};
}

}  // namespace weft::dashboard
