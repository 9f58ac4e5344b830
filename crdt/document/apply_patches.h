#pragma once
// apply_patches: makes anew, in a transaction, the changes that a diff of two versions reports. For edits
// whose dots can't be used: what they did is written again, by another replica, as new operations.

#include <span>

#include "crdt/document/document.h"
#include "crdt/document/patch.h"

namespace weft {

/// Makes the changes of `patches`, which Document::diff() gave with Unit::kScalar, in a document that shows
/// what the diff's `from` did; then it shows what `to` did. Children that came are made anew, of the kinds
/// that they have in `source` and mergeable where they were; so are elements that had moved.
/// @param source  the document at the diff's `to`
/// @errors those of the edits; kNotFound, kWrongKind: a patch does not fit. The transaction is failed then
Status apply_patches(Transaction& tx, std::span<const Patch> patches, const Document& source);

}  // namespace weft
