// weft store: making a store, documents into it and out of it, and looking whether it is whole.

#include <cstdio>
#include <random>
#include <string>
#include <utility>

#include "apps/commands.h"
#include "apps/describe.h"
#include "apps/document_file.h"
#include "apps/file_io.h"
#include "apps/terminal.h"
#include "storage/documents.h"
#include "storage/lmdb/lmdb_store.h"

namespace weft::cli {
namespace {

std::string hex_of(const DocumentId& id) {
  std::string text;
  char digits[3];
  for (std::uint8_t byte : id.bytes) {
    std::snprintf(digits, sizeof digits, "%02x", static_cast<unsigned>(byte));
    text += digits;
  }
  return text;
}

Result<std::unique_ptr<LmdbStore>> open_store(const std::string& folder, bool create = false) {
  LmdbStore::Options options;
  options.folder = folder;
  options.create = create;
  options.random = [] { return process_options().replica.value; };
  return LmdbStore::open(std::move(options));
}

/// The document whose id begins with `text`, in hexadecimal digits.
Result<DocumentId> find_document(const Store& store, const std::string& text) {
  const DocumentUsage* found = nullptr;
  std::vector<DocumentUsage> documents = store.documents();
  for (const DocumentUsage& each : documents) {
    if (!hex_of(each.document).starts_with(text)) continue;
    if (found != nullptr)
      return Error(ErrorCode::kInvalidArgument,
                   "several documents begin with '" + text + "'; give more digits of the id");
    found = &each;
  }
  if (found == nullptr)
    return Error(ErrorCode::kNotFound,
                 "the store has no document '" + text + "'; `weft store ls` lists those it has");
  return found->document;
}

Status create(const std::string& folder) {
  Result<std::unique_ptr<LmdbStore>> there = open_store(folder);
  if (there.ok() || there.error().code() != ErrorCode::kNotFound)
    return Error(ErrorCode::kInvalidArgument, folder + ": there is a store already");
  WEFT_ASSIGN(std::unique_ptr<LmdbStore> store, open_store(folder, true));
  print("made a store in " + printable(folder) + ", replica " + to_string(store->info().replica) +
        "\n");
  return store->close();
}

Status import(const std::string& folder, const std::string& file) {
  WEFT_ASSIGN(std::unique_ptr<LmdbStore> store, open_store(folder));
  WEFT_ASSIGN(Document document, cli::open_document(file));
  const std::uint64_t before = store->info().records;
  Result<AppendResult> stored = store_document(*store, document);
  if (!stored.ok()) return about(file, stored.error());
  print(hex_of(document.id()) + ": " +
        counted(static_cast<std::size_t>(store->info().records - before), "new delta") + "\n");
  return store->close();
}

Status export_document(const std::string& folder, const std::string& id, const std::string& file) {
  WEFT_ASSIGN(std::unique_ptr<LmdbStore> store, open_store(folder));
  WEFT_ASSIGN(DocumentId document_id, find_document(*store, id));
  WEFT_ASSIGN(Document document, weft::open_document(*store, document_id, process_options()));
  return save_document(file, document, Existing::kRefuse);
}

Status list(const std::string& folder) {
  WEFT_ASSIGN(std::unique_ptr<LmdbStore> store, open_store(folder));
  for (const DocumentUsage& each : store->documents())
    print(hex_of(each.document) + "  " + counted(static_cast<std::size_t>(each.records), "record") +
          ", " + counted(static_cast<std::size_t>(each.history_bytes), "byte") + ", " +
          counted(each.version.entries().size(), "replica") + "\n");
  return {};
}

Status show_statistics(const std::string& folder) {
  WEFT_ASSIGN(std::unique_ptr<LmdbStore> store, open_store(folder));
  const StoreInfo info = store->info();
  auto line = [](const std::string& name, const std::string& value) {
    print(name + std::string(14 - name.size(), ' ') + value + "\n");
  };
  line("format", std::to_string(info.format));
  line("replica", to_string(info.replica));
  line("documents", std::to_string(store->documents().size()));
  line("records", std::to_string(info.records));
  line("payload", counted(static_cast<std::size_t>(info.payload_bytes), "byte"));
  line("file", counted(static_cast<std::size_t>(store->space()->total()), "byte"));
  if (!store->damaged().empty())
    line("damaged", counted(store->damaged().size(), "record") + "; see weft store verify");
  return {};
}

Status verify(const std::string& folder) {
  WEFT_ASSIGN(std::unique_ptr<LmdbStore> store, open_store(folder));
  WEFT_ASSIGN(std::vector<BadRecord> bad, store->verify());
  for (const BadRecord& each : bad) print(red("damaged") + "  " + each.error.context() + "\n");
  if (!bad.empty())
    return Error(ErrorCode::kCorrupt,
                 folder + ": " + counted(bad.size(), "record") +
                     " can't be used; the others can. Import the documents again from where they "
                     "are whole");
  print(counted(static_cast<std::size_t>(store->info().records), "record") + ", all whole\n");
  return {};
}

}  // namespace

void add_store_commands(CLI::App& app, Action& action) {
  CLI::App* store = app.add_subcommand("store", "Keep documents in a store, a folder on this disk");
  store->require_subcommand(1);
  store->footer(
      "Examples:\n"
      "  weft store create boards\n"
      "  weft store import boards board.weft\n"
      "  weft store ls boards\n"
      "  weft store verify boards");
  struct Arguments {
    std::string folder;
    std::string document;
    std::string file;
  };
  auto arguments = std::make_shared<Arguments>();
  auto add = [&](const char* name, const char* help, auto run) {
    CLI::App* command = store->add_subcommand(name, help);
    command->add_option("STORE", arguments->folder, "The folder of the store")->required();
    command->callback(
        [&action, arguments, run] { action = [arguments, run] { return run(*arguments); }; });
    return command;
  };
  add("create", "Make an empty store", [](const Arguments& a) { return create(a.folder); });
  add("ls", "List the documents, by id", [](const Arguments& a) { return list(a.folder); });
  add("stat", "Say what the store holds and takes",
      [](const Arguments& a) { return show_statistics(a.folder); });
  add("verify", "Read every record and check it",
      [](const Arguments& a) { return verify(a.folder); });
  add("import", "Put what a document file has into the store",
      [](const Arguments& a) { return import(a.folder, a.file); })
      ->add_option("FILE", arguments->file, "A document file with its history")
      ->required();
  CLI::App* exporting =
      add("export", "Write a document of the store to a file",
          [](const Arguments& a) { return export_document(a.folder, a.document, a.file); });
  exporting->add_option("DOCUMENT", arguments->document, "Its id, or how that begins")->required();
  exporting->add_option("FILE", arguments->file, "The file to make")->required();
}

}  // namespace weft::cli
