#pragma once
// Documents in a store: what a document has goes into the log as deltas, and a document is made again
// from the state that is kept of it and the deltas behind that, or from all deltas.

#include <cstdint>
#include <optional>
#include <vector>

#include "crdt/document/document.h"
#include "storage/store.h"

namespace weft {

/// Appends every delta that `document` has and `store` lacks, in one batch.
/// @errors those of Store::append; kNeedHistory: the store lacks deltas that lie before the document's base
Result<AppendResult> store_document(Store& store, const Document& document);

/// What is to be stored for a delta or a bundle of `document`. A delta is decoded whole, of a bundle only the
/// header is read; the payload is borrowed from `bytes`.
/// @errors those of decode_delta and read_bundle_info
Status record_of(const DocumentId& document, ByteSpan bytes, NewRecord& record);

/// Keeps the document's state beside the log, so that it opens fast.
Status store_state(Store& store, const Document& document);

/// The document as the store has it, with all the history that is kept.
/// @errors kNotFound: the store has nothing of it; kNotKept: it is evicted or deleted; those of
///         Store::scan_document; kCorrupt: a delta that does not apply
/// @cost   O(operations)
Result<Document> open_document(const Store& store, const DocumentId& id, DocumentOptions options);

/// The document as it was at `version`, and nothing that came later.
/// @errors as open_document; kNeedHistory: some of what came later was trimmed into the state that is kept;
///         kNotFound: that is no version of it
Result<Document> open_version(const Store& store, const DocumentId& id,
                              const VersionVector& version, DocumentOptions options);

/// The same from the kept state, where there is one: fast, but what came before can't be asked for.
/// @cost   O(state + operations since it was kept)
Result<Document> open_latest(const Store& store, const DocumentId& id, DocumentOptions options);

/// The chain hashes at the ends of what is stored without a gap, read from the records: for those that the store's
/// heads don't know (DocumentUsage::chains). @return  in the order of `version`; 0: not there
/// @errors as Store::scan_document
Result<std::vector<std::uint64_t>> read_chains(const Store& store, const DocumentId& id,
                                               const VersionVector& version);

/// What somebody has seen who deletes the document now: all that `document` holds, with chain hashes.
Deletion deletion_of(const Document& document, ReplicaId by, std::uint64_t at_ms);

/// Puts a document into the trash: nothing is given up, and what others have edited and this store has not seen is not
/// deleted. @errors as open_latest, and those of Store::mark_deleted
Status delete_document(Store& store, const DocumentId& id, DocumentOptions options);

/// Writes that what `deletion` had seen is restored.
Status write_restore(Transaction& tx, const Deletion& deletion);
/// Does a restore that `document` holds name all that `deletion` had seen?
bool is_restored(const Document& document, const Deletion& deletion);
/// Brings a deleted or contested document back, as an edit of this store's replica. Nothing to do: changes nothing.
/// @errors kNotKept: it is evicted or purged; as open_latest
Status restore_document(Store& store, const DocumentId& id, DocumentOptions options);

/// Edits that a deletion had not seen, of one replica.
struct UnseenEdits {
  ReplicaId replica;
  std::uint64_t op_count = 0;
};
/// A document that somebody deleted and somebody else went on with: shown as live until people decide.
struct Contested {
  Deletion deletion;
  std::vector<UnseenEdits> edits;
};
/// nullopt: it is not contested. @param document  as the store has it
std::optional<Contested> contested(const Document& document, const Deletion& deletion);

/// A document that is edited and saved.
///
/// Invariants
///   I1  What save() has acknowledged is in the store.
///   I2  What could not be stored stays in the document and goes first at the next save(), with the same
///       bytes.
class StoredDocument {
 public:
  enum class History : std::uint8_t {
    kLatest,  ///< as open_latest
    kWhole,   ///< as open_document
  };
  /// Also of a document that the store does not have yet.
  /// @param store  must outlive the result
  static Result<StoredDocument> open(Store& store, const DocumentId& id, DocumentOptions options,
                                     History history = History::kLatest);

  Document& document() { return document_; }
  const Document& document() const { return document_; }

  /// Appends what is not stored yet; from time to time also keeps the state.
  /// @errors as Store::append
  Status save();
  /// Keeps the state as it was saved last.
  Status save_state();
  /// Operations that are not stored.
  std::uint64_t unsaved_count() const;

 private:
  StoredDocument(Store& store, Document document)
      : store_(&store), document_(std::move(document)) {}
  bool state_is_due() const;

  Store* store_;
  Document document_;
  VersionVector saved_;
  VersionVector kept_;  ///< of the state that was kept last
};

}  // namespace weft
