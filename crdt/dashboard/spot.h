#pragma once
// Where a path leads in a dashboard, as far as reading and writing there depend on it.

#include <string>
#include <string_view>

#include "crdt/base/result.h"
#include "crdt/dashboard/shape.h"
#include "crdt/document/document.h"

namespace weft::dashboard {

struct Spot {
  MapView parent;  ///< holds, or may hold, the path's last key
  std::string parent_path;
  Place place;  ///< of the parent; of its elements, where it is an array
  std::string
      array;  ///< the parent's own key, where it is an array: then the last key is an element's
  std::string key;

  /// What a dashboard's JSON shows of a value there.
  Json shown(const MapView& root, const Value& value) const;
};

/// @param root  of the dashboard
/// @errors kInvalidArgument: no path, or the root's; kNotFound: no map is shown above it; both name the path
Result<Spot> find_spot(const MapView& root, std::string_view path);

}  // namespace weft::dashboard
