// Fuzzer: history files, without their checksum. Whatever is accepted encodes to the same bytes.

#include "tests/fuzz/codec_checks.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  weft::ByteSpan input(reinterpret_cast<const std::byte*>(data), size);
  weft::Bytes file = weft::test::with_checksum(input);
  if (const char* fault = weft::test::check_history_file(file)) weft::test::report(fault);
  return 0;
}
