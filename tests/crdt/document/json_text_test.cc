#include "crdt/document/json_text.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "crdt/document/base64.h"
#include "tests/support/random.h"

namespace {

using weft::Bytes;
using weft::ErrorCode;
using weft::Json;
using weft::JsonLimits;
using weft::parse_json;
using weft::print_json;
using weft::test::Random;

Json parsed(std::string_view text) {
  auto result = parse_json(text);
  INFO(std::string(text));
  REQUIRE_MESSAGE(result.ok(), result.error().message());
  return std::move(result).value();
}

std::string reprinted(std::string_view text) { return print_json(parsed(text)); }

void check_refused(std::string_view text, ErrorCode code, std::uint64_t offset,
                   std::string_view words = "") {
  auto result = parse_json(text);
  INFO(std::string(text));
  REQUIRE_FALSE(result.ok());
  CHECK(result.error().code() == code);
  CHECK(result.error().byte_offset() == offset);
  CHECK_MESSAGE(result.error().context().find(words) != std::string::npos,
                result.error().context());
}

std::string random_string(Random& random) {
  static const std::vector<std::string> kPieces = {
      "a", "\"", "\\", "/", "\n", "\t", std::string(1, '\0'), "\x1f", "\x7f", "ä", "\u2028", "😀"};
  std::string text;
  for (std::uint64_t n = random.below(6); n > 0; --n) text += kPieces[random.below(kPieces.size())];
  return text;
}

double random_double(Random& random) {
  std::uint64_t bits = random.next();
  if (random.below(2) == 0) return static_cast<double>(static_cast<std::int64_t>(bits >> 40)) / 64;
  auto value = std::bit_cast<double>(bits);
  return std::isfinite(value) ? value : 0.5;
}

Json random_json(Random& random, int depth) {
  switch (random.below(depth > 0 ? 9 : 6)) {
    case 0:
      if (random.below(4) == 0) return weft::NumberText{std::to_string(random.next() | 1ULL << 63)};
      return nullptr;
    case 1:
      return random.below(2) == 0;
    case 2:
      return static_cast<std::int64_t>(random.next() >> random.below(64));
    case 3:
      return random_double(random);
    case 4:
      return random_string(random);
    case 5:
      return Bytes(random.below(5), static_cast<std::byte>(random.below(256)));
    case 6: {
      Json::Array array;
      for (std::uint64_t n = random.below(5); n > 0; --n)
        array.push_back(random_json(random, depth - 1));
      return array;
    }
    default: {
      Json::Object object;
      for (std::uint64_t n = random.below(5); n > 0; --n) {
        std::string key = std::to_string(n) + random_string(random);  // no key twice
        object.emplace_back(std::move(key), random_json(random, depth - 1));
      }
      return object;
    }
  }
}

}  // namespace

TEST_CASE("parses every kind of value") {
  CHECK(parsed("null") == Json(nullptr));
  CHECK(parsed("true") == Json(true));
  CHECK(parsed("false") == Json(false));
  CHECK(parsed("-12") == Json(-12));
  CHECK(parsed("\"x\"") == Json("x"));
  CHECK(parsed("[]") == Json(Json::Array{}));
  CHECK(parsed("{}") == Json(Json::Object{}));
  CHECK(parsed(" \t\r\n[ 1 , [ 2 ] , { \"a\" : [ ] } ] \n") ==
        Json(Json::Array{1, Json::Array{2}, Json::Object{{"a", Json::Array{}}}}));
  CHECK(parsed("\xef\xbb\xbf{}") == Json(Json::Object{}));  // a byte order mark
}

TEST_CASE("integers and doubles stay apart") {
  CHECK(parsed("1") == Json(1));
  CHECK(parsed("1.0") == Json(1.0));
  CHECK(parsed("1e0") == Json(1.0));
  CHECK(parsed("1E+2") == Json(100.0));
  CHECK(parsed("-0") == Json(weft::NumberText{"-0"}));
  CHECK(parsed("-0.0") == Json(-0.0));
  CHECK(parsed("9223372036854775807") == Json(std::numeric_limits<std::int64_t>::max()));
  CHECK(parsed("-9223372036854775808") == Json(std::numeric_limits<std::int64_t>::min()));
  for (std::string_view text : {"1", "1.0", "-0.0", "0", "1e+20"}) CHECK(reprinted(text) == text);
}

