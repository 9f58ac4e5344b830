#pragma once
// Documents in a store: what a document has goes into the log as deltas, and a document is made again
// by applying them in the order of their arrival.

#include "crdt/document/document.h"
#include "storage/store.h"

namespace weft {

/// Appends every delta that `document` has and `store` lacks, in one batch.
/// @errors those of Store::append; kNeedHistory: the store lacks deltas that lie before the document's base
Result<AppendResult> store_document(Store& store, const Document& document);

/// The document as the store has it.
/// @errors kNotFound: the store has nothing of it; those of Store::scan_document; kCorrupt: a delta that
///         does not apply
/// @cost   O(operations)
Result<Document> open_document(const Store& store, const DocumentId& id, DocumentOptions options);

}  // namespace weft
