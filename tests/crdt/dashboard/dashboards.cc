#include "tests/crdt/dashboard/dashboards.h"

#include <algorithm>
#include <filesystem>

#include "bench/trace/revisions.h"
#include "bench/trace/unpacked_file.h"
#include "crdt/dashboard/grafana.h"
#include "crdt/document/json_text.h"
#include "tests/bench/traces_dir.h"
#include "tests/support/size.h"

namespace weft::test {
namespace {

constexpr const char* kFolder = "dashboards";
constexpr const char* kMerges = "real-merges.jsonl.gz";
constexpr std::size_t kSmokeStep = 16;
constexpr std::size_t kSmokeMerges = 4;

/// Of a smoke test's lines each 16th.
std::string sampled(std::string lines) {
  if (size() != Size::kSmoke) return lines;
  std::string result;
  std::size_t number = 0;
  for (std::size_t begin = 0; begin < lines.size(); ++number) {
    const std::size_t end = std::min(lines.find('\n', begin), lines.size());
    if (number % kSmokeStep == 0) result.append(lines, begin, end - begin + 1);
    begin = end + 1;
  }
  return result;
}

}  // namespace

std::vector<NamedDashboard> real_dashboards() {
  std::vector<NamedDashboard> result;
  const auto merges = recorded_file(kFolder, kMerges);
  if (!merges) return result;
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(merges->parent_path()))
    files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  for (const std::filesystem::path& path : files) {
    const std::string name = path.filename().string();
    if (path.extension() == ".json") {
      result.push_back({name, parse_json(trace::read_unpacked(path.string()).value()).value()});
    } else if (name.ends_with(".history.jsonl.gz")) {
      const std::string lines = sampled(trace::read_unpacked(path.string()).value());
      for (trace::Revision& revision : trace::parse_revisions(lines, name).value())
        result.push_back({name + " " + revision.name, std::move(revision.content)});
    }
  }
  for (RealMerge& merge : real_merges()) {
    result.push_back({merge.name + " base", std::move(merge.base)});
    result.push_back({merge.name + " ours", std::move(merge.ours)});
    result.push_back({merge.name + " theirs", std::move(merge.theirs)});
    result.push_back({merge.name + " merged", std::move(merge.merged)});
  }
  return result;
}

std::vector<RealMerge> real_merges() {
  std::vector<RealMerge> result;
  const auto path = recorded_file(kFolder, kMerges);
  if (!path) return result;
  const std::string lines = trace::read_unpacked(path->string()).value();
  for (std::size_t begin = 0; begin < lines.size();) {
    if (size() == Size::kSmoke && result.size() == kSmokeMerges) break;
    const std::size_t end = std::min(lines.find('\n', begin), lines.size());
    const Json line = parse_json(std::string_view(lines).substr(begin, end - begin)).value();
    result.push_back(
        {"merge " + std::to_string(result.size()) + " of " + *line.find("path")->as_string(),
         *line.find("base"), *line.find("ours"), *line.find("theirs"), *line.find("merged")});
    begin = end + 1;
  }
  return result;
}

std::string own_dashboard_text() {
  return trace::read_unpacked("tests/data/dashboards/service-overview.json").value();
}
Json own_dashboard() { return parse_json(own_dashboard_text()).value(); }

Document seeded(const Json& dashboard, std::uint64_t replica) {
  DocumentOptions options;
  options.replica = {replica};
  options.id = dashboard::document_of_uid(dashboard).value_or(DocumentId{});
  const Bytes seed = dashboard::seed_delta(options.id, dashboard).value();
  Document document = Document::create(std::move(options));
  document.apply(seed).value();
  return document;
}

}  // namespace weft::test
