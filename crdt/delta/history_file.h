#pragma once
// History file: a whole document's history as sealed bundles, one file (docs/format.md). A snapshot
// file has another magic (document/snapshot.cc).
//
//   8 bytes "WEFTHIST", 1 byte version 1, 16 bytes document id, varint count,
//   count x (varint size, bundle), 8 bytes XXH3-64 of everything before
//
// Invariant
//   I1  Bundles are sorted by author id, then first_seq, and those of one author don't overlap: equal
//       histories cut into equal bundles are equal files.

#include <array>
#include <cstdint>
#include <vector>

#include "crdt/base/bytes.h"
#include "crdt/base/result.h"
#include "crdt/delta/batch.h"

namespace weft {

struct HistoryFile {
  std::array<std::uint8_t, 16> document{};
  std::vector<ByteSpan> bundles;  ///< sorted by author id, then first_seq; borrowed
};

bool is_history_file(ByteSpan file);
/// @pre bundles are as I1 says
Bytes encode_history_file(const HistoryFile& file);
/// @errors kCorrupt, kLimit, kUnknownVersion, with the byte offset. The result borrows from `file`. Of the
///         bundles only the headers are read.
Result<HistoryFile> decode_history_file(ByteSpan file, const DecodeLimits& limits = {});

}  // namespace weft
