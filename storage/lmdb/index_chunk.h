#pragma once
// A chunk of a document's index: entries in the order of their positions, about 4 bytes each.
//
// varint entries, then each: varint position - that of the one before; varint replica: 0 is the one
// before's, n the n-th of the chunk from 1 on, one more than there were is a new one, whose u64 follows;
// zigzag varint first seq - end of that replica's entry before; varint operations.

#include <span>
#include <vector>

#include "storage/log_index.h"

namespace weft::lmdb {

inline constexpr std::size_t kChunkEntries = 256;

Bytes encode_chunk(std::span<const IndexEntry> entries);
/// Appends the entries to `out`. @errors kCorrupt
Status decode_chunk(ByteSpan payload, std::vector<IndexEntry>& out);

}  // namespace weft::lmdb
