#pragma once
// Compares two runs: the ratio of the medians of every figure that both have, and the same ratio
// normalised by the speed of the machine, which `gap` measures: by its line of the same case where
// both runs have it, else by the geometric mean over the cases where both have it. Bytes and ratios
// are not normalised.

#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crdt/base/result.h"

namespace weft::bench {

struct StoredLine {
  std::string name;
  std::string case_name;
  std::string unit;
  double median = 0;
  std::string checksum;
};

/// JSON lines as Report writes them; blank lines and what was not run are skipped.
/// @errors kCorrupt with the line; kUnknownVersion: another schema
Result<std::vector<StoredLine>> parse_lines(std::string_view text, const std::string& name);
/// @errors kNotFound, and those of parse_lines
Result<std::vector<StoredLine>> read_lines(const std::string& path);

struct Comparison {
  std::string name;
  std::string case_name;
  std::string unit;
  double before = 0;
  double after = 0;
  double ratio = 0;                  ///< after / before: over 1 is worse
  std::optional<double> normalised;  ///< nothing where no gap is known, and for bytes
  bool same_checksum = true;
};

std::vector<Comparison> compare(const std::vector<StoredLine>& before,
                                const std::vector<StoredLine>& after);

void write_comparison(const std::vector<Comparison>& rows, std::ostream& out);

}  // namespace weft::bench
