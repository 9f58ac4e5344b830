// Fuzzer: snapshot files, without their checksum. Whatever loads can be used like any document.

#include "tests/fuzz/document_checks.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  weft::ByteSpan input(reinterpret_cast<const std::byte*>(data), size);
  weft::Bytes file = weft::test::with_checksum(input);
  if (const char* fault = weft::test::check_snapshot(file)) weft::test::report(fault);
  return 0;
}
