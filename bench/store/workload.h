#pragma once
// Workload: the deltas that every engine gets, the same in each process from one seed: documents chosen at random,
// three replicas to a document, payloads that don't compress.
//
// Invariant
//   I1  The records of one document and replica come in the order of their operations, without a gap.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "bench/trace/prng.h"
#include "storage/store.h"

namespace weft::bench {

struct WorkloadOptions {
  std::uint64_t seed = 71;
  std::uint32_t document_count = 10'000;
  std::uint32_t payload_bytes = 200;
};

class Workload {
 public:
  explicit Workload(WorkloadOptions options);

  /// The next records; they and their payloads are valid until the next call.
  std::span<const NewRecord> next(std::size_t count);
  /// The sum of digest_of() of all records so far.
  std::uint64_t digest() const { return digest_; }
  const std::vector<DocumentId>& documents() const { return documents_; }

 private:
  WorkloadOptions options_;
  trace::Prng prng_;
  std::vector<DocumentId> documents_;
  std::vector<ReplicaId> replicas_;
  std::vector<Seq> ends_;  ///< of document d and its replica r at d * kReplicas + r
  std::vector<NewRecord> records_;
  Bytes payloads_;
  std::uint64_t digest_ = 0;
};

/// Of everything in a record. Digests are added up, so an engine may give its records in any order.
std::uint64_t digest_of(const RecordHead& head, ByteSpan payload);

}  // namespace weft::bench
