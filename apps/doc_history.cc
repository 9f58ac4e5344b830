// weft doc log, diff, why, history, conflicts: how a document came to hold what it holds.

#include <memory>
#include <string>

#include "apps/commands.h"
#include "apps/describe.h"
#include "apps/document_file.h"
#include "apps/document_source.h"
#include "apps/terminal.h"
#include "apps/trash.h"

namespace weft::cli {
namespace {

struct HistoryOptions {
  std::string file;
  std::string from;
  std::string to;
  std::string path;
  bool json = false;
};
using Options = std::shared_ptr<HistoryOptions>;

Json delta_json(const DeltaInfo& delta, std::size_t number) {
  Json::Array dependencies;
  for (const Dot& dot : delta.dependencies) dependencies.push_back(to_string(dot));
  return Json::Object{{"number", static_cast<std::int64_t>(number)},
                      {"first", to_string(delta.first)},
                      {"ops", std::int64_t{delta.op_count}},
                      {"time_ms", static_cast<std::int64_t>(delta.committed_at_ms)},
                      {"message", delta.message},
                      {"dependencies", std::move(dependencies)}};
}

std::string delta_words(const DeltaInfo& delta, std::size_t number) {
  std::string words =
      bold("#" + std::to_string(number)) + "  " + to_string(delta.first) + "  " +
      dim(is_seed_replica(delta.first.replica) ? "import" : iso_time(delta.committed_at_ms)) +
      "  " + counted(delta.op_count, "operation");
  if (!delta.message.empty()) words += "  " + short_json(delta.message);
  for (std::size_t i = 0; i < delta.dependencies.size(); ++i)
    words += (i == 0 ? "  after " : ", ") + to_string(delta.dependencies[i]);
  return words + "\n";
}

Status show_log(const HistoryOptions& options) {
  WEFT_ASSIGN(Document document, read_document(options.file, Wanted::kHistory));
  std::vector<DeltaInfo> log = document.log();
  for (std::size_t i = 0; i < log.size(); ++i) {
    if (options.json) {
      print_line(delta_json(log[i], i + 1));
    } else {
      print(delta_words(log[i], i + 1));
    }
  }
  if (!document.base().empty())
    print_error(options.file + " " + why_cut(options.file) + ": it holds the state at " +
                document.base().to_string() + " and no delta before that");
  return Status();
}

Status show_diff(const HistoryOptions& options) {
  WEFT_ASSIGN(Document document, read_document(options.file, Wanted::kHistory));
  auto from = version_of(document, options.from);
  if (!from.ok()) return about(options.file, from.error());
  auto to = version_of(document, options.to);
  if (!to.ok()) return about(options.file, to.error());
  auto patches = document.diff(*from, *to);
  if (!patches.ok())
    return about(options.file + " from " + options.from + " to " + options.to, patches.error());
  for (const Patch& patch : *patches) {
    if (options.json) {
      print_line(patch_json(patch));
    } else {
      print(patch_words(patch_json(patch)));
    }
  }
  return Status();
}

Status show_why(const HistoryOptions& options) {
  WEFT_ASSIGN(Document document, read_document(options.file, Wanted::kHistory));
  auto why = document.why(options.path);
  if (!why.ok()) return about(options.file + ", " + options.path, why.error());
  if (options.json) {
    Json::Array losers;
    for (const WriteInfo& loser : why->losers) losers.push_back(write_json_of(loser));
    print_line(Json::Object{{"path", why->path},
                            {"text", why->text},
                            {"winner", write_json_of(why->winner)},
                            {"losers", std::move(losers)}});
    return Status();
  }
  std::string value = why->winner.erased ? "erased" : short_json(why->winner.json);
  print(bold(path_words(why->path)) + ": " + value + "\n" + printable(why->text, "\n") + "\n");
  return Status();
}

Status show_writes(const HistoryOptions& options) {
  WEFT_ASSIGN(Document document, read_document(options.file, Wanted::kHistory));
  auto writes = document.history(options.path);
  if (!writes.ok()) return about(options.file + ", " + options.path, writes.error());
  for (const WriteInfo& write : *writes) {
    if (options.json) {
      print_line(write_json_of(write));
    } else {
      print(write_words(write) + "\n");
    }
  }
  return Status();
}

Status show_conflicts(const HistoryOptions& options) {
  WEFT_ASSIGN(Document document, read_document(options.file, Wanted::kHistory));
  WEFT_ASSIGN(const std::vector<Conflict> conflicts, document.conflicts(options.path));
  WEFT_ASSIGN(const std::optional<Contested> contested, contested_in(options.file, document));
  if (contested && options.json) print_line(contested_json(*contested));
  if (contested && !options.json) print_contested(*contested, options.file);
  for (const Conflict& conflict : conflicts) {
    if (options.json) {
      print_line(conflict_json(conflict));
    } else {
      print(conflict_words(conflict));
    }
  }
  if (conflicts.empty() && !contested && !options.json) print("no conflicts\n");
  return Status();
}

Options add_command(CLI::App& doc, Action& action, Status (*run)(const HistoryOptions&),
                    const std::string& name, const std::string& help, const std::string& example) {
  auto options = std::make_shared<HistoryOptions>();
  CLI::App* command = doc.add_subcommand(name, help);
  command->add_option("FILE", options->file, kDocumentHelp)->required();
  command->add_flag("--json", options->json, "One JSON object a line");
  command->footer("Example:\n  weft doc " + name + " board.weft" + example);
  command->callback([=, &action] { action = [=] { return run(*options); }; });
  return options;
}

}  // namespace

void add_history_commands(CLI::App& doc, Action& action) {
  add_command(doc, action, show_log, "log",
              "List the deltas, oldest first: number, first operation, time, size, message", "");

  Options diff = add_command(doc, action, show_diff, "diff",
                             "Say what changed between two versions", " 1 now");
  CLI::App* command = doc.get_subcommand("diff");
  command->add_option("FROM", diff->from, "A version: a number from `weft doc log`, 0 is empty")
      ->required();
  command->add_option("TO", diff->to, "A version; now is the newest")->required();

  Options why =
      add_command(doc, action, show_why, "why", "Say why a path holds what it holds", " /title");
  add_path_option(*doc.get_subcommand("why"), why->path, "A JSON pointer, as /panels/cpu/title",
                  true);

  Options history =
      add_command(doc, action, show_writes, "history",
                  "List every write of a key or list element, newest first", " /title");
  add_path_option(*doc.get_subcommand("history"), history->path,
                  "A JSON pointer, as /panels/cpu/title", true);

  Options conflicts = add_command(doc, action, show_conflicts, "conflicts",
                                  "List writes that were made at the same time and lost", "");
  add_path_option(*doc.get_subcommand("conflicts"), conflicts->path,
                  "Only below this JSON pointer");
  doc.get_subcommand("conflicts")
      ->footer(
          "Example:\n  weft doc conflicts board.weft\n"
          "  weft doc resolve board.weft /title --side 1   # settles one");
}

}  // namespace weft::cli
