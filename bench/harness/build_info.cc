#include "bench/harness/build_info.h"

#include "weft_bench_commit.h"  // made at each build by commit.cmake

namespace weft::bench {

std::string_view build_commit() { return WEFT_BENCH_COMMIT; }

std::string_view build_compiler() {
#if defined(__clang__)
  return "clang++ " __clang_version__;
#elif defined(__GNUC__)
  return "g++ " __VERSION__;
#else
  return "unknown";
#endif
}

std::string_view build_flags() { return WEFT_BENCH_FLAGS; }

}  // namespace weft::bench
