#include "crdt/sync/digest.h"

#include "crdt/base/checksum.h"

namespace weft::sync {

Digest document_digest(const DocumentId& document, HeldAs as, const VersionVector& version) {
  constexpr std::uint64_t kLowSeed = 0x7765'6674'2d6c'6f77;   // "weft-low"
  constexpr std::uint64_t kHighSeed = 0x7765'6674'2d68'6967;  // "weft-hig"
  Bytes bytes;
  ByteWriter out(bytes);
  out.bytes(std::as_bytes(std::span(document.bytes)));
  out.u8(static_cast<std::uint8_t>(as));
  if (as != HeldAs::kDeleted) {
    for (const VersionVector::Entry& entry : version.entries()) {
      out.u64(entry.replica.value);
      out.u32(entry.end);
    }
  }
  return {xxh3_64(bytes, kLowSeed), xxh3_64(bytes, kHighSeed)};
}

}  // namespace weft::sync
