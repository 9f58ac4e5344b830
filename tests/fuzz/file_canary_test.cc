// Canaries: the checks of the fuzzers of config files and versions notice a fault if there is one.

#include <doctest/doctest.h>

#include <string>

#include "tests/fuzz/config_checks.h"

namespace weft::test {
namespace {

TEST_CASE("a config reader that loses a value, or does not say where a fault is, is noticed") {
  constexpr std::string_view kText = "store = s\nlisten = unix:a\nlisten = unix:b\n";
  CHECK(words(check_config(kText)) == "");
  CHECK(check_config(kText).accepted == 1);
  CHECK(check_config("lisen = x\n").accepted == 0);
  static int calls = 0;
  CHECK(words(check_config(kText, [](std::string_view text, const std::string& name) {
          Result<ConfigValues> values = parse_config(text, name);
          if (++calls % 2 == 0) values->erase("listen");
          return values;
        })) == "what was read says something else when it is written again");
  CHECK(words(check_config(kText, [](std::string_view, const std::string&) -> Result<ConfigValues> {
          return Error(ErrorCode::kInvalidArgument, "no");
        })) == "an error that does not say where");
}

TEST_CASE("versions that are none count as not accepted, those that are do") {
  for (const Seed& seed : kVersionVectorFuzz.seeds())
    CHECK(kVersionVectorFuzz.check(seed.bytes).accepted == 1);
  CHECK(kVersionVectorFuzz.check(as_bytes("\xff\xff\xff\xff\xff")).accepted == 0);
}

}  // namespace
}  // namespace weft::test
