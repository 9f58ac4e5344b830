#include "crdt/sync/digest.h"

#include "crdt/base/checksum.h"

namespace weft::sync {

Digest document_digest(const DocumentId& document, const VersionVector& version,
                       const Deletion& deletion) {
  constexpr std::uint64_t kLowSeed = 0x7765'6674'2d6c'6f77;   // "weft-low"
  constexpr std::uint64_t kHighSeed = 0x7765'6674'2d68'6967;  // "weft-hig"
  Bytes bytes;
  ByteWriter out(bytes);
  out.bytes(std::as_bytes(std::span(document.bytes)));
  const bool is_deleted = deletion.covers(version);
  out.u8(is_deleted ? 1 : 0);
  for (const Deletion::Entry& entry : deletion.entries()) {
    out.u64(entry.replica.value);
    out.u32(entry.end);
    out.u64(entry.chain);
  }
  if (!is_deleted) {
    for (const VersionVector::Entry& entry : version.entries()) {
      out.u64(entry.replica.value);
      out.u32(entry.end);
    }
  }
  return {xxh3_64(bytes, kLowSeed), xxh3_64(bytes, kHighSeed)};
}

}  // namespace weft::sync
