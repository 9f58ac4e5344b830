#include "bench/harness/report.h"

#include <algorithm>
#include <cstdio>
#include <iomanip>
#include <ostream>

#include "bench/harness/build_info.h"

namespace weft::bench {

Line summarize(std::string name, std::string case_name, std::string unit,
               std::vector<double> values) {
  std::sort(values.begin(), values.end());
  Line line;
  line.name = std::move(name);
  line.case_name = std::move(case_name);
  line.unit = std::move(unit);
  const std::size_t middle = values.size() / 2;
  line.median = values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
  line.min = values.front();
  line.max = values.back();
  line.samples = values.size();
  return line;
}

Line exact(std::string name, std::string case_name, std::string unit, double value,
           std::uint64_t checksum) {
  Line line = summarize(std::move(name), std::move(case_name), std::move(unit), {value});
  line.checksum = checksum;
  return line;
}

Line not_run(std::string name, std::string case_name, std::string why) {
  Line line;
  line.name = std::move(name);
  line.case_name = std::move(case_name);
  line.samples = 0;
  line.not_run = std::move(why);
  return line;
}

const Line* Report::find(std::string_view name, std::string_view case_name) const {
  for (const Line& line : lines_) {
    if (line.name == name && line.case_name == case_name) return &line;
  }
  return nullptr;
}

std::string json_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned>(c));
      out += escape;
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string format_number(double value) {
  char buffer[32];
  // Whole numbers in full: bytes are exact.
  const bool whole = value == static_cast<double>(static_cast<long long>(value));
  std::snprintf(buffer, sizeof buffer, whole ? "%.0f" : "%.6g", value);
  return buffer;
}

namespace {

std::string json_figure(const Line& line) {
  char checksum[20];
  std::snprintf(checksum, sizeof checksum, "%016llx",
                static_cast<unsigned long long>(line.checksum));
  return ",\"unit\":" + json_string(line.unit) + ",\"median\":" + format_number(line.median) +
         ",\"min\":" + format_number(line.min) + ",\"max\":" + format_number(line.max) +
         ",\"samples\":" + std::to_string(line.samples) + ",\"checksum\":\"" + checksum + "\"";
}

}  // namespace

std::string json_line(const Line& line) {
  std::string out =
      "{\"schema\":1,\"name\":" + json_string(line.name) +
      ",\"case\":" + json_string(line.case_name) +
      (line.not_run.empty() ? json_figure(line) : ",\"not_run\":" + json_string(line.not_run)) +
      ",\"commit\":" + json_string(build_commit()) +
      ",\"compiler\":" + json_string(build_compiler()) + ",\"flags\":" + json_string(build_flags());
  for (const auto& [key, value] : line.extra) out += "," + json_string(key) + ":" + value;
  return out + "}";
}

void Report::write_json(std::ostream& out) const {
  for (const Line& line : lines_) out << json_line(line) << '\n';
}

namespace {

void write_row(const Line& line, std::ostream& out) {
  out << std::left << std::setw(24) << line.case_name << std::setw(26) << line.name << std::right;
  if (!line.not_run.empty()) {
    out << "  not run: " << line.not_run << '\n';
    return;
  }
  out << std::setw(12) << format_number(line.median) << std::setw(12) << format_number(line.min)
      << std::setw(12) << format_number(line.max) << "  " << line.unit << '\n';
}

}  // namespace

void Report::write_table(std::ostream& out) const {
  out << std::left << std::setw(24) << "case" << std::setw(26) << "name" << std::right
      << std::setw(12) << "median" << std::setw(12) << "min" << std::setw(12) << "max"
      << "  unit\n";
  std::vector<std::string_view> cases;  // in the order of their first line
  for (const Line& line : lines_) {
    if (std::find(cases.begin(), cases.end(), line.case_name) == cases.end()) {
      cases.push_back(line.case_name);
    }
  }
  for (const std::string_view case_name : cases) {
    for (const Line& line : lines_) {
      if (line.case_name == case_name) write_row(line, out);
    }
    out << '\n';
  }
}

}  // namespace weft::bench
