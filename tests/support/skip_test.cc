#include "tests/support/skip.h"

#include <doctest/doctest.h>

using namespace weft::test;

TEST_CASE("what was left out decides the exit code only where all else passed") {
  CHECK(exit_code(0, {}, false) == 0);
  CHECK(exit_code(1, {}, false) == 1);
  const Skipped rights{{"only root can"}, false};
  CHECK(exit_code(0, rights, false) == kSkippedCode);
  CHECK(exit_code(0, rights, true) == kSkippedCode);
  CHECK(exit_code(1, rights, true) == 1);
}

TEST_CASE("missing data is skipped, and fails where data is required") {
  const Skipped data{{"there is no traces/x"}, true};
  CHECK(exit_code(0, data, false) == kSkippedCode);
  CHECK(exit_code(0, data, true) == 1);
  CHECK(exit_code(1, data, false) == 1);
}
