#pragma once
// What the two sides of a snapshot share: the numbers of docs/format.md, and the three steps of snapshot.cc.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "crdt/base/bytes.h"
#include "crdt/document/impl.h"

namespace weft::snapshot {

inline constexpr std::string_view kMagic = "WEFTSNAP";
inline constexpr std::uint8_t kVersion = 2;
/// Without weights: all its rows were of version 1, which weigh their hlc.
inline constexpr std::uint8_t kLegacyVersion = 1;
/// Magic, version, document, size of the hot part.
inline constexpr std::size_t kHeaderBytes = 8 + 1 + 16 + 8;
inline constexpr std::size_t kChecksumBytes = 8;

// Flags of a register.
inline constexpr unsigned kErased = 1;
inline constexpr unsigned kHasLosers = 2;
inline constexpr unsigned kHasGenerations = 4;

// A skeleton row's tag: kind in bits 0-3, then these.
inline constexpr std::uint8_t kSameContainer = 16;
inline constexpr std::uint8_t kOne = 32;
inline constexpr std::uint8_t kRoShift = 6;  ///< inserts and moves: 0 next dot, 1 end, 2 explicit
inline constexpr std::uint8_t kBackwardBit = 64;  ///< erasures
/// No row of operations: how many follow of which nothing is known, those of a later weft.
inline constexpr std::uint8_t kGapRow = 15;

/// A dot as it stands in a snapshot: the number of its replica in the table, which has been read, then its
/// seq. It is one of the version, or `in` has failed.
LocalDot read_dot(const DocumentImpl& impl, ByteReader& in, std::uint64_t replica_number);
inline LocalDot read_dot(const DocumentImpl& impl, ByteReader& in) {
  return read_dot(impl, in, in.varint());
}

/// A counter's sum: a zigzag varint, as any number, of up to 128 bits.
void put_sum(ByteWriter& out, CounterSum sum);
/// Fails `in` where it is longer than it has to be.
CounterSum read_sum(ByteReader& in);

/// The whole document.
Bytes write(DocumentImpl& impl);
/// One container, not the root, and what lies below it: its hot part, then the order of its sequences.
Bytes write_part(DocumentImpl& impl, ContainerIndex top);

/// Reads the hot part into an empty document, which from then on borrows from what `in` reads; that of
/// one container makes it the root of a read-only document.
/// @errors kCorrupt, kInvalidUtf8, kLimit, with the offset
Status read_hot(DocumentImpl& impl, ByteReader in);

/// What stands behind the hot part of one container: after it everything can be read.
/// @errors as above
Status read_order(DocumentImpl& impl, ByteReader in);

/// Reads the cold part: causal graph, clock and weight runs, skeleton, erased text.
/// @param version  the snapshot's
/// @errors as above; the document is then fit for reading its values only
Status read_cold(DocumentImpl& impl, std::uint8_t version, ByteReader in);

}  // namespace weft::snapshot
