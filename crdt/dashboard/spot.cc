#include "crdt/dashboard/spot.h"

#include <vector>

#include "crdt/dashboard/keyed_array.h"
#include "crdt/document/json_pointer.h"

namespace weft::dashboard {

void Standing::enter(std::string_view token, const MapView& child) {
  const bool is_element = !array.empty();
  // All panels lie in one Map, which has no order where old rows show them.
  const bool are_panels = !is_element && place == Place::kRoot && token == kPanels;
  if (!is_element) place = place_below(place, token);
  array = !is_element && (are_panels || is_array(child)) ? std::string(token) : std::string();
}

Result<Spot> find_spot(const MapView& root, std::string_view path) {
  WEFT_ASSIGN(const std::vector<std::string> tokens, pointer_tokens(path));
  if (tokens.empty())
    return Error(ErrorCode::kInvalidArgument,
                 "the dashboard as a whole can't be meant; name a key in it");
  Spot spot{root, {}, {}, {}};
  for (std::size_t i = 0; i + 1 < tokens.size(); ++i) {
    const std::string& token = tokens[i];
    Result<MapView> child = spot.parent.map(token);
    if (!child.ok())
      return Error(ErrorCode::kNotFound,
                   std::string(path) + ": there is no '" + token + "' " +
                       (spot.parent_path.empty() ? "in the dashboard" : "in " + spot.parent_path));
    spot.standing.enter(token, *child);
    spot.parent = *child;
    append_pointer_token(spot.parent_path, token);
  }
  spot.key = tokens.back();
  return spot;
}

Json Spot::shown(const MapView& root, const Value& value) const {
  const auto& [place, array] = standing;
  return array.empty() ? member_json(root, parent, value, place, key)
                       : element_json(root, parent, {key, value}, place, array);
}

}  // namespace weft::dashboard
