#pragma once
// The layout normaliser: rectangles that overlap after a merge, shown without overlap. It is a view: it writes
// nothing, so devices that show the same document show the same, and none answers another's repair.
//
// Rectangles are placed in the order of (y, x, id), each at the least y at which it lies below all placed
// before it in its columns, and not above its own. So
//
//   L1  no two overlap; each lies within the columns;
//   L2  what didn't overlap stays where it is; laying out twice changes nothing more;
//   L3  of two that share a column the one that came first stays above;
//   L4  the result does not depend on the order of the input (where ids are unique).
//
// Nothing moves up: gaps are for whoever draws to close, as Grafana does while somebody drags.
//
// Source: design.md section 9.

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "crdt/document/handles.h"
#include "crdt/map/value.h"

namespace weft::dashboard {

inline constexpr std::int64_t kGridColumns = 24;

/// A panel's rectangle, in units of the grid.
struct Rect {
  std::int64_t x = 0;
  std::int64_t y = 0;
  std::int64_t w = 0;
  std::int64_t h = 0;
  friend bool operator==(const Rect&, const Rect&) = default;
};

/// What a `gridPos` says; members that are no whole numbers are 0. nullopt: no object.
std::optional<Rect> rect_of(const Json& grid_pos);

/// The nearest that can be laid out: 1 to 24 columns wide, within them, 1 to 2^20 high, y from 0 to 2^53.
/// L2 holds as long as nothing is pushed beyond that.
Rect clamped(const Rect& rect);

struct GridItem {
  std::string id;
  Rect rect;
  friend bool operator==(const GridItem&, const GridItem&) = default;
};

/// Lays `items` out where they stand, none above `top`. @return  the end of the lowest, or `top`
/// @cost  O(n log n)
std::int64_t normalise(std::span<GridItem> items, std::int64_t top = 0);

/// Every panel's rectangle, by key, in the order in which panels are shown.
///
/// The dashboard's order says which row a panel is in, as in Grafana's file; the rows are laid out one below
/// the other in that order: a row is one high over all columns, its panels lie below it, and it is pushed
/// down by what is above it. The panels of a collapsed row lie relative to it, as Grafana lays them out when
/// it is opened: shifted together to right below the row; they take no room. A panel without a rectangle
/// has Grafana's, 6 wide and 3 high at the top. Panels in rows of old dashboards have none, and are left out.
///
/// @param instead  by key, what counts instead of what is written
std::vector<GridItem> normalised_rects(const MapView& root,
                                       const std::map<std::string, Rect>& instead = {});

}  // namespace weft::dashboard
