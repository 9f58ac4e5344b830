#pragma once
// An array of objects as a document holds it (shape.h): reading what is shown of it, and writing an order.

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "crdt/base/result.h"
#include "crdt/dashboard/shape.h"
#include "crdt/dashboard/unique_names.h"
#include "crdt/document/handles.h"

namespace weft::dashboard {

struct ArrayElement {
  std::string key;
  Value value;
};

/// Does the Map hold an array? Else it is an object.
bool is_array(const MapView& map);

/// The keys in ":order" as they are shown: each once, at its first place; whether there are such elements is
/// not looked at. Empty where there is no order.
/// @pre  Document::check_readable() was ok, as it is where a transaction is open, and behind to_grafana and inbox:
///       of a damaged order nothing is shown
std::vector<std::string> shown_order(const MapView& map);

/// What is shown of an array, in its order (I1).
std::vector<ArrayElement> shown_elements(const MapView& map);

/// Those of them that are Maps.
std::vector<std::pair<std::string, MapView>> map_elements(const MapView& array);

/// The Map under that key; nullopt: none is there.
std::optional<MapView> map_at(const MapView& parent, std::string_view key);

/// What names the element: its natural field, or its key where that does. Null: nothing.
/// @param array  the array's key
/// @param key    the element's
Json name_of(std::string_view array, std::string_view key, const MapView& element);

/// What a dashboard's JSON shows of a member, or of an element of an array.
/// @param root   of the dashboard
/// @param place  of the object that has the member; of the element
Json member_json(const MapView& root, const MapView& parent, const Value& value, Place place,
                 std::string_view key);
Json element_json(const MapView& root, const MapView& map, const ArrayElement& element, Place place,
                  std::string_view array);

/// The same of an element that is a Map, under the name it is shown by.
Json shown_element_json(const MapView& root, const UniqueNames& names, const MapView& element,
                        std::string_view array, std::string_view key, Place place);

/// Makes `parent` hold `wanted` under `key`, as an import does.
/// @param place  of `parent`. @pre  it is no list of panels
Status write_member(MapEdit root, MapEdit parent, Place place, std::string_view key,
                    const Json& wanted);
/// Makes an element hold what `wanted` says, as an import does. @param place  of the element
Status write_element(MapEdit root, MapEdit element, Place place, std::string_view array,
                     std::string_view key, const Json& wanted);

/// Makes `order` show exactly `wanted`, keys without repetition, with few moves: what keeps its place among the
/// others is not touched.
/// @cost  O(n log n), and O(n) for each key that is moved or inserted
Status write_order(ListEdit order, std::span<const std::string> wanted);

}  // namespace weft::dashboard
