#pragma once
// Salvage: everything whole out of a damaged store into a new one.
//
// The log's file is read page by page, without LMDB and without its trees, whose damage so takes nothing
// along: a record says itself what it is, and its checksum covers where it belongs (storage/record.h).
// Pages that LMDB has freed still hold older copies of records; where a record's own page is damaged such a
// copy takes its place. (What a rewrite took back is such a copy too, where nothing was stored under its dots
// since.) Of a page whose table of nodes is damaged every record is found by its own checksum (page_scan.h).
// Of a document that lost operations nevertheless, or all of them, the state that was kept beside the log
// takes the place of its history (kept_states.h).
//
// What is lost is named: by what was derived from the log, by what damaged records still say of themselves, by
// the numbers of records.
//
// Threads: one; nobody else may have the store open.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "storage/document_head.h"
#include "storage/record.h"

namespace weft {

struct SalvageReport {
  struct Loss {
    DocumentId document;
    std::uint64_t operations = 0;
    std::vector<DocumentHead::Range> missing;  ///< which; ascending
    bool is_whole_document = false;            ///< nothing of it was salvaged
  };

  std::uint64_t records = 0;  ///< in the new store
  bool log_is_damaged = false;
  /// Live documents that lost operations, as far as anything still tells.
  std::vector<Loss> losses;
  /// Damaged or lost records of which nothing tells to which document they belong.
  std::uint64_t unnamed_records = 0;
  /// There may have been more, of which nothing tells any more.
  bool may_lack_more = false;
  /// Documents of which operations are missing between others.
  std::vector<DocumentId> incomplete;
  struct Cut {
    DocumentId document;
    std::uint64_t operations = 0;  ///< that only the state has
  };
  /// Documents whose kept state has operations that the log lost: they go on from that state, without the
  /// history before it.
  std::vector<Cut> from_state;

  bool is_everything() const {
    return losses.empty() && from_state.empty() && unnamed_records == 0 && !may_lack_more;
  }
};

/// Reads the store in `from` and makes a new one, with a new identity, in `to`, whole or not at all.
/// @param random  numbers for the new store's identity and epoch
/// @errors kInvalidArgument: there is something in `to`; kInUse: the store is open; kNotFound, kIoError,
///         kDiskFull
Result<SalvageReport> salvage(const std::string& from, const std::string& to,
                              const std::function<std::uint64_t()>& random);

}  // namespace weft
