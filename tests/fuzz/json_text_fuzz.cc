// Fuzzer: JSON text. See json_check.h for what has to hold.

#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "tests/fuzz/json_check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const char* fault = weft::test::check_json(text)) {
    std::fprintf(stderr, "json_text_fuzz: %s\n", fault);
    std::abort();
  }
  return 0;
}
