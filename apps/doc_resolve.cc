// weft doc resolve: one write over all sides of a conflict.

#include <memory>
#include <string>

#include "apps/commands.h"
#include "apps/describe.h"
#include "apps/document_file.h"
#include "apps/document_source.h"
#include "apps/terminal.h"
#include "crdt/document/json_text.h"
#include "crdt/document/resolve.h"

namespace weft::cli {
namespace {

struct ResolveOptions {
  std::string file;
  std::string path;
  std::string value;
  std::string message;
  int side = -1;
  bool has_value = false;
  bool remove = false;
  bool json = false;
};

Json resolution_json(const ResolveOptions& options) {
  Json::Object resolution{{"path", options.path}};
  if (options.side >= 0) resolution.emplace_back("side", std::int64_t{options.side});
  if (options.remove) resolution.emplace_back("delete", true);
  if (options.has_value) {
    Result<Json> json = parse_json(options.value);
    resolution.emplace_back("value", json.ok() ? *std::move(json) : Json(options.value));
  }
  return resolution;
}

struct Resolved {
  std::string first;
  std::uint64_t op_count = 0;
  std::string but;  ///< what is to be said of it beside
};

Result<Resolved> resolve_here(Document& document, const ResolveOptions& options) {
  WEFT_ASSIGN(const Resolution resolution, read_resolution(resolution_json(options)));
  Result<Commit> commit = document.transact(
      {.origin = "weft doc", .message = options.message}, [&](Transaction& transaction) {
        return resolve_conflict(document, transaction, resolution);
      });
  if (!commit.ok()) return about(options.file, commit.error());
  return Resolved{to_string(commit->first), commit->op_count, {}};
}

Result<Resolved> resolve_through(PeerClient& peer, const std::string& document,
                                 const ResolveOptions& options) {
  Json::Object request{
      {"cmd", "resolve"}, {"document", document}, {"resolution", resolution_json(options)}};
  if (!options.message.empty()) request.emplace_back("message", options.message);
  WEFT_ASSIGN(const Json answer, peer.write(std::move(request), Waiting::kUntilDurable));
  return Resolved{text_in(answer, "first"), number_in(answer, "operations"), durable_words(answer)};
}

Status resolve(const ResolveOptions& options) {
  Resolved resolved;
  WEFT_TRY(change_document(
      options.file,
      [&](Document& document) -> Status {
        WEFT_ASSIGN(resolved, resolve_here(document, options));
        return {};
      },
      [&](PeerClient& peer, const std::string& document) -> Status {
        WEFT_ASSIGN(resolved, resolve_through(peer, document, options));
        return {};
      }));
  std::size_t left = 0;
  if (Result<Document> after = read_document(options.file, Wanted::kHistory); after.ok()) {
    WEFT_ASSIGN(const std::vector<Conflict> conflicts, after->conflicts());
    left = conflicts.size();
  }
  if (options.json) {
    print_line(Json::Object{{"document", options.file},
                            {"path", options.path},
                            {"first", resolved.first},
                            {"operations", number_json(resolved.op_count)},
                            {"conflicts", number_json(left)}});
    return {};
  }
  print(printable(options.file) + ", " + printable(options.path) + ": resolved, by " +
        resolved.first + resolved.but + "; " +
        (left == 0 ? "no conflicts are left\n" : counted(left, "conflict") + " left\n"));
  return {};
}

}  // namespace

void add_resolve_command(CLI::App& doc, Action& action) {
  auto options = std::make_shared<ResolveOptions>();
  CLI::App* command =
      doc.add_subcommand("resolve", "Settle a conflict: one write over all sides, for everybody");
  command->add_option("FILE", options->file, kDocumentHelp)->required();
  add_path_option(*command, options->path, "Where it is, as `weft doc conflicts` says", true);
  CLI::Option_group* how = command->add_option_group("what is to stand there");
  how->add_option("--side", options->side, "0: what is shown, 1: the first that lost, ...")
      ->check(CLI::NonNegativeNumber);
  how->add_option("--value", options->value, "This: JSON, or plain text where it is none")
      ->each([options](const std::string&) { options->has_value = true; });
  how->add_flag("--delete", options->remove, "Nothing");
  how->require_option(1);
  command->add_option("--message", options->message,
                      "Stored in the delta; `weft doc log` shows it");
  command->add_flag("--json", options->json, "Say what was written as one JSON object");
  command->footer(
      "Examples:\n"
      "  weft doc resolve board.weft /title --side 1\n"
      "  weft doc resolve boards:4f1c /title --value '\"CPU, all nodes\"'\n"
      "  weft doc resolve board.weft /panels/cpu --delete");
  command->callback([options, &action] { action = [options] { return resolve(*options); }; });
}

}  // namespace weft::cli
