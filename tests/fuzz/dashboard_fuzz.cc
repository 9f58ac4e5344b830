// Fuzzer: dashboards out of any document and any JSON. See dashboard_checks.h for what has to hold.

#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "tests/fuzz/dashboard_checks.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const char* fault = weft::test::check_dashboards(text)) {
    std::fprintf(stderr, "dashboard_fuzz: %s\n", fault);
    std::abort();
  }
  return 0;
}
