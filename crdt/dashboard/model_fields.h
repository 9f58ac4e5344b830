#pragma once
// What the parts of model.h share: small readings, fields by path, places in an order.

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "crdt/dashboard/model.h"
#include "crdt/dashboard/shape.h"
#include "crdt/document/handles.h"

namespace weft::dashboard {

/// A Text or a string; else "".
std::string text_at(const MapView& map, std::string_view key);

std::optional<MapView> part_of(const MapView& root, Part part);
inline std::string_view array_of(Part part) { return part == Part::kLinks ? "links" : "list"; }

/// A key as it stands in a path (RFC 6901).
std::string path_token(std::string_view key);

/// An object of a dashboard. Where it is an element, of which array, by which key.
struct FieldHolder {
  MapEdit map;
  Place place = Place::kElsewhere;
  std::string array;
  std::string key;
};
/// @errors kNotFound: an element on the way is not there; kInvalidArgument: no path, a list of panels, an
///         order; kWrongKind: one value stands on the way
Status set_field_below(MapEdit root, FieldHolder holder, std::string_view path, const Json& value);
/// @errors those; kNotFound: no such field
Status erase_field_below(FieldHolder holder, std::string_view path);

/// The Text under `key`, made of what stands there where it is none.
Result<TextEdit> edit_text(MapEdit map, std::string_view key);

/// "+" + fresh. @errors kInvalidArgument: empty, too long, or taken in `array`
Result<std::string> fresh_key(const MapView& array, std::string_view fresh);

/// One place for `key`, at `index` as the list is now: moved there, or inserted.
Status put_at(ListEdit order, std::string_view key, std::size_t index);
/// Right behind the place of `before`; where that has none, last. Empty: first.
Status put_behind(ListEdit order, std::string_view key, std::string_view before);
/// Every place of `key`.
Status take_out(ListEdit order, std::string_view key);

/// Whole: what lies below is made anew, in the order of keys, texts included.
/// @param left_out  fields of `from` itself
Status copy_map(MapEdit to, const MapView& from, const std::vector<std::string_view>& left_out);

}  // namespace weft::dashboard