TEST_CASE("numbers at the ends of what a double holds") {
  CHECK(parsed("0e99999999999999999999") == Json(0.0));
  CHECK(parsed("1.7976931348623157e308") == Json(std::numeric_limits<double>::max()));
  CHECK(parsed("0." + std::string(400, '0') + "1e401") == Json(1.0));
  for (const std::string& text :
       {std::string("1e-400"), std::string("-1.5e-400"),
        std::string("0.000001e-99999999999999999999"), std::string("4.9406564584124654e-324"),
        std::string("[1e400]"), std::string("-1e99999999999999999999"), std::string(400, '9')})
    CHECK(reprinted(text) == text);
}

TEST_CASE("doubles print in the fewest digits that read back, never like an integer") {
  const std::pair<double, const char*> cases[] = {
      {0.0, "0.0"},
      {-0.0, "-0.0"},
      {1.0, "1.0"},
      {0.1, "0.1"},
      {100000.0, "100000.0"},
      {1e14, "100000000000000.0"},
      {1e15, "1e+15"},
      {1.5e300, "1.5e+300"},
      {0.00001, "0.00001"},
      {0.000001, "1e-06"},
      {5e-324, "5e-324"},
      {1.0 / 3, "0.3333333333333333"},
      {std::numeric_limits<double>::max(), "1.7976931348623157e+308"},
  };
  for (const auto& [value, text] : cases) {
    CHECK(print_json(value) == text);
    CHECK(parsed(text) == Json(value));
  }
  CHECK(print_json(std::nan("")) == "null");
  CHECK(print_json(-std::numeric_limits<double>::infinity()) == "null");
}

TEST_CASE("refuses what RFC 8259's grammar does not have, with offset and what was expected") {
  struct Case {
    std::string_view text;
    std::uint64_t offset;
    std::string_view words;
  };
  const Case cases[] = {
      {"", 0, "expected a value, but the text ends here"},
      {"  ", 2, "expected a value"},
      {"nul", 0, "true, false and null"},
      {"True", 0, "expected a value"},
      {"nullx", 4, "expected the end"},
      {"1 2", 2, "expected the end"},
      {"[1,]", 3, "expected a value"},
      {"[,1]", 1, "expected a value"},
      {"[1 2]", 3, "expected ',' or ']'"},
      {"[1", 2, "expected ',' or ']', but the text ends here"},
      {"[", 1, "expected a value"},
      {"{\"a\":1,}", 7, "expected a key"},
      {"{a:1}", 1, "expected a key in double quotes"},
      {"{'a':1}", 1, "expected a key in double quotes"},
      {"{\"a\" 1}", 5, "expected ':'"},
      {"{\"a\":}", 5, "expected a value"},
      {"{\"a\":1 \"b\":2}", 7, "expected ',' or '}'"},
      {"{\"a\":1", 6, "expected ',' or '}', but the text ends here"},
      {"\"a", 2, "at the end of a string"},
      {"\"a\nb\"", 2, "must be escaped"},
      {"\"\\x\"", 2, "after a backslash"},
      {"\"\\u12g4\"", 5, "four hexadecimal digits"},
      {"\"\\u12", 5, "four hexadecimal digits"},
      {"01", 1, "leading zeros"},
      {"-", 1, "expected a digit"},
      {"-a", 1, "expected a digit"},
      {"+1", 0, "expected a value"},
      {".5", 0, "expected a value"},
      {"1.", 2, "expected a digit"},
      {"1.e5", 2, "expected a digit"},
      {"1e", 2, "expected a digit"},
      {"1e+", 3, "expected a digit"},
      {"NaN", 0, "expected a value"},
      {"Infinity", 0, "expected a value"},
      {"[1]//", 3, "expected the end"},
      {std::string_view("\0", 1), 0, "expected a value"},
      {std::string_view("1\0", 2), 1, "expected the end"},
      {"[1]]", 3, "expected the end"},
  };
  for (const Case& c : cases) check_refused(c.text, ErrorCode::kCorrupt, c.offset, c.words);
}

