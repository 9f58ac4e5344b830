#pragma once
// Admission: which records of the batches of one commit are new. What it admits counts as stored for the
// batches that follow; a batch with an inadmissible record leaves no trace.

#include <functional>
#include <span>
#include <unordered_map>
#include <vector>

#include "storage/log_index.h"

namespace weft {

/// Largest payload: a quarter of the 4 GiB that a record's size can say.
inline constexpr std::size_t kPayloadBytesMax = std::size_t{1} << 30;

class Admission {
 public:
  using Heads = std::unordered_map<DocumentId, DocumentHead, DocumentHash>;
  /// @param own   whose deltas may leave no gap
  /// @param load  the head of a document before this commit
  /// @param own_are_lost  some of its own are damaged: what it writes could be other operations of these dots
  Admission(ReplicaId own, std::function<Result<DocumentHead>(const DocumentId&)> load,
            bool own_are_lost = false)
      : own_(own), load_(std::move(load)), own_are_lost_(own_are_lost) {}

  struct Batch {
    std::vector<const NewRecord*> fresh;
    std::uint32_t known = 0;
    std::vector<const NewRecord*> late;        ///< of purged documents
    std::vector<std::uint64_t> chains_before;  ///< of `fresh`, as DocumentHead::remove() takes them
  };
  /// @errors kInvalidArgument, kForkedReplica, kNotKept, as Store::append says; those of `load`
  Result<Batch> admit(std::span<const NewRecord> batch);

  /// As the documents are when all that was admitted is stored; their counts aside.
  const Heads& heads() const { return heads_; }

 private:
  Result<DocumentHead*> head(const DocumentId& document);
  Status admit_one(const NewRecord& record, Batch& batch);

  ReplicaId own_;
  std::function<Result<DocumentHead>(const DocumentId&)> load_;
  bool own_are_lost_;
  Heads heads_;
};

}  // namespace weft
