#include "crdt/dashboard/panel_walk.h"

#include <unordered_set>
#include <utility>

#include "crdt/dashboard/keyed_array.h"

namespace weft::dashboard {
namespace {

class Walk {
 public:
  explicit Walk(const MapView& root) : root_(root), panels_(root) {}

  std::vector<ShownPanel> run() {
    Result<MapView> panels = root_.map(kPanels);
    if (!panels.ok()) return {};
    panels_ = *panels;
    if (Result<MapView> rows = root_.map("rows"); rows.ok()) {
      for (const ArrayElement& row : shown_elements(*rows))
        if (row.value.is_container(ContainerKind::kMap))
          visit_list(rows->child_map(row.value), std::string(kOldRowPrefix) + row.key, 0);
    }
    visit_order(panels_, {}, 0);
    if (shown_.size() + 1 < panels_.size())
      for (std::string& key : panels_.keys()) visit(std::move(key), {}, false, 0);
    return std::move(result_);
  }

 private:
  void visit_list(const MapView& holder, const std::string& name, std::size_t depth) {
    if (Result<MapView> list = holder.map(kPanels); list.ok()) visit_order(*list, name, depth);
  }
  void visit_order(const MapView& list, const std::string& name, std::size_t depth) {
    for (std::string& key : shown_order(list)) visit(std::move(key), name, true, depth);
  }
  void visit(std::string key, const std::string& holder, bool has_place, std::size_t depth) {
    if (key == kOrder) return;
    const Result<MapView> panel = panels_.map(key);
    if (!panel.ok() || !shown_.insert(key).second) return;
    result_.push_back({key, holder, has_place, *panel});
    if (depth < kPanelDepthMax) visit_list(*panel, key, depth + 1);
  }

  MapView root_;
  MapView panels_;
  std::unordered_set<std::string> shown_;
  std::vector<ShownPanel> result_;
};

}  // namespace

bool ShownPanel::is_row() const {
  const std::optional<Value> type = map.get("type");
  return type && type->as_string() == "row";
}

std::vector<ShownPanel> shown_panels(const MapView& root) { return Walk(root).run(); }

Result<MapView> panel_list(const MapView& root, std::string_view holder) {
  if (holder.empty()) return root.map(kPanels);
  const bool is_old = holder.starts_with(kOldRowPrefix);
  WEFT_ASSIGN(const MapView holders, root.map(is_old ? "rows" : kPanels));
  WEFT_ASSIGN(const MapView map,
              holders.map(is_old ? holder.substr(kOldRowPrefix.size()) : holder));
  return map.map(kPanels);
}

}  // namespace weft::dashboard
