// weft doc watch: what changes in a document, as it changes.

#include <cstdio>
#include <memory>
#include <string>

#include "apps/commands.h"
#include "apps/describe.h"
#include "apps/document_source.h"
#include "apps/peer_client.h"
#include "apps/terminal.h"

namespace weft::cli {
namespace {

struct WatchOptions {
  std::string name;
  std::size_t count = 0;
  bool json = false;
};

void print_patch(const Json& patch, bool json) {
  if (json) return print_line(patch);
  const Json* local = patch.find("local");
  const bool is_local = local != nullptr && local->as_bool() != nullptr && *local->as_bool();
  print(dim(is_local ? "written here  " : "from a peer  ") + patch_words(patch));
}

Status watch(const WatchOptions& options) {
  const std::optional<StoredName> name = stored_name(options.name);
  if (!name)
    return Error(ErrorCode::kInvalidArgument,
                 options.name +
                     ": only a document in a store that a peer keeps can be watched; "
                     "name it STORE:DOCUMENT");
  WEFT_ASSIGN(PeerClient peer, PeerClient::connect(name->folder));
  std::size_t seen = 0;
  return peer.each({{"cmd", "watch"}, {"document", name->document}}, 0,
                   [&](const Json& line) -> Result<bool> {
                     if (const Json* patch = line.find("patch")) {
                       print_patch(*patch, options.json);
                       ++seen;
                     } else if (!options.json) {
                       print_error("watching " + options.name + "; Ctrl-C ends it");
                     }
                     // Whoever reads this waits for it; where nobody does any more it ends.
                     return finish_output() && (options.count == 0 || seen < options.count);
                   });
}

}  // namespace

void add_watch_command(CLI::App& doc, Action& action) {
  auto options = std::make_shared<WatchOptions>();
  CLI::App* command = doc.add_subcommand(
      "watch", "Print what changes in a document, here or at other peers, as it changes");
  command->add_option("STORE:DOCUMENT", options->name, "A document in a store that a peer keeps")
      ->required();
  command->add_option("--count", options->count, "End after so many changes");
  command->add_flag("--json", options->json, "One JSON object a line");
  command->footer(
      "A peer has to run on the store: `weft peer --store STORE`.\n\n"
      "Examples:\n"
      "  weft doc watch boards:4f1c\n"
      "  weft doc watch boards:4f1c --json --count 1");
  command->callback([options, &action] { action = [options] { return watch(*options); }; });
}

}  // namespace weft::cli
