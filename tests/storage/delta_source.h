#pragma once
// DeltaSource: what one writer of a store writes, as data: real edits of several documents (maps, lists, texts,
// counters), each transaction a delta. A function of its seed and writer alone, so that whoever has these knows
// everything that the writer has written, and where its batches ended.

#include <cstdint>
#include <vector>

#include "crdt/document/document.h"
#include "storage/store.h"
#include "tests/support/random.h"

namespace weft::test {

struct SourceDelta {
  RecordHead head;
  Bytes delta;
  bool ends_batch = false;
};

class DeltaSource {
 public:
  static constexpr std::uint64_t kDocuments = 3;  ///< shared by all writers of one seed

  DeltaSource(std::uint64_t seed, std::uint64_t writer);

  static ReplicaId replica(std::uint64_t writer) { return {1 + writer}; }
  static DocumentId document(std::uint64_t number);

  /// Delta `index` of this writer; makes those before it.
  const SourceDelta& at(std::size_t index);
  /// From delta `begin`, where a batch begins, to that batch's end.
  std::vector<NewRecord> batch(std::size_t begin);

 private:
  void make_next();

  Random random_;
  std::vector<Document> documents_;
  std::vector<SourceDelta> made_;
  std::uint64_t batch_left_ = 0;
};

}  // namespace weft::test
