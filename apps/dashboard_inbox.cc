// weft dashboard conflicts, resolve: what was decided where nobody had seen the other side.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "apps/dashboard_commands.h"
#include "apps/dashboard_write.h"
#include "apps/describe.h"
#include "apps/document_file.h"
#include "apps/document_source.h"
#include "apps/terminal.h"
#include "apps/trash.h"
#include "crdt/dashboard/inbox.h"
#include "crdt/dashboard/resolve.h"
#include "crdt/document/json_text.h"

namespace weft::cli {
namespace {

using dashboard::InboxItem;
using dashboard::InboxSide;
using dashboard::Outcome;
using dashboard::Strategy;

struct InboxArguments : DashboardArguments {
  std::string strategy;
  int side = -1;
  bool has_value = false;
  bool remove = false;
  bool all = false;
};
using Options = std::shared_ptr<InboxArguments>;

// --- conflicts ---

std::string side_words(const InboxSide& side, std::size_t width) {
  const Json* title = side.shown.find("title");
  std::string words = side.deleted       ? "deleted"
                      : title == nullptr ? short_json(side.shown, width)
                                         : short_json(*title, width) + " and all it holds";
  words += dim("  by " + author_words(side.dot.replica) +
               (side.committed_at_ms == 0 ? "" : " at " + when_words(side.committed_at_ms)));
  if (!side.message.empty()) words += dim(", ") + short_json(side.message);
  return words + "\n";
}

void print_item(const InboxItem& item, const std::string& name) {
  const bool is_hidden = item.kind == InboxItem::Kind::kDeleted;
  print(bold(item.id + "  " + printable(item.where)) + "  " + dim(printable(item.path)) + "\n");
  print("  0 shown  " + side_words(item.winner, 60));
  for (std::size_t i = 0; i < item.losers.size(); ++i)
    print("  " + std::to_string(i + 1) + (is_hidden ? " hidden " : " lost   ") +
          side_words(item.losers[i], 60));
  print("  " + dim(item.rule) + "\n");
  print("  weft dashboard resolve " + printable(name) + " " + item.id + " --side " +
        (is_hidden ? "1   # or --delete\n" : "1   # or --strategy merge, --value JSON\n"));
}

Json side_json(const InboxSide& side) {
  return Json::Object{{"dot", to_string(side.dot)},
                      {"author", author_words(side.dot.replica)},
                      {"time", side.committed_at_ms == 0 ? Json() : iso_time(side.committed_at_ms)},
                      {"message", side.message},
                      {"deleted", side.deleted},
                      {"value", side.shown}};
}

Json item_json(const InboxItem& item, const std::string& name) {
  Json::Array losers;
  for (const InboxSide& loser : item.losers) losers.push_back(side_json(loser));
  return Json::Object{{"id", item.id},
                      {"kind", item.kind == InboxItem::Kind::kDeleted ? "deleted" : "overwritten"},
                      {"path", item.path},
                      {"where", item.where},
                      {"rule", item.rule},
                      {"winner", side_json(item.winner)},
                      {"losers", std::move(losers)},
                      {"resolve", "weft dashboard resolve " + name + " " + item.id + " --side 1"}};
}

Status list(const InboxArguments& options) {
  WEFT_ASSIGN(const Document document, read_dashboard(options.name, Wanted::kHistory));
  WEFT_ASSIGN(const std::vector<InboxItem> items, dashboard::inbox(document));
  WEFT_ASSIGN(const std::optional<Contested> contested, contested_in(options.name, document));
  if (contested && options.json) print_line(contested_json(*contested));
  if (contested && !options.json) print_contested(*contested, options.name);
  for (const InboxItem& item : items) {
    if (options.json) {
      print_line(item_json(item, options.name));
    } else {
      print_item(item, options.name);
    }
  }
  if (items.empty() && !contested && !options.json) print("no conflicts\n");
  return {};
}

// --- resolve ---

/// Is it an id of an item, or a pattern of paths?
bool is_pattern(const std::string& which) {
  return which.starts_with('/') || which.starts_with('*');
}

/// These look into the history, which a running peer need not hold: each item's edit says what they find.
bool needs_history(const InboxArguments& options) {
  return options.strategy == "merge" || options.strategy == "count";
}

Result<Json::Array> planned_edits(const InboxArguments& options, const std::string& which) {
  WEFT_ASSIGN(const Document document, read_dashboard(options.name, Wanted::kHistory));
  const Strategy strategy = *dashboard::find_strategy(options.strategy);
  Json::Array edits;
  std::size_t matched = 0;
  WEFT_ASSIGN(const std::vector<InboxItem> items, dashboard::inbox(document));
  for (const InboxItem& item : items) {
    if (is_pattern(which) ? !dashboard::matches(which, item.path) : !item.id.starts_with(which))
      continue;
    ++matched;
    const std::optional<Outcome> outcome = dashboard::decide(strategy, document, item);
    if (!outcome) continue;
    Json::Object edit{{"do", "resolve"}, {"id", item.id}};
    if (outcome->kind == Outcome::Kind::kValue) {
      edit.emplace_back("value", outcome->value);
    } else {
      edit.emplace_back("side", number_json(outcome->side));
    }
    edits.push_back(std::move(edit));
  }
  if (!edits.empty()) return edits;
  return Error(
      ErrorCode::kNotFound,
      options.name + ": " +
          (matched == 0 ? "there is no conflict " + which + "; `weft dashboard conflicts " +
                              options.name + "` lists them"
                        : which + ": the strategy " + options.strategy +
                              " has no answer here; name a --side or a --value"));
}

Status resolve(const InboxArguments& options) {
  if (options.path.empty() == !options.all)
    throw CLI::RequiredError("ID, a pattern of paths or --all");
  const std::string which = options.all ? "/**" : options.path;
  Json::Array edits;
  if (needs_history(options)) {
    WEFT_ASSIGN(edits, planned_edits(options, which));
  } else {
    Json::Object edit{{"do", "resolve"}, {is_pattern(which) ? "pattern" : "id", which}};
    if (!options.strategy.empty()) edit.emplace_back("strategy", options.strategy);
    if (options.side >= 0) edit.emplace_back("side", std::int64_t{options.side});
    if (options.remove) edit.emplace_back("delete", true);
    if (options.has_value) {
      Result<Json> json = parse_json(options.value);
      edit.emplace_back("value", json.ok() ? *std::move(json) : Json(options.value));
    }
    if (edit.size() == 2) throw CLI::RequiredError("--strategy, --side, --value or --delete");
    edits.push_back(std::move(edit));
  }
  WEFT_ASSIGN(
      const DashboardWrite write,
      write_edits(options.name, std::move(edits), options.message, waiting_of(options.no_wait)));
  std::size_t left = 0;
  if (!write.is_durable) {  // a reader does not see it yet
    if (options.json) print_line(write_json_of(write));
    if (!options.json) print(printable(options.name) + ": resolved" + write_words(write) + "\n");
    return {};
  }
  if (Result<Document> after = read_dashboard(options.name, Wanted::kContent); after.ok())
    if (const auto items = dashboard::inbox(*after); items.ok()) left = items->size();
  if (options.json) {
    Json::Object line = write_json_of(write);
    line.emplace_back("conflicts", number_json(left));
    print_line(line);
  } else {
    print(printable(options.name) + ": resolved" + write_words(write) + "; " +
          (left == 0 ? "no conflicts are left\n" : counted(left, "conflict") + " left\n"));
  }
  return {};
}

}  // namespace

void add_dashboard_inbox(CLI::App& dashboard, Action& action) {
  auto options = std::make_shared<InboxArguments>();
  CLI::App* command = add_dashboard_command(
      dashboard, "conflicts",
      "List what several wrote without knowing of each other: what is shown, what lost, and why",
      options);
  command->footer("Example:\n  weft dashboard conflicts boards:4f1c");
  command->callback([options, &action] { action = [options] { return list(*options); }; });

  options = std::make_shared<InboxArguments>();
  command = add_dashboard_command(
      dashboard, "resolve", "Settle conflicts: one write over all sides, for everybody", options);
  command->add_option(
      "ID|PATTERN", options->path,
      "How a conflict's id begins, or paths: * is any one key, ** any number of them");
  command->add_flag("--all", options->all, "Every conflict");
  CLI::Option_group* how = command->add_option_group("what is to stand there");
  how->add_option(
         "--strategy", options->strategy,
         "local (what this store wrote), remote, latest, merge (texts and sets), count (numbers)")
      ->check(CLI::IsMember({"local", "remote", "latest", "merge", "count"}));
  how->add_option("--side", options->side, "0: what is shown, 1: the first that lost, ...")
      ->check(CLI::NonNegativeNumber);
  how->add_option("--value", options->value, "This: JSON, or plain text where it is none")
      ->each([options](const std::string&) { options->has_value = true; });
  how->add_flag("--delete", options->remove, "Nothing");
  how->require_option(1);
  add_message_option(*command, options);
  add_no_wait_option(*command, options->no_wait);
  command->footer(
      "Examples:\n"
      "  weft dashboard resolve boards:4f1c 1a2b3c4d --side 1\n"
      "  weft dashboard resolve boards:4f1c 1a2b --value '\"CPU, all nodes\"'\n"
      "  weft dashboard resolve boards:4f1c '/panels/*/title' --strategy latest\n"
      "  weft dashboard resolve boards:4f1c --all --strategy merge");
  command->callback([options, &action] { action = [options] { return resolve(*options); }; });
}

}  // namespace weft::cli
