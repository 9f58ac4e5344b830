// Fuzzer: the row form of a delta. Whatever is accepted encodes to the same bytes; memory is bounded.

#include "tests/fuzz/codec_checks.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  weft::ByteSpan input(reinterpret_cast<const std::byte*>(data), size);
  if (const char* fault = weft::test::check_delta(input)) weft::test::report(fault);
  return 0;
}
