#pragma once
// How the commands of `weft dashboard` write: a list of edits (crdt/dashboard/edit_json.h), done here or by the
// peer that holds the store.

#include <CLI/CLI.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "apps/commands.h"
#include "apps/file_io.h"
#include "apps/peer_client.h"
#include "crdt/document/document.h"

namespace weft::cli {

inline constexpr const char* kDashboardHelp =
    "A document file, or STORE:DOCUMENT for one in a store, by how its id begins";
inline constexpr const char* kPathHelp =
    "A path in the dashboard, as /panels/7/title; a panel goes by key, id or title";

/// What a command line of `weft dashboard` says; each command uses some of it.
struct DashboardArguments {
  std::string name;
  std::string path;  ///< or a panel, a row, a version: what is named first
  std::string value;
  std::string file;
  std::string message;
  bool json = false;
  bool no_wait = false;
};
using DashboardOptions = std::shared_ptr<DashboardArguments>;

/// A command whose first argument is NAME, with --json.
CLI::App* add_dashboard_command(CLI::App& dashboard, const std::string& name,
                                const std::string& help, const DashboardOptions& options);
/// --message
void add_message_option(CLI::App& command, const DashboardOptions& options);

/// What was written, where that is known of it.
struct DashboardWrite {
  std::string name;      ///< of the document: what the commands take
  std::string document;  ///< its id
  std::string first;     ///< the dot of the first operation
  std::uint64_t op_count = 0;
  bool is_durable = true;
  std::string but;  ///< what is to be said of it beside
};
/// "; 14 operations, first 1a2b:7"; or that nothing was written.
std::string write_words(const DashboardWrite& write);
/// {"document", "first", "operations", "durable"}
Json::Object write_json_of(const DashboardWrite& write);

/// All of `edits` as one delta. @errors name the document; those of the edits
Result<DashboardWrite> write_edits(const std::string& name, Json::Array edits,
                                   const std::string& message,
                                   Waiting waiting = Waiting::kUntilDurable);
/// A new document that holds `dashboard`. @param name  STORE: or a file
Result<DashboardWrite> make_dashboard(const std::string& name, const Json& dashboard,
                                      std::optional<DocumentId> id, Existing existing,
                                      Waiting waiting);

/// What `edit` would leave, read from the document; nothing is written.
Result<Document> try_edits(const std::string& name, const Document& document, Json::Array edits);

/// A string that no other device uses, for a new element's key.
std::string fresh_name();

/// One delta with `edits`, and words for it or, with --json, write_json_of.
Status edit_dashboard(const DashboardArguments& options, Json::Array edits,
                      const std::string& what);

}  // namespace weft::cli
