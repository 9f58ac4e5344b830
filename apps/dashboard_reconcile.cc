// weft reconcile: edits made to an exported file are taken into the document, and the document's into the file.

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "apps/commands.h"
#include "apps/dashboard_commands.h"
#include "apps/dashboard_diff.h"
#include "apps/dashboard_write.h"
#include "apps/describe.h"
#include "apps/document_file.h"
#include "apps/document_source.h"
#include "apps/terminal.h"
#include "crdt/dashboard/grafana.h"
#include "crdt/dashboard/merge_files.h"
#include "storage/archive/archive.h"

namespace weft::cli {
namespace {

struct ReconcileArguments : DashboardArguments {
  std::string since;
  bool no_version = false;
};

/// What the file was made from: by --since, by the note beside it; else the document as it is.
Result<VersionVector> base_version(const ReconcileArguments& options, const Document& document) {
  if (!options.since.empty()) return version_of(document, options.since);
  WEFT_ASSIGN(const std::optional<ExportNote> note, read_export_note(options.file));
  if (!note) {
    print_error(options.file +
                ": nobody knows which version it was made from, so what is in it is "
                "taken as it stands; `weft dashboard export` or --since says it");
    return document.version();
  }
  if (note->document != to_string(document.id()))
    return Error(ErrorCode::kInvalidArgument, options.file + ": was exported from document " +
                                                  note->document + ", not from " + options.name +
                                                  "; name that, or say --since");
  return note->version;
}

Json file_conflict_json(const dashboard::FileConflict& conflict) {
  return Json::Object{{"path", conflict.path},
                      {"where", conflict.where},
                      {"document", conflict.ours ? *conflict.ours : Json()},
                      {"file", conflict.theirs ? *conflict.theirs : Json()}};
}

void print_report(const ReconcileArguments& options, const DashboardWrite& write,
                  const ChangeCounts& into_document, const ChangeCounts& into_file,
                  const std::vector<dashboard::FileConflict>& conflicts,
                  const std::vector<std::string>& warnings) {
  if (options.json) {
    Json::Array over;
    for (const dashboard::FileConflict& each : conflicts) over.push_back(file_conflict_json(each));
    Json::Object line = write_json_of(write);
    line.emplace_back("file", options.file);
    line.emplace_back("into_document", count_json(into_document));
    line.emplace_back("into_file", count_json(into_file));
    line.emplace_back("overwritten", std::move(over));
    add_warnings(line, warnings);
    return print_line(line);
  }
  print(printable(options.name) + ": " + count_words(into_document) + write_words(write) + "\n");
  for (const dashboard::FileConflict& each : conflicts)
    print("  over what was written there meanwhile: " + bold(printable(each.where)) + ": " +
          (each.ours ? short_json(*each.ours, 40) : "deleted") + " -> " +
          (each.theirs ? short_json(*each.theirs, 40) : "deleted") + "\n");
  print(printable(options.file) + ": " + count_words(into_file) + "\n");
}

Status reconcile(const ReconcileArguments& options) {
  if (!files::is_replaceable(options.file))
    return Error(ErrorCode::kInvalidArgument,
                 options.file + ": is no regular file; reconciling reads it and writes it anew");
  WEFT_TRY(check_export_note(options.file));
  std::vector<std::string> warnings;
  WEFT_ASSIGN(const Json file, read_dashboard(options.file, {}, &warnings));
  show_progress("reading " + options.name);
  WEFT_ASSIGN(const Document document, read_dashboard(options.name, Wanted::kHistory));
  WEFT_ASSIGN(const VersionVector version, base_version(options, document));
  const Result<Document> base = document.at(version);
  if (!base.ok())
    return Error(base.error().code(),
                 options.name + ": the version that " + options.file +
                     " was made from is not held here: " + base.error().context());
  show_progress("merging");
  WEFT_ASSIGN(const Json before, dashboard::to_grafana(*base));
  WEFT_ASSIGN(const Json ours, dashboard::to_grafana(document));
  Result<dashboard::FileMerge> merge =
      dashboard::merge_dashboards(before, ours, file, dashboard::Prefer::kTheirs);
  if (!merge.ok())
    return Error(merge.error().code(), options.file + ": " + merge.error().context());
  const auto import_of = [](const Json& json) {
    return Json::Array{Json::Object{{"do", "import"}, {"dashboard", json}}};
  };
  WEFT_ASSIGN(const Document after, try_edits(options.name, document, import_of(merge->merged)));
  WEFT_ASSIGN(const Document as_file, try_edits(options.name, document, import_of(file)));
  const ChangeCounts into_document = count_changes(leaf_changes(document, after));
  const ChangeCounts into_file = count_changes(leaf_changes(as_file, after));
  show_progress("writing");
  WEFT_ASSIGN(const DashboardWrite write,
              write_edits(options.name, import_of(merge->merged), options.message));
  show_progress("");

  WEFT_ASSIGN(const Document written, read_dashboard(options.name, Wanted::kContent));
  dashboard::ExportOptions how;
  if (!options.no_version && file.find("version") != nullptr)
    how.version = dashboard::derived_version(written);
  WEFT_ASSIGN(const std::string text, dashboard::to_grafana_text(written, how));
  WEFT_TRY(write_output(options.file, as_bytes(text), Existing::kReplace));
  WEFT_TRY(write_export_note(options.file, written));
  print_report(options, write, into_document, into_file, merge->conflicts, warnings);
  return {};
}

}  // namespace

void add_reconcile_command(CLI::App& app, Action& action) {
  auto options = std::make_shared<ReconcileArguments>();
  CLI::App* command = app.add_subcommand(
      "reconcile", "Take what was edited in an exported file into its document, and back");
  command->add_option("NAME", options->name, kDashboardHelp)->required();
  command->add_option("FILE", options->file, "The dashboard's file; it is written anew")
      ->required();
  command->add_option("--since", options->since,
                      "The version FILE was made from, as `weft dashboard history` numbers them");
  command->add_flag("--no-version", options->no_version, "Write FILE without `version`");
  add_message_option(*command, options);
  command->add_flag("--json", options->json, "JSON, one object (docs/dashboard-cli.md)");
  command->footer(
      "What changed in FILE since it was exported (FILE.weft notes the version) is written over "
      "what the\n"
      "document holds now; then FILE holds both.\n\n"
      "Example:\n"
      "  weft dashboard export boards:4f1c nodes.json   # then edit nodes.json\n"
      "  weft reconcile boards:4f1c nodes.json");
  command->callback([options, &action] { action = [options] { return reconcile(*options); }; });
}

}  // namespace weft::cli
