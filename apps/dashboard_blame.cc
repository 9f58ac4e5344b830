// weft dashboard blame: who wrote each leaf last.

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "apps/dashboard_commands.h"
#include "apps/dashboard_write.h"
#include "apps/describe.h"
#include "apps/document_source.h"
#include "apps/table.h"
#include "apps/terminal.h"
#include "crdt/dashboard/keyed_array.h"
#include "crdt/dashboard/names.h"
#include "crdt/document/json_pointer.h"

namespace weft::cli {
namespace {

struct Leaf {
  std::string path;
  Dot dot;
  std::uint64_t committed_at_ms = 0;
  std::string message;
  Json value;
};

class Blame {
 public:
  explicit Blame(const Document& document) : document_(document) {}

  Status run(const std::string& path) {
    if (path.empty()) return map(document_.root(), path);
    WEFT_ASSIGN(const Value value, document_.get(path));
    return leaf(value, path);
  }
  std::vector<Leaf> take() { return std::move(leaves_); }

 private:
  Status map(const MapView& map, const std::string& path) {
    const auto visit = [&](const std::string& key, const Value& value) {
      std::string below = path;
      append_pointer_token(below, key);
      return leaf(value, below);
    };
    if (dashboard::is_array(map)) {
      for (const dashboard::ArrayElement& each : dashboard::shown_elements(map))
        WEFT_TRY(visit(each.key, each.value));
    } else {
      for (const std::string& key : map.keys()) WEFT_TRY(visit(key, *map.get(key)));
    }
    return {};
  }

  Status leaf(const Value& value, const std::string& path) {
    if (value.is_container(ContainerKind::kMap)) {
      WEFT_ASSIGN(const MapView child, document_.map(path));
      return map(child, path);
    }
    WEFT_ASSIGN(const Explanation why, document_.why(path));
    Leaf leaf{path, why.winner.dot, why.winner.committed_at_ms, why.winner.message,
              why.winner.json};
    if (value.is_container(ContainerKind::kText)) WEFT_TRY(newest_edit(path, leaf));
    leaves_.push_back(std::move(leaf));
    if (leaves_.size() % 1000 == 0)
      show_progress("looking at leaf " + std::to_string(leaves_.size()));
    return {};
  }

  /// Of a text its newest characters count.
  Status newest_edit(const std::string& path, Leaf& leaf) const {
    WEFT_ASSIGN(const TextView text, document_.text(path));
    WEFT_ASSIGN(const std::vector<BlameSpan> spans, text.blame(scalar(0), scalar(text.size())));
    for (const BlameSpan& span : spans) {
      if (span.committed_at_ms <= leaf.committed_at_ms) continue;
      leaf.dot = span.first;
      leaf.committed_at_ms = span.committed_at_ms;
      leaf.message = span.message;
    }
    return {};
  }

  const Document& document_;
  std::vector<Leaf> leaves_;
};

Json leaf_json(const Leaf& leaf) {
  return Json::Object{{"path", leaf.path},
                      {"dot", to_string(leaf.dot)},
                      {"author", author_words(leaf.dot.replica)},
                      {"time", leaf.committed_at_ms == 0 ? Json() : iso_time(leaf.committed_at_ms)},
                      {"message", leaf.message},
                      {"value", leaf.value}};
}

Status show(const DashboardArguments& options) {
  WEFT_ASSIGN(const Document document, read_dashboard(options.name, Wanted::kHistory));
  WEFT_ASSIGN(const std::string path,
              dashboard::path_of_names(dashboard::Dashboard(document), options.path));
  Blame blame(document);
  const Status done = blame.run(path);
  show_progress("");
  if (!done.ok())
    return Error(done.error().code(), options.name + ", " + options.path +
                                          ": nothing is there; `weft dashboard show " +
                                          options.name + "` lists the panels");
  Table table(
      {{"WHEN"}, {"BY"}, {"PATH", false, true}, {"VALUE", false, true}, {"MESSAGE", false, true}});
  for (const Leaf& leaf : blame.take()) {
    if (options.json) {
      print_line(leaf_json(leaf));
    } else {
      table.add({when_words(leaf.committed_at_ms), author_words(leaf.dot.replica), leaf.path,
                 short_json(leaf.value, 40), leaf.message});
    }
  }
  if (!options.json) print(table.text(output_width()));
  return {};
}

}  // namespace

void add_dashboard_blame(CLI::App& dashboard, Action& action) {
  auto options = std::make_shared<DashboardArguments>();
  CLI::App* command =
      add_dashboard_command(dashboard, "blame", "Say who wrote each leaf last, and when", options);
  add_path_option(*command, options->path, std::string(kPathHelp) + "; without one all of it");
  command->footer(
      "Examples:\n"
      "  weft dashboard blame boards:4f1c \"/panels/CPU busy\"\n"
      "  weft dashboard blame nodes.weft --json");
  command->callback([options, &action] { action = [options] { return show(*options); }; });
}

}  // namespace weft::cli
