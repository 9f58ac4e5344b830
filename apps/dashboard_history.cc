// weft dashboard history, diff, why: how a dashboard came to be what it is.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "apps/dashboard_commands.h"
#include "apps/dashboard_diff.h"
#include "apps/dashboard_write.h"
#include "apps/describe.h"
#include "apps/document_file.h"
#include "apps/document_source.h"
#include "apps/terminal.h"
#include "crdt/dashboard/inbox.h"
#include "crdt/dashboard/keyed_array.h"
#include "crdt/dashboard/names.h"
#include "crdt/document/json_pointer.h"

namespace weft::cli {
namespace {

Error about_path(const std::string& name, const std::string& path, const Error& error) {
  if (error.code() == ErrorCode::kNeedHistory)
    return Error(error.code(),
                 name + ": " + error.context() + "; name another document that has it");
  return Error(error.code(), name + ", " + path + ": " + error.context());
}

// --- history ---

Status list_deltas(const DashboardArguments& options, const Document& document) {
  const std::vector<DeltaInfo> log = document.log();
  for (std::size_t i = log.size(); i-- > 0;) {
    const DeltaInfo& delta = log[i];
    if (options.json) {
      print_line(Json::Object{
          {"number", number_json(i + 1)},
          {"first", to_string(delta.first)},
          {"author", author_words(delta.first.replica)},
          {"time", delta.committed_at_ms == 0 ? Json() : iso_time(delta.committed_at_ms)},
          {"operations", number_json(delta.op_count)},
          {"message", delta.message}});
    } else {
      print(bold("#" + std::to_string(i + 1)) + "  " + dim(when_words(delta.committed_at_ms)) +
            "  by " + author_words(delta.first.replica) + "  " +
            counted(static_cast<std::size_t>(delta.op_count), "operation") +
            (delta.message.empty() ? "" : "  " + short_json(delta.message)) + "\n");
    }
  }
  if (!document.base().empty())
    print_error(options.name + " " + why_cut(options.name) + ": what came before is not held here");
  return {};
}

struct PathWrite {
  std::string path;
  WriteInfo write;
};

/// The writes of a place and, where it is a map, of what is below it now.
Status collect_writes(const Document& document, const std::string& path,
                      std::vector<PathWrite>& writes) {
  WEFT_ASSIGN(std::vector<WriteInfo> here, document.history(path));
  for (WriteInfo& write : here) writes.push_back({path, std::move(write)});
  const Result<MapView> map = document.map(path);
  if (!map.ok()) return {};
  for (const std::string& key : map->keys()) {
    if (key == dashboard::kOrder) continue;
    std::string below = path;
    append_pointer_token(below, key);
    WEFT_TRY(collect_writes(document, below, writes));
  }
  return {};
}

Status list_writes(const DashboardArguments& options, const Document& document) {
  WEFT_ASSIGN(const std::string path,
              dashboard::path_of_names(dashboard::Dashboard(document), options.path));
  std::vector<PathWrite> writes;
  show_progress("looking through the history of " + options.path);
  const Status collected = collect_writes(document, path, writes);
  show_progress("");
  if (!collected.ok()) return about_path(options.name, options.path, collected.error());
  std::stable_sort(writes.begin(), writes.end(), [](const PathWrite& a, const PathWrite& b) {
    return b.write.stamp < a.write.stamp;
  });
  for (const PathWrite& each : writes) {
    const WriteInfo& write = each.write;
    if (options.json) {
      print_line(Json::Object{
          {"path", each.path},
          {"dot", to_string(write.dot)},
          {"author", author_words(write.dot.replica)},
          {"time", write.committed_at_ms == 0 ? Json() : iso_time(write.committed_at_ms)},
          {"erased", write.erased},
          {"value", write.json},
          {"message", write.message}});
    } else {
      print(dim(when_words(write.committed_at_ms)) + "  by " + author_words(write.dot.replica) +
            "  " + bold(printable(dashboard::path_words(document, each.path))) + ": " +
            (write.erased ? red("removed") : short_json(write.json)) +
            (write.message.empty() ? "" : "  " + dim(short_json(write.message))) + "\n");
    }
  }
  return {};
}

Status show_history(const DashboardArguments& options) {
  WEFT_ASSIGN(const Document document, read_dashboard(options.name, Wanted::kHistory));
  return options.path.empty() ? list_deltas(options, document) : list_writes(options, document);
}

// --- diff ---

/// A version of the document, or what it would be after an import of a file.
Result<Document> version_or_file(const std::string& name, const Document& document,
                                 const std::string& which) {
  std::error_code error;
  if (which == "-" || std::filesystem::is_regular_file(which, error)) {
    WEFT_ASSIGN(const Json dashboard, read_dashboard(which));
    return try_edits(name, document, {Json::Object{{"do", "import"}, {"dashboard", dashboard}}});
  }
  Result<VersionVector> version = [&]() -> Result<VersionVector> {
    try {
      return version_of(document, which);
    } catch (const CLI::ValidationError&) {
      throw CLI::ValidationError("VERSION",
                                 "'" + which +
                                     "' is no version and no file; write now, a number from "
                                     "`weft dashboard history`, or a dashboard's file");
    }
  }();
  if (!version.ok()) return Error(version.error().code(), name + ": " + version.error().context());
  Result<Document> past = document.at(*version);
  if (!past.ok())
    return Error(past.error().code(), name + " at " + which + ": " + past.error().context());
  return past;
}

Status show_diff(const DashboardArguments& options) {
  WEFT_ASSIGN(const Document document, read_dashboard(options.name, Wanted::kHistory));
  WEFT_ASSIGN(const Document before, version_or_file(options.name, document, options.path));
  WEFT_ASSIGN(const Document after, version_or_file(options.name, document, options.value));
  const std::vector<LeafChange> changes = leaf_changes(before, after);
  for (const LeafChange& change : changes) {
    if (options.json) {
      print_line(change_json(change));
    } else {
      print(change_words(change));
    }
  }
  if (changes.empty() && !options.json) print("no difference\n");
  return {};
}

// --- why ---

Status show_why(const DashboardArguments& options) {
  WEFT_ASSIGN(const Document document, read_dashboard(options.name, Wanted::kHistory));
  WEFT_ASSIGN(const std::string path,
              dashboard::path_of_names(dashboard::Dashboard(document), options.path));
  const Result<std::string> words = dashboard::why(document, path);
  if (!words.ok()) return about_path(options.name, options.path, words.error());
  const Result<Json> shown = dashboard::shown_at(document, path);
  if (options.json) {
    print_line(Json::Object{{"path", path},
                            {"where", dashboard::path_words(document, path)},
                            {"value", shown.ok() ? *shown : Json()},
                            {"text", *words}});
  } else {
    print(bold(printable(path)) + ": " + (shown.ok() ? short_json(*shown) : "removed") + "\n" +
          printable(*words, "\n") + "\n");
  }
  return {};
}

DashboardOptions add(CLI::App& dashboard, Action& action, const std::string& name,
                     const std::string& help, Status (*run)(const DashboardArguments&)) {
  auto options = std::make_shared<DashboardArguments>();
  CLI::App* command = add_dashboard_command(dashboard, name, help, options);
  command->callback([=, &action] { action = [=] { return run(*options); }; });
  return options;
}

}  // namespace

void add_dashboard_history(CLI::App& dashboard, Action& action) {
  DashboardOptions options =
      add(dashboard, action, "history",
          "List what was written, newest first: by whom, when, with what message", show_history);
  CLI::App* command = dashboard.get_subcommand("history");
  add_path_option(*command, options->path,
                  std::string(kPathHelp) + "; without one the deltas of all");
  command->footer(
      "Examples:\n"
      "  weft dashboard history boards:4f1c\n"
      "  weft dashboard history boards:4f1c /panels/7/title\n"
      "  weft dashboard history boards:4f1c \"/panels/CPU busy\"");

  options = add(dashboard, action, "diff",
                "Say leaf by leaf how one version, or a file, differs from another", show_diff);
  command = dashboard.get_subcommand("diff");
  command
      ->add_option(
          "A", options->path,
          "A version: a number from `weft dashboard history`, 0 is empty; or a dashboard's file")
      ->required();
  options->value = "now";
  command->add_option("B", options->value, "Another; now where it is left out");
  command->footer(
      "Examples:\n"
      "  weft dashboard diff boards:4f1c 12\n"
      "  weft dashboard diff boards:4f1c 12 15\n"
      "  weft dashboard diff boards:4f1c now edited.json");

  options = add(dashboard, action, "why",
                "Say why something is as it is: who wrote it, over what, by which rule", show_why);
  command = dashboard.get_subcommand("why");
  add_path_option(*command, options->path, kPathHelp, true);
  command->footer("Example:\n  weft dashboard why boards:4f1c \"/panels/CPU busy/title\"");
}

}  // namespace weft::cli
