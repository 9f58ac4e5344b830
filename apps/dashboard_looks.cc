// weft dashboard ls, show: which dashboards there are, and what is on one.

#include <algorithm>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "apps/dashboard_commands.h"
#include "apps/dashboard_write.h"
#include "apps/describe.h"
#include "apps/document_file.h"
#include "apps/document_source.h"
#include "apps/table.h"
#include "apps/terminal.h"
#include "crdt/dashboard/grafana.h"
#include "crdt/dashboard/inbox.h"
#include "crdt/dashboard/layout.h"
#include "crdt/dashboard/model.h"
#include "crdt/dashboard/model_fields.h"
#include "crdt/dashboard/names.h"
#include "storage/archive/archive.h"

namespace weft::cli {
namespace {

using dashboard::Dashboard;
using dashboard::PanelInfo;
using dashboard::VariableInfo;

// --- ls ---

struct Listed {
  std::string id;
  std::string title;
  std::size_t panels = 0;
  std::uint64_t bytes = 0;
  std::size_t conflicts = 0;
  std::uint64_t changed_ms = 0;
};

bool is_dashboard(const MapView& root) {
  return root.map("panels").ok() || root.map("rows").ok() || root.contains("schemaVersion");
}

std::uint64_t last_change_ms(const Document& document) {
  std::uint64_t last = 0;
  for (const DeltaInfo& delta : document.log()) last = std::max(last, delta.committed_at_ms);
  return last;
}

Json listed_json(const Listed& each) {
  return Json::Object{{"document", each.id},
                      {"title", each.title},
                      {"panels", number_json(each.panels)},
                      {"bytes", number_json(each.bytes)},
                      {"conflicts", number_json(each.conflicts)},
                      {"changed", each.changed_ms == 0 ? Json() : iso_time(each.changed_ms)}};
}

/// As many digits as tell all of them apart, 8 at least.
std::size_t id_digits(const std::vector<DocumentUsage>& documents) {
  std::size_t digits = 8;
  std::string last;
  for (const DocumentUsage& usage : documents) {  // by id
    const std::string id = to_string(usage.document);
    const auto [a, b] = std::mismatch(id.begin(), id.end(), last.begin(), last.end());
    digits = std::max(digits, static_cast<std::size_t>(a - id.begin()) + 1);
    last = id;
  }
  return digits;
}

Status list(const DashboardArguments& options) {
  std::string folder = options.name;
  if (const std::optional<StoredName> stored = stored_name(folder);
      stored && stored->document.empty())
    folder = stored->folder;
  WEFT_ASSIGN(const std::unique_ptr<LmdbStore> store, open_store(folder, Access::kRead));
  WEFT_ASSIGN(std::vector<DocumentUsage> documents, store->documents());
  std::erase_if(documents,
                [](const DocumentUsage& usage) { return usage.status != DocumentStatus::kLive; });
  std::vector<Listed> listed;
  std::size_t number = 0;
  for (const DocumentUsage& usage : documents) {
    show_progress("reading document " + std::to_string(++number) + " of " +
                  std::to_string(documents.size()));
    WEFT_ASSIGN(const Document document,
                open_stored(*store, folder, to_string(usage.document), Wanted::kHistory));
    if (!is_dashboard(document.root())) continue;
    const Dashboard board(document);
    WEFT_ASSIGN(const auto conflicts, dashboard::inbox(document));
    listed.push_back({to_string(usage.document), board.title(), board.panels().size(),
                      usage.history_bytes + usage.live_bytes + usage.tombstone_bytes,
                      conflicts.size(), last_change_ms(document)});
  }
  show_progress("");
  if (options.json) {
    for (const Listed& each : listed) print_line(listed_json(each));
    return {};
  }
  Table table({{"ID"},
               {"TITLE", false, true},
               {"PANELS", true},
               {"SIZE", true},
               {"CONFLICTS", true},
               {"LAST CHANGE"}});
  const std::size_t digits = id_digits(documents);
  for (const Listed& each : listed)
    table.add({each.id.substr(0, digits), each.title, std::to_string(each.panels),
               byte_words(each.bytes), std::to_string(each.conflicts),
               when_words(each.changed_ms)});
  if (table.empty()) {
    print("no dashboards; `weft dashboard import " + printable(folder) + " FILE` makes one\n");
  } else {
    print(table.text(output_width()));
  }
  return {};
}

// --- show ---

struct Laid {
  PanelInfo info;
  std::optional<dashboard::Rect> rect;  ///< as it is shown
};

/// By rows, and within one from the top, from the left.
std::vector<Laid> laid_out(const Document& document, const Dashboard& board) {
  std::unordered_map<std::string, dashboard::Rect> rects;
  for (dashboard::GridItem& item : dashboard::normalised_rects(document.root()))
    rects.emplace(std::move(item.id), item.rect);
  std::vector<Laid> result;
  for (PanelInfo& panel : board.panels()) {
    const auto rect = rects.find(panel.key);
    result.push_back({std::move(panel), rect == rects.end() ? std::optional<dashboard::Rect>()
                                                            : std::optional(rect->second)});
  }
  const auto is_same_part = [](const Laid& a, const Laid& b) {
    return a.info.row == b.info.row && (a.info.type == "row") == (b.info.type == "row");
  };
  for (auto begin = result.begin(); begin != result.end();) {
    const auto end = std::find_if(begin, result.end(),
                                  [&](const Laid& each) { return !is_same_part(*begin, each); });
    std::stable_sort(begin, end, [](const Laid& a, const Laid& b) {
      if (!a.rect || !b.rect) return false;
      return a.rect->y != b.rect->y ? a.rect->y < b.rect->y : a.rect->x < b.rect->x;
    });
    begin = end;
  }
  return result;
}

Json panel_json(const Laid& panel) {
  Json grid;
  if (panel.rect)
    grid = Json::Object{
        {"x", panel.rect->x}, {"y", panel.rect->y}, {"w", panel.rect->w}, {"h", panel.rect->h}};
  return Json::Object{
      {"key", panel.info.key},   {"id", panel.info.id ? Json(*panel.info.id) : Json()},
      {"type", panel.info.type}, {"title", panel.info.title},
      {"grid", std::move(grid)}, {"row", panel.info.row.empty() ? Json() : Json(panel.info.row)}};
}

std::string grid_words(const std::optional<dashboard::Rect>& rect) {
  if (!rect) return "-";
  return std::to_string(rect->x) + "," + std::to_string(rect->y) + " " + std::to_string(rect->w) +
         "x" + std::to_string(rect->h);
}

std::string row_words(const std::vector<Laid>& panels, const std::string& key,
                      const std::vector<dashboard::RowInfo>& rows) {
  for (const Laid& each : panels)
    if (each.info.key == key && !key.empty())
      return each.info.title.empty() ? key : each.info.title;
  for (const dashboard::RowInfo& row : rows)
    if (row.key == key) return row.title.empty() ? key : row.title;
  return {};
}

/// Panels of other keys than their ids, and two with one id, show their keys.
std::string id_words(const PanelInfo& panel) {
  const std::string id = panel.id ? std::to_string(*panel.id) : std::string("-");
  return id == panel.key ? id : id + " (" + panel.key + ")";
}

std::string query_words(const VariableInfo& variable) {
  const Json* query = variable.query.find("query");
  const Json& text = query == nullptr ? variable.query : *query;
  if (text.is_null()) return {};
  return text.as_string() ? *text.as_string() : short_json(text);
}

Status print_summary(const Document& document, const DashboardArguments& options) {
  const Dashboard board(document);
  const std::vector<Laid> panels = laid_out(document, board);
  const std::vector<VariableInfo> variables = board.variables();
  WEFT_ASSIGN(const auto items, dashboard::inbox(document));
  const std::size_t conflicts = items.size();
  if (options.json) {
    Json::Array listed;
    for (const Laid& panel : panels) listed.push_back(panel_json(panel));
    Json::Array named;
    for (const VariableInfo& each : variables)
      named.push_back(Json::Object{{"key", each.key},
                                   {"name", each.name},
                                   {"type", each.type},
                                   {"label", each.label},
                                   {"query", each.query}});
    Json::Array tags;
    for (const std::string& tag : board.tags()) tags.push_back(tag);
    print_line(Json::Object{{"document", to_string(document.id())},
                            {"title", board.title()},
                            {"uid", dashboard::text_at(board.root(), "uid")},
                            {"tags", std::move(tags)},
                            {"version", number_json(dashboard::derived_version(document))},
                            {"panels", std::move(listed)},
                            {"variables", std::move(named)},
                            {"conflicts", number_json(conflicts)}});
    return {};
  }
  print(bold(printable(board.title())) + "\n");
  std::string tags;
  for (const std::string& tag : board.tags()) tags += (tags.empty() ? "" : ", ") + tag;
  print(dim("document " + to_string(document.id()) + ", version " +
            std::to_string(dashboard::derived_version(document)) +
            (tags.empty() ? "" : ", tags " + printable(tags))) +
        "\n\n");
  Table table({{"ID"}, {"TYPE"}, {"TITLE", false, true}, {"GRID"}, {"ROW", false, true}});
  const std::vector<dashboard::RowInfo> rows = board.rows();
  for (const Laid& panel : panels)
    table.add({id_words(panel.info), panel.info.type, panel.info.title, grid_words(panel.rect),
               row_words(panels, panel.info.row, rows)});
  print(table.empty() ? "no panels\n" : table.text(output_width()));
  if (!variables.empty()) {
    Table names({{"VARIABLE"}, {"TYPE"}, {"QUERY", false, true}});
    for (const VariableInfo& each : variables) names.add({each.name, each.type, query_words(each)});
    print("\n" + names.text(output_width()));
  }
  print("\n" + (conflicts == 0
                    ? std::string("no conflicts\n")
                    : red(counted(conflicts, "conflict")) + "; `weft dashboard conflicts " +
                          printable(options.name) + "` lists them\n"));
  return {};
}

Status show(const DashboardArguments& options) {
  WEFT_ASSIGN(const Document document, read_dashboard(options.name, Wanted::kContent));
  if (options.path.empty()) {
    return print_summary(document, options);
  }
  const Result<Json> json = dashboard::shown_at(document, options.path);
  if (!json.ok())
    return Error(json.error().code(), options.name + ": " + json.error().context() +
                                          "; `weft dashboard show " + options.name +
                                          "` lists the panels");
  print(print_json(*json, {.indent = options.json ? 0 : 2, .sort_keys = true}) + "\n");
  return {};
}

}  // namespace

void add_dashboard_looks(CLI::App& dashboard, Action& action) {
  auto options = std::make_shared<DashboardArguments>();
  CLI::App* ls = dashboard.add_subcommand(
      "ls", "List a store's dashboards: id, title, panels, size, conflicts, last change");
  ls->add_option("STORE", options->name, "The store")->required();
  ls->add_flag("--json", options->json, "JSON, one object a line (docs/dashboard-cli.md)");
  ls->footer("Example:\n  weft dashboard ls boards");
  ls->callback([options, &action] { action = [options] { return list(*options); }; });

  options = std::make_shared<DashboardArguments>();
  CLI::App* command = add_dashboard_command(
      dashboard, "show", "Print what is on a dashboard, or what a part of it holds", options);
  add_path_option(*command, options->path, kPathHelp);
  command->footer(
      "Without PATH: panels by rows, each from the top and the left; variables; how many "
      "conflicts. With\n"
      "PATH: canonical JSON.\n\n"
      "Examples:\n"
      "  weft dashboard show boards:4f1c\n"
      "  weft dashboard show boards:4f1c \"/panels/CPU busy/targets/A/expr\"\n"
      "  weft dashboard show nodes.weft /templating --json");
  command->callback([options, &action] { action = [options] { return show(*options); }; });
}

}  // namespace weft::cli
