// weft dashboard new, import, export: dashboards as files, in and out.

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "apps/dashboard_commands.h"
#include "apps/dashboard_diff.h"
#include "apps/dashboard_write.h"
#include "apps/describe.h"
#include "apps/document_file.h"
#include "apps/document_source.h"
#include "apps/terminal.h"
#include "apps/trash.h"
#include "crdt/dashboard/grafana.h"
#include "crdt/dashboard/model.h"
#include "storage/archive/archive.h"

namespace weft::cli {
namespace {

struct FileArguments : DashboardArguments {
  bool no_version = false;
  bool no_note = false;
  bool force = false;
  bool restore = false;
};
using Options = std::shared_ptr<FileArguments>;

/// Beside the file that a link leads to.
std::string note_file(const std::string& file) {
  std::error_code error;
  return (std::filesystem::is_symlink(file, error) ? files::without_links(file) : file) + ".weft";
}

std::string made_words(const DashboardWrite& write, std::size_t panels) {
  return printable(write.name) + ": made, with " + counted(panels, "panel") + write_words(write) +
         "\n";
}

/// Those in rows, too.
std::size_t count_panels(const Json& holder) {
  std::size_t count = 0;
  for (const char* list : {"panels", "rows"}) {
    const Json* held = holder.find(list);
    if (held == nullptr || !held->as_array()) continue;
    for (const Json& each : *held->as_array())
      count += count_panels(each) + (list == std::string_view("panels") ? 1 : 0);
  }
  return count;
}

void print_made(const DashboardWrite& write, const Json& dashboard, bool json,
                const std::vector<std::string>& warnings = {}) {
  if (!json) return print(made_words(write, count_panels(dashboard)));
  Json::Object line = write_json_of(write);
  line.emplace_back("name", write.name);
  line.emplace_back("made", true);
  add_warnings(line, warnings);
  print_line(line);
}

// --- which document a uid means ---

/// Where a dashboard goes.
struct Target {
  std::optional<std::string>
      existing;  ///< the name of the document that it is imported into; else it is made
  std::optional<DocumentId> id;  ///< of its uid; of a document to be made this one's
  bool is_deleted = false;       ///< the existing one is in the trash
};

Result<Target> target_of(const std::string& name, const Json& dashboard);

// --- new ---

/// STORE means STORE: here, a new document in it.
std::string new_name(const std::string& name) { return is_store(name) ? name + ":" : name; }

Status make_new(const FileArguments& options) {
  Json::Object dashboard{
      {"title", options.value}, {"panels", Json::Array()}, {"schemaVersion", std::int64_t{39}}};
  if (!options.path.empty()) dashboard.emplace_back("uid", options.path);
  const Json json(std::move(dashboard));
  const std::string name = new_name(options.name);
  WEFT_ASSIGN(const Target target, target_of(name, json));
  if (target.is_deleted)
    return Error(ErrorCode::kNotKept,
                 *target.existing +
                     ": a dashboard of that uid is in the trash; `weft store trash "
                     "restore` brings it back, another --uid makes another");
  WEFT_ASSIGN(
      const DashboardWrite write,
      make_dashboard(name, json, target.id, options.force ? Existing::kReplace : Existing::kRefuse,
                     waiting_of(options.no_wait)));
  print_made(write, json, options.json);
  return {};
}

// --- import ---

/// A uid means the newest of its generations that is not deleted; each purge begins another, since what the same file
/// would make again is what was deleted (docs/adr/0013).
Result<Target> target_of_uid(const LmdbStore& store, const StoredName& stored,
                             const Json& dashboard) {
  Target target;
  for (std::uint64_t generation = 0;; ++generation) {
    const DocumentId id = *dashboard::document_of_uid(dashboard, generation);
    Result<std::optional<DocumentUsage>> found = store.document(id);
    if (!found.ok()) return about_store(stored.folder, found.error());
    if (!*found) {
      if (!target.id) target.id = id;
      return target;
    }
    const DocumentUsage& usage = **found;
    const std::string name = stored.folder + ":" + to_string(id);
    const bool is_gone = usage.status == DocumentStatus::kPurged ||
                         (usage.status == DocumentStatus::kDeleted && usage.version.empty());
    if (is_gone) continue;
    const bool is_deleted = usage.status == DocumentStatus::kDeleted;
    if (is_deleted && target.id) continue;  // an older one that is not deleted counts more
    if (!is_deleted) WEFT_TRY(check_kept(stored.folder, usage));
    target.id = id;
    target.is_deleted = is_deleted;
    target.existing.reset();
    if (!usage.version.empty())
      target.existing = name;  // else it is kept again and has not come yet
  }
}

Result<Target> target_of(const std::string& name, const Json& dashboard) {
  Target target;
  target.id = dashboard::document_of_uid(dashboard);
  const std::optional<StoredName> stored = stored_name(name);
  if (!stored) {
    std::error_code error;
    if (std::filesystem::exists(name, error)) target.existing = name;
    return target;
  }
  if (!stored->document.empty()) {
    target.existing = name;
    return target;
  }
  if (!target.id) return target;
  WEFT_ASSIGN(const std::unique_ptr<LmdbStore> store, open_store(stored->folder, Access::kRead));
  return target_of_uid(*store, *stored, dashboard);
}

Status update(const FileArguments& options, const std::string& name, const Json& dashboard,
              const std::vector<std::string>& warnings) {
  Json::Array edits{Json::Object{{"do", "import"}, {"dashboard", dashboard}}};
  const auto would_change = [&](const Document& document) -> Result<bool> {
    WEFT_ASSIGN(const Document after, try_edits(name, document, edits));
    return !(after.version() == document.version());
  };
  WEFT_ASSIGN(const bool goes_on, prepare_import(name, options.restore, would_change));
  if (!goes_on) {
    if (!options.json) print(left_in_trash_words(name));
    return {};
  }
  show_progress("reading " + name);
  WEFT_ASSIGN(const Document before, read_dashboard(name, Wanted::kContent));
  show_progress("comparing");
  WEFT_ASSIGN(const Document after, try_edits(name, before, edits));
  const ChangeCounts counts = count_changes(leaf_changes(before, after));
  show_progress("writing");
  WEFT_ASSIGN(const DashboardWrite write,
              write_edits(name, std::move(edits), options.message, waiting_of(options.no_wait)));
  show_progress("");
  if (options.json) {
    Json::Object line = write_json_of(write);
    line.emplace_back("name", name);
    line.emplace_back("made", false);
    line.emplace_back("changed", count_json(counts));
    add_warnings(line, warnings);
    print_line(line);
  } else {
    print(printable(name) + ": " + count_words(counts) + write_words(write) + "\n");
  }
  return {};
}

Status import(const FileArguments& options) {
  std::vector<std::string> warnings;
  WEFT_ASSIGN(const Json dashboard, read_dashboard(options.file, {}, &warnings));
  const std::string name = new_name(options.name);
  WEFT_ASSIGN(const Target target, target_of(name, dashboard));
  if (target.existing) return update(options, *target.existing, dashboard, warnings);
  show_progress("importing " + options.file);
  Result<DashboardWrite> write =
      make_dashboard(name, dashboard, target.id, Existing::kRefuse, waiting_of(options.no_wait));
  show_progress("");
  if (!write.ok()) return write.take_error();
  print_made(*write, dashboard, options.json, warnings);
  return {};
}

// --- export ---

/// Was `held`, an earlier export of this document, edited since? No where the version that it was made from is not held
/// any more.
Result<bool> was_edited(const ExportNote& note, const Document& document, const Json& held) {
  if (note.document != to_string(document.id())) return true;
  const Result<Document> then = document.at(note.version);
  if (!then.ok()) return false;
  WEFT_ASSIGN(const Json exported, dashboard::to_grafana(*then));
  const auto text = [](const Json& json) {
    return dashboard::canonical_text(dashboard::without_derived(json));
  };
  return text(exported) != text(held);
}

/// An earlier export is replaced, nothing else.
Status check_replaced(const FileArguments& options) {
  WEFT_TRY(check_other_file(options.file, options.name));
  std::error_code error;
  if (options.force || !std::filesystem::is_regular_file(options.file, error) ||
      std::filesystem::file_size(options.file, error) == 0)
    return {};
  WEFT_ASSIGN(const Bytes held, read_file(options.file));
  const Result<Json> json =
      parse_json(std::string_view(reinterpret_cast<const char*>(held.data()), held.size()));
  if (!json.ok() || !json->as_object())
    return Error(ErrorCode::kInvalidArgument,
                 options.file + ": holds something else than a dashboard; --force replaces it");
  WEFT_ASSIGN(const std::optional<ExportNote> note, read_export_note(options.file));
  WEFT_ASSIGN(const Document document, read_dashboard(options.name, Wanted::kHistory));
  if (note) {
    WEFT_ASSIGN(const bool is_edited, was_edited(*note, document, *json));
    if (!is_edited) return {};
    return Error(ErrorCode::kInvalidArgument,
                 options.file +
                     ": was edited since it was exported, or is of another document; "
                     "`weft reconcile` takes edits into its document, --force gives "
                     "up what is there");
  }
  WEFT_ASSIGN(const Json shown, dashboard::to_grafana(document));
  const auto uid = [](const Json& dashboard) {
    const Json* found = dashboard.find("uid");
    return found == nullptr ? Json() : *found;
  };
  if (uid(*json) == uid(shown)) return {};
  return Error(ErrorCode::kInvalidArgument,
               options.file + ": holds another dashboard; --force replaces it");
}

Status export_file(const FileArguments& options) {
  if (!options.file.empty() && options.file != "-") {
    WEFT_TRY(check_replaced(options));
    if (!options.no_note) WEFT_TRY(check_export_note(options.file, options.force));
  }
  WEFT_ASSIGN(const Document document, read_dashboard(options.name, Wanted::kContent));
  const std::uint64_t version = dashboard::derived_version(document);
  dashboard::ExportOptions how;
  if (!options.no_version) how.version = version;
  WEFT_ASSIGN(const std::string text, dashboard::to_grafana_text(document, how));
  if (options.file.empty() || options.file == "-") {
    print(text);
    return {};
  }
  WEFT_TRY(write_output(options.file, as_bytes(text), Existing::kReplace));
  // What is no file, /dev/stdout or a fifo, can't be reconciled: it needs no note.
  if (!options.no_note && files::is_replaceable(options.file))
    WEFT_TRY(write_export_note(options.file, document));
  if (options.json) {
    print_line(Json::Object{{"document", to_string(document.id())},
                            {"file", options.file},
                            {"bytes", number_json(text.size())},
                            {"version", number_json(version)}});
  } else {
    print(printable(options.file) + ": " + byte_words(text.size()) + ", version " +
          std::to_string(version) + "\n");
  }
  return {};
}

void add_new(CLI::App& dashboard, Action& action) {
  auto options = std::make_shared<FileArguments>();
  CLI::App* command =
      add_dashboard_command(dashboard, "new", "Make an empty dashboard with a title", options);
  command->add_option("TITLE", options->value, "Its title")->required();
  command->add_option("--uid", options->path,
                      "Grafana's uid; devices that give the same make the same document");
  command->add_flag("--force", options->force, "Replace a file of that name");
  add_no_wait_option(*command, options->no_wait);
  command->footer(
      "NAME is a file to make, or STORE for a document in a store.\n\n"
      "Examples:\n"
      "  weft dashboard new boards \"Nodes\" --uid nodes\n"
      "  weft dashboard new nodes.weft \"Nodes\"");
  command->callback([options, &action] { action = [options] { return make_new(*options); }; });
}

void add_import(CLI::App& dashboard, Action& action) {
  auto options = std::make_shared<FileArguments>();
  CLI::App* command = add_dashboard_command(
      dashboard, "import", "Take a dashboard's JSON in: what differs is written", options);
  command->add_option("FILE", options->file, "Grafana's JSON; - is standard input")->required();
  command->add_flag("--restore", options->restore,
                    "Bring it back if it is in the trash, even if nothing differs");
  add_message_option(*command, options);
  add_no_wait_option(*command, options->no_wait);
  command->footer(
      "Into a STORE it goes as the document of its uid: made where there is none, on every device "
      "the\n"
      "same; without a uid as a new one. Into a file, or STORE:DOCUMENT, as a change of that.\n"
      "What is equal is not touched.\n\n"
      "Examples:\n"
      "  weft dashboard import boards node-exporter.json\n"
      "  weft dashboard import boards:4f1c edited.json --message \"new thresholds\"\n"
      "  weft dashboard import nodes.weft -");
  command->callback([options, &action] { action = [options] { return import(*options); }; });
}

void add_export(CLI::App& dashboard, Action& action) {
  auto options = std::make_shared<FileArguments>();
  CLI::App* command =
      add_dashboard_command(dashboard, "export", "Write a dashboard as Grafana's JSON", options);
  command->add_option("FILE", options->file, "The file to write; without one standard output");
  command->add_flag("--no-version", options->no_version, "Without `version`");
  command->add_flag("--no-note", options->no_note,
                    "Without FILE.weft, which tells `weft reconcile` what FILE was made from");
  command->add_flag("--force", options->force,
                    "Replace FILE also if it was edited, or holds something else");
  command->footer(
      "The text is canonical: devices that have seen the same edits write the same bytes.\n\n"
      "Examples:\n"
      "  weft dashboard export boards:4f1c nodes.json\n"
      "  weft dashboard export nodes.weft --no-version | diff - nodes.json");
  command->callback([options, &action] { action = [options] { return export_file(*options); }; });
}

}  // namespace

Result<Json> read_dashboard(const std::string& file, const std::string& called,
                            std::vector<std::string>* warnings) {
  WEFT_ASSIGN(Json json, read_json(file, called, warnings));
  const Json* wrapped = json.find("dashboard");
  if (wrapped != nullptr && wrapped->as_object() && json.find("panels") == nullptr)
    json = Json(*wrapped);
  const Json* panels = json.find("panels");
  const Json::Array* list = panels == nullptr ? nullptr : panels->as_array();
  for (std::size_t i = 0; list != nullptr && i < list->size(); ++i)
    if ((*list)[i].as_object() == nullptr)
      return Error(ErrorCode::kInvalidArgument, (called.empty() ? file : called) + ": /panels/" +
                                                    std::to_string(i) +
                                                    " is no panel; a panel is a JSON object");
  if (json.as_object()) return json;
  return Error(ErrorCode::kInvalidArgument,
               (!called.empty() ? called
                : file == "-"   ? std::string("standard input")
                                : file) +
                   ": holds no dashboard; one is a JSON object, as Grafana exports it");
}

Status check_export_note(const std::string& file, bool force) {
  const std::string note = note_file(file);
  std::error_code error;
  const auto kind = std::filesystem::status(note, error);
  if (!std::filesystem::exists(kind)) return {};
  if (std::filesystem::is_regular_file(kind)) {
    if (read_export_note(file).ok()) return {};
    if (force && !open_document(note).ok()) return {};
  }
  return Error(ErrorCode::kInvalidArgument,
               note +
                   ": is no note of `weft dashboard export`, and one would take its place; "
                   "name another file than " +
                   file);
}

Status write_export_note(const std::string& file, const Document& document) {
  const Json note = Json::Object{{"document", to_string(document.id())},
                                 {"version", document.version().to_string()}};
  return write_output(note_file(file), as_bytes(print_json(note) + "\n"), Existing::kReplace);
}

Result<std::optional<ExportNote>> read_export_note(const std::string& file) {
  std::error_code error;
  if (!std::filesystem::exists(note_file(file), error)) return std::optional<ExportNote>();
  const auto unusable = [&] {
    return Error(ErrorCode::kCorrupt,
                 note_file(file) +
                     ": is no note of `weft dashboard export`; remove it, or say what " + file +
                     " was made from with --since");
  };
  const Result<Json> json = read_json(note_file(file));
  if (!json.ok()) return unusable();
  const Json* document = json->find("document");
  const Json* version = json->find("version");
  if (document == nullptr || !document->as_string() || version == nullptr || !version->as_string())
    return unusable();
  Result<VersionVector> vector = VersionVector::parse(*version->as_string());
  if (!vector.ok()) return unusable();
  return std::optional(ExportNote{*document->as_string(), *std::move(vector)});
}

void add_dashboard_files(CLI::App& dashboard, Action& action) {
  add_new(dashboard, action);
  add_import(dashboard, action);
  add_export(dashboard, action);
}

}  // namespace weft::cli
