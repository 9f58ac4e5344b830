#include "bench/harness/compare.h"

#include <cmath>
#include <fstream>
#include <iomanip>
#include <iterator>
#include <ostream>
#include <utility>

#include "bench/harness/report.h"
#include "crdt/document/json_text.h"

namespace weft::bench {
namespace {

std::string text_member(const Json& object, std::string_view key) {
  const Json* member = object.find(key);
  return member && member->as_string() ? *member->as_string() : std::string();
}

std::optional<double> number_member(const Json& object, std::string_view key) {
  const Json* member = object.find(key);
  if (!member) return std::nullopt;
  if (const std::int64_t* whole = member->as_int()) return static_cast<double>(*whole);
  if (const double* real = member->as_double()) return *real;
  return std::nullopt;
}

const StoredLine* find(const std::vector<StoredLine>& lines, std::string_view name,
                       std::string_view case_name) {
  for (const StoredLine& line : lines) {
    if (line.name == name && line.case_name == case_name) return &line;
  }
  return nullptr;
}

/// How much slower the machine was in the second run, by `gap` of one case.
std::optional<double> gap_ratio(const std::vector<StoredLine>& before,
                                const std::vector<StoredLine>& after, std::string_view case_name) {
  const StoredLine* a = find(before, "gap", case_name);
  const StoredLine* b = find(after, "gap", case_name);
  if (!a || !b || a->median <= 0 || b->median <= 0) return std::nullopt;
  return b->median / a->median;
}

std::optional<double> mean_gap_ratio(const std::vector<StoredLine>& before,
                                     const std::vector<StoredLine>& after) {
  double log_sum = 0;
  int count = 0;
  for (const StoredLine& line : before) {
    if (line.name != "gap") continue;
    if (const auto ratio = gap_ratio(before, after, line.case_name)) {
      log_sum += std::log(*ratio);
      ++count;
    }
  }
  if (count == 0) return std::nullopt;
  return std::exp(log_sum / count);
}

}  // namespace

Result<std::vector<StoredLine>> parse_lines(std::string_view text, const std::string& name) {
  std::vector<StoredLine> lines;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    const std::string where = name + ":" + std::to_string(number) + ": ";
    Result<Json> json = parse_json(line);
    if (!json.ok()) return Error(ErrorCode::kCorrupt, where + json.error().message());
    const auto schema = number_member(*json, "schema");
    if (!schema || *schema != 1) {
      return Error(ErrorCode::kUnknownVersion, where + "schema is not 1");
    }
    if (json->find("not_run") != nullptr) continue;
    const auto median = number_member(*json, "median");
    StoredLine stored{text_member(*json, "name"), text_member(*json, "case"),
                      text_member(*json, "unit"), median.value_or(0),
                      text_member(*json, "checksum")};
    if (!median || stored.name.empty() || stored.case_name.empty()) {
      return Error(ErrorCode::kCorrupt, where + "name, case or median is missing");
    }
    lines.push_back(std::move(stored));
  }
  return lines;
}

Result<std::vector<StoredLine>> read_lines(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return Error(ErrorCode::kNotFound, path + ": cannot be opened");
  const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  return parse_lines(text, path);
}

std::vector<Comparison> compare(const std::vector<StoredLine>& before,
                                const std::vector<StoredLine>& after) {
  const std::optional<double> mean_gap = mean_gap_ratio(before, after);
  std::vector<Comparison> rows;
  for (const StoredLine& a : before) {
    const StoredLine* b = find(after, a.name, a.case_name);
    if (!b) continue;
    Comparison row{a.name, a.case_name, a.unit, a.median, b->median, 1, std::nullopt, true};
    if (a.median != 0) row.ratio = b->median / a.median;
    row.same_checksum = a.checksum == b->checksum;
    if (a.unit == "ms" || a.unit == "us" || a.unit == "ns") {
      const auto own_gap = gap_ratio(before, after, a.case_name);
      if (const auto gap = own_gap ? own_gap : mean_gap) row.normalised = row.ratio / *gap;
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

void write_comparison(const std::vector<Comparison>& rows, std::ostream& out) {
  out << std::left << std::setw(24) << "case" << std::setw(26) << "name" << std::right
      << std::setw(12) << "A" << std::setw(12) << "B" << std::setw(9) << "B/A" << std::setw(9)
      << "by gap"
      << "  unit\n";
  out << std::fixed << std::setprecision(3);
  for (const Comparison& row : rows) {
    out << std::left << std::setw(24) << row.case_name << std::setw(26) << row.name << std::right
        << std::setw(12) << format_number(row.before) << std::setw(12) << format_number(row.after)
        << std::setw(9) << row.ratio;
    if (row.normalised) {
      out << std::setw(9) << *row.normalised;
    } else {
      out << std::setw(9) << "-";
    }
    out << "  " << row.unit << (row.same_checksum ? "" : "  (other checksum)") << '\n';
  }
}

}  // namespace weft::bench
