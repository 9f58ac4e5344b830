// weft store import, export, status, trim: documents into a store and out of it, and what it does with them.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "apps/describe.h"
#include "apps/document_file.h"
#include "apps/file_io.h"
#include "apps/peer_client.h"
#include "apps/store_access.h"
#include "apps/store_arguments.h"
#include "apps/terminal.h"
#include "apps/trash.h"
#include "storage/archive/transfer.h"
#include "storage/compact.h"
#include "storage/documents.h"

namespace weft::cli {
namespace {

std::string number_of(std::uint64_t count, const char* noun) {
  return counted(static_cast<std::size_t>(count), noun);
}

// --- import ---

Status import_document(LmdbStore& store, const std::string& folder, const Document& document) {
  WEFT_ASSIGN(std::optional<DocumentUsage> usage, store.document(document.id()));
  if (usage) WEFT_TRY(check_kept(folder, *usage));
  const std::uint64_t before = store.info().records;
  Result<AppendResult> stored = store_document(store, document);
  if (!stored.ok() && stored.error().code() == ErrorCode::kNeedHistory)
    return Error(
        ErrorCode::kNeedHistory,
        "this is a snapshot, and a store needs the deltas before it; import a file with the "
        "document's history");
  WEFT_TRY(std::move(stored));
  // The state only where it is all that the store has.
  if (document.version().covers(store.version(document.id())))
    WEFT_TRY(store_state(store, document));
  print(to_string(document.id()) + ": " + number_of(store.info().records - before, "new delta") +
        "\n");
  return {};
}

/// What somebody should know who sees `note`'s document afterwards; nothing where it is as in the archive.
std::string note_words(const ImportNote& note, const std::string& folder) {
  const std::string id = to_string(note.document);
  const std::string name = "document " + id;
  switch (note.kind) {
    case ImportNote::Kind::kDeleted:
      if (!note.was_here) break;
      return name + " is in the trash now: " + deletion_words(note.deletion) +
             ", as the archive says; `weft store trash restore " + folder + " " + id +
             "` brings it back";
    case ImportNote::Kind::kContested:
      return name + " is contested: " + deletion_words(note.deletion) + ", " +
             edits_words(Contested{note.deletion, note.unseen}) + "; `weft store status " + folder +
             " " + id + " live` keeps it, deleted lets it go";
    case ImportNote::Kind::kReturned:
      return name + " was " + status_name(note.before) +
             " here and is live again: the archive has an edit that restored it";
    case ImportNote::Kind::kNotEvicted:
      return name +
             " is evicted in the archive and stays as it is here; `weft store status` changes that";
    case ImportNote::Kind::kLeftPurged:
      return name + " was purged here, and nothing in the archive is newer than its deletion (" +
             deletion_words(note.deletion) +
             "): left out; to have it back, import the archive into a new store, restore it there, "
             "and let the two sync";
    case ImportNote::Kind::kEvicted:
      break;
  }
  return {};
}

/// `error` of an import into that store, with what to do.
Error import_error(const LmdbStore& store, const std::string& folder, const Archive& archive,
                   Error error) {
  if (error.code() != ErrorCode::kNotKept) return error;
  for (const ArchivedDocument& each : archive.documents) {
    const Result<std::optional<DocumentUsage>> usage = store.document(each.id);
    if (!usage.ok() || !*usage || (*usage)->status != DocumentStatus::kEvicted) continue;
    if (Status kept = check_kept(folder, **usage); !each.deltas.empty() && !kept.ok())
      return kept.take_error();
  }
  return error;
}

Status import_whole(LmdbStore& store, const std::string& folder, const std::string& file,
                    ByteSpan bytes) {
  WEFT_ASSIGN(const Archive archive, read_archive(bytes));
  Result<ArchiveImportReport> imported = import_archive(store, archive, process_options());
  if (!imported.ok()) return import_error(store, folder, archive, imported.take_error());
  std::size_t deleted = 0;
  for (const ImportNote& note : imported->notes) {
    if (note.kind == ImportNote::Kind::kDeleted) ++deleted;
    if (const std::string words = note_words(note, folder); !words.empty()) print_error(words);
  }
  if (imported->new_replica)
    print_error(folder +
                ": others may have edits of this store that it does not hold any more; it writes "
                "as replica " +
                to_string(*imported->new_replica) + " from now on");
  print(printable(file) + ": " + counted(archive.documents.size(), "document") + ", " +
        number_of(imported->added, "new delta") + ", " + std::to_string(imported->known) +
        " known before" +
        (deleted == 0 ? std::string() : ", " + counted(deleted, "document") + " into the trash") +
        (imported->late == 0
             ? std::string()
             : ", " + number_of(imported->late, "delta") + " of purged documents left out") +
        "\n");
  return {};
}

Status import_file(LmdbStore& store, const std::string& folder, const std::string& file) {
  WEFT_ASSIGN(const Bytes bytes, read_file(file));
  Status done;
  if (as_text(bytes).starts_with("weft-archive ")) {
    done = import_whole(store, folder, file, bytes);
  } else {
    WEFT_ASSIGN(Document document, document_of(file, bytes));
    done = import_document(store, folder, document);
  }
  if (!done.ok()) return about(file, done.error());
  return {};
}

/// What is in before a file that fails stays in.
Status import(const StoreArguments& arguments) {
  WEFT_ASSIGN(std::unique_ptr<LmdbStore> store, open_store(arguments.folder, Access::kWrite));
  for (const std::string& file : arguments.files)
    WEFT_TRY(import_file(*store, arguments.folder, file));
  return store->close();
}

// --- export ---

Result<Archive> archive_of(const LmdbStore& store, const StoreArguments& arguments) {
  if (arguments.document.empty()) return archive_store(store, process_options().compressor);
  WEFT_ASSIGN(const DocumentUsage usage,
              find_document(store, arguments.folder, arguments.document));
  WEFT_TRY(check_kept(arguments.folder, usage));
  Archive archive;
  archive.origin = {store.info().epoch, store.info().replica};
  WEFT_ASSIGN(ArchivedDocument archived,
              archive_stored(store, usage.document, process_options().compressor));
  archive.documents.push_back(std::move(archived));
  return archive;
}

Status export_archive(const LmdbStore& store, const StoreArguments& arguments, Existing existing) {
  Result<Archive> archive = archive_of(store, arguments);
  if (!archive.ok()) {
    Error error = about_store(arguments.folder, archive.error());
    if (error.code() != ErrorCode::kNeedHistory) return error;
    return Error(error.code(),
                 error.context() + "; export that document by itself, without --archive");
  }
  WEFT_ASSIGN(const Bytes bytes,
              write_archive(*archive, arguments.archive == "xml" ? ArchiveFormat::kXml
                                                                 : ArchiveFormat::kBinary));
  WEFT_TRY(write_output(arguments.file, bytes, existing));
  std::size_t deltas = 0;
  for (const ArchivedDocument& each : archive->documents) deltas += each.deltas.size();
  print(printable(arguments.file) + ": " + counted(archive->documents.size(), "document") + ", " +
        counted(deltas, "delta") + ", " + byte_words(bytes.size()) + "\n");
  return {};
}

/// Of one word behind STORE: with --archive that is the file.
StoreArguments sorted_out(StoreArguments arguments) {
  if (!arguments.file.empty()) return arguments;
  if (arguments.document.empty() || arguments.archive.empty())
    throw CLI::RequiredError(
        arguments.document.empty() && arguments.archive.empty() ? "DOCUMENT and FILE" : "FILE");
  arguments.file = std::exchange(arguments.document, std::string());
  return arguments;
}

Status export_documents(const StoreArguments& given) {
  const StoreArguments arguments = sorted_out(given);
  const Existing existing = arguments.force ? Existing::kReplace : Existing::kRefuse;
  WEFT_ASSIGN(std::unique_ptr<LmdbStore> store, open_store(arguments.folder, Access::kRead));
  if (!arguments.archive.empty()) return export_archive(*store, arguments, existing);
  WEFT_ASSIGN(Document document,
              open_stored(*store, arguments.folder, arguments.document, Wanted::kHistory));
  WEFT_TRY(save_document(arguments.file, document, existing));
  if (!document.base().empty())
    print_error(arguments.file + " is a snapshot, without history: the document was trimmed");
  return {};
}

// --- what the store does with a document ---

void print_status(const std::string& id, const std::string& status, const std::string& before,
                  const std::string& but = {}) {
  print(id + ": " + status + (before == status ? " already" : ", was " + before) + but + "\n");
}

/// No peer runs: nobody knows what others keep.
Status check_evictable(const DocumentUsage& usage) {
  std::uint64_t count = 0;
  for (const VersionVector::Entry& entry : usage.version.entries()) count += entry.end;
  if (count == 0) return {};
  return Error(ErrorCode::kNotKept,
               "no peer runs on this store, so nobody can say who else has the " +
                   number_of(count, "operation") +
                   " of it; evict it while its peer is linked to one that keeps it, or with "
                   "--force, and lose what nobody else has");
}

/// What was evicted was beyond its deletion; the edit that restored it went with the rest, and without one the document
/// would be in the trash, with nothing in it.
Status keep_again(LmdbStore& store, const DocumentUsage& usage) {
  WEFT_TRY(store.set_status(usage.document, DocumentStatus::kLive));
  if (usage.deletion.version().covers(usage.version)) return {};
  return restore_document(store, usage.document, process_options());
}

Status change_status(LmdbStore& store, const DocumentUsage& usage, DocumentStatus status,
                     bool force) {
  if (status == usage.status && status != DocumentStatus::kLive) return {};
  if (status == DocumentStatus::kDeleted) {
    if (usage.status == DocumentStatus::kPurged) return {};
    if (usage.status == DocumentStatus::kEvicted)
      return store.set_status(usage.document, status);  // nothing of it is here to be seen
    return delete_document(store, usage.document, process_options());
  }
  if (status == DocumentStatus::kEvicted) {
    if (!force && usage.status == DocumentStatus::kLive) WEFT_TRY(check_evictable(usage));
    return store.set_status(usage.document, status);
  }
  if (usage.status == DocumentStatus::kEvicted) return keep_again(store, usage);
  if (usage.status == DocumentStatus::kPurged)
    return Error(ErrorCode::kNotKept,
                 "the document was purged here; restore it on a device that still has it in its "
                 "trash, or import it anew");
  return restore_document(store, usage.document, process_options());
}

Status set_status(const StoreArguments& arguments) {
  WEFT_ASSIGN(StoreWriter writer, open_writer(arguments.folder));
  if (writer.peer) {
    WEFT_ASSIGN(const Json answer, writer.peer->write({{"cmd", "set-status"},
                                                       {"document", arguments.document},
                                                       {"status", arguments.status},
                                                       {"force", arguments.force}},
                                                      waiting_of(arguments.no_wait)));
    print_status(text_in(answer, "document"), text_in(answer, "status"), text_in(answer, "was"),
                 durable_words(answer));
    return {};
  }
  LmdbStore& store = *writer.store;
  WEFT_ASSIGN(DocumentUsage usage, find_document(store, arguments.folder, arguments.document));
  DocumentStatus status = DocumentStatus::kLive;
  for (DocumentStatus each : {DocumentStatus::kEvicted, DocumentStatus::kDeleted})
    if (arguments.status == status_name(each)) status = each;
  if (Status done = change_status(store, usage, status, arguments.force); !done.ok())
    return about_store(arguments.folder, done.error());
  print_status(to_string(usage.document), status_name(status), status_name(usage.status));
  return store.close();
}

void print_trimmed(const DocumentId& id, const std::optional<DocumentUsage>& before,
                   const std::optional<DocumentUsage>& after) {
  auto history = [](const std::optional<DocumentUsage>& usage) {
    return byte_words(usage ? usage->history_bytes : 0);
  };
  print(to_string(id) + ": history " + history(before) + " -> " + history(after) + "\n");
}

Result<std::optional<DocumentUsage>> usage_now(const std::string& folder, const DocumentId& id) {
  WEFT_ASSIGN(std::unique_ptr<LmdbStore> store, open_store(folder, Access::kRead));
  return store->document(id);
}

/// A peer goes on from what it has: it trims to now and nothing else.
Status trim_through(PeerClient& peer, const StoreArguments& arguments) {
  if (arguments.version != "now")
    return Error(ErrorCode::kInUse, arguments.folder +
                                        ": a peer runs on this store, and it trims to now only; "
                                        "give now as VERSION, or end it with `weft peer stop "
                                        "--store " +
                                        arguments.folder + "` first");
  WEFT_ASSIGN(std::unique_ptr<LmdbStore> store, open_store(arguments.folder, Access::kRead));
  WEFT_ASSIGN(const DocumentUsage before,
              find_document(*store, arguments.folder, arguments.document));
  store.reset();
  WEFT_TRY(peer.write({{"cmd", "trim"}, {"document", to_string(before.document)}}));
  WEFT_ASSIGN(const std::optional<DocumentUsage> after,
              usage_now(arguments.folder, before.document));
  print_trimmed(before.document, before, after);
  return {};
}

Status trim(const StoreArguments& arguments) {
  WEFT_ASSIGN(StoreWriter writer, open_writer(arguments.folder));
  if (writer.peer) return trim_through(*writer.peer, arguments);
  LmdbStore& store = *writer.store;
  WEFT_ASSIGN(Document document,
              open_stored(store, arguments.folder, arguments.document, Wanted::kHistory));
  const DocumentId id = document.id();
  const std::string name = arguments.folder + ":" + to_string(id);
  Result<VersionVector> horizon = version_of(document, arguments.version);
  if (!horizon.ok()) return about(name, horizon.error());
  WEFT_ASSIGN(std::optional<DocumentUsage> before, store.document(id));
  Status done = trim_document(store, id, *horizon, process_options());
  if (!done.ok()) return about(name + " at " + arguments.version, done.error());
  WEFT_ASSIGN(std::optional<DocumentUsage> after, store.document(id));
  print_trimmed(id, before, after);
  return store.close();
}

void add_import(CLI::App& store, Action& action) {
  StoreCommand command = add_store_command(
      store, action, "import", "Put document files and archives into the store", import);
  command.app
      ->add_option("FILE", command.arguments->files,
                   "A document file with its history, or an archive; - is stdin")
      ->required();
  command.app->footer(
      "What the store has already is passed over, so a file may be imported again.\n\n"
      "Examples:\n"
      "  weft store import boards board.weft\n"
      "  weft store import boards boards.xml");
}

void add_export(CLI::App& store, Action& action) {
  StoreCommand command =
      add_store_command(store, action, "export",
                        "Write a document to a file, or an archive of the store", export_documents);
  add_document_option(command)->description(
      "Its id, or how that begins; left out with --archive: all documents");
  command.app->add_option("FILE", command.arguments->file, "The file to make");
  command.app
      ->add_option("--archive", command.arguments->archive,
                   "An archive instead of a document file: xml for people, binary for backups")
      ->check(CLI::IsMember({"xml", "binary"}));
  command.app->add_flag("--force", command.arguments->force, "Replace FILE if it exists");
  command.app->footer(
      "Examples:\n"
      "  weft store export boards 4f1c board.weft\n"
      "  weft store export boards --archive xml boards.xml");
}

}  // namespace

void add_store_documents(CLI::App& store, Action& action) {
  add_import(store, action);
  add_export(store, action);

  StoreCommand status = add_store_command(store, action, "status",
                                          "Keep a document, evict it, or delete it", set_status);
  add_document_option(status)->required();
  status.app->add_option("STATUS", status.arguments->status, "live, evicted or deleted")
      ->required()
      ->check(CLI::IsMember({"live", "evicted", "deleted"}));
  add_no_wait_option(*status.app, status.arguments->no_wait);
  status.app->add_flag("--force", status.arguments->force,
                       "Evict it even if nobody else is known to have all of it");
  status.app->footer(
      "An evicted document is given up here, others keep it; live again, it comes from them. It "
      "is\n"
      "refused where no linked device is known to keep all of it. A deleted one goes into the "
      "trash\n"
      "of every device for 30 days, and live brings it back. Edits that whoever deleted it had "
      "not\n"
      "seen are not deleted: the document then shows as live, and `weft doc conflicts` says so; "
      "live\n"
      "or deleted, said again, settles it.\n\n"
      "Example:\n  weft store status boards 4f1c evicted");

  StoreCommand trimming = add_store_command(store, action, "trim",
                                            "Give up a document's history before a version", trim);
  add_document_option(trimming)->required();
  trimming.app
      ->add_option("VERSION", trimming.arguments->version,
                   "The number of a delta in `weft doc log STORE:DOCUMENT`, replica:end,... or now")
      ->required();
  trimming.app->footer(
      "What the document holds stays; how it came to hold it is gone. Edits that others made "
      "without\n"
      "knowing this version still merge. Trim where devices are in step (`weft sync status`): "
      "two\n"
      "that have each trimmed what the other lacks need a third that has both.\n\n"
      "Example:\n  weft store trim boards 4f1c 120");
}

}  // namespace weft::cli
