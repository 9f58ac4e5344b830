#pragma once
// What one person has chosen for himself on a dashboard. It is kept by whoever shows the dashboard, in its own
// way, and is neither written into the document nor synced: else one who looks at last week would move
// everybody's time range.
//
//   per person, here                        shared default, in the document, imported and exported
//   values chosen of variables              templating.list[].current
//   rows opened and closed                  panels[].collapsed, and which panels lie in the row's list
//   time range                              time.from, time.to
//   how often it is refreshed               refresh
//
// The rows of old dashboards (/rows) have no ids and show their shared state.

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "crdt/dashboard/model.h"
#include "crdt/map/value.h"

namespace weft::dashboard {

struct ViewState {
  std::map<std::string, Json> current;  ///< by a variable's name: what `current` is to say
  std::map<std::int64_t, bool> is_row_collapsed;  ///< by a row's id
  std::optional<TimeRange> time;
  std::optional<std::string> refresh;
};

/// `dashboard`, Grafana's JSON as to_grafana gives it, as that person sees it. What is gone meanwhile is passed
/// over. A row that is closed takes the panels up to the next row into its list; one that is opened puts
/// them behind itself, right below it, and moves what follows down, as Grafana does.
Json apply_view_state(Json dashboard, const ViewState& state);

}  // namespace weft::dashboard
