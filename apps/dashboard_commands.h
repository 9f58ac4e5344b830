#pragma once
// The parts of `weft dashboard`, each in a file of its own.

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "apps/commands.h"
#include "crdt/base/result.h"
#include "crdt/document/document.h"

namespace weft::cli {

void add_dashboard_files(CLI::App& dashboard, Action& action);    ///< new, import, export
void add_dashboard_looks(CLI::App& dashboard, Action& action);    ///< ls, show
void add_dashboard_edits(CLI::App& dashboard, Action& action);    ///< set, move, rm, restore
void add_dashboard_history(CLI::App& dashboard, Action& action);  ///< history, diff, why
void add_dashboard_blame(CLI::App& dashboard, Action& action);
void add_dashboard_inbox(CLI::App& dashboard, Action& action);  ///< conflicts, resolve
void add_dashboard_watch(CLI::App& dashboard, Action& action);

/// Grafana's JSON in a file, "-" is standard input; also as its HTTP interface wraps it.
/// @param called, warnings  as read_json (document_file.h)
/// @errors those of read_json; kInvalidArgument: it is no dashboard
Result<Json> read_dashboard(const std::string& file, const std::string& called = "",
                            std::vector<std::string>* warnings = nullptr);

/// What `FILE` was exported from: noted in FILE.weft, for `weft reconcile`.
struct ExportNote {
  std::string document;  ///< its id
  VersionVector version;
};
/// May the note be written? Not where something else has its name, with `force` where that is no document.
/// @errors kInvalidArgument
Status check_export_note(const std::string& file, bool force = false);
Status write_export_note(const std::string& file, const Document& document);
/// nullopt: there is none. @errors kCorrupt: the note can't be read
Result<std::optional<ExportNote>> read_export_note(const std::string& file);

/// "1a2b3c4d", or what a seed's writer is called.
std::string author_words(ReplicaId replica);
/// "2024-05-01 12:00:00"; of an import that seeded a document nobody knows when.
std::string when_words(std::uint64_t time_ms);

}  // namespace weft::cli
