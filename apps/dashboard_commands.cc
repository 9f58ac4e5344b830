// weft dashboard: Grafana's dashboards in documents.

#include "apps/dashboard_commands.h"

#include "apps/describe.h"
#include "crdt/dashboard/grafana.h"

namespace weft::cli {

std::string author_words(ReplicaId replica) {
  if (is_seed_replica(replica)) return "import";
  return to_string(replica).substr(0, 8);
}

std::string when_words(std::uint64_t time_ms) {
  if (time_ms == 0) return "-";
  std::string time = iso_time(time_ms).substr(0, 19);
  time[10] = ' ';
  return time;
}

void add_dashboard_commands(CLI::App& app, Action& action) {
  CLI::App* dashboard = app.add_subcommand(
      "dashboard",
      "Take dashboards in and out, change them, see and settle what was changed at once");
  dashboard->require_subcommand(1);
  dashboard->footer(
      "NAME is a document file, or STORE:DOCUMENT for a document in a store, by how its id begins. "
      "Where a\n"
      "peer runs on the store, it does the writing.\n\n"
      "Examples:\n"
      "  weft dashboard import boards node-exporter.json\n"
      "  weft dashboard ls boards\n"
      "  weft dashboard show boards:4f1c\n"
      "  weft dashboard set boards:4f1c \"/panels/CPU busy/title\" \"CPU, all nodes\"\n"
      "  weft dashboard move boards:4f1c \"CPU busy\" 0,4,12,8\n"
      "  weft dashboard conflicts boards:4f1c\n"
      "  weft dashboard resolve boards:4f1c 1a2b3c4d --side 1\n"
      "  weft dashboard diff boards:4f1c 12 now\n"
      "  weft dashboard export boards:4f1c nodes.json\n\n"
      "`weft help dashboard COMMAND` says more. Every command has --json.");
  add_dashboard_files(*dashboard, action);
  add_dashboard_looks(*dashboard, action);
  add_dashboard_edits(*dashboard, action);
  add_dashboard_inbox(*dashboard, action);
  add_dashboard_history(*dashboard, action);
  add_dashboard_blame(*dashboard, action);
  add_dashboard_watch(*dashboard, action);
}

}  // namespace weft::cli
