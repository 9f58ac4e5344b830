#include "crdt/base/checksum.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace weft {

std::uint64_t xxh3_64(std::span<const std::byte> bytes, std::uint64_t seed) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

}  // namespace weft
