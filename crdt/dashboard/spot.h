#pragma once
// Where a path leads in a dashboard, as far as reading and writing there depend on it.

#include <string>
#include <string_view>

#include "crdt/base/result.h"
#include "crdt/dashboard/shape.h"
#include "crdt/document/document.h"

namespace weft::dashboard {

/// What the Map is that one has come to on the way down.
struct Standing {
  Place place = Place::kRoot;  ///< of the object; where it is an array, of its elements
  std::string array;  ///< its own key, where it is an array: the next token is an element's

  /// One step down. @param child  what lies under `token`
  void enter(std::string_view token, const MapView& child);
};

struct Spot {
  MapView parent;  ///< holds, or may hold, the path's last key
  std::string parent_path;
  Standing standing;  ///< of the parent
  std::string key;

  /// What a dashboard's JSON shows of a value there.
  Json shown(const MapView& root, const Value& value) const;
};

/// @param root  of the dashboard
/// @errors kInvalidArgument: no path, or the root's; kNotFound: no map is shown above it; both name the path
Result<Spot> find_spot(const MapView& root, std::string_view path);

}  // namespace weft::dashboard
