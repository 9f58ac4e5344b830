// weft store: documents in a folder on this disk.

#include "apps/commands.h"
#include "apps/store_arguments.h"

namespace weft::cli {

StoreCommand add_store_command(CLI::App& store, Action& action, const std::string& name,
                               const std::string& help,
                               Status (*run)(const StoreArguments& arguments)) {
  auto arguments = std::make_shared<StoreArguments>();
  CLI::App* command = store.add_subcommand(name, help);
  command->add_option("STORE", arguments->folder, "The folder of the store")->required();
  command->callback([=, &action] { action = [=] { return run(*arguments); }; });
  return {command, arguments};
}

CLI::Option* add_document_option(const StoreCommand& command) {
  return command.app->add_option("DOCUMENT", command.arguments->document,
                                 "Its id, or how that begins");
}

void add_store_commands(CLI::App& app, Action& action) {
  CLI::App* store = app.add_subcommand("store", "Keep documents in a store, a folder on this disk");
  store->require_subcommand(1);
  store->footer(
      "One process writes a store at a time. ls, stat, verify, backup and export work beside it,\n"
      "and `weft doc show STORE:DOCUMENT` looks into a document.\n\n"
      "Examples:\n"
      "  weft store create boards\n"
      "  weft store import boards board.weft\n"
      "  weft store ls boards\n"
      "  weft store verify boards\n"
      "  weft store compact boards\n"
      "  weft store backup boards boards-monday");
  add_store_looks(*store, action);
  add_store_documents(*store, action);
  add_store_trash(*store, action);
  add_store_upkeep(*store, action);
}

}  // namespace weft::cli
