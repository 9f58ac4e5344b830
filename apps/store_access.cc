#include "apps/store_access.h"

#include <algorithm>
#include <filesystem>
#include <string_view>
#include <utility>

#include "apps/describe.h"
#include "apps/document_file.h"
#include "apps/peer_client.h"
#include "apps/terminal.h"
#include "storage/archive/archive.h"
#include "storage/documents.h"
#include "storage/lmdb/page_check.h"
#include "storage/lmdb/store_folder.h"

namespace weft::cli {
namespace {

using lmdb::PageDepth;
using lmdb::StoreFolder;

Status check_folder(const std::string& folder, Access access) {
  std::error_code ignored;
  const auto kind = std::filesystem::status(folder, ignored);
  if (std::filesystem::exists(kind) && !std::filesystem::is_directory(kind))
    return Error(ErrorCode::kInvalidArgument, folder + " is a file; a store is a folder");
  const Status is_there = StoreFolder(folder).find_store();
  if (is_there.ok() || access == Access::kCreate) return {};
  if (is_there.error().code() != ErrorCode::kNotFound)
    return Error(is_there.error().code(), is_there.error().context());
  return Error(ErrorCode::kNotFound,
               is_there.error().context() + "; `weft store create " + folder + "` makes one");
}

Status check_pages(const std::string& folder, const std::string& file, bool all) {
  const PageDepth depth = all ? PageDepth::kEverything : PageDepth::kBranches;
  Status sound = lmdb::check_pages(file, depth);
  if (sound.ok() || sound.error().code() != ErrorCode::kCorrupt) return {};
  // Damage, or the work of somebody who is writing; without such a one it must be there again.
  StoreFolder store(folder);
  if (!store.lock().ok()) return {};
  return lmdb::check_pages(file, depth);
}

/// Does `text` name `folder`, as a word of its own or with a path behind?
bool is_named(const std::string& folder, const std::string& text) {
  for (std::size_t at = text.find(folder); at != std::string::npos;
       at = text.find(folder, at + 1)) {
    const std::size_t end = at + folder.size();
    if ((at == 0 || text[at - 1] == ' ') &&
        (end == text.size() || std::string_view(" :;,/").find(text[end]) != std::string_view::npos))
      return true;
  }
  return false;
}

/// Who writes there says the error; behind it, what to do about that.
Error held_store(const std::string& folder, const Error& error) {
  const std::string who = error.context().substr(0, error.context().find(';'));
  return Error(error.code(),
               who + (PeerClient::try_connect(folder)
                          ? ", a peer, which can't do this: `weft peer stop --store " + folder +
                                "` ends it; start it again afterwards"
                          : "; wait until it is done, or end it, then try again"));
}

void say_what_happened(const std::string& folder, const LmdbStore& store) {
  if (!store.new_identity().empty())
    print_error(folder + ": " + store.new_identity() + "; it writes as replica " +
                to_string(store.info().replica) + " from now on");
  if (!store.derived_fault().empty())
    print_error(folder + ": what is derived from the log was made anew: " + store.derived_fault());
  if (!store.damaged().empty())
    print_error(folder + ": " + counted(store.damaged().size(), "damaged record") +
                "; see `weft store verify " + folder + "`");
}

}  // namespace

bool is_store(const std::string& folder) { return StoreFolder(folder).has_store(); }

Status check_log_pages(const std::string& folder, bool all) {
  return check_pages(folder, StoreFolder(folder).log_file(), all);
}

Status check_derived_pages(const std::string& folder, bool all) {
  return check_pages(folder, StoreFolder(folder).derived() + "/data.mdb", all);
}

Result<std::unique_ptr<LmdbStore>> open_store(const std::string& folder, Access access) {
  LmdbStore::Options options;
  options.folder = folder;
  options.create = access == Access::kCreate;
  if (access != Access::kRead) return open_store(std::move(options));
  WEFT_TRY(check_folder(folder, access));
  if (Status log = check_log_pages(folder, false); !log.ok())
    return about_store(folder, log.error());
  if (Status derived = check_derived_pages(folder, false); !derived.ok())
    return Error(ErrorCode::kCorrupt, derived.error().context() + "; remove the folder " +
                                          StoreFolder(folder).derived() +
                                          ", it is made anew from the log");
  options.read_only = true;
  Result<std::unique_ptr<LmdbStore>> store = LmdbStore::open(std::move(options));
  if (!store.ok()) return about_store(folder, store.error());
  return store;
}

Result<std::unique_ptr<LmdbStore>> open_store(LmdbStore::Options options) {
  const std::string folder = options.folder;
  WEFT_TRY(check_folder(folder, options.create ? Access::kCreate : Access::kWrite));
  Result<std::unique_ptr<LmdbStore>> store = LmdbStore::open(std::move(options));
  if (!store.ok() && store.error().code() == ErrorCode::kInUse)
    return held_store(folder, store.error());
  if (!store.ok()) return about_store(folder, store.error());
  say_what_happened(folder, **store);
  return store;
}

Error about_store(const std::string& folder, const Error& error) {
  std::string text = error.context();
  if (!is_named(folder, text)) text = folder + ": " + text;
  switch (error.code()) {
    case ErrorCode::kCorrupt:
      text += "; `weft store verify " + folder + "` lists what is damaged, `weft store salvage " +
              folder + " NEW` copies the rest";
      break;
    case ErrorCode::kForkedReplica:
      text +=
          "; two writers have used one replica id, or a part of its history is damaged: see `weft "
          "store verify " +
          folder + "`";
      break;
    case ErrorCode::kDiskFull:
      text += "; make room on its disk, then try again";
      break;
    default:
      break;
  }
  return Error(error.code(), std::move(text));
}

Result<DocumentUsage> find_document(const Store& store, const std::string& folder,
                                    const std::string& prefix) {
  WEFT_ASSIGN(std::vector<DocumentUsage> documents, store.documents());
  std::erase_if(documents, [&](const DocumentUsage& each) {
    return !to_string(each.document).starts_with(prefix);
  });
  if (documents.empty())
    return Error(ErrorCode::kNotFound, folder + ": the store has no document '" + prefix +
                                           "'; `weft store ls " + folder + "` lists those it has");
  if (documents.size() > 1)
    return Error(ErrorCode::kInvalidArgument,
                 folder +
                     (prefix.empty() ? std::string(": the store has several documents; say which")
                                     : ": several documents begin with '" + prefix +
                                           "'; give more digits of the id") +
                     ", `weft store ls " + folder + "` shows them");
  return std::move(documents.front());
}

Status check_kept(const std::string& folder, const DocumentUsage& usage) {
  if (usage.status == DocumentStatus::kLive) return {};
  const std::string id = to_string(usage.document);
  if (usage.status == DocumentStatus::kDeleted)
    return Error(ErrorCode::kNotKept, folder + ": document " + id +
                                          " is deleted; `weft store trash restore " + folder + " " +
                                          id + "` brings it back");
  if (usage.status == DocumentStatus::kPurged)
    return Error(ErrorCode::kNotKept,
                 folder + ": document " + id +
                     " was deleted, and its time in the trash has run; import it anew, or restore "
                     "it on a device that still has it");
  return Error(ErrorCode::kNotKept, folder + ": document " + id + " is " +
                                        status_name(usage.status) + " here; `weft store status " +
                                        folder + " " + id + " live` lets it be kept again");
}

Result<Document> open_stored(const Store& store, const std::string& folder,
                             const std::string& prefix, Wanted wanted) {
  WEFT_ASSIGN(DocumentUsage usage, find_document(store, folder, prefix));
  WEFT_TRY(check_kept(folder, usage));
  Result<Document> document = wanted == Wanted::kContent
                                  ? open_latest(store, usage.document, process_options())
                                  : open_document(store, usage.document, process_options());
  if (!document.ok()) return about_store(folder, document.error());
  const std::size_t waiting = document->pending().size();
  if (waiting > 0)
    print_error(folder + ": document " + to_string(usage.document) + " is incomplete: " +
                counted(waiting, "delta") + " of it can't be used before others that are missing");
  return document;
}

}  // namespace weft::cli
