// doctest's main for every test executable; tests/support/skip.h says what it ends with where something was left out.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <cstdlib>
#include <iostream>
#include <string_view>

#include "tests/support/skip.h"

int main(int argc, char** argv) {
  doctest::Context context(argc, argv);
  const int result = context.run();
  if (context.shouldExit()) return result;
  const char* given = std::getenv("WEFT_REQUIRE_DATA");
  const bool requires_data = given != nullptr && !std::string_view(given).empty();
  const int code = weft::test::exit_code(result, weft::test::skipped, requires_data);
  if (code == 1 && result == 0)
    std::cerr << "failed: recorded data is missing, and WEFT_REQUIRE_DATA is set\n";
  return code;
}
