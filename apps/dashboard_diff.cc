#include "apps/dashboard_diff.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

#include "apps/describe.h"
#include "apps/terminal.h"
#include "crdt/dashboard/grafana.h"
#include "crdt/dashboard/inbox.h"
#include "crdt/dashboard/keyed_array.h"
#include "crdt/document/json_pointer.h"

namespace weft::cli {
namespace {

constexpr std::string_view kPanelsPath = "/panels/";
constexpr std::size_t kValueWidth = 48;

class Comparison {
 public:
  Comparison(const Document& before, const Document& after) : before_(before), after_(after) {}

  std::vector<LeafChange> run() {
    maps(before_.root(), after_.root(), {});
    return std::move(changes_);
  }

 private:
  static bool is_kind(const Value& value, ContainerKind kind) { return value.is_container(kind); }

  /// Of both: those of `after` as they are shown, then those that are gone.
  static std::vector<std::string> keys_of(const MapView& before, const MapView& after) {
    std::vector<std::string> keys;
    if (dashboard::is_array(after)) {
      for (dashboard::ArrayElement& each : dashboard::shown_elements(after))
        keys.push_back(std::move(each.key));
    } else {
      keys = after.keys();
    }
    for (std::string& key : before.keys())
      if (key != dashboard::kOrder && !after.contains(key)) keys.push_back(std::move(key));
    return keys;
  }

  void maps(const MapView& before, const MapView& after, const std::string& path) {
    for (const std::string& key : keys_of(before, after)) {
      std::string below = path;
      append_pointer_token(below, key);
      values(before, after, key, below);
    }
    const auto order_of = [](const MapView& map, const MapView& other) {
      std::vector<std::string> order = dashboard::shown_order(map);
      // A panel's place in a row counts though its content lies elsewhere.
      const std::vector<std::string> held = dashboard::shown_order(other);
      std::erase_if(order, [&](const std::string& key) {
        return std::find(held.begin(), held.end(), key) == held.end();
      });
      return order;
    };
    if (order_of(before, after) != order_of(after, before)) add(path, true);
  }

  void values(const MapView& before, const MapView& after, const std::string& key,
              const std::string& path) {
    const std::optional<Value> old = before.get(key);
    const std::optional<Value> now = after.get(key);
    if (old && now && is_kind(*old, ContainerKind::kMap) && is_kind(*now, ContainerKind::kMap))
      return maps(before.child_map(*old), after.child_map(*now), path);
    if (old && now && !old->is_container() && *old == *now) return;
    add(path, false);
  }

  void add(const std::string& path, bool is_order) {
    LeafChange change;
    change.path = path;
    change.is_order = is_order;
    if (!is_order) {
      const auto shown = [&](const Document& document) -> std::optional<Json> {
        Result<Json> json = dashboard::to_grafana_at(document, path);
        return json.ok() ? std::optional(*std::move(json)) : std::nullopt;
      };
      change.before = shown(before_);
      change.after = shown(after_);
      if (change.before == change.after) return;
    }
    change.where = dashboard::path_words(change.after || is_order ? after_ : before_, path);
    changes_.push_back(std::move(change));
  }

  const Document& before_;
  const Document& after_;
  std::vector<LeafChange> changes_;
};

std::string kind_of(const LeafChange& change) {
  if (change.is_order) return "order";
  return !change.before ? "added" : !change.after ? "removed" : "set";
}

}  // namespace

std::vector<LeafChange> leaf_changes(const Document& before, const Document& after) {
  return Comparison(before, after).run();
}

std::string change_words(const LeafChange& change) {
  const std::string where = bold(printable(change.where.empty() ? change.path : change.where));
  if (change.is_order) return where + ": in another order\n";
  const auto words = [](const Json& json) { return short_json(json, kValueWidth); };
  if (!change.before) return where + ": " + green("added " + words(*change.after)) + "\n";
  if (!change.after) return where + ": " + red("removed " + words(*change.before)) + "\n";
  return where + ": " + red(words(*change.before)) + " -> " + green(words(*change.after)) + "\n";
}

Json change_json(const LeafChange& change) {
  Json::Object json{{"path", change.path}, {"where", change.where}, {"kind", kind_of(change)}};
  if (change.before) json.emplace_back("before", *change.before);
  if (change.after) json.emplace_back("after", *change.after);
  return json;
}

ChangeCounts count_changes(const std::vector<LeafChange>& changes) {
  ChangeCounts counts;
  std::set<std::string_view> changed;
  for (const LeafChange& change : changes) {
    const std::string_view path = change.path;
    if (!path.starts_with(kPanelsPath)) {
      if (!change.is_order || path != "/panels") ++counts.others;
      continue;
    }
    const std::size_t end = path.find('/', kPanelsPath.size());
    if (end != std::string_view::npos) {
      changed.insert(path.substr(0, end));
    } else if (!change.before) {
      ++counts.panels_added;
    } else if (!change.after) {
      ++counts.panels_removed;
    } else {
      changed.insert(path);
    }
  }
  counts.panels_changed = changed.size();
  return counts;
}

std::string count_words(const ChangeCounts& counts) {
  std::string words;
  const auto say = [&](std::size_t count, std::string_view noun, std::string_view what) {
    if (count == 0) return;
    words += (words.empty() ? "" : ", ") + counted(count, noun) + " ";
    words += what;
  };
  say(counts.panels_added, "panel", "added");
  say(counts.panels_changed, "panel", "changed");
  say(counts.panels_removed, "panel", "removed");
  say(counts.others, "other field", "changed");
  return words.empty() ? "nothing changed" : words;
}

Json count_json(const ChangeCounts& counts) {
  return Json::Object{{"panels_added", number_json(counts.panels_added)},
                      {"panels_changed", number_json(counts.panels_changed)},
                      {"panels_removed", number_json(counts.panels_removed)},
                      {"other_fields", number_json(counts.others)}};
}

}  // namespace weft::cli
