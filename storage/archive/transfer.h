#pragma once
// Documents and stores into archives, and out of them.

#include <cstdint>
#include <utility>
#include <vector>

#include "storage/archive/archive.h"
#include "storage/store.h"

namespace weft {

/// All that `document` has taken; what waits in it for other deltas is left out.
/// @errors kNeedHistory: it was loaded from a snapshot
Result<ArchivedDocument> archive_document(const Document& document);

/// The document that was archived, for `options.replica` to go on with; `options.id` is not used. Deltas that
/// wait for others wait again.
/// @errors kCorrupt: a delta that does not apply; kPendingFull: more wait than options.pending_bytes_max
Result<Document> open_archived(const ArchivedDocument& archived, DocumentOptions options);

/// Every document that `store` has, by id, with its status; bundles are opened into their deltas.
/// @param compressor  opens them; may be null where none is compressed
/// @errors those of Store::scan_document; with document and record: those of decode_delta and open_bundle;
///         kNeedHistory: a document was trimmed
Result<Archive> archive_store(const Store& store, const Compressor* compressor);

struct ArchiveImportReport {
  std::uint64_t added = 0;  ///< deltas
  std::uint64_t known = 0;  ///< deltas that the store had
  std::uint64_t late = 0;   ///< deltas of documents that were deleted in the store: left out
  /// Documents that were evicted or deleted where they come from. What the archive has of them was appended; to
  /// set their status is the caller's decision.
  std::vector<std::pair<DocumentId, ArchivedStatus>> not_live;
};

/// Appends what the store lacks. It stays who it is: the archive's origin is not looked at. In batches, so an
/// error can leave a part of it imported; to import again is then safe, the known is skipped.
/// @errors those of Store::append; those of decode_delta, before anything was stored
Result<ArchiveImportReport> import_archive(Store& store, const Archive& archive);

}  // namespace weft
