// weft sync: is a store in step with the others, and if not, why?

#include <algorithm>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "apps/commands.h"
#include "apps/describe.h"
#include "apps/document_source.h"
#include "apps/peer_client.h"
#include "apps/store_access.h"
#include "apps/terminal.h"
#include "storage/archive/archive.h"

namespace weft::cli {
namespace {

bool is_set(const Json& object, std::string_view key) {
  const Json* value = object.find(key);
  return value != nullptr && value->as_bool() != nullptr && *value->as_bool();
}

struct SyncOptions {
  std::string name;
  bool json = false;
  std::uint64_t timeout_ms = kQuestionMs;
};

/// "a1b2c3d4 (tcp:127.0.0.1:7401): behind by 214 operations"
std::string peer_words(const Json& peer) {
  const std::string replica = text_in(peer, "replica");
  const std::string name = printable(text_in(peer, "name"));
  const bool is_known = replica.find_first_not_of('0') != std::string::npos;
  return (is_known ? bold(replica.substr(0, 8)) + " (" + name + ")" : bold(name)) + ": " +
         printable(text_in(peer, "words")) + "\n";
}

/// "synced", "3 changes pending", "offline, 3 changes pending", "2 conflicts, synced": as an application shows it.
std::string state_words(const Json& document) {
  std::string words;
  if (const std::uint64_t conflicts = number_in(document, "conflicts"); conflicts != 0)
    words = counted(static_cast<std::size_t>(conflicts), "conflict") + ", ";
  const std::string state = text_in(document, "state");
  const std::uint64_t changes = number_in(document, "pending_changes");
  if (state == "offline" || changes == 0) words += state;
  if (changes != 0)
    words +=
        std::string(state == "offline" ? ", " : "") +
        counted(static_cast<std::size_t>(changes), "change") + " (" +
        counted(static_cast<std::size_t>(number_in(document, "pending_operations")), "operation") +
        ") pending";
  if (const std::uint64_t synced_ms = number_in(document, "synced_at_ms"); synced_ms != 0)
    words += ", synced last at " + iso_time(synced_ms);
  return words;
}

void print_document(const Json& document) {
  print(bold(text_in(document, "document")) + ": " + printable(text_in(document, "words")) + "\n");
  if (document.find("pending_changes") != nullptr) print("  " + state_words(document) + "\n");
  for (const Json& each : list_in(document, "pending"))
    print("  pending: " +
          counted(static_cast<std::size_t>(number_in(each, "operations")), "operation") + " of " +
          iso_time(number_in(each, "time_ms")) + " " + printable(text_in(each, "message")) + "\n");
  for (const Json& link : list_in(document, "links"))
    print("  " + printable(text_in(link, "name")) + ": " + printable(text_in(link, "words")) +
          "\n");
}

void print_documents(const Json& answer, const std::string& folder) {
  const std::uint64_t documents = number_in(answer, "documents");
  const std::uint64_t behind = number_in(answer, "not_in_step");
  const std::uint64_t examined = number_in(answer, "examined");
  for (const Json& each : list_in(answer, "named")) print_document(each);
  if (behind > list_in(answer, "named").size())
    print("and " + std::to_string(behind - list_in(answer, "named").size()) + " more\n");
  std::string words = counted(static_cast<std::size_t>(documents), "document") + ", ";
  words += behind == 0 ? (is_set(answer, "in_step") ? "in step" : "no difference known yet")
                       : std::to_string(behind) + " not in step";
  if (number_in(answer, "pending_documents") != 0) words += ": " + pending_words(answer);
  if (examined < documents)
    words += "; only " + std::to_string(examined) + " were looked at, `weft sync status " + folder +
             ":DOCUMENT` looks at one";
  print(words + "\n");
}

/// Nobody is linked: what to do about that.
std::string lonely_words(const Json& answer) {
  const Json::Array& listening = list_in(answer, "listening");
  if (listening.empty())
    return "no other peer is linked, and none is dialled; start this one with --connect or "
           "--listen\n";
  std::string addresses;
  for (const Json& each : listening)
    addresses += (addresses.empty() ? "" : ", ") + text_in(each, "address");
  return "no other peer is linked; this one listens on " + printable(addresses) +
         ": start the others with --connect to that\n";
}

/// Those that were met and are not linked now.
void print_known(const Json& answer) {
  for (const Json& each : list_in(answer, "known_peers"))
    if (!is_set(each, "linked"))
      print(bold(text_in(each, "replica").substr(0, 8)) + ": not linked, met last at " +
            text_in(each, "seen") + "\n");
}

Status ask_peer(PeerClient& peer, const std::string& document, const SyncOptions& options) {
  Json::Object request{{"cmd", "sync-status"}};
  if (!document.empty()) request.emplace_back("document", document);
  WEFT_ASSIGN(Json answer, peer.ask(std::move(request), options.timeout_ms));
  if (options.json) {
    answer.as_object()->emplace_back("running", true);
    print_line(answer);
    return {};
  }
  const Json::Array& peers = list_in(answer, "peers");
  for (const Json& each : peers) print(peer_words(each));
  if (peers.empty()) print(lonely_words(answer));
  print_known(answer);
  if (const Json* one = answer.find("document")) {
    print_document(*one);
  } else {
    print_documents(answer, peer.folder());
  }
  return {};
}

/// Own edits that no other device is known to have.
struct OwnEdits {
  std::set<DocumentId> documents;
  std::uint64_t operations = 0;
};

/// @param settled  below that position others have all; without another device that was met it says nothing
Result<OwnEdits> pending_of(const LmdbStore& store, const std::vector<PeerNote>& others,
                            const std::vector<DocumentUsage>& documents, LogPosition settled) {
  OwnEdits pending;
  const ReplicaId own = store.info().replica;
  std::set<DocumentId> live;
  for (const DocumentUsage& each : documents)
    if (each.status == DocumentStatus::kLive) live.insert(each.document);
  const Status read = store.scan(others.empty() ? 0 : settled, [&](const RecordView& record) {
    if (!record.has_operations() || !(record.replica == own) || !live.contains(record.document))
      return true;
    pending.documents.insert(record.document);
    pending.operations += record.op_count;
    return true;
  });
  if (!read.ok() && read.error().code() != ErrorCode::kCorrupt) return read.error().clone();
  return pending;
}

/// Without a peer nobody knows how others are now: what the store remembers of them.
Status ask_store(const std::string& folder, const std::string& document, bool json) {
  WEFT_ASSIGN(std::unique_ptr<LmdbStore> store, open_store(folder, Access::kRead));
  WEFT_ASSIGN(std::vector<PeerNote> notes, store->peer_notes());
  const ReplicaId own = store->info().replica;  // of itself it remembers what others have
  const auto of_itself = std::find_if(notes.begin(), notes.end(),
                                      [&](const PeerNote& note) { return note.replica == own; });
  const LogPosition own_note = of_itself == notes.end() ? 0 : of_itself->position;
  std::erase_if(notes, [&](const PeerNote& note) { return note.replica == own; });
  WEFT_ASSIGN(const std::vector<DocumentUsage> documents, store->documents());
  WEFT_ASSIGN(const OwnEdits pending, pending_of(*store, notes, documents, own_note));
  std::string what = counted(documents.size(), "document");
  if (!document.empty()) {
    WEFT_ASSIGN(const DocumentUsage usage, find_document(*store, folder, document));
    what = to_string(usage.document) + " at " + usage.version.to_string();
  }
  if (json) {
    Json::Array known;
    for (const PeerNote& note : notes)
      known.push_back(Json::Object{{"replica", to_string(note.replica)},
                                   {"seen", iso_time(note.seen_ms)},
                                   {"position", number_json(note.position)}});
    print_line(Json::Object{{"running", false},
                            {"documents", number_json(documents.size())},
                            {"pending_documents", number_json(pending.documents.size())},
                            {"pending_operations", number_json(pending.operations)},
                            {"known_peers", std::move(known)}});
    return {};
  }
  print("no peer runs on " + printable(folder) + ", so nothing is sent or fetched; " +
        printable(start_words(folder)) + ", with --connect ADDRESS to reach others\n");
  for (const PeerNote& note : notes)
    print(bold(to_string(note.replica).substr(0, 8)) + ": met last at " + iso_time(note.seen_ms) +
          (note.position == 0 ? ", how far it was caught up with is not noted\n"
                              : ", caught up with then as far as its position " +
                                    std::to_string(note.position) + "\n"));
  if (notes.empty()) print("it has met no other peer yet\n");
  if (pending.operations != 0)
    print(counted(static_cast<std::size_t>(pending.operations), "operation") + " in " +
          counted(pending.documents.size(), "document") +
          (notes.empty() ? " at no other device\n"
                         : " since others were last known to have all of this store\n"));
  print("the store has " + what + "\n");
  return {};
}

Status show_sync(const SyncOptions& options) {
  std::string folder = options.name;
  std::string document;
  if (folder.empty()) {
    WEFT_ASSIGN(folder, usual_store());
  } else if (const std::optional<StoredName> name = stored_name(options.name)) {
    folder = name->folder;
    document = name->document;
  }
  Result<PeerClient> peer = PeerClient::connect(folder, options.timeout_ms);
  if (peer.ok()) return ask_peer(*peer, document, options);
  if (peer.error().code() != ErrorCode::kNotFound) return peer.take_error();
  return ask_store(folder, document, options.json);
}

}  // namespace

void add_sync_commands(CLI::App& app, Action& action) {
  CLI::App* sync = app.add_subcommand("sync", "Say how a store stands to those of other peers");
  sync->require_subcommand(1);
  auto options = std::make_shared<SyncOptions>();
  CLI::App* command = sync->add_subcommand(
      "status", "Say in words what is not in step with which peer, and why not yet");
  command->add_option("STORE[:DOCUMENT]", options->name,
                      "The store that the peer keeps, or one document in it; else $WEFT_STORE, "
                      "else this folder");
  command->add_flag("--json", options->json, "One JSON object");
  add_timeout_option(*command, options->timeout_ms);
  command->footer(
      "Examples:\n"
      "  weft sync status boards\n"
      "  weft sync status boards:4f1c");
  command->callback([=, &action] { action = [=] { return show_sync(*options); }; });
}

}  // namespace weft::cli
