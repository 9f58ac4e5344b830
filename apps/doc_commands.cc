// weft doc: looking into documents, in files and in stores.

#include "apps/commands.h"

namespace weft::cli {

void add_doc_commands(CLI::App& app, Action& action) {
  CLI::App* doc = app.add_subcommand("doc", "Look into a document, make one, change one");
  doc->require_subcommand(1);
  doc->footer(
      "A document file is a history (every delta) or a snapshot (the state alone).\n"
      "A document in a store is named STORE:DOCUMENT, by how its id begins.\n\n"
      "Examples:\n"
      "  echo '{\"title\": \"CPU busy\"}' | weft doc new board.weft --from-json -\n"
      "  echo '{\"title\": \"CPU idle\"}' | weft doc import board.weft -\n"
      "  weft doc log board.weft\n"
      "  weft doc at board.weft 1\n"
      "  weft doc diff board.weft 1 now\n"
      "  weft doc why board.weft /title\n"
      "  weft doc show boards:4f1c");
  add_content_commands(*doc, action);
  add_history_commands(*doc, action);
  add_resolve_command(*doc, action);
  add_watch_command(*doc, action);
}

}  // namespace weft::cli
