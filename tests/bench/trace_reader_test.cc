#include "bench/trace/trace_reader.h"

#include <doctest/doctest.h>
#include <unistd.h>
#include <zlib.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "bench/trace/iso_time.h"
#include "tests/bench/traces_dir.h"

using weft::ErrorCode;
using weft::Result;
using weft::trace::Edit;
using weft::trace::parse_iso_time_ms;
using weft::trace::parse_trace;
using weft::trace::read_trace;
using weft::trace::Trace;

namespace {

/// A file in the temporary directory that goes with the object.
class TemporaryFile {
 public:
  TemporaryFile(const std::string& name, std::string_view content)
      : path_(std::filesystem::temp_directory_path() /
              ("weft-" + std::to_string(getpid()) + "-" + name)) {
    std::ofstream(path_, std::ios::binary) << content;
  }
  ~TemporaryFile() { std::filesystem::remove(path_); }
  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

std::string gzipped(const std::string& text) {
  const TemporaryFile file("pack.gz", "");
  gzFile out = gzopen(file.path().c_str(), "wb");
  gzwrite(out, text.data(), static_cast<unsigned>(text.size()));
  gzclose(out);
  std::ifstream in(file.path(), std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

std::string error_of(std::string_view json) {
  const Result<Trace> trace = parse_trace(json, "t.json");
  return trace.ok() ? "no error" : trace.error().message();
}

bool holds(const std::string& text, std::string_view part) {
  if (text.find(part) != std::string::npos) return true;
  MESSAGE(text, " lacks ", std::string(part));
  return false;
}

constexpr const char* kSmall =
    R"({"startContent":"aé","endContent":"a😀c","txns":[)"
    R"({"time":"2021-04-19T06:06:58.219Z","patches":[[1,1,"😀b"],[2,1,"c"]]},{"patches":[]}]})";

}  // namespace

TEST_CASE("reads replacing patches, several in a transaction, in text that is not ASCII") {
  const Result<Trace> read = parse_trace(kSmall, "t.json");
  REQUIRE(read.ok());
  const Trace& trace = *read;
  CHECK_FALSE(trace.concurrent);
  CHECK(trace.agent_count == 1);
  CHECK(trace.start_content == "aé");
  CHECK(trace.end_content == "a😀c");
  REQUIRE(trace.transactions.size() == 2);
  CHECK(trace.transactions[0].time_ms == 1618812418219);
  CHECK(trace.transactions[1].time_ms == 0);
  CHECK(trace.edits_of(trace.transactions[1]).empty());
  REQUIRE(trace.edits_of(trace.transactions[0]).size() == 2);
  const Edit& first = trace.edits[0];
  CHECK(first.position == 1);
  CHECK(first.deleted == 1);
  CHECK(first.inserted_count == 2);
  CHECK(trace.inserted(first) == "😀b");
  CHECK(trace.inserted(trace.edits[1]) == "c");
}

TEST_CASE("reads agents, parents and times in numbers of a concurrent trace") {
  const Result<Trace> read =
      parse_trace(R"({"kind":"concurrent","endContent":"ab","numAgents":3,"other":1,"txns":[)"
                  R"({"parents":[],"agent":2,"time":7,"patches":[[0,0,"a"]],"numChildren":1},)"
                  R"({"parents":[],"agent":0,"time":null,"patches":[[0,0,"b"]]},)"
                  R"({"parents":[0,1],"agent":1,"patches":[]}]})",
                  "t.json");
  REQUIRE(read.ok());
  CHECK(read->concurrent);
  CHECK(read->agent_count == 3);
  CHECK(read->transactions[0].agent == 2);
  CHECK(read->transactions[0].time_ms == 7);
  CHECK(read->parents_of(read->transactions[1]).empty());
  REQUIRE(read->parents_of(read->transactions[2]).size() == 2);
  CHECK(read->parents_of(read->transactions[2])[1] == 1);
}

TEST_CASE("counts the agents where numAgents is missing") {
  const Result<Trace> read = parse_trace(
      R"({"kind":"concurrent","endContent":"","txns":[{"parents":[],"agent":4,"patches":[]}]})",
      "t.json");
  REQUIRE(read.ok());
  CHECK(read->agent_count == 5);
}

TEST_CASE("says the file, the place and the fault of what is no trace") {
  CHECK(holds(error_of("{"), "t.json: "));
  CHECK(holds(error_of("[]"), "t.json: expected an object"));
  CHECK(holds(error_of(R"({"txns":[]})"), "endContent: expected a string"));
  CHECK(holds(error_of(R"({"endContent":""})"), "txns: expected an array"));
  CHECK(holds(error_of(R"({"kind":"odd","endContent":"","txns":[]})"), "kind: expected"));
  CHECK(holds(error_of(R"({"endContent":"","txns":[{"patches":[]},{}]})"), "txns[1]: patches"));
  CHECK(holds(error_of(R"({"endContent":"","txns":[{"patches":[[0,0]]}]})"),
              "txns[0].patches[0]: expected [position"));
  CHECK(holds(error_of(R"({"endContent":"a","txns":[{"patches":[[0,0,"a"],[-1,0,""]]}]})"),
              "txns[0].patches[1]: position"));
  CHECK(holds(error_of(R"({"endContent":"a","txns":[{"patches":[[0,5000000000,"a"]]}]})"),
              "deleted: over 2^32"));
  CHECK(holds(error_of(R"({"endContent":"","txns":[{"time":"then","patches":[]}]})"),
              "txns[0]: time: 'then'"));
}

TEST_CASE("refuses a sequential edit beyond the end of its text") {
  const Result<Trace> read = parse_trace(
      R"({"startContent":"ab","endContent":"","txns":[{"patches":[[1,2,""]]}]})", "t.json");
  REQUIRE_FALSE(read.ok());
  CHECK(read.error().code() == ErrorCode::kOutOfRange);
  CHECK(holds(read.error().message(), "erases 2 at 1 of a text of 2"));
}

TEST_CASE("refuses a sequential trace whose patches lead to another length") {
  CHECK(holds(error_of(R"({"endContent":"ab","txns":[{"patches":[[0,0,"a"]]}]})"),
              "a text of 1 scalars, endContent has 2"));
}

TEST_CASE("refuses a parent that does not come earlier and an agent that there isn't") {
  CHECK(holds(error_of(R"({"kind":"concurrent","endContent":"","txns":[)"
                       R"({"parents":[0],"agent":0,"patches":[]}]})"),
              "txns[0]: parents: 0 does not come earlier"));
  CHECK(holds(error_of(R"({"kind":"concurrent","endContent":"","numAgents":1,"txns":[)"
                       R"({"parents":[],"agent":1,"patches":[]}]})"),
              "agent 1 of 1"));
}

TEST_CASE("reads plain and gzip files and names the trace after them") {
  const TemporaryFile plain("small.json", kSmall);
  const TemporaryFile packed("small.json.gz", gzipped(kSmall));
  for (const std::string& path : {plain.path(), packed.path()}) {
    const Result<Trace> trace = read_trace(path);
    REQUIRE(trace.ok());
    CHECK(trace->edits.size() == 2);
    CHECK(trace->name.starts_with("weft-"));
    CHECK(trace->name.ends_with("-small"));
  }
}

TEST_CASE("says what is wrong with a file") {
  const Result<Trace> missing = read_trace("no/such/file.json");
  REQUIRE_FALSE(missing.ok());
  CHECK(missing.error().code() == ErrorCode::kNotFound);
  CHECK(holds(missing.error().message(), "no/such/file.json"));

  const std::string whole = gzipped(std::string(kSmall) + std::string(5000, ' '));
  const TemporaryFile cut("cut.json.gz", whole.substr(0, whole.size() - 12));
  const Result<Trace> broken = read_trace(cut.path());
  REQUIRE_FALSE(broken.ok());
  CHECK(broken.error().code() == ErrorCode::kCorrupt);
  CHECK(holds(broken.error().message(), "cut.json.gz"));
}

TEST_CASE("reads ISO 8601 with fractions and offsets") {
  CHECK(parse_iso_time_ms("1970-01-01T00:00:00+00:00").value() == 0);
  CHECK(parse_iso_time_ms("1970-01-02T00:00:00.5Z").value() == 86'400'500);
  CHECK(parse_iso_time_ms("1970-01-01T02:00:01.0019+02:00").value() == 1001);
  CHECK(parse_iso_time_ms("1969-12-31T23:00:00Z").value() == 0);
  CHECK(parse_iso_time_ms("2000-02-29 12:00:00").value() == 951'825'600'000);
  for (const char* bad :
       {"", "2000", "2000-02-30T00:00:00Z", "2000-01-01T00:00:00Zx", "2000-01-01T00:00:00.Z",
        "2000-13-01T00:00:00Z", "2000-01-01T00:61:00Z"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_iso_time_ms(bad).ok());
  }
}

TEST_CASE("reads the recorded traces") {
  struct Expected {
    const char* file;
    std::size_t transactions;
    std::size_t edits;
  };
  for (const Expected& expected : {Expected{"automerge-paper.json.gz", 259'778, 259'778},
                                   Expected{"rustcode.json.gz", 36'981, 40'173},
                                   Expected{"sveltecomponent.json.gz", 18'335, 19'749},
                                   Expected{"json-crdt-patch.json.gz", 18'639, 18'723},
                                   Expected{"friendsforever.json.gz", 26'078, 26'078}}) {
    const auto path = weft::test::recorded_trace(expected.file);
    if (!path) continue;
    const Result<Trace> trace = read_trace(path->string());
    REQUIRE(trace.ok());
    CHECK(trace->transactions.size() == expected.transactions);
    CHECK(trace->edits.size() == expected.edits);
    CHECK(std::string(expected.file).starts_with(trace->name));
  }
}
