#include "tests/storage/written.h"

#include <algorithm>

namespace weft::test {
namespace {

constexpr ReplicaId kReplica{7};

}  // namespace

std::vector<NewRecord> Written::add_batch(Random& random, std::uint64_t records_max,
                                          std::uint64_t payload_bytes_max) {
  const std::size_t begin = records_.size();
  const std::uint64_t count = 1 + random.below(records_max);
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto document = static_cast<std::uint8_t>(1 + random.below(5));
    const Seq first = ends_[document];
    const Seq op_count = static_cast<Seq>(1 + random.below(9));
    ends_[document] += op_count;
    records_.push_back(
        sample(document, kReplica.value, first, op_count, random.below(payload_bytes_max)));
    for (std::byte& byte : records_.back().payload) byte = static_cast<std::byte>(random.next());
  }
  batch_ends_.push_back(records_.size());
  std::vector<NewRecord> batch;
  for (std::size_t i = begin; i < records_.size(); ++i) batch.push_back(records_[i].view());
  return batch;
}

std::string Written::compare(const Store& store, std::size_t acknowledged) const {
  std::size_t seen = 0;
  std::string wrong;
  Status status = store.scan(1, [&](const RecordView& record) {
    const bool as_written = seen < records_.size() && record.position == seen + 1 &&
                            static_cast<const RecordHead&>(record) == records_[seen].head &&
                            std::ranges::equal(record.payload, records_[seen].payload);
    if (!as_written) wrong = "record " + std::to_string(record.position) + " is another one";
    ++seen;
    return as_written;
  });
  if (!status.ok()) return "scan: " + status.error().message();
  if (!wrong.empty()) return wrong;
  if (seen < acknowledged)
    return "lost: " + std::to_string(acknowledged) + " records were acknowledged, " +
           std::to_string(seen) + " are there";
  if (seen != 0 && !std::ranges::binary_search(batch_ends_, seen))
    return "a batch is there in part (I1): " + std::to_string(seen) + " records";
  if (store.info().end != seen + 1) return "the log's end is not behind its last record (I4)";
  if (store.info().records != seen) return "the index does not count what is in the log";
  return compare_documents(store, seen);
}

std::string Written::compare_documents(const Store& store, std::size_t count) const {
  std::map<DocumentId, Seq> ends;
  for (std::size_t i = 0; i < count; ++i) ends[records_[i].head.document] = records_[i].head.end();
  const std::vector<DocumentUsage> documents = store.documents().value();
  for (const DocumentUsage& usage : documents)
    if (usage.version.end(kReplica) != ends[usage.document])
      return "the index has another version of a document than the log";
  if (documents.size() != ends.size()) return "the index has other documents than the log";
  return "";
}

}  // namespace weft::test
