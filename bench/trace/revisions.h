#pragma once
// Revisions of a JSON file as its authors made them: JSON lines, plain or gzip, oldest first, each
// {"revision": name, "time": seconds since 1970, "dashboard": object}.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "crdt/base/result.h"
#include "crdt/map/value.h"

namespace weft::trace {

struct Revision {
  std::string name;
  std::uint64_t time_ms = 0;  ///< since 1970
  Json content;
};

/// @errors kNotFound: no such file; kCorrupt: not gzip, not JSON, not revisions; the line is named
Result<std::vector<Revision>> read_revisions(const std::string& path);

/// @param name  what errors call it
Result<std::vector<Revision>> parse_revisions(std::string_view lines, const std::string& name);

}  // namespace weft::trace
