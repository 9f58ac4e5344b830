// Fuzzer: a message's segment. The first byte is the type; header and checksum are made to fit.

#include "tests/fuzz/wire_checks.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const weft::ByteSpan input(reinterpret_cast<const std::byte*>(data), size);
  if (const char* fault = weft::test::check_message(input)) weft::test::report_wire(fault);
  return 0;
}
