#pragma once
// Dashboards for tests: the project's own, and the recorded ones, which are empty where they are not there.

#include <cstdint>
#include <string>
#include <vector>

#include "crdt/document/document.h"

namespace weft::test {

struct NamedDashboard {
  std::string name;  ///< the file's, with the revision or the side of a merge
  Json json;
};
/// Every file, every revision of the histories, every side of the real merges. In smoke tests one revision in 16 and
/// what real_merges() gives.
std::vector<NamedDashboard> real_dashboards();

struct RealMerge {
  std::string name;
  Json base;
  Json ours;
  Json theirs;
  Json merged;  ///< by people
};
/// In smoke tests the first four.
std::vector<RealMerge> real_merges();

/// The project's own dashboard, of a service that doesn't exist: always there (tests run in the project's root).
std::string own_dashboard_text();
Json own_dashboard();

/// A document that was seeded with `dashboard` and is written as `replica`.
Document seeded(const Json& dashboard, std::uint64_t replica = 1);

}  // namespace weft::test
