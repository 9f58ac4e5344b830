#pragma once
// A dashboard as a flat list of what people change one of: an oracle for merges that shares no code with import,
// export and the inbox.
//
//   "/panels/7/title" -> "CPU"; "/panels/7/gridPos" -> {...}; "/panels/7/targets/A/expr" -> "..."
//   "/panels/7@" -> where the panel is shown: "" or the row's id
//
// Panels, targets, variables and annotations go by their names, old rows by their number; every other
// array is one leaf.

#include <map>
#include <string>

#include "crdt/map/value.h"

namespace weft::test {

using Leaves = std::map<std::string, std::string>;

/// Nothing where two panels have one id, or an element has no name: such dashboards have no paths.
/// @param dashboard  as Grafana's JSON
struct FlatDashboard {
  Leaves leaves;
  bool is_ambiguous = false;
};
FlatDashboard flatten(const Json& dashboard);

struct ThreeWay {
  Leaves
      one_sided;  ///< changed by one side, or by both alike: what is to stand there; "" for a removal
  Leaves concurrent;  ///< changed by both, differently; the value is "ours | theirs"
};
ThreeWay compare_sides(const Leaves& base, const Leaves& ours, const Leaves& theirs);

/// Is the leaf an array that may be merged inside?
bool is_array_leaf(const std::string& value);

}  // namespace weft::test
