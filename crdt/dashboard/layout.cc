#include "crdt/dashboard/layout.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <tuple>
#include <utility>

#include "crdt/dashboard/panel_walk.h"

namespace weft::dashboard {
namespace {

constexpr std::int64_t kHeightMax = std::int64_t{1} << 20;
constexpr std::int64_t kYMax = std::int64_t{1} << 53;
constexpr Rect kDefaultRect{0, 0, 6, 3};

std::int64_t number(const Json& object, std::string_view key) {
  const Json* member = object.find(key);
  const std::int64_t* value = member == nullptr ? nullptr : member->as_int();
  return value == nullptr ? 0 : *value;
}

/// Lays out a dashboard's rows one below the other.
class Rows {
 public:
  explicit Rows(const std::map<std::string, Rect>& instead) : instead_(instead) {}

  void add(const ShownPanel& panel) {
    if (panel.is_row()) {
      finish();
      row_ = items_.size();
      items_.push_back({panel.key, clamped(rect_of_panel(panel))});
      Rect& rect = items_.back().rect;
      rect = {0, std::max(rect.y, bottom_), kGridColumns, 1};
      bottom_ = rect.y + 1;
      begin_ = items_.size();
    } else {
      items_.push_back({panel.key, rect_of_panel(panel)});
    }
  }
  /// A panel in the list of the row that was added last.
  void add_nested(const ShownPanel& panel) {
    nested_.push_back({panel.key, clamped(rect_of_panel(panel))});
  }
  std::vector<GridItem> take() {
    finish();
    return std::move(items_);
  }

 private:
  Rect rect_of_panel(const ShownPanel& panel) const {
    if (const auto at = instead_.find(panel.key); at != instead_.end()) return at->second;
    const std::optional<Value> grid = panel.map.get("gridPos");
    return (grid ? rect_of(grid->json()) : std::nullopt).value_or(kDefaultRect);
  }

  /// Places the panels that came since the last row.
  void finish() {
    bottom_ = normalise(std::span(items_).subspan(begin_), bottom_);
    if (nested_.empty()) return;
    std::int64_t top = nested_.front().rect.y;
    for (const GridItem& item : nested_) top = std::min(top, item.rect.y);
    const std::int64_t below = items_[row_].rect.y + 1;
    for (GridItem& item : nested_) item.rect.y += below - top;
    normalise(nested_, below);
    items_.insert(items_.begin() + static_cast<std::ptrdiff_t>(row_) + 1,
                  std::make_move_iterator(nested_.begin()), std::make_move_iterator(nested_.end()));
    nested_.clear();
  }

  const std::map<std::string, Rect>& instead_;
  std::vector<GridItem> items_;
  std::vector<GridItem> nested_;
  std::size_t row_ = 0;      ///< in items_, of the last row
  std::size_t begin_ = 0;    ///< in items_, behind the last row
  std::int64_t bottom_ = 0;  ///< of the rows that are finished
};

}  // namespace

std::optional<Rect> rect_of(const Json& grid_pos) {
  if (grid_pos.as_object() == nullptr) return std::nullopt;
  return Rect{number(grid_pos, "x"), number(grid_pos, "y"), number(grid_pos, "w"),
              number(grid_pos, "h")};
}

Rect clamped(const Rect& rect) {
  Rect result;
  result.w = std::clamp<std::int64_t>(rect.w, 1, kGridColumns);
  result.h = std::clamp<std::int64_t>(rect.h, 1, kHeightMax);
  result.x = std::clamp<std::int64_t>(rect.x, 0, kGridColumns - result.w);
  result.y = std::clamp<std::int64_t>(rect.y, 0, kYMax);
  return result;
}

std::int64_t normalise(std::span<GridItem> items, std::int64_t top) {
  for (GridItem& item : items) {
    item.rect = clamped(item.rect);
    item.rect.y = std::max(item.rect.y, top);
  }
  std::vector<std::size_t> order(items.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    const auto rank = [&](std::size_t i) {
      const GridItem& item = items[i];
      return std::tie(item.rect.y, item.rect.x, item.id);
    };
    return rank(a) < rank(b);
  });
  std::array<std::int64_t, kGridColumns> skyline;  // the end of what lies in each column
  skyline.fill(top);
  for (std::size_t i : order) {
    Rect& rect = items[i].rect;
    const auto begin = skyline.begin() + static_cast<std::ptrdiff_t>(rect.x);
    const auto end = begin + static_cast<std::ptrdiff_t>(rect.w);
    rect.y = std::max(rect.y, *std::max_element(begin, end));
    std::fill(begin, end, rect.y + rect.h);
  }
  return *std::max_element(skyline.begin(), skyline.end());
}

std::vector<GridItem> normalised_rects(const MapView& root,
                                       const std::map<std::string, Rect>& instead) {
  Rows rows(instead);
  for (const ShownPanel& panel : shown_panels(root)) {
    if (panel.holder.empty()) {
      rows.add(panel);
    } else if (!panel.is_in_old_row()) {
      rows.add_nested(panel);
    }
  }
  return rows.take();
}

}  // namespace weft::dashboard
