#pragma once
// How a dashboard lies in a document. Import, export, the typed face and the conflict inbox all read this page.
//
//   JSON                              document
//   object                            Map, mergeable; a key that begins with ':' gets one more in front
//   array of objects                  Map of its elements by key, and under ":order" the List of these keys
//   gridPos                           one Record: never torn
//   tags                              as an array of objects, each element a string under itself
//   description, content of a text    Text
//   another array                     one Record, [] included: replaced whole
//   anything else                     a register
//
//   /panels            Map: all panels, wherever they are shown, by key; ":order": those outside of rows
//   /panels/7/panels   Map: ":order" alone: the panels in row 7
//   /rows/K/panels     the same for the rows of old dashboards, in which panels had no place of their own
//
// So a panel keeps its identity, and takes edits, while others move it into a row or out of one.
//
// An element's key never changes. Where a field names it (natural_field: a target's refId, a variable's
// name, a panel's id) the key is that name, and the field itself is left out of the Map until it differs from
// the key: after a renaming. Other elements, and the second of one name, have the key "=" + the hash of
// what they held when they were made: so two devices that import the same make the same.
//
// Invariants
//   I1  What is shown of an array: the elements in the order of the first place of each key in ":order";
//       behind them, by key, those that have no place there. A place without an element shows nothing.
//   I2  A panel is shown once: where a walk through the document, /rows first, finds it first; behind all, by key, those
//       that no order holds. Lists of panels count only down to kPanelDepthMax inside each other: Grafana has
//       one level, and whoever reads goes down by recursion.
//   I3  Reading writes nothing.
//   I4  Keys that begin with one ':' are no members: what a later version may keep there is not shown, and
//       left alone.
//
// Source: design.md section 9.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "crdt/map/value.h"

namespace weft::dashboard {

inline constexpr std::string_view kOrder = ":order";
inline constexpr std::string_view kPanels = "panels";
inline constexpr std::size_t kPanelDepthMax = 8;

/// Where an object stands, as far as its content depends on it.
enum class Place : std::uint8_t {
  kElsewhere,
  kRoot,
  kPanel,
  kPanelOptions,  ///< a panel's `options`
  kOldRow,        ///< an element of /rows
};
/// The place of what lies under `key` of an object at `parent`; of an array: that of its elements.
Place place_below(Place parent, std::string_view key);

/// Is an array under this key of an object there a list of panels?
bool holds_panels(Place place);
bool is_tag_set(Place place, std::string_view key);
bool is_record(Place place, std::string_view key);
bool is_text(Place place, std::string_view key);
/// Not taken from a file: Grafana's own counters, which would be a conflict at each import.
bool is_derived(Place place, std::string_view key);

/// The field that names the elements of the array under `key`; empty: none does.
std::string_view natural_field(std::string_view key);
/// The field by which an element is found again when it has changed; empty: by all that it holds.
std::string_view matched_field(std::string_view key);

/// The key of an element of that name in the array under `array`; nullopt: a name that can't be one.
std::optional<std::string> natural_key(std::string_view array, const Json& name);
/// What a natural key says: of a panel a number, else a text.
Json name_of_key(std::string_view array, std::string_view key);
/// Is the element named by its key, where it doesn't say its name?
bool is_natural(std::string_view key);
/// Was the element made by the typed face (model.h)? Its key is '+' and what the caller handed in.
bool is_fresh(std::string_view key);
/// "=1a2b3c4d", of the canonical text of an element.
std::string content_key(std::string_view canonical);

/// Is it a key of ours beside the members, as ":order"? (I4)
bool is_reserved(std::string_view key);

/// A JSON object's key as a Map's, and back.
std::string escaped(std::string_view key);
std::string_view unescaped(std::string_view key);

}  // namespace weft::dashboard
