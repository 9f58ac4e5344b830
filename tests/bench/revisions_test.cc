#include "bench/trace/revisions.h"

#include <doctest/doctest.h>

#include <string>

using weft::ErrorCode;
using weft::trace::parse_revisions;
using weft::trace::read_revisions;

TEST_CASE("revisions come line by line, with or without an end of line after the last") {
  const std::string lines = R"({"revision":"a1","time":5,"dashboard":{"x":[1,1.5]}})"
                            "\n\n"
                            R"({"dashboard":{},"time":7,"more":0,"revision":"b2"})";
  for (const std::string& text : {lines, lines + "\n"}) {
    const auto revisions = parse_revisions(text, "t.jsonl");
    REQUIRE_MESSAGE(revisions.ok(), revisions.error().message());
    REQUIRE(revisions->size() == 2);
    CHECK((*revisions)[0].name == "a1");
    CHECK((*revisions)[0].time_ms == 5000);
    REQUIRE((*revisions)[0].content.find("x") != nullptr);
    CHECK((*revisions)[0].content.find("x")->as_array()->size() == 2);
    CHECK((*revisions)[1].name == "b2");
    CHECK((*revisions)[1].content.as_object()->empty());
  }
  CHECK(parse_revisions("", "t.jsonl")->empty());
}

TEST_CASE("a line that is no revision is named") {
  const std::string good = R"({"revision":"a","time":5,"dashboard":{}})";
  for (const char* bad : {
           R"({"revision":"a","time":5,"dashboard":{})",
           R"([])",
           R"({"revision":1,"time":5,"dashboard":{}})",
           R"({"revision":"a","time":-5,"dashboard":{}})",
           R"({"revision":"a","dashboard":{}})",
           R"({"revision":"a","time":5,"dashboard":[]})",
       }) {
    INFO(bad);
    const auto revisions = parse_revisions(good + "\n" + bad + "\n" + good, "t.jsonl");
    REQUIRE_FALSE(revisions.ok());
    CHECK(revisions.error().code() == ErrorCode::kCorrupt);
    CHECK(revisions.error().context().find("t.jsonl: line 2: ") == 0);
  }
}

TEST_CASE("a file of revisions that is not there is named") {
  const auto revisions = read_revisions("no-such-file.jsonl.gz");
  REQUIRE_FALSE(revisions.ok());
  CHECK(revisions.error().code() == ErrorCode::kNotFound);
}
