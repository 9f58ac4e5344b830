// Canaries: the JSON fuzzer's checks notice a fault if there is one.

#include <doctest/doctest.h>

#include <string>

#include "tests/fuzz/json_check.h"

using namespace weft;
using test::check_json;
using test::JsonCodec;

TEST_CASE("the checks find nothing wrong with the JSON parser and printer") {
  for (const char* text :
       {R"({"a":[1,1.0,-0.0,1e300,"\u0000ä\ud83d\ude00",null,true],"$bytes":"AA=="})",
        R"({"$bytes":"AA=="})", "", "[", "\"\\ud800\"", "1e999", "\xff"})
    CHECK(test::words(check_json(text)) == "");
  CHECK(test::words(check_json("[" + std::string(20'000, '1') + "]")) == "");
  std::string zeros = "[0";
  for (int i = 0; i < 100'000; ++i) zeros += ",0";
  CHECK(test::words(check_json(zeros + "]")) == "");
}

TEST_CASE("a parser that takes too much memory is noticed") {
  JsonCodec greedy;
  greedy.parse = [](std::string_view text) {
    Bytes waste(std::size_t{2} << 20);
    waste.back() = std::byte{1};
    return parse_json(text);
  };
  CHECK(test::words(check_json("1", greedy)) == "parsing took too much memory");
}

TEST_CASE("a printer that loses what a double is, or prints no JSON, is noticed") {
  JsonCodec careless;
  careless.print = [](const Json& json) {
    const double* number = json.as_double();
    return number ? std::to_string(static_cast<long>(*number)) : print_json(json);
  };
  CHECK(test::words(check_json("1.0", careless)) == "what was printed parses to another tree");
  careless.print = [](const Json&) { return std::string("nul"); };
  CHECK(test::words(check_json("null", careless)) == "what was printed does not parse");
}

TEST_CASE("an error without an offset is noticed") {
  JsonCodec vague;
  vague.parse = [](std::string_view) -> Result<Json> { return Error(ErrorCode::kCorrupt, "no"); };
  CHECK(test::words(check_json("x", vague)) == "an error without an offset in the input");
}
