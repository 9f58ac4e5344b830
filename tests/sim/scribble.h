#pragma once
// Scribble: random edits of a document, and marks in it that show whether an edit is still there.
//
// Each edit leaves one mark of its own beside whatever else it does, in a place where nobody erases: a key of a map,
// a value in a list or a single scalar in a text. Marks are what the oracle of lost edits looks for, whichever
// replica an edit ends up under.
//
//   {"k21": 1, "marks": {"k17": 1}, "mark_list": [12, 18], "mark_text": "...", "map": ..., "list": ..., ...}
//
// Where edits are undone all marks are keys of the root: the undo of what made a container hides all that others have
// put into it meanwhile, as it should.

#include <cstdint>
#include <set>

#include "crdt/document/document.h"
#include "tests/support/random.h"

namespace weft::sim {

using Mark = std::uint32_t;

/// The largest mark; the text's scalars are those of a plane for private use.
inline constexpr Mark kMarkMax = 0xffff;

enum class MarkPlace : std::uint8_t { kRoot, kAnywhere };

/// One transaction's worth: the mark, and up to three other changes.
Status scribble(Transaction& tx, Mark mark, MarkPlace place, test::Random& random);
/// A mark with a text of `bytes` bytes that no compressor makes small.
Status scribble_large(Transaction& tx, Mark mark, std::size_t bytes, test::Random& random);

std::set<Mark> marks_in(const Document& document);

}  // namespace weft::sim
