// Fuzzer: a stream of frames in pieces. The first byte: bit 0, whether the checksums are made to fit; bits 1 to 4, how
// many bytes with the sizes of the pieces follow; bit 5, whether frames may have 128 bytes only.

#include "tests/fuzz/wire_checks.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  using namespace weft;
  const ByteSpan input(reinterpret_cast<const std::byte*>(data) + 1, size - 1);
  const ByteSpan cuts = input.first(std::min<std::size_t>(data[0] >> 1 & 15, input.size()));
  const ByteSpan rest = input.subspan(cuts.size());
  const Bytes stream =
      data[0] & 1 ? test::with_frame_checksums(rest) : Bytes(rest.begin(), rest.end());
  const std::size_t frame_bytes_max = data[0] & 32 ? 128 : sync::Limits::kFrameBytes;
  if (const char* fault = test::check_stream(stream, cuts, frame_bytes_max))
    test::report_wire(fault);
  return 0;
}
