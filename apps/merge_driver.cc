// weft merge-driver: git's three versions of a dashboard's file, merged as two devices would.
//
// Exit codes: 0 merged; 1 merged, with conflicts, each printed; 2 no dashboard: as git would merge text.

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "apps/commands.h"
#include "apps/dashboard_commands.h"
#include "apps/describe.h"
#include "apps/document_file.h"
#include "apps/file_io.h"
#include "apps/terminal.h"
#include "crdt/dashboard/merge_files.h"

extern "C" char** environ;  // NOLINT: POSIX's

namespace weft::cli {
namespace {

namespace fs = std::filesystem;

constexpr int kConflicts = 1;
constexpr int kNoDashboard = 2;

constexpr std::size_t kValueWidth = 200;

struct DriverArguments {
  std::vector<std::string> files;  ///< %O %A %B [%P]
  std::string pattern = "*.json";
  bool install = false;
  bool write = false;
};

/// @return  its exit code; nullopt: it can't be run
std::optional<int> run_git(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "git");
  std::vector<char*> argv;
  for (std::string& each : arguments) argv.push_back(each.data());
  argv.push_back(nullptr);
  pid_t pid = 0;
  if (posix_spawnp(&pid, "git", nullptr, nullptr, argv.data(), environ) != 0) return std::nullopt;
  int state = 0;
  if (waitpid(pid, &state, 0) != pid || !WIFEXITED(state)) return std::nullopt;
  return WEXITSTATUS(state);
}

// --- merging ---

/// Spaces before the first member; 0: all on one line.
int indent_of(std::string_view text) {
  const std::size_t line = text.find('\n');
  if (line == std::string_view::npos) return 0;
  const std::size_t end = text.find_first_not_of(' ', line + 1);
  return end == std::string_view::npos ? 2
                                       : static_cast<int>(std::min<std::size_t>(end - line - 1, 8));
}

struct Side {
  Json json;
  std::string text;
};
/// Without a common ancestor git hands in an empty file.
Result<Side> read_side(const std::string& file, const std::string& called, bool may_be_empty) {
  Side side;
  WEFT_ASSIGN(const Bytes bytes, read_file(file));
  side.text = as_text(bytes);
  if (may_be_empty && side.text.find_first_not_of(" \t\r\n") == std::string::npos) {
    side.json = Json::Object();
    return side;
  }
  WEFT_ASSIGN(side.json, read_dashboard(file, called));
  return side;
}

std::string value_words(const std::optional<Json>& value) {
  return value ? short_json(*value, kValueWidth) : "deleted";
}

/// What git does where no driver is set: the lines, with its marks.
[[noreturn]] void merge_lines(const std::vector<std::string>& files, const Error& error) {
  print_error(error.context() + "; merged as lines of text instead");
  run_git({"merge-file", "-q", "-L", "ours", "-L", "base", "-L", "theirs", files[1], files[0],
           files[2]});
  throw Exit{kNoDashboard};
}

Status merge(const std::vector<std::string>& files) {
  if (files.size() < 3)
    throw CLI::RequiredError("%O %A %B (the base, ours, theirs), as git hands them in,");
  const std::string name = files.size() > 3 ? files[3] : files[1];
  Result<Side> base = read_side(files[0], name + " (base)", true);
  if (!base.ok()) merge_lines(files, base.error());
  Result<Side> ours = read_side(files[1], name + " (ours)", false);
  if (!ours.ok()) merge_lines(files, ours.error());
  Result<Side> theirs = read_side(files[2], name + " (theirs)", false);
  if (!theirs.ok()) merge_lines(files, theirs.error());
  Result<dashboard::FileMerge> merge =
      dashboard::merge_dashboards(base->json, ours->json, theirs->json, dashboard::Prefer::kOurs);
  if (!merge.ok())
    merge_lines(files, Error(merge.error().code(), name + ": " + merge.error().context()));
  std::string text = print_json(dashboard::in_order_of(std::move(merge->merged), ours->json),
                                {.indent = indent_of(ours->text), .sort_keys = false});
  if (ours->text.ends_with('\n')) text += "\n";
  WEFT_TRY(write_output(files[1], as_bytes(text), Existing::kReplace));
  for (const dashboard::FileConflict& conflict : merge->conflicts)
    print("CONFLICT " + printable(name) + ": " + printable(conflict.where) + " (" +
          printable(conflict.path) + ")\n  ours:   " + value_words(conflict.ours) +
          "\n  theirs: " + value_words(conflict.theirs) + "\n");
  if (merge->conflicts.empty()) return {};
  print(printable(name) + " holds ours at " + counted(merge->conflicts.size(), "place") +
        "; edit it where theirs is right, then `git add` it\n");
  throw Exit{kConflicts};
}

// --- installing ---

/// The command that git runs: this very program.
std::string driver_command() {
  std::error_code error;
  const fs::path self = fs::read_symlink("/proc/self/exe", error);
  const std::string program = error ? "weft" : "'" + self.string() + "'";
  return program + " merge-driver %O %A %B %P";
}

Status install(const DriverArguments& options) {
  const std::string attributes = options.pattern + " merge=weft-dashboard\n";
  if (!options.write) {
    print(
        "# in .git/config, or by `git config --global`:\n"
        "[merge \"weft-dashboard\"]\n"
        "\tname = dashboards, by panels and fields\n"
        "\tdriver = \"" +
        driver_command() + "\"\n# in .gitattributes:\n" + printable(attributes, "\n"));
    return {};
  }
  std::error_code error;
  fs::path root = fs::current_path(error);
  while (!fs::exists(root / ".git", error) && root != root.parent_path()) root = root.parent_path();
  if (!fs::exists(root / ".git", error))
    return Error(ErrorCode::kNotFound,
                 fs::current_path(error).string() +
                     ": is in no git repository; change into one, or leave out --write and put the "
                     "lines where they belong");
  for (const auto& [key, value] :
       {std::pair<std::string, std::string>{"merge.weft-dashboard.name",
                                            "dashboards, by panels and fields"},
        {"merge.weft-dashboard.driver", driver_command()}})
    if (run_git({"config", key, value}) != 0)
      return Error(ErrorCode::kIoError,
                   root.string() + ": `git config " + key + "` did not work; is git installed?");
  const std::string file = (root / ".gitattributes").string();
  std::string text;
  if (fs::exists(file, error)) {
    WEFT_ASSIGN(const Bytes bytes, read_file(file));
    text = as_text(bytes);
  }
  if (("\n" + text).find("\n" + attributes) == std::string::npos) {
    if (!text.empty() && !text.ends_with('\n')) text += "\n";
    WEFT_TRY(write_output(file, as_bytes(text + attributes), Existing::kReplace));
  }
  print(printable(root.string()) + ": git merges " + printable(options.pattern) +
        " by panels and fields from now on; commit .gitattributes\n");
  return {};
}

}  // namespace

void add_merge_driver_command(CLI::App& app, Action& action) {
  auto options = std::make_shared<DriverArguments>();
  CLI::App* command = app.add_subcommand(
      "merge-driver", "Merge a dashboard's file for git: by panels and fields, not by lines");
  command
      ->add_option("FILES", options->files,
                   "%O %A %B [%P] of gitattributes(5): base, ours (replaced by the merge), theirs, "
                   "what the file is called")
      ->expected(0, 4);
  command->add_flag("--install", options->install, "Print how git is told of it");
  command->add_flag("--write", options->write, "With --install: tell git, in this repository")
      ->needs("--install");
  command
      ->add_option("--pattern", options->pattern,
                   "With --install: which files, as in .gitattributes")
      ->capture_default_str();
  command->footer(
      "Exit code 0: merged. 1: what both sides changed is printed, the file holds ours there. 2: "
      "one of them is\n"
      "no dashboard, and was merged as text.\n\n"
      "Examples:\n"
      "  weft merge-driver --install\n"
      "  weft merge-driver --install --write --pattern 'dashboards/*.json'");
  command->callback([options, &action] {
    action = [options] { return options->install ? install(*options) : merge(options->files); };
  });
}

}  // namespace weft::cli
