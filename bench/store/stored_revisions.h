#pragma once
// Revisions of a JSON file as successive states of one document: a transaction each, by a keyed diff, with the revision's
// time; saved one by one, and read back.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "bench/harness/stopwatch.h"
#include "bench/trace/revisions.h"
#include "crdt/base/checksum.h"
#include "storage/documents.h"

namespace weft::bench {

struct StoredRevisionsOptions {
  DocumentId id;
  ReplicaId replica;
  const Compressor* compressor = nullptr;  ///< outlives the document; null: histories stay stored
  /// How the revision of that number is written; null: its content, by write_json (json_text.h).
  std::function<Status(Transaction&, std::size_t)> write = nullptr;
};

/// What storing one revision took.
struct RevisionCost {
  double commit_ms = 0;  ///< the diff, and its commit
  double save_ms = 0;
  std::uint64_t op_count = 0;
};

struct StoredRevisions {
  StoredDocument document;
  std::vector<VersionVector> versions;  ///< behind each revision
  std::vector<RevisionCost> costs;
};

/// @param store  must outlive the result; has nothing of the document
/// @errors those of editing and of saving
Result<StoredRevisions> store_revisions(Store& store, const std::vector<trace::Revision>& revisions,
                                        const StoredRevisionsOptions& options);

struct RevisionsRead {
  std::vector<double> ms;  ///< a revision
  std::uint64_t digest = 0;
};
/// Every revision once more from the document's history, compared.
/// @param show    what is timed, with Document::at(): of the document as it was
/// @param text    what that says, as text
/// @param wanted  what it should say: of the revision's content
/// @errors kCorrupt: a revision is another; those of Document::at
template <typename Show, typename Text, typename Wanted>
Result<RevisionsRead> read_revisions_back(const Document& document,
                                          const std::vector<VersionVector>& versions,
                                          const std::vector<trace::Revision>& revisions,
                                          Show&& show, Text&& text, Wanted&& wanted) {
  RevisionsRead result;
  for (std::size_t i = 0; i < revisions.size(); ++i) {
    const Stopwatch watch;
    WEFT_ASSIGN(const Document then, document.at(versions[i]));
    const auto shown = show(then);
    result.ms.push_back(watch.ms());
    const std::string said = text(shown);
    if (said != wanted(revisions[i].content))
      return Error(ErrorCode::kCorrupt, "revision " + revisions[i].name + " is another");
    result.digest = xxh3_64(as_bytes(said), result.digest);
  }
  return result;
}

/// One form for equal contents, whatever the order of their keys.
std::string canonical(const Json& content);

}  // namespace weft::bench
