#include "bench/store/workload.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "crdt/base/checksum.h"

namespace weft::bench {
namespace {

constexpr std::uint32_t kReplicas = 3;
constexpr std::uint32_t kOperationsMax = 8;

/// `size` random bytes, whole words at a time.
void fill(trace::Prng& prng, std::byte* out, std::size_t size) {
  for (std::size_t at = 0; at < size; at += sizeof(std::uint64_t)) {
    const std::uint64_t word = prng.next();
    std::memcpy(out + at, &word, std::min(size - at, sizeof word));
  }
}

}  // namespace

Workload::Workload(WorkloadOptions options) : options_(options), prng_(options.seed) {
  documents_.resize(options_.document_count);
  for (DocumentId& document : documents_)
    fill(prng_, reinterpret_cast<std::byte*>(document.bytes.data()), document.bytes.size());
  replicas_.resize(std::size_t{options_.document_count} * kReplicas);
  for (ReplicaId& replica : replicas_) replica.value = prng_.next();
  ends_.resize(replicas_.size());
}

std::span<const NewRecord> Workload::next(std::size_t count) {
  records_.clear();
  payloads_.resize(count * options_.payload_bytes);
  fill(prng_, payloads_.data(), payloads_.size());
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint32_t document = prng_.below(options_.document_count);
    const std::size_t writer = std::size_t{document} * kReplicas + prng_.below(kReplicas);
    NewRecord& record = records_.emplace_back();
    record.document = documents_[document];
    record.replica = replicas_[writer];
    record.first_seq = ends_[writer];
    record.op_count = 1 + prng_.below(kOperationsMax);
    record.payload =
        ByteSpan(payloads_).subspan(i * options_.payload_bytes, options_.payload_bytes);
    ends_[writer] = record.end();
    digest_ += digest_of(record, record.payload);
  }
  return records_;
}

std::uint64_t digest_of(const RecordHead& head, ByteSpan payload) {
  std::array<std::uint64_t, 5> words{};
  std::memcpy(words.data(), head.document.bytes.data(), head.document.bytes.size());
  words[2] = head.replica.value;
  words[3] = (std::uint64_t{head.first_seq} << 32) | head.op_count;
  words[4] = xxh3_64(payload);
  return xxh3_64(std::as_bytes(std::span(words)));
}

}  // namespace weft::bench
