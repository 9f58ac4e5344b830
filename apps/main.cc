// weft: the command line.
//
// Exit codes: 0 done, and what was written is on the disk; 1 it did not work, standard error says what and why; 2 the command line is wrong;
// 3 to 7: what `weft peer health` found; 10 and above: what `weft simulate` found.

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <exception>
#include <iostream>
#include <new>
#include <string>
#include <string_view>
#include <vector>

#include "apps/commands.h"
#include "apps/terminal.h"

namespace {

using weft::cli::print_error;

constexpr const char* kNoOutput = "standard output: cannot be written; is the disk full?";
constexpr int kFailed = 1;
constexpr int kWrongUsage = 2;

/// `weft help doc show` is `weft doc show --help`.
std::vector<std::string> arguments_of(int argc, char** argv) {
  std::vector<std::string> arguments(argv + 1, argv + argc);
  if (!arguments.empty() && arguments[0] == "help") {
    arguments.erase(arguments.begin());
    arguments.emplace_back("--help");
  }
  if (arguments.empty()) arguments.emplace_back("--help");
  std::reverse(arguments.begin(), arguments.end());  // as CLI11 wants them
  return arguments;
}

}  // namespace

/// Stores are read through maps of their files.
void say_bus_error(int) {
  constexpr std::string_view kText =
      "weft: a file that is open here was cut off by somebody, or its disk is full\n";
  (void)!::write(STDERR_FILENO, kText.data(), kText.size());
  ::_exit(kFailed);
}

int main(int argc, char** argv) {
  std::signal(SIGBUS, say_bus_error);
  std::signal(SIGXFSZ, SIG_IGN);  // a limit on files is an error that is said, not the end
  CLI::App app(
      "weft: documents that merge. Every device edits its own replica; who has seen the\n"
      "same deltas holds the same content.",
      "weft");
  app.set_version_flag("--version", "weft " WEFT_VERSION);
  app.require_subcommand(1);
  app.footer(
      "Examples:\n"
      "  echo '{\"title\": \"CPU busy\"}' | weft doc new board.weft --from-json -\n"
      "  weft doc show board.weft\n"
      "  weft store create boards\n"
      "  weft store import boards board.weft\n"
      "  weft doc show boards:4f1c\n"
      "  weft peer --store boards --listen tcp:127.0.0.1:7400\n"
      "  weft sync status boards\n"
      "  weft dashboard import boards node-exporter.json\n"
      "  weft replay --generate\n\n"
      "`weft help COMMAND...` says more, for instance `weft help doc log`.");
  weft::cli::Action action;
  weft::cli::add_replay_command(app, action);
  weft::cli::add_simulate_command(app, action);
  weft::cli::add_doc_commands(app, action);
  weft::cli::add_dashboard_commands(app, action);
  weft::cli::add_merge_driver_command(app, action);
  weft::cli::add_reconcile_command(app, action);
  weft::cli::add_store_commands(app, action);
  weft::cli::add_peer_commands(app, action);
  weft::cli::add_sync_commands(app, action);
  weft::cli::add_completion_command(app, action);

  try {
    app.parse(arguments_of(argc, argv));
    weft::Status status = action();
    if (!weft::cli::finish_output()) {
      print_error(kNoOutput);
      return kFailed;
    }
    if (!status.ok()) {
      print_error(status.error().context());
      return kFailed;
    }
    return 0;
  } catch (const weft::cli::Exit& exit) {
    return weft::cli::finish_output() ? exit.code : kFailed;
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) {  // --help, --version
      const int code = app.exit(error);
      std::cout.flush();
      if (std::cout && weft::cli::finish_output()) return code;
      print_error(kNoOutput);
      return kFailed;
    }
    std::vector<std::string> unknown = app.remaining(true);
    print_error(unknown.empty() ? error.what()
                                : "there is no command or argument '" + unknown[0] + "' here");
    std::fprintf(stderr,
                 "      `weft help` lists the commands, `weft help COMMAND` its arguments\n");
    return kWrongUsage;
  } catch (const std::bad_alloc&) {
    print_error("there is not enough memory for this");
    return kFailed;
  } catch (const std::exception& error) {
    print_error(error.what());
    return kFailed;
  }
}