TEST_CASE("escapes give the characters they name") {
  CHECK(*parsed(R"("\"\\\/\b\f\n\r\t")").as_string() == "\"\\/\b\f\n\r\t");
  CHECK(*parsed(R"("\u0041\u00e4\u20AC")").as_string() == "Aä€");
  CHECK(*parsed(R"("\u0000")").as_string() == std::string(1, '\0'));
  CHECK(*parsed(R"("\ud83d\ude00 \uD800\uDC00 \udbff\udfff")").as_string() ==
        "😀 \xf0\x90\x80\x80 \xf4\x8f\xbf\xbf");
  CHECK(*parsed(R"("\uffff")").as_string() == "\xef\xbf\xbf");
}

TEST_CASE("a surrogate escape without its other half is refused at its backslash") {
  for (std::string_view text : {R"("a\ud83d")", R"("a\ude00")", R"("a\ud83dx")", R"("a\ud83d\n")",
                                R"("a\ud83d\u0041")", R"("a\ud83d\ud83d\ude00")"})
    check_refused(text, ErrorCode::kCorrupt, 2, "other half");
}

TEST_CASE("text that is not UTF-8 is refused at its first bad byte") {
  check_refused("\"abc\xff\"", ErrorCode::kInvalidUtf8, 4);
  check_refused("\"ä\xc3\"", ErrorCode::kInvalidUtf8, 3);
  check_refused("\"\xed\xa0\x80\"", ErrorCode::kInvalidUtf8, 1);  // a surrogate
  check_refused("\"\xc0\x80\"", ErrorCode::kInvalidUtf8, 1);      // overlong
  check_refused("{\"k\xe2\x82", ErrorCode::kInvalidUtf8, 3);
}

TEST_CASE("of equal keys the last value is kept at the first one's place") {
  CHECK(reprinted(R"({"a":1,"b":2,"a":3})") == R"({"a":3,"b":2})");
  CHECK(reprinted(R"({"b":1,"a":1,"b":2,"c":1,"a":2,"b":3})") == R"({"b":3,"a":2,"c":1})");
  CHECK(reprinted("{\"a\":1,\"\\u0061\":2}") == R"({"a":2})");
}

