#pragma once
// What every engine of Store has to do: the test cases of a contract, run on a workshop that opens one.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "storage/store.h"

namespace weft::test {

/// Opens stores of one engine at one place.
struct Workshop {
  /// The store at that place; the one before must be gone. Where the engine keeps nothing: the same one.
  std::function<std::shared_ptr<Store>()> open;
  bool is_durable = false;  ///< what is stored outlives the object
};

/// Each with a place of its own; failures are doctest's.
void check_store_contract(const std::function<Workshop()>& make);
/// Of it what peers need: notes of them, another replica, adopted states, rewriting.
void check_store_for_peers(const std::function<Workshop()>& make);
/// Random batches against a model, reopened every few steps.
void check_store_model(const std::function<Workshop()>& make, std::uint64_t seed, int steps);
/// Many threads append at once.
void check_store_threads(const std::function<Workshop()>& make);

/// A record of `op_count` operations with a payload of its own.
struct SampleRecord {
  RecordHead head;
  Bytes payload;
  NewRecord view() const { return {head, payload}; }
};
SampleRecord sample(std::uint8_t document, std::uint64_t replica, Seq first, Seq count,
                    std::size_t payload_bytes = 20);
std::vector<NewRecord> views(const std::vector<SampleRecord>& records);

}  // namespace weft::test
