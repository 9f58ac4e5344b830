#pragma once
// The commands of `weft`: each adds itself to the command line and says what to run if it was chosen.

#include <CLI/CLI.hpp>
#include <functional>
#include <string>

#include "crdt/base/result.h"

namespace weft::cli {

/// What the parsed command line asks for. An error's context is printed as it is, so it names the
/// thing it is about and what to do.
using Action = std::function<Status()>;

/// Thrown by an action whose exit code says more than that it did not work; everything is printed.
struct Exit {
  int code = 1;
};

void add_replay_command(CLI::App& app, Action& action);
void add_simulate_command(CLI::App& app, Action& action);

/// `weft doc ...`
void add_doc_commands(CLI::App& app, Action& action);
void add_content_commands(CLI::App& doc, Action& action);  ///< show, at, new, import, snapshot
void add_history_commands(CLI::App& doc, Action& action);  ///< log, diff, why, history, conflicts

void add_resolve_command(CLI::App& doc, Action& action);
void add_watch_command(CLI::App& doc, Action& action);

/// `weft dashboard ...`
void add_dashboard_commands(CLI::App& app, Action& action);
void add_merge_driver_command(CLI::App& app, Action& action);
void add_reconcile_command(CLI::App& app, Action& action);

/// `weft completion SHELL`: after all others, which it looks at.
void add_completion_command(CLI::App& app, Action& action);

/// `weft peer ...`, `weft sync ...`
void add_peer_commands(CLI::App& app, Action& action);
void add_sync_commands(CLI::App& app, Action& action);

/// `weft store ...`
void add_store_commands(CLI::App& app, Action& action);

/// The argument PATH, a JSON pointer.
void add_path_option(CLI::App& command, std::string& path, const std::string& help,
                     bool required = false);

}  // namespace weft::cli
