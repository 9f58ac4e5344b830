#include <doctest/doctest.h>

#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "bench/cases/gap_buffer.h"
#include "bench/harness/bars.h"
#include "bench/harness/compare.h"
#include "bench/harness/report.h"
#include "bench/harness/sampler.h"
#include "bench/trace/prng.h"
#include "crdt/document/json_text.h"

using namespace weft::bench;
using weft::Error;
using weft::ErrorCode;
using weft::Result;

TEST_CASE("a summary has the median of even and odd counts") {
  CHECK(summarize("n", "c", "ms", {3, 1, 2}).median == 2);
  const Line even = summarize("n", "c", "ms", {4, 1, 2, 3});
  CHECK(even.median == 2.5);
  CHECK(even.min == 1);
  CHECK(even.max == 4);
  CHECK(even.samples == 4);
}

TEST_CASE("a line is JSON with the keys that others rely on") {
  Line line = exact("history_bytes", "a \"quoted\"\n case", "bytes", 94'321, 0xabc);
  line.extra = {{"mean", "1.5"}};
  const weft::Json json = weft::parse_json(json_line(line)).value();
  CHECK(*json.find("schema")->as_int() == 1);
  CHECK(*json.find("name")->as_string() == "history_bytes");
  CHECK(*json.find("case")->as_string() == "a \"quoted\"\n case");
  CHECK(*json.find("unit")->as_string() == "bytes");
  CHECK(*json.find("median")->as_int() == 94'321);
  CHECK(*json.find("samples")->as_int() == 1);
  CHECK(*json.find("checksum")->as_string() == "0000000000000abc");
  CHECK(*json.find("mean")->as_double() == 1.5);
  for (const char* key : {"min", "max"}) CHECK(json.find(key)->as_int());
  for (const char* key : {"commit", "compiler", "flags"}) {
    CAPTURE(key);
    REQUIRE(json.find(key));
    CHECK_FALSE(json.find(key)->as_string()->empty());
  }
}

TEST_CASE("what was not run is said in JSON, table and bars, and not compared") {
  Report report;
  report.add(not_run("history_bytes", "automerge-paper", "the disk is missing"));
  std::ostringstream json_lines;
  report.write_json(json_lines);
  const weft::Json json = weft::parse_json(json_lines.str()).value();
  CHECK(*json.find("name")->as_string() == "history_bytes");
  CHECK(*json.find("not_run")->as_string() == "the disk is missing");
  CHECK(json.find("median") == nullptr);
  CHECK(parse_lines(json_lines.str(), "x")->empty());
  std::ostringstream table;
  report.write_table(table);
  CHECK(table.str().find("not run: the disk is missing") != std::string::npos);
  std::ostringstream bars;
  write_bars(report, bars);
  CHECK(bars.str().find("not run: the disk is missing") != std::string::npos);
}

TEST_CASE("samples of different probes are taken in turn, after one round that is thrown away") {
  std::string order;
  Sampler sampler;
  for (const char name : {'a', 'b'}) {
    sampler.add("case", std::string(1, name), "ms", [&order, name]() -> Result<Reading> {
      order += name;
      return Reading{static_cast<double>(order.size()), 1};
    });
  }
  Report report;
  CHECK(sampler.run(2, report));
  CHECK(order == "ababab");
  CHECK(report.find("a", "case")->samples == 2);
  CHECK(report.find("a", "case")->min == 3);
}

TEST_CASE("a probe that fails or changes its result is a fault and gives no line") {
  Sampler sampler;
  std::uint64_t calls = 0;
  sampler.add("case", "fails", "ms", []() -> Result<Reading> {
    return Error(ErrorCode::kCorrupt, "wrong final text (expected by this test)");
  });
  sampler.add("case", "changes", "ms", [&calls]() -> Result<Reading> {
    return Reading{1, calls++};
  });
  sampler.add("case", "works", "ms", []() -> Result<Reading> { return Reading{1, 1}; });
  Report report;
  CHECK_FALSE(sampler.run(3, report));
  REQUIRE(report.lines().size() == 1);
  CHECK(report.lines()[0].name == "works");
}

TEST_CASE("only the probes that are asked for are sampled") {
  Sampler sampler;
  for (const char* name : {"a", "b", "c"}) {
    sampler.add("case", name, "ms", []() -> Result<Reading> { return Reading{1, 1}; });
  }
  sampler.keep_only({"c", "a"});
  Report report;
  CHECK(sampler.run(1, report));
  CHECK(report.find("a", "case"));
  CHECK_FALSE(report.find("b", "case"));
  CHECK(report.find("c", "case"));
}

TEST_CASE("comparing divides by the gap of the same case, else by the mean of all") {
  Report before;
  Report after;
  before.add(exact("gap", "a", "ms", 1));
  after.add(exact("gap", "a", "ms", 2));
  before.add(exact("gap", "b", "ms", 1));
  after.add(exact("gap", "b", "ms", 8));
  for (const char* name : {"a", "elsewhere"}) {
    before.add(exact("merge", name, "ms", 10));
    after.add(exact("merge", name, "ms", 40));
  }
  before.add(exact("size", "a", "bytes", 100, 1));
  after.add(exact("size", "a", "bytes", 90, 2));
  before.add(exact("only", "a", "ms", 1));
  const auto stored = [](const Report& report) {
    std::ostringstream text;
    report.write_json(text);
    return parse_lines(text.str(), "test").value();
  };
  const std::vector<Comparison> rows = compare(stored(before), stored(after));
  REQUIRE(rows.size() == 5);
  CHECK(rows[2].ratio == doctest::Approx(4));
  CHECK(*rows[2].normalised == doctest::Approx(2));
  CHECK(*rows[3].normalised == doctest::Approx(1));
  CHECK(rows[4].ratio == doctest::Approx(0.9));
  CHECK_FALSE(rows[4].normalised);
  CHECK_FALSE(rows[4].same_checksum);
}

TEST_CASE("lines that are not ours are refused with file and line") {
  const auto no_json = parse_lines("\n{", "x.json");
  REQUIRE_FALSE(no_json.ok());
  CHECK(no_json.error().message().find("x.json:2: ") != std::string::npos);
  CHECK(parse_lines("{\"schema\":2}", "x.json").error().code() == ErrorCode::kUnknownVersion);
  CHECK(parse_lines("{\"schema\":1,\"name\":\"a\"}", "x").error().code() == ErrorCode::kCorrupt);
  CHECK_FALSE(read_lines("no/such/file").ok());
}

TEST_CASE("a bar scales with the machine's gap, a bar in bytes does not") {
  Report report;
  report.add(exact("gap", "automerge-paper", "ms", 1.32));  // twice as slow
  report.add(exact("merge_history", "automerge-paper", "ms", 3.0));
  report.add(exact("history_bytes", "automerge-paper", "bytes", 95'001));
  CHECK(machine_scale(report) == doctest::Approx(2));
  std::ostringstream out;
  write_bars(report, out);
  const std::string table = out.str();
  const auto row = [&](const char* name) {
    const std::size_t begin = table.find(name);
    REQUIRE(begin != std::string::npos);
    return table.substr(begin, table.find('\n', begin) - begin);
  };
  CHECK(row("merge_history").find("MISS     ok") != std::string::npos);
  CHECK(row("history_bytes").find("MISS") != std::string::npos);
}

TEST_CASE("the gap buffer holds what a string holds after 20000 random edits") {
  weft::trace::Prng prng(6);
  std::string model;
  GapBuffer<char> buffer;
  for (int i = 0; i < 20'000; ++i) {
    const auto at = prng.below(static_cast<std::uint32_t>(model.size() + 1));
    if (prng.percent(60)) {
      const std::string text(1 + prng.below(prng.percent(5) ? 300 : 2),
                             static_cast<char>('a' + i % 26));
      model.insert(at, text);
      buffer.insert(at, text.data(), text.size());
    } else {
      const std::size_t count = std::min<std::size_t>(model.size() - at, prng.below(40));
      model.erase(at, count);
      buffer.erase(at, count);
    }
    REQUIRE(buffer.size() == model.size());
  }
  CHECK(std::string(buffer.before_gap()) + std::string(buffer.after_gap()) == model);
}
