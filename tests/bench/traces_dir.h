#pragma once
// Where recorded data lies: in $WEFT_DATA, else in ../shared/data beside the checkout (tests run in its
// root).

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>

#include "tests/support/skip.h"

namespace weft::test {

/// Nothing where it isn't there: then the test that asked is counted as skipped. @param folder  "traces" or "dashboards"
inline std::optional<std::filesystem::path> recorded_file(const std::string& folder,
                                                          const std::string& file) {
  const char* data = std::getenv("WEFT_DATA");
  const std::filesystem::path path =
      std::filesystem::path(data && *data ? data : "../shared/data") / folder / file;
  if (std::filesystem::exists(path)) return path;
  skip_missing_data(path.string());
  return std::nullopt;
}
inline std::optional<std::filesystem::path> recorded_trace(const std::string& file) {
  return recorded_file("traces", file);
}

}  // namespace weft::test
