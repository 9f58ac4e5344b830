#pragma once
// The recorded dashboards, for tests; empty where they are not there.

#include <string>
#include <vector>

#include "crdt/map/value.h"

namespace weft::test {

struct NamedDashboard {
  std::string name;  ///< the file's, with the revision or the side of a merge
  Json json;
};
/// Every file, every revision of the histories, every side of the real merges.
std::vector<NamedDashboard> real_dashboards();

struct RealMerge {
  std::string name;
  Json base;
  Json ours;
  Json theirs;
  Json merged;  ///< by people
};
std::vector<RealMerge> real_merges();

/// Without what Grafana counts itself.
Json without_counters(const Json& dashboard);

}  // namespace weft::test
