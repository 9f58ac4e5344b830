// Fuzzer: deltas that reach a document, which checks what the codec can't: neighbours, targets, pasts.

#include "tests/fuzz/document_checks.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  weft::ByteSpan input(reinterpret_cast<const std::byte*>(data), size);
  if (const char* fault = weft::test::check_deltas(input)) weft::test::report(fault);
  return 0;
}
