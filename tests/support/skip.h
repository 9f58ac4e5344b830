#pragma once
// What a test left out because something is not here: recorded data, rights, a limit of the machine. It is said, and
// the executable ends with kSkippedCode where all else passed, which ctest counts as skipped (tests/main.cc). Where
// WEFT_REQUIRE_DATA is set, as scripts/test.sh does where recorded data lies, missing data is a failure.

#include <cstdlib>
#include <iostream>
#include <set>
#include <string>

namespace weft::test {

inline constexpr int kSkippedCode = 77;

struct Skipped {
  std::set<std::string> parts;  ///< what was left out, each once
  bool is_data_missing = false;
};
inline Skipped skipped;

/// Something was left out.
inline void skip(const std::string& what) {
  if (skipped.parts.insert(what).second) std::cout << "skipped: " << what << std::endl;
}

/// Recorded data is not there.
inline void skip_missing_data(const std::string& path) {
  skip("there is no " + path);
  skipped.is_data_missing = true;
}

/// The exit code of an executable whose tests gave `result`.
inline int exit_code(int result, const Skipped& left_out, bool requires_data) {
  if (result != 0 || left_out.parts.empty()) return result;
  return left_out.is_data_missing && requires_data ? 1 : kSkippedCode;
}

}  // namespace weft::test
