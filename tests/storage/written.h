#pragma once
// Written: what a test has handed to a store, and whether the store still has it.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "storage/store.h"
#include "tests/storage/store_contract.h"
#include "tests/support/random.h"

namespace weft::test {

/// Batches, in the order in which they were appended, one after the other.
class Written {
 public:
  /// A further batch of random records of a few documents.
  std::vector<NewRecord> add_batch(Random& random, std::uint64_t records_max,
                                   std::uint64_t payload_bytes_max);
  std::size_t record_count() const { return records_.size(); }
  /// "" if the store has the first batches, each whole and with its exact bytes, and nothing else, and its index
  /// says the same; at least so many that `acknowledged` records are among them. Else what is wrong.
  std::string compare(const Store& store, std::size_t acknowledged) const;

 private:
  std::string compare_documents(const Store& store, std::size_t count) const;

  std::vector<SampleRecord> records_;
  std::vector<std::size_t> batch_ends_;  ///< each the number of records up to a batch's end
  std::map<std::uint8_t, Seq> ends_;     ///< of documents
};

}  // namespace weft::test
