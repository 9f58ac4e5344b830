#pragma once
// Salvage: everything whole out of a damaged store into a new one.
//
// The log's file is read page by page, without LMDB and without its trees, whose damage so takes nothing
// along: a record says itself what it is, and its checksum covers where it belongs (storage/record.h).
// Pages that LMDB has freed still hold older copies of records; where a record's own page is damaged such a
// copy takes its place. (What a rewrite took back is such a copy too, where nothing was stored under its dots
// since.) Of a document that lost operations nevertheless the state that was kept beside the log
// takes the place of its history.
//
// Threads: one; nobody else may have the store open.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "storage/record.h"

namespace weft {

struct SalvageReport {
  std::uint64_t records = 0;  ///< in the new store
  /// Documents of which operations are missing between others.
  std::vector<DocumentId> incomplete;
  /// Documents whose kept state has operations that the log lost: they go on from that state, without the
  /// history before it.
  std::vector<DocumentId> from_state;
};

/// Reads the store in `from` and makes a new one, with a new identity, in `to`.
/// @param random  numbers for the new store's identity and epoch
/// @errors kInvalidArgument: there is something in `to`; kInUse: the store is open; kNotFound, kIoError,
///         kDiskFull
Result<SalvageReport> salvage(const std::string& from, const std::string& to,
                              const std::function<std::uint64_t()>& random);

}  // namespace weft
