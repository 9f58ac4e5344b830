#pragma once
// The panels of a dashboard in the order in which they are shown, each once (shape.h, I2).

#include <string>
#include <string_view>
#include <vector>

#include "crdt/document/handles.h"

namespace weft::dashboard {

/// What an old dashboard's row is called where a panel's key could stand: "rows/" + its key in /rows.
/// No panel's key begins so.
inline constexpr std::string_view kOldRowPrefix = "rows/";

struct ShownPanel {
  std::string key;
  /// Whose list it lies in: a panel's key, or an old row's with its prefix; empty: the dashboard's own.
  std::string holder;
  bool has_place = true;  ///< false: no order holds it
  MapView map;

  bool is_row() const;
  bool is_in_old_row() const { return holder.starts_with(kOldRowPrefix); }
};

/// @cost  O(panels)
std::vector<ShownPanel> shown_panels(const MapView& root);

/// The Map under that key whose ":order" holds the panels of `holder`, as ShownPanel names it.
/// @errors kNotFound: there is none
Result<MapView> panel_list(const MapView& root, std::string_view holder);

}  // namespace weft::dashboard
