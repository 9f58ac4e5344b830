// Numbers come out as they went in: through parsing and printing, values, records, deltas, bundles and snapshots.

#include "crdt/document/json_number.h"

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "crdt/document/import_json.h"
#include "crdt/document/json_text.h"
#include "tests/crdt/document/replicas.h"
#include "tests/support/random.h"
#include "tests/support/size.h"

namespace {

using weft::Document;
using weft::Json;
using weft::NumberText;
using weft::parse_json;
using weft::print_json;
using weft::test::content;
using weft::test::exchange;
using weft::test::make_document;
using weft::test::Random;

const char* const kIssue[] = {"18446744073709551615",
                              "9223372036854775808",
                              "-9223372036854775809",
                              "123456789012345678901234567890",
                              "0.1000000000000000055511151231257827",
                              "1e400",
                              "-1E+400",
                              "1e-400",
                              "0.10000000000000001",
                              "4.9406564584124654e-324",
                              "1.7976931348623159e308",
                              "9007199254740993.0",
                              "100000000000000000000",
                              "1e99999999999999999999",
                              "-0"};

/// The number as digits and an exponent, so that two are the same number when both agree; written without a look
/// at json_number.cc: one digit after the other.
std::pair<std::string, long long> number_of(std::string_view text) {
  std::string digits;
  long long exponent = 0;
  bool is_fraction = false;
  std::string sign;
  std::size_t i = 0;
  if (text[0] == '-') {
    sign = "-";
    ++i;
  }
  for (; i < text.size(); ++i) {
    if (text[i] == '.') {
      is_fraction = true;
    } else if (text[i] == 'e' || text[i] == 'E') {
      exponent += std::strtoll(std::string(text.substr(i + 1)).c_str(), nullptr, 10);
      break;
    } else {
      if (is_fraction) --exponent;
      if (!digits.empty() || text[i] != '0') digits += text[i];
    }
  }
  while (!digits.empty() && digits.back() == '0') {
    digits.pop_back();
    ++exponent;
  }
  if (digits.empty()) exponent = 0;
  return {sign + digits, exponent};
}

std::string random_number(Random& random) {
  const auto digits = [&](std::uint64_t most) {
    std::string text;
    for (std::uint64_t n = 1 + random.below(most); n > 0; --n)
      text += static_cast<char>('0' + random.below(10));
    return text;
  };
  std::string text = random.chance(1, 3) ? "-" : "";
  std::string whole = digits(random.chance(1, 2) ? 3 : 30);
  whole.erase(0, std::min(whole.find_first_not_of('0'), whole.size() - 1));
  text += whole;
  if (random.chance(1, 2)) text += "." + digits(random.chance(1, 2) ? 5 : 30);
  if (random.chance(1, 3)) {
    text += random.chance(1, 2) ? "e" : "E";
    const std::uint64_t sign = random.below(3);
    text += sign == 0 ? "" : sign == 1 ? "-" : "+";
    text += digits(random.chance(1, 8) ? 6 : 3);
  }
  return text;
}

bool is_integer(std::string_view text) {
  return text.find_first_of(".eE") == std::string_view::npos;
}

/// Is `out` what `in` says? Integers keep their digits; of other numbers the notation may change where a double
/// holds them.
bool is_same(std::string_view in, std::string_view out) {
  return is_integer(in) ? in == out : number_of(in) == number_of(out);
}

}  // namespace

TEST_CASE("a number that neither int64 nor double gives back keeps its text") {
  for (const char* text : kIssue) {
    CAPTURE(text);
    const Json json = parse_json(text).value();
    CHECK(json == Json(NumberText{text}));
    CHECK(print_json(json) == text);
  }
}

TEST_CASE("a number that an int64 or a double gives back is one") {
  CHECK(parse_json("9223372036854775807").value().as_int());
  CHECK(parse_json("-9223372036854775808").value().as_int());
  for (const char* text : {"0.1", "0.10", "1e2", "1E+2", "1.0", "-0.0", "0e999999", "5e-324",
                           "1e308", "1.7976931348623157e308", "2.2250738585072014e-308",
                           "0.3333333333333333", "123456789012345.6", "1e22", "1e23"})
    CHECK_MESSAGE(parse_json(text).value().as_double(), text);
}

