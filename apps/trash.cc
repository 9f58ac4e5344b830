#include "apps/trash.h"

#include <memory>
#include <utility>

#include "apps/dashboard_commands.h"
#include "apps/describe.h"
#include "apps/document_file.h"
#include "apps/document_source.h"
#include "apps/store_arguments.h"
#include "apps/terminal.h"
#include "storage/archive/archive.h"

namespace weft::cli {
namespace {

constexpr std::uint64_t kDayMs = std::uint64_t{24} * 3'600 * 1'000;

std::uint64_t operations_of(const VersionVector& version) {
  std::uint64_t count = 0;
  for (const VersionVector::Entry& entry : version.entries()) count += entry.end;
  return count;
}

/// Days until it may be purged, as retention time counts.
std::uint64_t days_left(const DocumentUsage& usage, std::uint64_t retained_ms) {
  const std::uint64_t end = usage.deletion_since_ms + kRetentionMs;
  return retained_ms >= end ? 0 : (end - retained_ms + kDayMs - 1) / kDayMs;
}

Status list(const StoreArguments& arguments) {
  WEFT_ASSIGN(std::unique_ptr<LmdbStore> store, open_store(arguments.folder, Access::kRead));
  WEFT_ASSIGN(const std::vector<DocumentUsage> documents, store->documents());
  const std::uint64_t retained_ms = store->info().retained_ms;
  std::size_t count = 0;
  for (const DocumentUsage& usage : documents) {
    if (usage.status != DocumentStatus::kDeleted) continue;
    ++count;
    const std::uint64_t days = days_left(usage, retained_ms);
    if (arguments.json) {
      print_line(Json::Object{{"document", to_string(usage.document)},
                              {"deleted_by", to_string(usage.deletion.by())},
                              {"deleted_at", iso_time(usage.deletion.at_ms())},
                              {"operations", number_json(operations_of(usage.version))},
                              {"history_bytes", number_json(usage.history_bytes)},
                              {"days_left", number_json(days)}});
      continue;
    }
    print(to_string(usage.document) + "  " + deletion_words(usage.deletion) + ", " +
          counted(static_cast<std::size_t>(operations_of(usage.version)), "operation") + ", " +
          byte_words(usage.history_bytes) +
          (days == 0 ? ", can be purged now"
                     : ", stays for " + counted(static_cast<std::size_t>(days), "more day")) +
          "\n");
  }
  if (count == 0 && !arguments.json) print("the trash is empty\n");
  return {};
}

Status restore(const StoreArguments& arguments) {
  WEFT_ASSIGN(StoreWriter writer, open_writer(arguments.folder));
  if (writer.peer) {
    WEFT_ASSIGN(const Json answer,
                writer.peer->ask({{"cmd", "set-status"},
                                  {"document", arguments.document},
                                  {"status", status_name(DocumentStatus::kLive)}}));
    print(text_in(answer, "document") + ": live, was " + text_in(answer, "was") +
          durable_words(answer) + "\n");
    return {};
  }
  LmdbStore& store = *writer.store;
  WEFT_ASSIGN(const DocumentUsage usage,
              find_document(store, arguments.folder, arguments.document));
  if (Status done = restore_document(store, usage.document, process_options()); !done.ok())
    return about_store(arguments.folder, done.error());
  print(to_string(usage.document) + ": live, was " + status_name(usage.status) + "\n");
  return store.close();
}

Status empty(const StoreArguments& arguments) {
  WEFT_ASSIGN(StoreWriter writer, open_writer(arguments.folder));
  std::uint64_t purged = 0;
  if (writer.peer) {
    WEFT_ASSIGN(const Json answer, writer.peer->ask({{"cmd", "trash-empty"}}));
    purged = number_in(answer, "purged");
  } else {
    LmdbStore& store = *writer.store;
    const DocumentOptions options = process_options();
    Result<std::uint64_t> retained_ms = store.note_time(options.now_ms());
    // On a full disk time can't be noted; what is due was noted before.
    if (!retained_ms.ok()) retained_ms = store.info().retained_ms;
    WEFT_ASSIGN(const std::vector<DocumentUsage> documents, store.documents());
    for (const DocumentUsage& usage : documents) {
      const bool is_due = usage.status == DocumentStatus::kDeleted && usage.records > 0 &&
                          days_left(usage, *retained_ms) == 0;
      if (!is_due) continue;
      if (Status done = store.purge(usage.document); !done.ok())
        return about_store(arguments.folder, done.error());
      ++purged;
    }
    WEFT_TRY(store.close());
  }
  print(counted(static_cast<std::size_t>(purged), "document") +
        " purged; what was deleted less than 30 days ago stays, `weft store trash ls` lists it\n");
  return {};
}

StoreCommand add_trash_command(CLI::App& trash, Action& action, const std::string& name,
                               const std::string& help,
                               Status (*run)(const StoreArguments& arguments)) {
  return add_store_command(trash, action, name, help, run);
}

}  // namespace

std::string deletion_words(const Deletion& deletion) {
  if (deletion.at_ms() == 0) return "deleted by an older weft";
  return "deleted by " + to_string(deletion.by()).substr(0, 8) + " at " +
         when_words(deletion.at_ms());
}

std::string edits_words(const Contested& contested) {
  std::string words = "edited by ";
  for (std::size_t i = 0; i < contested.edits.size(); ++i) {
    const UnseenEdits& each = contested.edits[i];
    words += (i == 0 ? "" : ", ") + author_words(each.replica) + " (" +
             counted(static_cast<std::size_t>(each.op_count), "operation") + ")";
  }
  return words;
}

Json contested_json(const Contested& contested) {
  Json::Array edits;
  for (const UnseenEdits& each : contested.edits)
    edits.push_back(Json::Object{{"replica", to_string(each.replica)},
                                 {"operations", number_json(each.op_count)}});
  return Json::Object{{"kind", "contested"},
                      {"deleted_by", to_string(contested.deletion.by())},
                      {"deleted_at", iso_time(contested.deletion.at_ms())},
                      {"edited_by", std::move(edits)}};
}

Result<std::optional<Contested>> contested_in(const std::string& name, const Document& document) {
  const std::optional<StoredName> stored = stored_name(name);
  if (!stored) return std::optional<Contested>();
  WEFT_ASSIGN(const std::unique_ptr<LmdbStore> store, open_store(stored->folder, Access::kRead));
  WEFT_ASSIGN(const DocumentUsage usage, find_document(*store, stored->folder, stored->document));
  return contested(document, usage.deletion);
}

Result<std::optional<Contested>> contested_of(const Store& store, const DocumentUsage& usage) {
  if (usage.status != DocumentStatus::kLive || usage.deletion.empty())
    return std::optional<Contested>();
  WEFT_ASSIGN(const Document document, open_latest(store, usage.document, process_options()));
  return contested(document, usage.deletion);
}

void print_contested(const Contested& contested, const std::string& name) {
  const std::optional<StoredName> stored = stored_name(name);
  const std::string where =
      stored ? printable(stored->folder) + " " + printable(stored->document) : printable(name);
  print(bold("the whole document") + "  " + deletion_words(contested.deletion) + ", " +
        edits_words(contested) + "\n");
  print("  weft store status " + where + " live   # keeps it; deleted: lets it go\n");
}

Result<bool> prepare_import(const std::string& name, bool is_asked,
                            const std::function<Result<bool>(const Document&)>& would_change) {
  const std::optional<StoredName> stored = stored_name(name);
  if (!stored || stored->document.empty()) return true;
  {
    WEFT_ASSIGN(const std::unique_ptr<LmdbStore> store, open_store(stored->folder, Access::kRead));
    WEFT_ASSIGN(const DocumentUsage usage, find_document(*store, stored->folder, stored->document));
    if (usage.status != DocumentStatus::kDeleted) return true;
    if (!is_asked && !usage.version.covers(usage.deletion.version()))
      return Error(ErrorCode::kNotKept,
                   name +
                       ": is deleted, and not all of it has come here yet, so what differs "
                       "can't be told; --restore brings it back all the same");
    if (!is_asked) {
      WEFT_ASSIGN(const Document document, open_latest(*store, usage.document, process_options()));
      WEFT_ASSIGN(const bool changes, would_change(document));
      if (!changes) return false;
    }
  }
  StoreArguments arguments;
  arguments.folder = stored->folder;
  arguments.document = stored->document;
  WEFT_TRY(restore(arguments));
  return true;
}

std::string left_in_trash_words(const std::string& name) {
  return printable(name) +
         ": is in the trash and holds just that; left there, --restore brings it back\n";
}

void add_store_trash(CLI::App& store, Action& action) {
  CLI::App* trash = store.add_subcommand("trash", "List deleted documents, restore them, purge");
  trash->require_subcommand(1);
  trash->footer(
      "A deleted document stays in the trash for 30 days. What others edited and whoever deleted "
      "it\n"
      "had not seen is not deleted: such a document shows as live, and `weft doc conflicts` says "
      "so.\n\n"
      "Examples:\n"
      "  weft store trash ls boards\n"
      "  weft store trash restore boards 4f1c\n"
      "  weft store trash empty boards");
  StoreCommand ls = add_trash_command(*trash, action, "ls", "What is in the trash", list);
  ls.app->add_flag("--json", ls.arguments->json, "One JSON object a line");
  StoreCommand bring = add_trash_command(*trash, action, "restore",
                                         "Bring a document back, on all devices", restore);
  add_document_option(bring)->required();
  add_trash_command(*trash, action, "empty",
                    "Purge what was deleted 30 days ago or more; works on a full disk", empty);
}

}  // namespace weft::cli
