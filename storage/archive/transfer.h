#pragma once
// Documents and stores into archives, and out of them.

#include <cstdint>
#include <optional>
#include <vector>

#include "storage/archive/archive.h"
#include "storage/documents.h"
#include "storage/store.h"

namespace weft {

/// All that `document` has taken; what waits in it for other deltas is left out. Of deletions a document knows nothing:
/// those of a stored one are in its archive if the store makes it.
/// @errors kNeedHistory: it was loaded from a snapshot
Result<ArchivedDocument> archive_document(const Document& document);

/// The document that was archived, for `options.replica` to go on with; `options.id` is not used. Deltas that
/// wait for others wait again.
/// @errors kCorrupt: a delta that does not apply; kPendingFull: more wait than options.pending_bytes_max
Result<Document> open_archived(const ArchivedDocument& archived, DocumentOptions options);

/// The document as `store` has it: its deltas, also those that wait for others, its status, what deletions had seen of
/// it. Bundles are opened into their deltas.
/// @param compressor  opens them; may be null where none is compressed
/// @errors those of Store::scan_document; with document and record: those of decode_delta and open_bundle;
///         kNotFound: the store has nothing of it; kNeedHistory: it was trimmed
Result<ArchivedDocument> archive_stored(const Store& store, const DocumentId& document,
                                        const Compressor* compressor);
/// Every document that `store` has, by id.
/// @errors as archive_stored
Result<Archive> archive_store(const Store& store, const Compressor* compressor);

/// What an import did with a document, beside adding deltas.
struct ImportNote {
  enum class Kind : std::uint8_t {
    kDeleted,  ///< it is in the trash now: it was deleted where the archive comes from
    kContested,  ///< it shows, and a deletion that the archive or the store knows had not seen all of it
    kReturned,    ///< it was in the trash or purged here; the archive has the edit that restored it
    kEvicted,     ///< it is evicted now, as where the archive comes from
    kNotEvicted,  ///< it is evicted where the archive comes from, and stays as it is here
    kLeftPurged,  ///< it was purged here, and its deletion had seen all that the archive has: left out
  };
  DocumentId document;
  Kind kind = Kind::kDeleted;
  DocumentStatus before = DocumentStatus::kLive;  ///< here
  bool was_here = false;                          ///< did the store know of it?
  Deletion deletion;                              ///< what is known here of its deletions now
  std::vector<UnseenEdits> unseen;                ///< where it is contested
};

struct ArchiveImportReport {
  std::uint64_t added = 0;  ///< deltas
  std::uint64_t known = 0;  ///< deltas that the store had
  std::uint64_t late = 0;   ///< deltas of documents that are purged in the store: left out
  /// In the archive's order; of a document that just gained deltas there is none.
  std::vector<ImportNote> notes;
  std::optional<ReplicaId> new_replica;  ///< who writes here from now on, where that has changed
};

/// Appends what the store lacks, and merges what deletions had seen into what the store knows of deletions. The store
/// stays who it is: the archive's origin is not looked at. No edit is given up, and no deletion undone, by importing:
///
///   in the archive   in the store             becomes
///   live             not known                live
///   deleted          not known                deleted: in the trash, whole, and restorable for the whole time
///   any              held                     both together: deleted if deletions had seen all of it; contested if
///                                             not, unless an edit restores what they had seen
///   any              purged                   purged, as long as the deletion known here had seen all that the archive
///                                             has; else kept again, and all of the archive's deltas with it
///   purged           not known                in the trash, with nothing in it
///   evicted          not known                evicted
///   evicted          held, purged             as it was
///   any delta        evicted                  refused
///
/// Archives of before, and documents archived without their store, don't say what a deletion had seen: one that is
/// deleted there counts as deleted by somebody who had seen the deltas that it has. An end of a deletion whose chain
/// hash does not fit the log counts for nothing, as everywhere (Deletion::Entry::is_void); that is found out here, not
/// believed. Where a deletion has seen operations of this store's replica that are not here, they were written before
/// the store was put back: it writes as another replica from then on.
///
/// In batches, so an error can leave a part of it imported; to import again is then safe: the known is skipped, and
/// what was there is not changed. Deletions are stored before the deltas, so nothing shows meanwhile that was deleted.
/// @param options  `now_ms`, for retention time, `compressor`, limits: for looking into documents that were deleted
/// @errors kNotKept: a document of which it has deltas is evicted here; those of decode_delta: both before anything was
///         stored; those of Store::append, mark_deleted and set_status
Result<ArchiveImportReport> import_archive(Store& store, const Archive& archive,
                                           DocumentOptions options = {});

}  // namespace weft
