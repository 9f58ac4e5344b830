#pragma once
// Where the recorded traces lie: $WEFT_DATA/traces, else ../shared/data/traces beside the checkout
// (tests run in its root).

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>

namespace weft::test {

/// Nothing where it isn't there.
inline std::optional<std::filesystem::path> recorded_trace(const std::string& file) {
  const char* data = std::getenv("WEFT_DATA");
  const std::filesystem::path path =
      std::filesystem::path(data && *data ? data : "../shared/data") / "traces" / file;
  return std::filesystem::exists(path) ? std::optional(path) : std::nullopt;
}

}  // namespace weft::test
