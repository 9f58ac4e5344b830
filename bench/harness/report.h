#pragma once
// Report: the figures of one run, as JSON lines for machines and as a table for people.
//
// A line: {"schema":1,"name":...,"case":...,"unit":...,"median":...,"min":...,"max":...,"samples":n,
//          "checksum":"16 hex digits","commit":...,"compiler":...,"flags":...} and the keys in
//          extra.
// What could not be measured: {"schema":1,"name":...,"case":...,"not_run":why,"commit":...} and so on.
// A name and a case together name one figure.

#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weft::bench {

struct Line {
  std::string name;
  std::string case_name;
  std::string unit;  ///< "ms", "us", "ns", "bytes", "count", "ratio" or "exponent"
  double median = 0;
  double min = 0;
  double max = 0;
  std::size_t samples = 1;
  std::uint64_t checksum = 0;  ///< of what was computed, so that two runs can be seen to agree
  std::vector<std::pair<std::string, std::string>> extra;  ///< key, value as JSON
  std::string not_run;  ///< why there is no figure; empty: there is one
};

/// Median, min and max of `values` (not empty).
Line summarize(std::string name, std::string case_name, std::string unit,
               std::vector<double> values);
/// A figure that is exact.
Line exact(std::string name, std::string case_name, std::string unit, double value,
           std::uint64_t checksum = 0);
/// A figure that could not be measured here, said so that nobody takes it for forgotten.
Line not_run(std::string name, std::string case_name, std::string why);

class Report {
 public:
  void add(Line line) { lines_.push_back(std::move(line)); }
  const std::vector<Line>& lines() const { return lines_; }
  const Line* find(std::string_view name, std::string_view case_name) const;

  void write_json(std::ostream& out) const;
  void write_table(std::ostream& out) const;

 private:
  std::vector<Line> lines_;
};

std::string json_line(const Line& line);
/// "text" with quotes and escapes.
std::string json_string(std::string_view text);
/// Six digits at most, as JSON and people read them.
std::string format_number(double value);

}  // namespace weft::bench
