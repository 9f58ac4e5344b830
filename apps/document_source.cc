#include "apps/document_source.h"

#include <filesystem>
#include <memory>
#include <optional>
#include <random>
#include <utility>

#include "apps/document_file.h"
#include "storage/archive/archive.h"
#include "storage/documents.h"

namespace weft::cli {
namespace {

/// A name that is neither is taken for a file's, and its error says what a store's would be.
Error no_document(const std::string& name, Error error) {
  if (is_store(name))
    return Error(error.code(), name + ": is a store; name a document in it, as " + name +
                                   ":ID, `weft store ls " + name + "` lists them");
  std::error_code ignored;
  if (std::filesystem::is_directory(name, ignored))
    return Error(ErrorCode::kNotFound,
                 name + ": is a folder without a store in it; `weft store create " + name +
                     "` makes one, `weft help` says what else a name can be");
  const std::size_t colon = name.rfind(':');
  if (error.code() == ErrorCode::kNotFound && colon != std::string::npos)
    return Error(error.code(), error.context() + ", and no store in " + name.substr(0, colon));
  return error;
}

DocumentOptions new_document(const std::optional<DocumentId>& id) {
  DocumentOptions options = process_options();
  if (id) {
    options.id = *id;
    return options;
  }
  std::random_device random;
  for (std::uint8_t& byte : options.id.bytes) byte = static_cast<std::uint8_t>(random());
  return options;
}

Result<Document> read_stored(const StoredName& name, Wanted wanted) {
  WEFT_ASSIGN(std::unique_ptr<LmdbStore> store, open_store(name.folder, Access::kRead));
  return open_stored(*store, name.folder, name.document, wanted);
}

/// The store is the replica that writes.
DocumentOptions stored_options(const LmdbStore& store, DocumentOptions options) {
  options.replica = store.info().replica;
  return options;
}

Status save_stored(StoredDocument& document, LmdbStore& store, const std::string& folder) {
  for (auto step : {&StoredDocument::save, &StoredDocument::save_state})
    if (Status done = (document.*step)(); !done.ok()) return about_store(folder, done.error());
  if (Status closed = store.close(); !closed.ok()) return about_store(folder, closed.error());
  return {};
}

Status change_stored(const StoredName& name, const std::function<Status(Document&)>& edit,
                     const ThroughPeer& through_peer) {
  WEFT_ASSIGN(StoreWriter writer, open_writer(name.folder));
  if (writer.peer) return through_peer(*writer.peer, name.document);
  LmdbStore& store = *writer.store;
  WEFT_ASSIGN(DocumentUsage usage, find_document(store, name.folder, name.document));
  WEFT_TRY(check_kept(name.folder, usage));
  Result<StoredDocument> document =
      StoredDocument::open(store, usage.document, stored_options(store, process_options()));
  if (!document.ok()) return about_store(name.folder, document.error());
  WEFT_TRY(edit(document->document()));
  return save_stored(*document, store, name.folder);
}

Result<std::string> make_stored(const StoredName& name,
                                const std::function<Status(Document&)>& fill,
                                const ThroughPeer& through_peer,
                                const std::optional<DocumentId>& wanted) {
  if (!name.document.empty())
    return Error(ErrorCode::kInvalidArgument, name.folder + ":" + name.document +
                                                  ": the id of a new document is drawn; write " +
                                                  name.folder + ":");
  WEFT_ASSIGN(StoreWriter writer, open_writer(name.folder));
  DocumentOptions options = new_document(wanted);
  const DocumentId id = options.id;
  const std::string made = name.folder + ":" + to_string(id);
  if (writer.peer) {
    WEFT_TRY(through_peer(*writer.peer, to_string(id)));
    return made;
  }
  options = stored_options(*writer.store, std::move(options));
  WEFT_ASSIGN(StoredDocument document, StoredDocument::open(*writer.store, id, std::move(options)));
  WEFT_TRY(fill(document.document()));
  if (document.document().version().empty())
    return Error(ErrorCode::kInvalidArgument,
                 name.folder + ": nothing is written into the document, so it is not made");
  WEFT_TRY(save_stored(document, *writer.store, name.folder));
  return made;
}

}  // namespace

Result<Document> read_document(const std::string& name, Wanted wanted) {
  if (std::optional<StoredName> stored = stored_name(name)) return read_stored(*stored, wanted);
  Result<Document> document = open_document(name);
  if (!document.ok()) return no_document(name, document.take_error());
  return document;
}

Result<Document> read_dashboard(const std::string& name, Wanted wanted) {
  WEFT_ASSIGN(Document document, read_document(name, wanted));
  const Status readable = document.check_readable();
  if (!readable.ok())
    return Error(readable.error().code(), name + ": " + readable.error().context());
  return document;
}

std::optional<StoredName> stored_name(const std::string& name) {
  const std::size_t colon = name.rfind(':');
  if (colon == std::string::npos || !is_store(name.substr(0, colon))) return std::nullopt;
  return StoredName{name.substr(0, colon), name.substr(colon + 1)};
}

Status change_document(const std::string& name, const std::function<Status(Document&)>& edit,
                       const ThroughPeer& through_peer) {
  if (std::optional<StoredName> stored = stored_name(name))
    return change_stored(*stored, edit, through_peer);
  Result<FileLock> lock = FileLock::take(name);
  if (!lock.ok()) return no_document(name, lock.take_error());
  WEFT_ASSIGN(Document document, read_document(name, Wanted::kHistory));
  const VersionVector before = document.version();
  WEFT_TRY(edit(document));
  if (document.version() == before) return {};
  return save_document(name, document, Existing::kReplace);
}

Result<std::string> make_document(const std::string& name, Existing existing,
                                  const std::function<Status(Document&)>& fill,
                                  const ThroughPeer& through_peer, std::optional<DocumentId> id) {
  if (std::optional<StoredName> stored = stored_name(name))
    return make_stored(*stored, fill, through_peer, id);
  if (is_store(name))
    return Error(ErrorCode::kInvalidArgument,
                 name + ": is a store; write " + name + ": to make a document in it");
  if (name.ends_with(':'))
    return Error(ErrorCode::kNotFound, "there is no store in " + name.substr(0, name.size() - 1) +
                                           "; `weft store create` makes one");
  Document document = Document::create(new_document(id));
  WEFT_TRY(fill(document));
  WEFT_TRY(save_document(name, document, existing));
  return name;
}

std::string why_cut(const std::string& name) {
  return stored_name(name) ? "was trimmed" : "is a snapshot";
}

}  // namespace weft::cli
