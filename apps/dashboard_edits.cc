// weft dashboard set, move, rm, restore: one edit each.

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "apps/dashboard_commands.h"
#include "apps/dashboard_write.h"
#include "apps/describe.h"
#include "apps/document_file.h"
#include "apps/document_source.h"
#include "crdt/dashboard/keyed_array.h"
#include "crdt/dashboard/model.h"
#include "crdt/dashboard/names.h"
#include "crdt/dashboard/panel_walk.h"
#include "crdt/document/json_pointer.h"
#include "crdt/document/json_text.h"

namespace weft::cli {
namespace {

struct EditArguments : DashboardArguments {
  std::string before;
  std::string after;
  std::string into;
  bool out_of_row = false;
  bool with_panels = false;
};
using Options = std::shared_ptr<EditArguments>;

// --- set ---

/// JSON, or where it is none the text as it stands.
Json value_of(const std::string& text) {
  Result<Json> json = parse_json(text);
  return json.ok() ? *std::move(json) : Json(text);
}

Status set(const EditArguments& options) {
  Json value = value_of(options.value);
  std::string_view path = options.path;
  Json::Object edit;
  if (path == "/panels/-") {
    edit = {{"do", "add-panel"}, {"fresh", fresh_name()}, {"panel", std::move(value)}};
  } else if (path.ends_with("/-")) {
    path.remove_suffix(2);
    edit = {{"do", "add"}, {"fresh", fresh_name()}, {"path", path}, {"value", std::move(value)}};
  } else {
    edit = {{"do", "set"}, {"path", options.path}, {"value", std::move(value)}};
  }
  return edit_dashboard(options, {std::move(edit)}, options.path + " is set");
}

// --- move ---

/// "X,Y" or "X,Y,W,H".
Result<Json> grid_of(const std::string& text) {
  constexpr std::array<const char*, 4> kMembers = {"x", "y", "w", "h"};
  Json::Object grid;
  const char* at = text.data();
  const char* const end = at + text.size();
  for (const char* member : kMembers) {
    std::int64_t number = 0;
    const auto [next, error] = std::from_chars(at, end, number);
    if (error != std::errc()) break;
    grid.emplace_back(member, number);
    if (next != end && *next != ',') break;
    at = next == end ? end : next + 1;
    if (next == end && (grid.size() == 2 || grid.size() == 4)) return Json(std::move(grid));
  }
  throw CLI::ValidationError("TO", "'" + text + "' is no place; write X,Y or X,Y,W,H, as 0,8,12,8");
}

Status move(const EditArguments& options) {
  Json::Object edit{{"do", "move"}, {"panel", options.path}};
  if (!options.value.empty()) {
    WEFT_ASSIGN(Json grid, grid_of(options.value));
    edit.emplace_back("grid", std::move(grid));
  }
  if (!options.before.empty()) edit.emplace_back("before", options.before);
  if (!options.after.empty()) edit.emplace_back("after", options.after);
  if (!options.into.empty()) edit.emplace_back("into_row", options.into);
  if (options.out_of_row) edit.emplace_back("out_of_row", true);
  if (edit.size() == 2)
    throw CLI::RequiredError("X,Y[,W,H], --before, --after, --into or --out-of-row");
  return edit_dashboard(options, {std::move(edit)}, "panel " + options.path + " is moved");
}

// --- rm, restore ---

/// PATH may be a panel alone.
std::string path_or_panel(const std::string& name) {
  if (name.starts_with('/')) return name;
  std::string path = "/panels";
  append_pointer_token(path, name);
  return path;
}

Status remove(const EditArguments& options) {
  Json::Object edit{{"do", "remove"}, {"path", path_or_panel(options.path)}};
  if (options.with_panels) edit.emplace_back("with_panels", true);
  return edit_dashboard(options, {std::move(edit)}, options.path + " is removed");
}

/// The document right before a write. @errors kNeedHistory
Result<Document> document_before(const Document& document, const Dot& write) {
  for (const DeltaInfo& delta : document.log()) {
    if (delta.first.replica != write.replica || write.seq < delta.first.seq ||
        write.seq >= delta.first.seq + delta.op_count)
      continue;
    std::vector<Dot> heads = delta.dependencies;
    if (delta.first.seq > 0) heads.push_back({delta.first.replica, delta.first.seq - 1});
    VersionVector version;
    for (const Dot& head : heads) {
      WEFT_ASSIGN(const VersionVector past, document.version_of(Frontier{head}));
      version.merge(past);
    }
    return document.at(version);
  }
  return Error(ErrorCode::kNeedHistory, "the delta is not held here");
}

/// Which element it came behind; "": it was the first.
std::string element_before(const std::vector<std::string>& order, const std::string& key) {
  const auto at = std::find(order.begin(), order.end(), key);
  return at == order.begin() || at == order.end() ? std::string() : *(at - 1);
}

/// Tells the edit where in its order the element was; what can't be known any more is left out.
void say_place(Json::Object& edit, const Document& before, const std::vector<std::string>& tokens,
               const std::string& path) {
  const std::string& key = tokens.back();
  if (tokens.size() == 2 && tokens[0] == dashboard::kPanels) {
    std::string holder;
    for (const dashboard::ShownPanel& panel : dashboard::shown_panels(before.root()))
      if (panel.key == key) holder = panel.holder;
    const Result<MapView> list = dashboard::panel_list(before.root(), holder);
    if (!list.ok()) return;
    edit.emplace_back("holder", holder);
    edit.emplace_back("after", element_before(dashboard::shown_order(*list), key));
    return;
  }
  const Result<MapView> array = before.map(parent_pointer(path));
  if (array.ok() && dashboard::is_array(*array))
    edit.emplace_back("after", element_before(dashboard::shown_order(*array), key));
}

/// The edit that brings back what was at `path`. Restoring looks into the history, which a running peer need not hold: the
/// edit says what it found.
/// @param before  becomes the document right before it was removed, where that is held
Json::Object restoring(const Document& document, const std::string& path,
                       std::optional<Document>& before) {
  Json::Object edit{{"do", "restore"}, {"path", path}};
  const Result<std::vector<std::string>> tokens = pointer_tokens(path);
  const Result<std::vector<WriteInfo>> writes = document.history(path);
  if (!tokens.ok() || !writes.ok() || writes->empty() || !writes->front().erased || tokens->empty())
    return edit;
  for (const WriteInfo& write : *writes) {
    if (write.erased) continue;
    if (!write.value.is_container()) edit.emplace_back("value", write.json);
    break;
  }
  Result<Document> held = document_before(document, writes->front().dot);
  if (!held.ok()) return edit;
  before = *std::move(held);
  say_place(edit, *before, *tokens, path);
  return edit;
}

/// A row comes back with the panels that were in it and went when it went.
Status restore(const EditArguments& options) {
  WEFT_ASSIGN(const Document document, read_dashboard(options.name, Wanted::kHistory));
  WEFT_ASSIGN(const std::string path, dashboard::path_of_names(dashboard::Dashboard(document),
                                                               path_or_panel(options.path)));
  WEFT_ASSIGN(const std::vector<std::string> tokens, pointer_tokens(path));
  std::optional<Document> before;
  Json::Array edits{restoring(document, path, before)};
  if (before && tokens.size() == 2 && tokens[0] == dashboard::kPanels) {
    const Result<MapView> panels = document.map("/" + std::string(dashboard::kPanels));
    for (const dashboard::PanelInfo& panel : dashboard::Dashboard(*before).panels()) {
      if (panel.row != tokens[1] || (panels.ok() && panels->contains(panel.key))) continue;
      std::string inside = "/" + std::string(dashboard::kPanels);
      append_pointer_token(inside, panel.key);
      std::optional<Document> ignored;
      edits.push_back(restoring(document, inside, ignored));
    }
  }
  const std::size_t inside = edits.size() - 1;
  return edit_dashboard(
      options, std::move(edits),
      options.path + " is there again" + (inside == 0 ? "" : ", with " + counted(inside, "panel")));
}

void add(CLI::App* command, const Options& options, Action& action,
         Status (*run)(const EditArguments&)) {
  add_message_option(*command, options);
  add_no_wait_option(*command, options->no_wait);
  command->callback([=, &action] { action = [=] { return run(*options); }; });
}

}  // namespace

void add_dashboard_edits(CLI::App& dashboard, Action& action) {
  auto options = std::make_shared<EditArguments>();
  CLI::App* command =
      add_dashboard_command(dashboard, "set", "Write a field, a panel, an element", options);
  add_path_option(*command, options->path, std::string(kPathHelp) + "; ARRAY/- adds an element",
                  true);
  command->add_option("VALUE", options->value, "JSON, or plain text where it is none")->required();
  command->footer(
      "What is above PATH is made where it is missing.\n\n"
      "Examples:\n"
      "  weft dashboard set boards:4f1c /title \"All nodes\"\n"
      "  weft dashboard set boards:4f1c /panels/7/targets/A/expr 'rate(cpu[5m])'\n"
      "  weft dashboard set boards:4f1c /panels/7/fieldConfig/defaults/min 0\n"
      "  weft dashboard set boards:4f1c /panels/- '{\"type\": \"stat\", \"title\": \"Load\"}'\n"
      "  weft dashboard set boards:4f1c /panels/Load/targets/- '{\"expr\": \"node_load1\"}'");
  add(command, options, action, set);

  options = std::make_shared<EditArguments>();
  command = add_dashboard_command(dashboard, "move", "Move a panel or a row", options);
  command->add_option("PANEL", options->path, "Its key, id or title")->required();
  command->add_option("TO", options->value,
                      "X,Y or X,Y,W,H: its rectangle, in columns (24) and rows of the grid");
  command->add_option("--before", options->before, "In the order, before this panel or row");
  command->add_option("--after", options->after, "Behind this one");
  command->add_option("--into", options->into, "Into this row, last");
  command->add_flag("--out-of-row", options->out_of_row, "Out of its row, to above all rows");
  command->footer(
      "Examples:\n"
      "  weft dashboard move boards:4f1c \"CPU busy\" 0,8\n"
      "  weft dashboard move boards:4f1c 7 0,8,24,6\n"
      "  weft dashboard move boards:4f1c 7 --before \"Memory\"\n"
      "  weft dashboard move boards:4f1c 7 --into \"Disks\"");
  add(command, options, action, move);

  options = std::make_shared<EditArguments>();
  command =
      add_dashboard_command(dashboard, "rm", "Remove a field, an element, a panel, a row", options);
  command->add_option("PATH", options->path, std::string(kPathHelp) + "; or a panel alone")
      ->required();
  command->add_flag("--with-panels", options->with_panels, "Of a row: its panels, too");
  command->footer(
      "What others write into it meanwhile is not lost: `weft dashboard conflicts` shows it.\n\n"
      "Examples:\n"
      "  weft dashboard rm boards:4f1c \"CPU busy\"\n"
      "  weft dashboard rm boards:4f1c /panels/7/targets/B\n"
      "  weft dashboard rm boards:4f1c /templating/list/job");
  add(command, options, action, remove);

  options = std::make_shared<EditArguments>();
  command = add_dashboard_command(
      dashboard, "restore", "Bring back what was removed, with all it held, where it was", options);
  command->add_option("PATH", options->path, std::string(kPathHelp) + "; or a panel's key alone")
      ->required();
  command->footer(
      "Examples:\n"
      "  weft dashboard restore boards:4f1c /panels/7\n"
      "  weft dashboard restore boards:4f1c /panels/7/description");
  add(command, options, action, restore);
}

}  // namespace weft::cli
