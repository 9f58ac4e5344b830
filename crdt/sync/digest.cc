#include "crdt/sync/digest.h"

#include <algorithm>

#include "crdt/base/checksum.h"

namespace weft::sync {

Digest document_digest(const DocumentId& document, std::span<const LogEnd> log_ends,
                       const Deletion& deletion) {
  constexpr std::uint64_t kLowSeed = 0x7765'6674'2d6c'6f77;   // "weft-low"
  constexpr std::uint64_t kHighSeed = 0x7765'6674'2d68'6967;  // "weft-hig"
  Bytes bytes;
  ByteWriter out(bytes);
  out.bytes(std::as_bytes(std::span(document.bytes)));
  const bool is_deleted =
      !deletion.empty() && std::all_of(log_ends.begin(), log_ends.end(), [&](const LogEnd& end) {
        return end.end <= deletion.end(end.replica);
      });
  out.u8(is_deleted ? 1 : 0);
  for (const Deletion::Entry& entry : deletion.entries()) {
    out.u64(entry.replica.value);
    out.u32(entry.end);
    out.u64(entry.chain);
  }
  if (!is_deleted) {
    for (const LogEnd& end : log_ends) {
      out.u64(end.replica.value);
      out.u32(end.end);
      out.u64(end.chain);
    }
  }
  return {xxh3_64(bytes, kLowSeed), xxh3_64(bytes, kHighSeed)};
}

}  // namespace weft::sync
