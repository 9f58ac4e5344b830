#pragma once
// Archive: whole documents as a file of their own: XML to be read by people, binary for backups. Inside lies
// a Boost.Serialization archive with class versions; this header and everything that includes it see nothing
// of Boost.
//
//   weft-archive 1 xml 0123456789abcdef 12345\n
//   |            | |   |                size of the rest in bytes
//   |            | |   XXH3-64 of the rest
//   |            | format: xml; binary-le64 (little-endian, 64 bits)
//   |            version of this line
//   then the Boost archive
//
// Local and trusted only, never the wire: Boost's readers take their input at its word, a flipped byte can
// make them crash. So the checksum is compared before they see anything. It finds damage, not malice: who can
// change an archive can change its checksum too.
//
// A binary archive is not portable: it holds numbers as the machine that wrote it does. Its first line says
// how, and a machine of another kind refuses it. XML is portable.
//
// XML shows of every delta, beside its bytes in base64, who made it, when and why. The bytes are the truth: where
// what is shown says something else, the archive is corrupt. Of every document it shows who deleted it last, when, and
// what deletions had seen of it.
//
// Invariants
//   I1  read_archive(write_archive(a)) == a.
//   I2  What was written by an older weft is read; what a newer one wrote is refused as such.
//   I3  Nothing here throws, whatever the bytes are.
//
// Cost: an archive is in memory whole, as a value and as bytes. So it has a limit of its own (crdt/delta/limits.h).

#include <cstdint>
#include <string>
#include <vector>

#include "crdt/base/bytes.h"
#include "crdt/base/result.h"
#include "crdt/clock/deletion.h"
#include "crdt/clock/ids.h"
#include "crdt/delta/limits.h"
#include "crdt/document/document.h"

namespace weft {

enum class ArchiveFormat : std::uint8_t { kXml, kBinary };

/// What the store did with the document.
enum class ArchivedStatus : std::uint8_t {
  kLive = 0,
  kEvicted = 1,  ///< not kept there
  kDeleted = 2,  ///< in the trash; of an archive by an older weft maybe given up
  kPurged = 3,   ///< it was in the trash, and is given up
};

struct ArchivedDocument {
  DocumentId id;
  ArchivedStatus status = ArchivedStatus::kLive;
  std::vector<Bytes> deltas;  ///< row forms, dependencies first
  Deletion deletion;  ///< what deletions had seen of it; empty: nobody deleted it, or nobody knows
  friend bool operator==(const ArchivedDocument&, const ArchivedDocument&) = default;
};

/// The store that an archive was made of. For people only: a store that imports it stays who it is.
struct ArchiveOrigin {
  std::uint64_t epoch = 0;
  ReplicaId replica;
  friend bool operator==(const ArchiveOrigin&, const ArchiveOrigin&) = default;
};

struct Archive {
  ArchiveOrigin origin;
  std::vector<ArchivedDocument> documents;
  friend bool operator==(const Archive&, const Archive&) = default;
};

/// 32 hexadecimal digits.
std::string to_string(const DocumentId& id);

/// @param bytes_max  of the file; a reader that takes as many reads it (I1)
/// @errors those of decode_delta, naming document and delta; kInvalidArgument: a status that is none;
///         kLimit: more than bytes_max, naming the document with which it gets too large, or than memory holds
Result<Bytes> write_archive(const Archive& archive, ArchiveFormat format,
                            std::uint64_t bytes_max = encode_limits().archive_bytes);

/// Reads either format; the first line says which one it is.
/// @errors kCorrupt: no archive, cut short, a wrong checksum, a document that can't be, a delta that is
///         not what it is said to be (both are named); those of decode_delta; kUnknownVersion: written by a newer weft;
///         kUnknownKind: a format that this weft or this machine does not read; kLimit: larger than bytes_max, or than
///         memory
Result<Archive> read_archive(ByteSpan file, std::uint64_t bytes_max = DecodeLimits{}.archive_bytes);

}  // namespace weft
