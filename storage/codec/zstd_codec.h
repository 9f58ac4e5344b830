#pragma once
// ZstdCompressor: the compressor that bundles are sealed and opened with. The only place that knows zstd.
//
// One frame without checksum (bundles have their own) and without content size (the header has it).
// Thread rule: const functions may be called from any thread; contexts are kept per thread.

#include <cstdint>

#include "crdt/delta/codec.h"

namespace weft {

class ZstdCompressor final : public Compressor {
 public:
  static constexpr std::uint8_t kId = 1;
  static constexpr int kDefaultLevel = 19;
  /// For what somebody waits for: a seventh of the time, an eighth more bytes (260,000 keystrokes).
  static constexpr int kQuickLevel = 6;

  /// @param level  1 to 22; what is compressed at any level is decompressed by every ZstdCompressor
  explicit ZstdCompressor(int level = kDefaultLevel) : level_(level) {}

  std::uint8_t id() const override { return kId; }
  Bytes compress(ByteSpan data) const override;
  Status decompress(ByteSpan data, std::byte* out, std::size_t size) const override;

 private:
  int level_;
};

}  // namespace weft
