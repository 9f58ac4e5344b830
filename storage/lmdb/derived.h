#pragma once
// Derived: the store's second environment: what can be made again from the log. It may be deleted.
//
//   meta   what it was derived from, and totals
//   doc    document id -> head of the document, its number here, its chunks and pieces
//   index  (document number, chunk) -> up to 256 entries: position, replica, operations
//   state  (document number, piece) -> a version and a snapshot, cut into pieces of 1 MiB
//
// Every value has a checksum. What is damaged is reported as kCorrupt, and the whole is made anew.
//
// Threads: reads from any thread; one write at a time.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "storage/lmdb/environment.h"
#include "storage/log_index.h"

namespace weft::lmdb {

/// Which log, and how far: derived data of another one is worth nothing.
struct Stamp {
  std::uint64_t epoch = 0;
  std::uint64_t rewrites = 0;  ///< how often records were replaced in the log
  LogPosition indexed_to = 1;  ///< exclusive
  friend bool operator==(const Stamp&, const Stamp&) = default;
};

struct Totals {
  std::uint64_t records = 0;
  std::uint64_t history_bytes = 0;
  std::uint64_t documents = 0;
};

/// A document as it is kept here.
struct DerivedDocument {
  std::uint64_t number = 0;
  std::uint32_t chunks = 0;
  std::uint32_t pieces = 0;  ///< of its state; 0: none
  std::uint64_t live_bytes = 0;
  std::uint64_t tombstone_bytes = 0;
  LogPosition state_mark =
      0;  ///< the document's mark when the state was kept: another one, another life
  DocumentHead head;
};

struct KeptState {
  StoredState state;
  LogPosition mark_position = 0;
};

struct NewState {
  StoredState state;
  std::uint64_t live_bytes = 0;
  LogPosition mark_position = 0;  ///< as KeptState's
};
using NewStates = std::unordered_map<DocumentId, NewState, DocumentHash>;
using DocumentSet = std::unordered_set<DocumentId, DocumentHash>;

// What a scan of damaged pages needs to read values one by one (kept_states.h).

/// Seeds the checksum of a value of `doc`; one of another format is damaged.
std::uint64_t document_seed(ByteSpan key);
/// A value of `doc`. @errors kCorrupt
Result<DerivedDocument> decode_derived_document(const DocumentId& id, ByteSpan value);
/// The key of a chunk or piece of a document.
Key part_key(std::uint64_t number, std::uint32_t part);
/// The size of all pieces of a state but the last.
inline constexpr std::size_t kPieceBytes = std::size_t{1} << 20;

class Derived {
 public:
  static Result<std::unique_ptr<Derived>> open(
      const std::string& folder, bool read_only,
      Environment::Sharing sharing = Environment::Sharing::kRegistered);

  struct Meta {
    Stamp stamp;
    Totals totals;
    std::uint64_t next_number = 1;
  };
  /// @errors kCorrupt, kNotFound: there is none yet; kUnknownVersion
  Result<Meta> meta() const;

  struct Found {
    LogPosition indexed_to = 1;
    std::optional<DerivedDocument> document;
    std::vector<IndexEntry> entries;
  };
  /// A document, and where asked for all its entries, as of one moment.
  /// @param since  entries of operations in it may be left out, which saves reading them
  Result<Found> find(const DocumentId& id, bool with_entries,
                     const VersionVector* since = nullptr) const;
  Status each_document(
      const std::function<void(const DocumentId&, const DerivedDocument&)>& visit) const;
  /// nullopt: there is none. @errors kCorrupt
  Result<std::optional<KeptState>> state(const DocumentId& id) const;
  /// Reads every value. @errors kCorrupt
  Status verify() const;

  /// Takes over what a stretch of the log holds, and states, in one transaction.
  /// @param dropped  documents of the stretch whose states were kept before it and are no longer true
  Status take(const LogIndex& stretch, const NewStates& states, const DocumentSet& dropped,
              const Stamp& stamp);

  const Environment& environment() const { return *environment_; }

 private:
  explicit Derived(std::unique_ptr<Environment> environment)
      : environment_(std::move(environment)) {}
  std::unique_ptr<Environment> environment_;
};

}  // namespace weft::lmdb
