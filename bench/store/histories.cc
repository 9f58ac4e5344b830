#include "bench/store/histories.h"

#include <utility>

#include "bench/trace/generate.h"
#include "bench/trace/trace_reader.h"

namespace weft::bench {
namespace {

constexpr const char* kTraces[] = {"automerge-paper", "rustcode", "sveltecomponent",
                                   "json-crdt-patch", "friendsforever"};
constexpr const char* kDashboards[] = {"node-exporter-full", "k8s-views-global"};

/// A panel more in each revision, and each time one of the others changed.
DashboardRevisions generate_dashboard(std::int64_t count) {
  DashboardRevisions dashboard{"smoke-dashboard", {}};
  for (std::int64_t r = 0; r < count; ++r) {
    Json::Array panels;
    for (std::int64_t p = 0; p <= r; ++p)
      panels.emplace_back(Json::Object{{"id", p}, {"title", p == r / 2 ? "changed" : "CPU busy"}});
    dashboard.revisions.push_back({"revision-" + std::to_string(r),
                                   1'500'000'000'000 + static_cast<std::uint64_t>(r) * 60'000,
                                   Json::Object{{"version", r}, {"panels", std::move(panels)}}});
  }
  return dashboard;
}

}  // namespace

Result<Histories> read_histories(const std::string& data_folder) {
  Histories histories;
  histories.name = "all-histories";
  for (const char* name : kTraces) {
    WEFT_ASSIGN(trace::Trace trace,
                trace::read_trace(data_folder + "/traces/" + name + ".json.gz"));
    histories.traces.push_back(std::move(trace));
  }
  for (const char* name : kDashboards) {
    WEFT_ASSIGN(std::vector<trace::Revision> revisions,
                trace::read_revisions(data_folder + "/dashboards/" + name + ".history.jsonl.gz"));
    histories.dashboards.push_back({name, std::move(revisions)});
  }
  return histories;
}

Histories generate_histories() {
  Histories histories;
  histories.name = "smoke-histories";
  histories.traces.push_back(
      trace::generate_session({.seed = 40, .insert_count = 700, .erase_count = 300}));
  histories.traces.push_back(trace::generate_concurrent_session({.seed = 41, .edit_count = 200}));
  histories.traces[0].name = "smoke-document";
  histories.traces[1].name = "smoke-document-concurrent";
  histories.dashboards.push_back(generate_dashboard(8));
  return histories;
}

void report_missing_histories(const std::string& why, Report& report) {
  report.add(not_run("open_to_text", std::string(kTraces[0]) + "-closed", why));
  report.add(not_run("open_to_text", std::string(kTraces[0]) + "-killed", why));
  report.add(not_run("compact_vs_sealed", "all-histories", why));
  report.add(not_run("revision_commit", kDashboards[0], why));
}

}  // namespace weft::bench
