#pragma once
// Store: where deltas are kept. One log in the order of arrival is the truth; everything else (which
// operations of which document lie where) is derived from it and rebuilt when it is missing.
//
// Two engines: memory (memory/memory_store.h) and LMDB (lmdb/lmdb_store.h); both pass the same contract
// tests (tests/storage/store_contract.h).
//
// Invariants
//   I1  A batch is in the log whole or not at all; its records lie next to each other.
//   I2  Of one document and replica, records don't overlap: an operation is stored once.
//   I3  What append() has acknowledged is there at every later open (of a store that is on disk).
//   I4  Positions ascend and are never used again.
//
// Threads: all functions may be called from any thread. Visitors run on the caller's.

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "crdt/base/result.h"
#include "crdt/clock/version_vector.h"
#include "storage/record.h"

namespace weft {

/// What is handed in to be kept.
struct NewRecord : RecordHead {
  ByteSpan payload;
};

struct AppendResult {
  LogPosition first = 0;    ///< of the batch's first new record; 0 where all were known
  std::uint32_t known = 0;  ///< records whose operations were all stored already: left out
};

struct StoreInfo {
  std::uint32_t format = 0;
  std::uint64_t epoch = 0;  ///< random; another one after creation, restore and salvage
  ReplicaId replica;        ///< who writes here
  LogPosition end = 1;      ///< behind the last record
  std::uint64_t records = 0;
  std::uint64_t payload_bytes = 0;
};

struct DocumentUsage {
  DocumentId document;
  VersionVector version;  ///< what is stored without a gap
  std::uint64_t records = 0;
  std::uint64_t payload_bytes = 0;
};

/// A record that can't be used, and why.
struct BadRecord {
  LogPosition position = 0;
  Error error;
};

class Store {
 public:
  virtual ~Store() = default;

  virtual StoreInfo info() const = 0;

  /// Appends a batch; returns when it is durable.
  /// @errors kInvalidArgument: a record without operations, or larger than a value can be; kForkedReplica:
  ///         a record overlaps what is stored without being all of it known; kDiskFull, kIoError: nothing
  ///         was stored
  virtual Result<AppendResult> append(std::span<const NewRecord> batch) = 0;

  /// Visits the records from `from` on in the order of arrival, as they were when the call began; stops
  /// when the visitor says false. The view is valid during its visit only.
  /// @errors kCorrupt: a record is damaged; those before it were visited
  virtual Status scan(LogPosition from,
                      const std::function<bool(const RecordView&)>& visit) const = 0;

  /// The records of a document that have operations which are not in `since`, in the order of arrival.
  virtual Status scan_document(const DocumentId& document, const VersionVector& since,
                               const std::function<bool(const RecordView&)>& visit) const = 0;

  /// What is stored of a document without a gap.
  virtual VersionVector version(const DocumentId& document) const = 0;

  /// Sorted by id.
  virtual std::vector<DocumentUsage> documents() const = 0;

  /// Reads everything. @return what is damaged
  virtual Result<std::vector<BadRecord>> verify() const = 0;

  /// Makes everything durable and closes; the destructor does the same and can't tell of errors.
  virtual Status close() = 0;
};

}  // namespace weft