TEST_CASE("the depth limit counts objects and arrays inside each other") {
  JsonLimits limits;
  limits.depth = 3;
  CHECK(parse_json("[[{\"a\":1}]]", limits).ok());
  auto result = parse_json("[[{\"a\":[]}]]", limits);
  REQUIRE_FALSE(result.ok());
  CHECK(result.error().code() == ErrorCode::kLimit);
  CHECK(result.error().byte_offset() == 7);

  check_refused(std::string(100'000, '['), ErrorCode::kLimit, JsonLimits{}.depth);
  std::string deepest = std::string(256, '[') + std::string(256, ']');
  CHECK(reprinted(deepest) == deepest);
}

TEST_CASE("input over its limit is refused before it is read") {
  JsonLimits limits;
  limits.input_bytes = 4;
  CHECK(parse_json("1234", limits).ok());
  auto result = parse_json("12345", limits);
  REQUIRE_FALSE(result.ok());
  CHECK(result.error().code() == ErrorCode::kLimit);
}

TEST_CASE("prints on one line or indented, keys as given or sorted") {
  Json json = parsed(R"({"b":[1,{},[]],"a":{"z":null,"y":"s"}})");
  CHECK(print_json(json) == R"({"b":[1,{},[]],"a":{"z":null,"y":"s"}})");
  CHECK(print_json(json, {.sort_keys = true}) == R"({"a":{"y":"s","z":null},"b":[1,{},[]]})");
  CHECK(print_json(json, {.indent = 2}) ==
        "{\n  \"b\": [\n    1,\n    {},\n    []\n  ],\n  \"a\": {\n    \"z\": null,\n"
        "    \"y\": \"s\"\n  }\n}");
  Json twice(Json::Object{{"k", 1}, {"j", 2}, {"k", 3}});
  CHECK(print_json(twice, {.sort_keys = true}) == R"({"j":2,"k":3})");
}

TEST_CASE("control characters are escaped, all others stand as they are") {
  CHECK(print_json(std::string("\0\x01\b\t\n\f\r\x1f\x7f\"\\/", 12)) ==
        "\"\\u0000\\u0001\\b\\t\\n\\f\\r\\u001f\x7f\\\"\\\\/\"");
  CHECK(print_json("ä€😀") == "\"ä€😀\"");
}

TEST_CASE("bytes print as base64 and are read back; what only looks alike stays an object") {
  for (std::string_view text : {"", "f", "fo", "foo", "foob", "fooba", "foobar"}) {
    Json json(Bytes(weft::as_bytes(text).begin(), weft::as_bytes(text).end()));
    CHECK(parsed(print_json(json)) == json);
    CHECK(parsed(print_json(json, {.indent = 2})) == json);
  }
  CHECK(print_json(Json(Bytes(weft::as_bytes("fooba").begin(), weft::as_bytes("fooba").end()))) ==
        R"({"$bytes":"Zm9vYmE="})");
  for (std::string_view text :
       {R"({"$bytes":"Zm9vYmE"})", R"({"$bytes":"Zm9vYmF="})", R"({"$bytes":"Z=9v"})",
        R"({"$bytes":"===="})", R"({"$bytes":"Zm9v","more":1})", R"({"$bytes":1})",
        R"({"$bytes":"Zm 9"})"}) {
    CHECK(parsed(text).as_object() != nullptr);
    CHECK(reprinted(text) == text);
  }
}

TEST_CASE("parse(print(tree)) is the tree, for random trees") {
  const char* seed_text = std::getenv("WEFT_SEED");
  const std::uint64_t seed = seed_text != nullptr ? std::strtoull(seed_text, nullptr, 0) : 2024;
  INFO("WEFT_SEED=" << seed << " in json_text_test");
  Random random(seed);
  for (int round = 0; round < 3000; ++round) {
    Json json = random_json(random, 4);
    int indent = static_cast<int>(random.below(4));
    std::string text = print_json(json, {.indent = indent});
    auto back = parse_json(text);
    REQUIRE_MESSAGE(back.ok(), text);
    REQUIRE_MESSAGE(*back == json, text);
    REQUIRE(print_json(*back, {.indent = indent}) == text);
  }
}

TEST_CASE("damaged text is read or refused inside its bounds") {
  Random random(7);
  for (int round = 0; round < 3000; ++round) {
    std::string text = print_json(random_json(random, 4));
    for (std::uint64_t n = random.below(3) + 1; n > 0 && !text.empty(); --n) {
      auto at = static_cast<std::size_t>(random.below(text.size()));
      if (random.below(2) == 0) {
        text.erase(at);
      } else {
        text[at] = static_cast<char>(random.below(256));
      }
    }
    std::vector<char> exact(text.begin(), text.end());  // so that a sanitizer sees the end
    auto result = parse_json({exact.data(), exact.size()});
    if (!result.ok()) CHECK(result.error().byte_offset() <= text.size());
  }
}

TEST_CASE("repeated keys are noted with their path and place, the last value counts") {
  weft::JsonNotes notes;
  const std::string text = R"({"a":1,"b":[{"x":1,"x/y":2,"x/y":3}],"a":2,"a":{"k":0,"k":0}})";
  const Json json = weft::parse_json(text, {}, &notes).value();
  CHECK(print_json(json) == R"({"a":{"k":0},"b":[{"x":1,"x/y":3}]})");
  REQUIRE(notes.repeated.size() == 3);
  CHECK(notes.repeated_count == 3);
  CHECK(notes.repeated[0].path == "/b/0/x~1y");
  CHECK(text.substr(notes.repeated[0].offset, 5) == R"("x/y")");
  CHECK(notes.repeated[0].offset == text.rfind(R"("x/y")"));
  CHECK(notes.repeated[1].path == "/a/k");
  CHECK(notes.repeated[2].path == "/a");
  CHECK(notes.repeated[2].offset == text.find(R"("a":2)"));
}

TEST_CASE("repeated keys beyond a bound are counted only") {
  std::string text = "{\"k\":0";
  for (int i = 0; i < 100; ++i) text += ",\"k\":{\"j\":0,\"j\":0}";
  text += "}";
  weft::JsonNotes notes;
  CHECK(weft::parse_json(text, {}, &notes).ok());
  CHECK(notes.repeated.size() == weft::JsonNotes::kRepeatedMax);
  CHECK(notes.repeated_count == 101);
}

TEST_CASE("an error says in which member it is") {
  check_refused(R"({"panels":[{"a":1},{"title" "x"}]})", ErrorCode::kCorrupt, 28,
                "expected ':' behind the key, in /panels/1/title");
  check_refused(R"({"a":{"b":[1,2,tru]}})", ErrorCode::kCorrupt, 15, ", in /a/b/2");
  check_refused(R"({"ok":{"k":1,"k":1},"a":nul})", ErrorCode::kCorrupt, 24, ", in /a");
}
