#include "apps/dashboard_write.h"

#include <random>
#include <utility>

#include "apps/describe.h"
#include "apps/document_file.h"
#include "apps/document_source.h"
#include "apps/peer_client.h"
#include "apps/terminal.h"
#include "crdt/dashboard/edit_json.h"
#include "storage/archive/archive.h"

namespace weft::cli {
namespace {

constexpr const char* kOrigin = "weft dashboard";

Error about_name(const std::string& name, const Error& error) {
  return Error(error.code(), name + ": " + error.context());
}

Status write_here(Document& document, const std::string& name, const Json& edits,
                  const std::string& message, DashboardWrite& write) {
  Result<dashboard::EditReport> report =
      dashboard::apply_edits(document, edits, {.origin = kOrigin, .message = message});
  if (!report.ok()) return about_name(name, report.error());
  write.document = to_string(document.id());
  write.op_count = report->op_count;
  if (report->op_count != 0) write.first = to_string(report->first);
  return {};
}

/// The peer's answer; an error of it names the document instead of the store alone.
Result<Json> ask(PeerClient& peer, const std::string& name, Json::Object request, Waiting waiting) {
  Result<Json> answer = peer.write(std::move(request), waiting);
  const std::string begin = peer.folder() + ": ";
  if (answer.ok() || !answer.error().context().starts_with(begin)) return answer;
  return Error(answer.error().code(), name + ": " + answer.error().context().substr(begin.size()));
}

Status write_through(PeerClient& peer, const std::string& document, const Json& edits,
                     const std::string& message, bool create, Waiting waiting,
                     DashboardWrite& write) {
  Json::Object request{
      {"cmd", "dashboard"}, {"document", document}, {"edits", edits}, {"create", create}};
  if (!message.empty()) request.emplace_back("message", message);
  WEFT_ASSIGN(const Json answer,
              ask(peer, peer.folder() + ":" + document, std::move(request), waiting));
  write.document = text_in(answer, "document");
  write.op_count = number_in(answer, "operations");
  if (write.op_count != 0) write.first = text_in(answer, "first");
  write.but = durable_words(answer);
  write.is_durable = write.but.empty();
  return {};
}

}  // namespace

CLI::App* add_dashboard_command(CLI::App& dashboard, const std::string& name,
                                const std::string& help, const DashboardOptions& options) {
  CLI::App* command = dashboard.add_subcommand(name, help);
  command->add_option("NAME", options->name, kDashboardHelp)->required();
  command->add_flag("--json", options->json, "JSON, one object a line (docs/dashboard-cli.md)");
  return command;
}

void add_message_option(CLI::App& command, const DashboardOptions& options) {
  command.add_option("--message", options->message,
                     "Stored with what is written; `weft dashboard history` shows it");
}

std::string write_words(const DashboardWrite& write) {
  if (write.op_count == 0) return "; nothing written" + write.but;
  return "; " + counted(static_cast<std::size_t>(write.op_count), "operation") + ", first " +
         write.first + write.but;
}

Json::Object write_json_of(const DashboardWrite& write) {
  return {{"document", write.document},
          {"first", write.op_count == 0 ? Json() : Json(write.first)},
          {"operations", number_json(write.op_count)},
          {"durable", write.is_durable}};
}

Result<DashboardWrite> write_edits(const std::string& name, Json::Array edits,
                                   const std::string& message, Waiting waiting) {
  const Json list(std::move(edits));
  DashboardWrite write;
  write.name = name;
  WEFT_TRY(change_document(
      name, [&](Document& document) { return write_here(document, name, list, message, write); },
      [&](PeerClient& peer, const std::string& document) {
        return write_through(peer, document, list, message, false, waiting, write);
      }));
  return write;
}

Result<DashboardWrite> make_dashboard(const std::string& name, const Json& dashboard,
                                      std::optional<DocumentId> id, Existing existing,
                                      Waiting waiting) {
  const Json edits = Json::Array{Json::Object{{"do", "import"}, {"dashboard", dashboard}}};
  DashboardWrite write;
  WEFT_ASSIGN(write.name,
              make_document(
                  name, existing,
                  [&](Document& document) { return write_here(document, name, edits, {}, write); },
                  [&](PeerClient& peer, const std::string& document) {
                    return write_through(peer, document, edits, {}, true, waiting, write);
                  },
                  id));
  return write;
}

Result<Document> try_edits(const std::string& name, const Document& document, Json::Array edits) {
  Document after = document.fork(process_options().replica);
  DashboardWrite ignored;
  WEFT_TRY(write_here(after, name, Json(std::move(edits)), {}, ignored));
  return after;
}

std::string fresh_name() {
  std::random_device random;
  const std::uint64_t high = random();
  return to_string(ReplicaId{high << 32 | random()});
}

Status edit_dashboard(const DashboardArguments& options, Json::Array edits,
                      const std::string& what) {
  WEFT_ASSIGN(
      const DashboardWrite write,
      write_edits(options.name, std::move(edits), options.message, waiting_of(options.no_wait)));
  if (options.json) {
    print_line(write_json_of(write));
  } else {
    print(printable(options.name) + ": " + printable(what) + write_words(write) + "\n");
  }
  return {};
}

}  // namespace weft::cli
