#pragma once
// What the commands of `weft store` share: their arguments, and how one is added.

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "apps/commands.h"
#include "crdt/base/result.h"

namespace weft::cli {

struct StoreArguments {
  std::string folder;
  std::string document;
  std::string file;  ///< or another folder
  std::vector<std::string> files;
  std::string archive;  ///< its format
  std::string version;
  std::string status;
  bool json = false;
  bool force = false;
  bool dry_run = false;
  bool no_shrink = false;
  bool no_wait = false;
};

struct StoreCommand {
  CLI::App* app;
  std::shared_ptr<StoreArguments> arguments;
};

/// A command whose first argument is STORE.
StoreCommand add_store_command(CLI::App& store, Action& action, const std::string& name,
                               const std::string& help,
                               Status (*run)(const StoreArguments& arguments));
/// The argument DOCUMENT.
CLI::Option* add_document_option(const StoreCommand& command);

void add_store_looks(CLI::App& store, Action& action);      ///< ls, stat, verify
void add_store_upkeep(CLI::App& store, Action& action);     ///< create, salvage, compact, backup
void add_store_documents(CLI::App& store, Action& action);  ///< import, export, status, trim
void add_store_trash(CLI::App& store, Action& action);      ///< trash ls, restore, empty

}  // namespace weft::cli
