// Fuzzer: bundles. The first byte chooses: an even one, and the rest is (author, first seq, count, body)
// of a stored bundle; an odd one, and it is a bundle without its checksum, maybe compressed.

#include "storage/codec/zstd_codec.h"
#include "tests/fuzz/codec_checks.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  static const weft::ZstdCompressor zstd(1);
  weft::ByteSpan input(reinterpret_cast<const std::byte*>(data) + 1, size - 1);
  weft::Bytes bundle =
      data[0] % 2 == 0 ? weft::test::as_stored_bundle(input) : weft::test::with_checksum(input);
  if (const char* fault = weft::test::check_bundle(bundle, &zstd)) weft::test::report(fault);
  return 0;
}
