#pragma once
// An import of JSON, so that two devices that import alike have imported once (docs/adr/0016).
//
// What write_json inserts is split off: elements of lists, a stretch of a text, an amount of a counter. Two devices
// that insert the same at the same place, each as an edit of its own, would have it twice. So each such insertion
// is a delta of its own by a replica that follows from its bytes, like a seed (clock/ids.h, kSeedRange): whoever makes
// it makes the same delta. Everything else, registers, erasures, moves, is idempotent or decided by the last writer
// anyway, and stays an edit of the device.
//
// Invariants
//   I1  Equal dots have equal contents: the author is a hash of the document's id and of all bytes of the delta but
//       the author's own.
//   I2  No delta is split off that the document has already; that insertion is the device's own edit then.
//   I3  What is split off depends on nothing but what its operations name, so two devices make the same although
//       one of them has edits elsewhere that the other has not seen.

#include <cstdint>
#include <string>
#include <vector>

#include "crdt/base/result.h"
#include "crdt/document/document.h"
#include "crdt/map/value.h"

namespace weft {

/// Something that an import adds to what is there.
struct SharedInsertion {
  enum class Kind : std::uint8_t {
    kMember,    ///< the lists of a new member `key` of a map, with what is in them
    kElements,  ///< an array's elements, before the element `at` of a list
    kText,      ///< a string, before the byte `at` of a text
    kCount,     ///< an integer, added to a counter
  };
  Kind kind = Kind::kElements;
  std::string path;  ///< of the container
  std::string key;
  std::size_t at = 0;
  Json content;
};
/// What write_json would insert, in the order of places; nothing is written.
/// @errors kInvalidArgument: not an object
Result<std::vector<SharedInsertion>> shared_insertions(MapEdit map, const Json& object);
/// Writes one. Of several found together the last comes first, since places count from the front.
Status write_insertion(Transaction& transaction, const SharedInsertion& insertion);

struct PreparedImport {
  std::vector<Bytes> shared;  ///< deltas, to be applied in this order as another's
  Seq shared_op_count = 0;
  Seq own_op_count = 0;  ///< of what write_json writes then; 0: there is nothing left to write
};
/// Tries the whole import on a copy of the document: what can't be written is refused here, before anything is.
/// @errors kInvalidArgument: not an object; those of the edits
/// @cost   two copies of the document (Document::fork), unless it holds the same already
Result<PreparedImport> prepare_import(const Document& document, const Json& object);

struct ImportReport {
  Dot first;  ///< of the own edit; of the first shared one where that is all
  Seq op_count = 0;
  Seq shared_op_count = 0;  ///< of these in shared deltas
  bool has_own = false;     ///< an own edit was made, with the message of the options
};
/// prepare_import, and all of it done. undo() takes back the own edit alone.
Result<ImportReport> import_json(Document& document, const Json& object,
                                 TransactionOptions options = {});

inline constexpr std::size_t kSharedDeltasMax = 16;      ///< at once: the rest goes into one more
inline constexpr std::size_t kSharedReplicasMax = 1024;  ///< a document: from then on all is own

}  // namespace weft
