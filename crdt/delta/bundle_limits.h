#pragma once
// How large the bundles are that weft makes: well below what a reader takes (DecodeLimits), so that an estimate of their
// size is good enough.

#include <cstdint>

#include "crdt/delta/batch.h"

namespace weft {

/// How much goes into one bundle, before it is compressed, where a log may be cut. A delta that is larger stands alone.
constexpr std::uint64_t bundle_bytes_max(const DecodeLimits& limits) {
  const std::uint64_t packed = limits.input_bytes / 2;
  const std::uint64_t unpacked = limits.unpacked_bytes / 4;
  return packed < unpacked ? packed : unpacked;
}

static_assert(bundle_bytes_max({}) < DecodeLimits().input_bytes);
static_assert(bundle_bytes_max({}) < DecodeLimits().unpacked_bytes);

}  // namespace weft
