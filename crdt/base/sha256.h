#pragma once
// SHA-256, for identities that two replicas have to derive alike without talking to each other (the
// ids of mergeable children, documents found by name).
//
// Own code because the core may use nothing but std and Boost.Container, and small because it
// hashes a few dozen bytes at a time: no vector or SHA instructions.
//
// Source: FIPS 180-4, sections 4.1.2, 4.2.2, 5.1.1, 5.3.3 and 6.2.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace weft {

using Sha256Digest = std::array<std::byte, 32>;

/// A hash under way: a value, cheap to copy. Hashing a common prefix once and copying is fine.
///
/// I1  state_ is the compression of the first size_bytes_ / 64 whole blocks.
/// I2  the first size_bytes_ % 64 bytes of block_ are what has not been compressed yet.
class Sha256 {
 public:
  Sha256();

  /// Appends `bytes` to the message, which may have up to 2^61 - 1 bytes. Pieces of any size give
  /// the same digest as their concatenation.
  void update(std::span<const std::byte> bytes);

  /// The digest of what was appended so far; leaves *this as it is, so more may follow.
  [[nodiscard]] Sha256Digest digest() const;

 private:
  static constexpr std::size_t kBlockBytes = 64;

  void compress(std::span<const std::byte, kBlockBytes> block);

  std::array<std::uint32_t, 8> state_;
  std::array<std::byte, kBlockBytes> block_{};
  std::uint64_t size_bytes_ = 0;
};

/// The digest of `bytes` alone.
[[nodiscard]] Sha256Digest sha256(std::span<const std::byte> bytes);

}  // namespace weft
