#include "bench/trace/replay.h"

#include <doctest/doctest.h>

#include <string>

#include "bench/trace/generate.h"
#include "bench/trace/trace_reader.h"
#include "tests/bench/traces_dir.h"

using namespace weft::trace;
using weft::Document;
using weft::Result;

namespace {

std::string text_of(const Result<Document>& document) {
  REQUIRE_MESSAGE(document.ok(), document.error().message());
  return replayed_text(*document).value();
}

Trace parsed(const char* json) { return parse_trace(json, "t.json").value(); }

void check_everybody_agrees(const Trace& trace) {
  const Result<ConcurrentReplay> replay = replay_concurrent(trace, plan_replicas(trace), {});
  REQUIRE_MESSAGE(replay.ok(), replay.error().message());
  for (const Document& document : replay->documents) {
    const std::string text = replayed_text(document).value();
    const weft::Status status = check_text(trace, text);
    CHECK_MESSAGE(status.ok(), status.error().message());
    CHECK(document.snapshot() == replay->documents[0].snapshot());
  }
  Document reader = Document::create(document_options({}, 1000));
  for (std::size_t i = 0; i < replay->deltas.size(); ++i) {
    REQUIRE(reader.apply(replay->deltas[i]).ok());
  }
  CHECK(replayed_text(reader).value() == trace.end_content);
}

}  // namespace

TEST_CASE("a sequential trace ends with its text in one transaction, many, or one an edit") {
  const Trace trace = parsed(R"({"startContent":"aé","endContent":"a😀cd","txns":[)"
                             R"({"time":5,"patches":[[1,1,"😀b"],[2,1,"c"]]},{"patches":[]},)"
                             R"({"time":3,"patches":[[3,0,"d"]]}]})");
  DeltaLog whole;
  DeltaLog by_transaction;
  DeltaLog by_edit;
  CHECK(text_of(replay_sequential(trace, Grouping::kWhole, {}, &whole)) == "a😀cd");
  CHECK(text_of(replay_sequential(trace, Grouping::kTransaction, {}, &by_transaction)) == "a😀cd");
  CHECK(text_of(replay_sequential(trace, Grouping::kEdit, {}, &by_edit)) == "a😀cd");
  CHECK(whole.size() == 1);
  CHECK(by_transaction.size() == 3);  // the start, and two that are not empty
  CHECK(by_edit.size() == 4);
}

TEST_CASE("a replay gives the same bytes every time, and others from another seed") {
  const Trace trace = generate_session({.seed = 5, .insert_count = 300, .erase_count = 100});
  DeltaLog logs[3];
  for (int i = 0; i < 3; ++i) {
    const ReplayOptions options{.compressor = nullptr, .seed = i == 2 ? 8u : 7u};
    REQUIRE(replay_sequential(trace, Grouping::kEdit, options, &logs[i]).ok());
  }
  const auto bytes = [&](int i) { return std::string(weft::as_text(logs[i].bytes())); };
  CHECK(bytes(0) == bytes(1));
  CHECK(bytes(0) != bytes(2));
}

TEST_CASE("a wrong final text is reported with the place of the first difference") {
  Trace trace = parsed(R"({"endContent":"ab","txns":[{"patches":[[0,0,"ab"]]}]})");
  CHECK(check_text(trace, "ab").ok());
  const weft::Status status = check_text(trace, "aX");
  REQUIRE_FALSE(status.ok());
  CHECK(status.error().byte_offset() == 1);
}

TEST_CASE("replicas of a concurrent trace with a starting text and an empty merge agree") {
  check_everybody_agrees(parsed(
      R"({"kind":"concurrent","startContent":"xé","endContent":"axbéc","numAgents":3,"txns":[)"
      R"({"parents":[],"agent":0,"patches":[[0,0,"a"]]},)"
      R"({"parents":[],"agent":1,"patches":[[1,0,"b"]]},)"
      R"({"parents":[0,1],"agent":1,"patches":[]},)"
      R"({"parents":[2],"agent":2,"patches":[[4,0,"c"]]}]})"));
}

TEST_CASE("two branches of one agent are two replicas and merge") {
  check_everybody_agrees(parsed(R"({"kind":"concurrent","endContent":"12ab34","txns":[)"
                                R"({"parents":[],"agent":0,"patches":[[0,0,"ab"]]},)"
                                R"({"parents":[0],"agent":0,"patches":[[0,0,"12"]]},)"
                                R"({"parents":[0],"agent":0,"patches":[[2,0,"34"]]}]})"));
}

TEST_CASE("every engine's order gives the generated concurrent sessions' final text") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    check_everybody_agrees(generate_concurrent_session({.seed = seed, .edit_count = 400}));
  }
}

TEST_CASE("the recorded two-writer session ends with its text") {
  const auto path = weft::test::recorded_trace("friendsforever.json.gz");
  if (!path) return;
  check_everybody_agrees(read_trace(path->string()).value());
}
