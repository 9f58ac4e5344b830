// weft doc show, at, new, import, snapshot: what a document holds, out and in.

#include <memory>
#include <string>
#include <vector>

#include "apps/commands.h"
#include "apps/describe.h"
#include "apps/document_file.h"
#include "apps/document_source.h"
#include "apps/terminal.h"
#include "apps/trace_document.h"
#include "apps/trash.h"
#include "crdt/document/import_json.h"
#include "crdt/document/json_text.h"
#include "peer/first_write.h"

namespace weft::cli {
namespace {

struct ShowOptions {
  std::string file;
  std::string version;
  std::string path;
  bool json = false;
};

void print_canonical(const Json& json, bool one_line) {
  print(print_json(json, {.indent = one_line ? 0 : 2, .sort_keys = true}));
  print("\n");
}

/// A text as it is; on a terminal without what could take that over, and with a last line end.
void print_text(std::string_view text) {
  if (!stdout_is_terminal()) return print(text);
  print(printable(text, "\n\t"));
  if (!text.ends_with('\n')) print("\n");
}

Result<Json> json_at(const Document& document, const std::string& path, const Value& value) {
  if (!value.is_container()) return value.json();
  switch (value.container_kind()) {
    case ContainerKind::kMap: {
      WEFT_ASSIGN(MapView map, document.map(path));
      return map.json();
    }
    case ContainerKind::kList: {
      WEFT_ASSIGN(ListView list, document.list(path));
      return list.json();
    }
    case ContainerKind::kText: {
      WEFT_ASSIGN(TextView text, document.text(path));
      return Json(text.str());
    }
    case ContainerKind::kCounter:
      break;
  }
  WEFT_ASSIGN(CounterView counter, document.counter(path));
  return Json(counter.value());
}

Status show_content(const Document& document, const ShowOptions& options) {
  if (options.path.empty()) {
    const Result<Json> json = document.to_json();
    if (!json.ok()) return about(options.file, json.error());
    print_canonical(*json, options.json);
    return Status();
  }
  auto value = document.get(options.path);
  if (!value.ok()) return about(options.file + ", " + options.path, value.error());
  auto json = json_at(document, options.path, *value);
  if (!json.ok()) return about(options.file + ", " + options.path, json.error());
  const std::string* text = json->as_string();
  if (text != nullptr && !options.json) {
    print_text(*text);
  } else {
    print_canonical(*json, options.json);
  }
  return Status();
}

Status show(const ShowOptions& options) {
  const Wanted wanted = options.version.empty() ? Wanted::kContent : Wanted::kHistory;
  WEFT_ASSIGN(Document document, read_document(options.file, wanted));
  if (options.version.empty()) return show_content(document, options);
  auto version = version_of(document, options.version);
  if (!version.ok()) return about(options.file, version.error());
  auto past = document.at(*version);
  if (!past.ok()) return about(options.file + " at " + options.version, past.error());
  return show_content(*past, options);
}

void add_show(CLI::App& doc, Action& action, bool at) {
  auto options = std::make_shared<ShowOptions>();
  CLI::App* command =
      at ? doc.add_subcommand("at", "Print the document as it was at a version")
         : doc.add_subcommand("show", "Print the document, or what lies at a path in it");
  command->add_option("FILE", options->file, kDocumentHelp)->required();
  if (at)
    command
        ->add_option("VERSION", options->version,
                     "The number N of the last delta (see `weft doc log`), replica:end,... or now")
        ->required();
  add_path_option(*command, options->path, "A JSON pointer, as /panels/cpu/title");
  command->add_flag("--json", options->json, "JSON on one line, strings and texts in quotes too");
  command->footer(at ? "Examples:\n"
                       "  weft doc at board.weft 1\n"
                       "  weft doc at board.weft 1 /title\n"
                       "  weft doc at board.weft 00c0ffee00c0ffee:12,00000000000000a1:3"
                     : "Examples:\n"
                       "  weft doc show board.weft\n"
                       "  weft doc show board.weft /notes > notes.txt\n"
                       "  weft doc show board.weft /panels --json\n"
                       "  weft doc show boards:4f1c");
  command->callback([options, &action] { action = [options] { return show(*options); }; });
}

struct WriteOptions {
  std::string file;
  std::string json_file;
  std::string trace_file;
  std::string message;
  bool force = false;
  bool no_wait = false;
  bool json = false;
  bool restore = false;
};

/// What was written.
struct Written {
  std::string first;  ///< the dot of the first operation
  std::uint64_t op_count = 0;
  std::uint64_t shared_op_count = 0;  ///< of these in deltas that are the same on every device
  bool has_message = true;  ///< nothing of its own was written that the message could stand in
  std::string but;          ///< what is to be said of it beside
};

Result<Written> write_content(Document& document, const WriteOptions& options, const Json& json,
                              bool is_new) {
  if (is_new) {
    auto commit = document.transact({.origin = "weft doc", .message = options.message},
                                    [&](Transaction& tx) { return write_first(tx, json); });
    if (!commit.ok()) return about(options.json_file, commit.error());
    return Written{to_string(commit->first), commit->op_count, 0, true, {}};
  }
  Result<ImportReport> report =
      import_json(document, json, {.origin = "weft doc", .message = options.message});
  if (!report.ok()) return about(options.json_file, report.error());
  return Written{to_string(report->first),
                 report->op_count,
                 report->shared_op_count,
                 report->has_own || options.message.empty(),
                 {}};
}

/// @param create  the document need not be there; then `document` is its whole id
Result<Written> write_content(PeerClient& peer, const std::string& document,
                              const WriteOptions& options, const Json& json, bool create) {
  Json::Object request{{"cmd", "edit"}, {"document", document}, {"json", json}, {"create", create}};
  if (!options.message.empty()) request.emplace_back("message", options.message);
  WEFT_ASSIGN(const Json answer, peer.write(std::move(request), waiting_of(options.no_wait)));
  const Json* own = answer.find("own");
  const bool has_own = own == nullptr || !own->as_bool() || *own->as_bool();
  return Written{text_in(answer, "first"), number_in(answer, "operations"),
                 number_in(answer, "shared"), has_own || options.message.empty(),
                 durable_words(answer)};
}

std::string operation_words(std::uint64_t count) {
  return counted(static_cast<std::size_t>(count), "operation");
}

Status make_from_trace(const WriteOptions& options) {
  show_progress("reading the trace");
  WEFT_ASSIGN(const TraceSession session, read_session(options.trace_file));
  show_progress("");
  std::uint64_t operations = 0;
  WEFT_ASSIGN(const std::string name,
              make_document(
                  options.file, options.force ? Existing::kReplace : Existing::kRefuse,
                  [&](Document& document) -> Status {
                    WEFT_ASSIGN(operations, write_session(document, session));
                    return check_session(document, session);
                  },
                  [&](PeerClient& peer, const std::string& id) -> Status {
                    WEFT_ASSIGN(operations, write_session(peer, id, session));
                    WEFT_ASSIGN(Document document,
                                read_document(peer.folder() + ":" + id, Wanted::kContent));
                    return check_session(document, session);
                  }));
  print(printable(name) + ": made, with " + operation_words(operations) + " in " +
        counted(session.transactions.size(), "delta") + "\n");
  return {};
}

Status make_new(const WriteOptions& options) {
  if (!options.trace_file.empty()) return make_from_trace(options);
  WEFT_TRY(check_other_file(options.file, options.json_file));
  WEFT_ASSIGN(Json json, read_json(options.json_file));
  Written written;
  WEFT_ASSIGN(const std::string name,
              make_document(
                  options.file, options.force ? Existing::kReplace : Existing::kRefuse,
                  [&](Document& document) -> Status {
                    WEFT_ASSIGN(written, write_content(document, options, json, true));
                    return {};
                  },
                  [&](PeerClient& peer, const std::string& id) -> Status {
                    WEFT_ASSIGN(written, write_content(peer, id, options, json, true));
                    return {};
                  }));
  print(printable(name) + ": made, with " + operation_words(written.op_count) + written.but + "\n");
  return Status();
}

void print_written(const WriteOptions& options, const Written& written,
                   const std::vector<std::string>& warnings) {
  if (options.json) {
    Json::Object line{{"document", options.file},
                      {"first", written.op_count == 0 ? Json() : Json(written.first)},
                      {"operations", number_json(written.op_count)}};
    add_warnings(line, warnings);
    return print_line(line);
  }
  if (written.op_count == 0)
    return print(printable(options.file) + ": holds just that already; nothing written\n");
  const std::uint64_t own = written.op_count - written.shared_op_count;
  const std::uint64_t shared = written.shared_op_count;
  print(printable(options.file) + ": one more delta, " + written.first + ", with " +
        operation_words(own == 0 ? shared : own) +
        (own == 0 || shared == 0
             ? ""
             : ", and beside it " + operation_words(shared) + " that any device would make alike") +
        written.but + "\n");
  if (!written.has_message)
    print_error(
        "the message is not stored: all that was written is the same on every device that "
        "imports it, and has none");
}

Status import(const WriteOptions& options) {
  std::vector<std::string> warnings;
  WEFT_ASSIGN(Json json, read_json(options.json_file, {}, &warnings));
  Written written;
  const auto would_change = [&](const Document& document) -> Result<bool> {
    Document copy = document.fork(process_options().replica);
    WEFT_ASSIGN(const Written tried, write_content(copy, options, json, false));
    return tried.op_count != 0;
  };
  WEFT_ASSIGN(const bool goes_on, prepare_import(options.file, options.restore, would_change));
  if (!goes_on) {
    print(left_in_trash_words(options.file));
    return {};
  }
  WEFT_TRY(change_document(
      options.file,
      [&](Document& document) -> Status {
        WEFT_ASSIGN(written, write_content(document, options, json, false));
        return {};
      },
      [&](PeerClient& peer, const std::string& document) -> Status {
        WEFT_ASSIGN(written, write_content(peer, document, options, json, false));
        return {};
      }));
  print_written(options, written, warnings);
  return Status();
}

void add_new(CLI::App& doc, Action& action) {
  auto options = std::make_shared<WriteOptions>();
  CLI::App* command = doc.add_subcommand("new", "Make a document from JSON, or from a trace");
  command
      ->add_option("FILE", options->file,
                   "The history file to make, or STORE: for a document in a store")
      ->required();
  CLI::Option_group* from = command->add_option_group("content");
  from->add_option("--from-json", options->json_file, "What it shall hold: an object; - is stdin");
  from->add_option(
      "--from-trace", options->trace_file,
      "An editing trace (*.json, *.json.gz), or `generated`: one delta for each of its "
      "transactions");
  from->require_option(1);
  command->add_option("--message", options->message,
                      "Stored in the delta; `weft doc log` shows it");
  command->add_flag("--force", options->force, "Replace FILE if it exists");
  add_no_wait_option(*command, options->no_wait);
  command->footer(
      "Objects become maps, arrays lists; both merge with what others change in them.\n\n"
      "Example:\n"
      "  echo '{\"title\": \"CPU busy\", \"tags\": [\"linux\"]}' | "
      "weft doc new board.weft --from-json -\n"
      "  weft doc new boards: --from-json board.json   # in the store boards\n"
      "  weft doc new boards: --from-trace automerge-paper.json.gz");
  command->callback([options, &action] { action = [options] { return make_new(*options); }; });
}

void add_import(CLI::App& doc, Action& action) {
  auto options = std::make_shared<WriteOptions>();
  CLI::App* command = doc.add_subcommand("import", "Write what differs in a JSON file");
  command->add_option("FILE", options->file, kDocumentHelp)->required();
  command->add_option("IN.json", options->json_file, "What it shall hold; - is stdin")->required();
  command->add_flag("--restore", options->restore,
                    "Bring it back if it is in the trash, even if nothing differs");
  command->add_option("--message", options->message,
                      "Stored in the delta; `weft doc log` shows it");
  add_no_wait_option(*command, options->no_wait);
  command->add_flag("--json", options->json, "Say what was written as one JSON object");
  command->footer(
      "What is equal is not touched, so importing a file twice writes nothing the second time. An "
      "element of a\n"
      "list that stands elsewhere is moved. What two devices insert alike, as by importing the "
      "same "
      "file while\n"
      "they are apart, is there once. Of a key that stands twice in FILE the last value is taken, "
      "with a warning.\n\n"
      "Example:\n"
      "  weft doc import board.weft edited.json --message \"new title\"\n"
      "  weft doc import boards:4f1c edited.json");
  command->callback([options, &action] { action = [options] { return import(*options); }; });
}

void add_snapshot(CLI::App& doc, Action& action) {
  auto options = std::make_shared<WriteOptions>();
  CLI::App* command =
      doc.add_subcommand("snapshot", "Write a document's state without its history");
  command->add_option("FILE", options->file, kDocumentHelp)->required();
  command->add_option("OUT", options->json_file, "The snapshot file to make")->required();
  command->add_flag("--force", options->force, "Replace OUT if it exists");
  command->footer("Example:\n  weft doc snapshot board.weft board.snapshot");
  command->callback([options, &action] {
    action = [options]() -> Status {
      WEFT_TRY(check_other_file(options->json_file, options->file));
      WEFT_ASSIGN(Document document, read_document(options->file, Wanted::kContent));
      return write_output(options->json_file, document.snapshot(),
                          options->force ? Existing::kReplace : Existing::kRefuse);
    };
  });
}

}  // namespace

void add_path_option(CLI::App& command, std::string& path, const std::string& help, bool required) {
  command.add_option("PATH", path, help)->required(required)->check([](const std::string& text) {
    if (text.empty() || text.starts_with('/')) return std::string();
    return "a path begins with a slash: /" + text;
  });
}

void add_content_commands(CLI::App& doc, Action& action) {
  add_show(doc, action, false);
  add_show(doc, action, true);
  add_new(doc, action);
  add_import(doc, action);
  add_snapshot(doc, action);
}

}  // namespace weft::cli
