#pragma once
// The documents that `weft doc` is given: FILE, a document file, or STORE:DOCUMENT, one in a store. This is
// the one place that tells which: a name whose part before its last ':' is a store's folder is the latter, and
// DOCUMENT is how the document's id begins. Where a running peer holds the store, it does the writing.

#include <functional>
#include <optional>
#include <string>

#include "apps/file_io.h"
#include "apps/peer_client.h"
#include "apps/store_access.h"
#include "crdt/document/document.h"

namespace weft::cli {

/// What the argument is called, and what its help says.
inline constexpr const char* kDocumentHelp =
    "A document file, or STORE:DOCUMENT for one in a store";

/// A file gives all that it has, whatever is wanted.
/// A store is opened for reading only, so another process may be writing it.
Result<Document> read_document(const std::string& name, Wanted wanted);

/// The same of a dashboard, whose panels and rows can't be shown in part: one that is damaged is an error.
Result<Document> read_dashboard(const std::string& name, Wanted wanted);

/// Does through a running peer, which holds the store, what would have been done here.
/// @param document  how the document's id begins; of a new one the whole id
using ThroughPeer = std::function<Status(PeerClient& peer, const std::string& document)>;

/// Reads, lets `edit` change it, and writes what it changed; no other weft process writes between.
Status change_document(const std::string& name, const std::function<Status(Document&)>& edit,
                       const ThroughPeer& through_peer);

/// Makes a file, or, where the name is STORE:, a document in a store; `fill` gives it its content.
/// @param existing  what becomes of a file of that name
/// @param id        the new document's; nullopt: drawn. In a store it must be new
/// @return  the new document's name: STORE: with its id, the file's name
Result<std::string> make_document(const std::string& name, Existing existing,
                                  const std::function<Status(Document&)>& fill,
                                  const ThroughPeer& through_peer,
                                  std::optional<DocumentId> id = std::nullopt);

/// The parts of STORE:DOCUMENT.
struct StoredName {
  std::string folder;
  std::string document;  ///< how its id begins
};
/// nullopt: it names a file.
std::optional<StoredName> stored_name(const std::string& name);

/// Why the document's log begins behind its beginning: "is a snapshot", "was trimmed".
std::string why_cut(const std::string& name);

}  // namespace weft::cli
