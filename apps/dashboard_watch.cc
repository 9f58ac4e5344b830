// weft dashboard watch: what changes on a dashboard, as it changes, in its words.

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "apps/dashboard_commands.h"
#include "apps/dashboard_diff.h"
#include "apps/dashboard_write.h"
#include "apps/describe.h"
#include "apps/document_source.h"
#include "apps/peer_client.h"
#include "apps/terminal.h"

namespace weft::cli {
namespace {

struct WatchArguments : DashboardArguments {
  std::size_t count = 0;
};

bool is_local(const Json& patch) {
  const Json* local = patch.find("local");
  return local != nullptr && local->as_bool() != nullptr && *local->as_bool();
}

/// A patch says that something changed; what, the document as it is now says beside the one before: so several
/// patches of one edit are told once, with what they mean.
class Watch {
 public:
  Watch(const WatchArguments& options, Document seen) : options_(options), seen_(std::move(seen)) {}

  Status look(const Json& patch) {
    WEFT_ASSIGN(Document now, read_document(options_.name, Wanted::kContent));
    for (const LeafChange& change : leaf_changes(seen_, now)) {
      if (options_.count != 0 && count_ == options_.count) break;
      ++count_;
      if (options_.json) {
        Json json = change_json(change);
        json.as_object()->emplace_back("local", is_local(patch));
        print_line(json);
      } else {
        print(dim(is_local(patch) ? "written here  " : "from a peer  ") + change_words(change));
      }
    }
    seen_ = std::move(now);
    return {};
  }
  bool is_done() const { return options_.count != 0 && count_ >= options_.count; }

 private:
  const WatchArguments& options_;
  Document seen_;
  std::size_t count_ = 0;
};

Status watch(const WatchArguments& options) {
  const std::optional<StoredName> name = stored_name(options.name);
  if (!name)
    return Error(ErrorCode::kInvalidArgument,
                 options.name +
                     ": only a dashboard in a store that a peer keeps can be watched; name it "
                     "STORE:DOCUMENT");
  WEFT_ASSIGN(PeerClient peer, PeerClient::connect(name->folder));
  std::optional<Watch> watch;
  return peer.each({{"cmd", "watch"}, {"document", name->document}}, 0,
                   [&](const Json& line) -> Result<bool> {
                     if (const Json* patch = line.find("patch")) {
                       WEFT_TRY(watch->look(*patch));
                     } else {
                       // From here on nothing is missed: the peer watches already.
                       WEFT_ASSIGN(Document seen, read_document(options.name, Wanted::kContent));
                       watch.emplace(options, std::move(seen));
                       if (!options.json)
                         print_error("watching " + options.name + "; Ctrl-C ends it");
                     }
                     return finish_output() && !watch->is_done();
                   });
}

}  // namespace

void add_dashboard_watch(CLI::App& dashboard, Action& action) {
  auto options = std::make_shared<WatchArguments>();
  CLI::App* command = add_dashboard_command(
      dashboard, "watch",
      "Print what changes on a dashboard, here or at other peers, as it changes", options);
  command->add_option("--count", options->count, "End after so many changes");
  command->footer(
      "A peer has to run on the store: `weft peer --store STORE`.\n\n"
      "Example:\n  weft dashboard watch boards:4f1c");
  command->callback([options, &action] { action = [options] { return watch(*options); }; });
}

}  // namespace weft::cli
