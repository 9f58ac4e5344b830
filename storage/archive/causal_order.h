#pragma once
// CausalOrder: the deltas of one document, put into the order that Document::deltas_since gives them, without
// a document: from what their heads say. So a store whose document can't be opened can still be archived.
//
// The stamp of a delta follows from those that it depends on. A delta that lacks one of these has none; it
// goes behind all others, which is where a document lets it wait.
//
// Cost: O(n log n), n deltas.

#include <map>
#include <vector>

#include "crdt/base/bytes.h"
#include "crdt/base/result.h"
#include "crdt/delta/batch.h"
#include "crdt/document/document.h"

namespace weft {

class CausalOrder {
 public:
  /// @param delta  row form; of one author, deltas may come in any order
  /// @errors those of decode_delta
  Status add(Bytes delta);

  /// The deltas in order. Call once, at the end.
  std::vector<Bytes> take();

 private:
  struct Row {
    DeltaInfo info;
    Bytes bytes;
  };
  struct Log {
    std::vector<Row> rows;
    std::size_t done = 0;            ///< rows that have their place, a prefix
    Seq end = 0;                     ///< of these
    std::vector<ReplicaId> waiting;  ///< their next rows need something of this log
  };

  /// The log that the next row of `log` waits for, if any; else its stamp is known and set.
  Log* awaited(Log& log);
  Hlc hlc_of(const Dot& dot) const;

  std::map<ReplicaId, Log> logs_;
  Batch scratch_;
};

}  // namespace weft