TEST_CASE("random numbers come out as they went in, through every form of a document") {
  const char* seed_text = std::getenv("WEFT_SEED");
  const std::uint64_t seed = seed_text != nullptr ? std::strtoull(seed_text, nullptr, 0) : 15;
  const int rounds = weft::test::size() == weft::test::Size::kFull ? 2'000 : 60;
  INFO("WEFT_SEED=" << seed << " build/dev/weft_document_tests --test-case='random numbers*'");
  Random random(seed);
  for (int round = 0; round < rounds; ++round) {
    std::vector<std::string> numbers(std::begin(kIssue), std::end(kIssue));
    for (int i = 0; i < 40; ++i) numbers.push_back(random_number(random));
    Json::Object plain, inside;
    Json::Array list;
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      const Json number = parse_json(numbers[i]).value();
      REQUIRE_MESSAGE(is_same(numbers[i], print_json(number)), numbers[i]);
      plain.emplace_back(std::to_string(1000 + i), number);
      inside.emplace_back(std::to_string(1000 + i), number);
      list.push_back(number);
    }
    const Json record(std::move(inside));
    const Json wanted(Json::Object{{"list", list}, {"plain", std::move(plain)}});
    Document a = make_document(1);
    weft::import_json(a, wanted).value();
    weft::test::edit(a, [&](weft::Transaction& tx) {
      return tx.root().set("record", weft::Value::from_json(record));
    });
    Document b = make_document(2);
    exchange(a, b);
    const std::string text = content(b);
    REQUIRE(text ==
            print_json(Json(Json::Object{
                           {"list", list}, {"plain", *wanted.find("plain")}, {"record", record}}),
                       {.sort_keys = true}));
    weft::DocumentOptions options;
    options.replica = {3};
    REQUIRE(content(Document::load(a.snapshot(), options).value()) == text);
    REQUIRE(content(Document::open_file(a.export_history().value(), options).value()) == text);
    REQUIRE(weft::import_json(b, b.to_json().value()).value().op_count == 0);
    REQUIRE(weft::import_json(b, parse_json(text).value()).value().op_count == 0);
  }
}

TEST_CASE("an import that doesn't touch a number leaves it alone, and equal ones are no conflict") {
  Document a = make_document(1);
  const char* text = R"({"n":18446744073709551615,"list":[1e400],"t":"x"})";
  weft::import_json(a, parse_json(text).value()).value();
  Document b = a.fork({2});
  CHECK(weft::import_json(
            a, parse_json(R"({"n":18446744073709551615,"list":[1e400],"t":"y"})").value())
            .value()
            .op_count == 1);
  for (Document* each : {&a, &b})
    weft::import_json(*each,
                      parse_json(R"({"n":18446744073709551616,"list":[1e400],"t":"y"})").value())
        .value();
  exchange(a, b);
  CHECK(content(a) == R"({"list":[1e400],"n":18446744073709551616,"t":"y"})");
}

TEST_CASE("a text that is no number, or one that an int64 holds, can't be written as one") {
  Document document = make_document(1);
  for (const char* text : {"", "x", "1", "-12", "01", "1.", ".5", "1e", "1e+", "+1", "NaN",
                           " 1e400", "1e400 ", "0x10", "--1", "9223372036854775807"}) {
    const auto commit = document.transact(
        [&](weft::Transaction& tx) { return tx.root().set("n", weft::Value::number_text(text)); });
    CHECK_MESSAGE(!commit.ok(), text);
    const auto in_record = document.transact([&](weft::Transaction& tx) {
      return tx.root().set("n", weft::Record(Json::Array{NumberText{text}}));
    });
    CHECK_MESSAGE(!in_record.ok(), text);
  }
}
