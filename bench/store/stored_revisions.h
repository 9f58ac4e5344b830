#pragma once
// Revisions of a JSON file as successive states of one document: a transaction each, by keyed diff (json_text.h), with
// the revision's time; saved one by one.

#include <cstdint>
#include <functional>
#include <vector>

#include "bench/trace/revisions.h"
#include "storage/documents.h"

namespace weft::bench {

struct StoredRevisionsOptions {
  DocumentId id;
  ReplicaId replica;
  const Compressor* compressor = nullptr;  ///< outlives the document; null: histories stay stored
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

/// One form for equal contents, whatever the order of their keys.
std::string canonical(const Json& content);

}  // namespace weft::bench
