// weft dashboard watch: what changes on a dashboard, as it changes, in its words.
//
// The peer tells of a change when it takes effect, before it is stored; what changed is read from the store, where
// it is a little later. So a thread listens, and for a second after each patch the store is looked at again.

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
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

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kStored{1000};  // within that it is in the store
constexpr milliseconds kBetween{40};

struct WatchArguments : DashboardArguments {
  std::size_t count = 0;
};

/// What the peer says, heard by a thread that ends with the process, or when the peer goes.
class Ear {
 public:
  Ear(PeerClient peer, std::string document) {
    std::thread([state = state_, peer = std::move(peer), document = std::move(document)]() mutable {
      Status ended = peer.each({{"cmd", "watch"}, {"document", document}}, 0,
                               [&](const Json& line) -> Result<bool> {
                                 const std::lock_guard lock(state->mutex);
                                 state->is_watching = true;
                                 if (line.find("patch") != nullptr)
                                   state->look_until = steady_clock::now() + kStored;
                                 state->heard.notify_all();
                                 return true;
                               });
      const std::lock_guard lock(state->mutex);
      state->ended = std::move(ended);
      state->heard.notify_all();
    }).detach();
  }

  /// Until the peer watches. @errors it does not
  Status wait_until_watching() {
    std::unique_lock lock(state_->mutex);
    state_->heard.wait(lock, [&] { return state_->is_watching || state_->ended; });
    if (state_->ended && !state_->ended->ok()) return state_->ended->take_error();
    return {};
  }
  /// Until there may be something new. @return  false: the peer has gone, and all was looked at
  bool wait() {
    std::unique_lock lock(state_->mutex);
    if (steady_clock::now() < state_->look_until) {
      lock.unlock();
      std::this_thread::sleep_for(kBetween);
      return true;
    }
    if (state_->ended) return false;
    const auto before = state_->look_until;
    state_->heard.wait(lock, [&] { return state_->look_until != before || state_->ended; });
    return true;
  }
  Status ended() {
    const std::lock_guard lock(state_->mutex);
    return state_->ended && !state_->ended->ok() ? Status(state_->ended->take_error()) : Status();
  }

 private:
  struct State {
    std::mutex mutex;
    std::condition_variable heard;
    bool is_watching = false;
    steady_clock::time_point look_until;
    std::optional<Status> ended;
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

/// Who wrote it last, as far as one write did.
std::string author_of(const Document& document, const LeafChange& change) {
  if (change.is_order) return {};
  const Result<Explanation> why = document.why(change.path);
  return why.ok() ? author_words(why->winner.dot.replica) : std::string();
}

void print_change(const Document& document, const LeafChange& change, bool json) {
  const std::string author = author_of(document, change);
  if (json) {
    Json line = change_json(change);
    line.as_object()->emplace_back("author", author.empty() ? Json() : Json(author));
    return print_line(line);
  }
  print(dim(author.empty() ? "" : "by " + author + "  ") + change_words(change));
}

Status watch(const WatchArguments& options) {
  const std::optional<StoredName> name = stored_name(options.name);
  if (!name)
    return Error(ErrorCode::kInvalidArgument,
                 options.name +
                     ": only a dashboard in a store that a peer keeps can be watched; name it "
                     "STORE:DOCUMENT");
  WEFT_ASSIGN(PeerClient peer, PeerClient::connect(name->folder));
  Ear ear(std::move(peer), name->document);
  WEFT_TRY(ear.wait_until_watching());
  WEFT_ASSIGN(Document seen, read_dashboard(options.name, Wanted::kContent));
  if (!options.json) print_error("watching " + options.name + "; Ctrl-C ends it");
  std::size_t count = 0;
  while (ear.wait()) {
    WEFT_ASSIGN(Document now, read_dashboard(options.name, Wanted::kContent));
    if (now.version() == seen.version()) continue;
    for (const LeafChange& change : leaf_changes(seen, now)) {
      print_change(now, change, options.json);
      if (!finish_output() || ++count == options.count) return {};
    }
    seen = std::move(now);
  }
  return ear.ended();
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
