#pragma once
// What a merge, or a file, leaves of a dashboard that its maker would not have written: found, named, and where
// that can be done without writing, shown repaired. A function of the document's state, so every device says
// the same; nothing is written.
//
//   names that clash        shown apart (unique_names.h), by to_grafana and by model.h; imported ones reported
//   places of panels        shown once, by the rule of shape.h (I1, I2)
//   rectangles that overlap shown apart (layout.h); not reported, since every drag makes some for a while
//   references to variables that don't exist: reported

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "crdt/document/document.h"

namespace weft::dashboard {

struct Finding {
  enum class Kind : std::uint8_t {
    kPanelId,            ///< another panel keeps the id
    kRefId,              ///< another target of the panel keeps the refId
    kVariableName,       ///< another variable keeps the name
    kAnnotationName,     ///< another annotation keeps the name
    kImportedDuplicate,  ///< the same, of one that was imported so: not repaired
    kUnknownVariable,    ///< a query, title or repetition names a variable that doesn't exist
    kUnknownDatasource,  ///< a data source does
    kPlaceWithoutPanel,  ///< an order lists a panel that is gone
    kPanelWithoutPlace,  ///< no order lists it: shown last
    kPanelInTwoPlaces,   ///< two orders do: shown in the first
  };
  Kind kind = Kind::kPanelId;
  std::string path;   ///< of the element or field; of the order, where a place is meant
  std::string name;   ///< the id, the name, the variable, the panel's key
  std::string other;  ///< of a clash: what it is shown as; of two places: the other order
  friend auto operator<=>(const Finding&, const Finding&) = default;
};

/// By path. Variables that Grafana itself gives are known: `__...`, `timeFilter`, `interval`, numbered groups of a
/// pattern ($1), and the inputs of a shared dashboard. @cost  O(size), no history is read
std::vector<Finding> check_dashboard(const Document& document);

/// In words, for one line.
std::string describe(const Finding& finding);

/// The names of variables in a text: $name, ${name}, ${name:format}, ${name.field}, [[name]], [[name:format]];
/// without Grafana's own. Each once, in the order of their first use.
std::vector<std::string> variables_in(std::string_view text);

}  // namespace weft::dashboard
