#pragma once
// Three versions of a dashboard as files, merged as two devices would: for git, and for edits made outside.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "crdt/base/result.h"
#include "crdt/map/value.h"

namespace weft::dashboard {

/// What both sides changed, differently. nullopt: deleted there.
struct FileConflict {
  std::string path;
  std::string where;  ///< in words
  std::optional<Json> ours;
  std::optional<Json> theirs;
};

struct FileMerge {
  Json merged;  ///< members by key
  std::vector<FileConflict> conflicts;
};

enum class Prefer : std::uint8_t { kOurs, kTheirs };

/// What one side changed alone stands in the result; of what both did, the preferred side's. Grafana's own
/// counters are the larger ones.
/// @errors those of import_grafana
Result<FileMerge> merge_dashboards(const Json& base, const Json& ours, const Json& theirs,
                                   Prefer prefer);

/// `json` with the members of its objects in the order in which `like` has them; where that has them by key, those it
/// lacks are put among them, else behind. Elements of arrays correspond by id, refId or name, else by place.
Json in_order_of(Json json, const Json& like);

}  // namespace weft::dashboard
