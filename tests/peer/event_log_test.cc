#include "peer/event_log.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "crdt/document/json_text.h"
#include "tests/support/folder.h"

using namespace weft;

namespace {

std::string text_of(const std::string& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

const EventLog::Fields kFields = {{"link", "tcp:127.0.0.1:7400"},
                                  {"count", std::int64_t{3}},
                                  {"why", "it said \"no\"\n\x1b[31m"}};

}  // namespace

TEST_CASE("a line for people has plain values as they are and others as JSON, without controls") {
  CHECK(log_line(LogFormat::kText, "link_closed", kFields) ==
        "link_closed link=tcp:127.0.0.1:7400 count=3 why=\"it said \\\"no\\\"\\n\\u001b[31m\"");
  CHECK(log_line(LogFormat::kText, "stopped", {}) == "stopped");
  CHECK(log_line(LogFormat::kText, "a", {{"b", ""}}) == "a b=\"\"");
  CHECK(log_line(LogFormat::kText, "a", {{"b", "\xc2\x9b\xc3\xa4"}}) == "a b=\"\\u009b\xc3\xa4\"");
}

TEST_CASE("each line for machines is a JSON object with time, level and event") {
  const test::Folder folder;
  const std::string file = folder.path() + "/log";
  EventLog::Options options;
  options.format = LogFormat::kJson;
  options.file = file;
  std::unique_ptr<EventLog> log = EventLog::open(options).value();
  log->info("link_closed", kFields);
  log->warning("other");
  log->debug("not_wanted");
  log.reset();
  const std::string text = text_of(file);
  const std::size_t end = text.find('\n');
  const Json first = parse_json(text.substr(0, end)).value();
  CHECK(*first.find("event")->as_string() == "link_closed");
  CHECK(*first.find("level")->as_string() == "info");
  CHECK(*first.find("count")->as_int() == 3);
  CHECK(*first.find("why")->as_string() == "it said \"no\"\n\x1b[31m");
  CHECK(first.find("time")->as_string()->size() == 24);
  const Json second = parse_json(text.substr(end + 1)).value();
  CHECK(*second.find("level")->as_string() == "warning");
  CHECK(text.find("not_wanted") == std::string::npos);
}

TEST_CASE("a log goes on in the file that is there; where it can't be written it says so") {
  const test::Folder folder;
  EventLog::Options options;
  options.file = folder.path() + "/log";
  for (int i = 0; i < 2; ++i) EventLog::open(options).value()->info("opened");
  const std::string text = text_of(options.file);
  CHECK(std::count(text.begin(), text.end(), '\n') == 2);
  CHECK(text.find("Z info opened\n") != std::string::npos);
  options.file = folder.path();
  const Result<std::unique_ptr<EventLog>> log = EventLog::open(options);
  REQUIRE(!log.ok());
  CHECK(log.error().context().starts_with(folder.path() + ": the log can't be written there"));
}

TEST_CASE("a limit lets a burst through, then one each period, and counts the rest") {
  LogLimit limit(3, 1'000);
  int said = 0;
  for (int i = 0; i < 10; ++i) said += limit.take(5) ? 1 : 0;
  CHECK(said == 3);
  CHECK(limit.take_skipped() == 7);
  CHECK(limit.take_skipped() == 0);
  CHECK(!limit.take(900));
  CHECK(limit.take(1'100));
  CHECK(!limit.take(1'200));
  CHECK(limit.take(2'100));
  CHECK(limit.take(1'000'000));  // a long silence: a whole burst again
  CHECK(limit.take(1'000'000));
  CHECK(limit.take(1'000'000));
  CHECK(!limit.take(1'000'000));
}

TEST_CASE(
    "a log that is opened anew writes to the file that has the name now, for its user alone") {
  const test::Folder folder;
  EventLog::Options options;
  options.file = folder.path() + "/log";
  const std::unique_ptr<EventLog> log = EventLog::open(options).value();
  log->info("before");
  std::filesystem::rename(options.file, folder.path() + "/rotated");
  log->info("between");  // goes on in the old one until it is told
  options.level = LogLevel::kDebug;
  REQUIRE(log->reopen(options).ok());
  log->debug("after");
  CHECK(text_of(folder.path() + "/rotated").find("info between\n") != std::string::npos);
  CHECK(text_of(options.file).find("debug after\n") != std::string::npos);
  CHECK(text_of(options.file).find("between") == std::string::npos);
  for (const char* name : {"/log", "/rotated"})
    CHECK(std::filesystem::status(folder.path() + name).permissions() ==
          (std::filesystem::perms::owner_read | std::filesystem::perms::owner_write));
  EventLog::Options wrong = options;
  wrong.file = folder.path() + "/missing/log";
  const Status refused = log->reopen(wrong);
  REQUIRE(!refused.ok());
  CHECK(refused.error().context().find("there is no folder " + folder.path() +
                                       "/missing; make it first") != std::string::npos);
  CHECK(!std::filesystem::exists(folder.path() + "/missing"));
  log->info("on");
  CHECK(text_of(options.file).find("info on\n") != std::string::npos);
}

TEST_CASE("what is no regular file is written to and stays what it is") {
  EventLog::Options options;
  options.file = "/dev/null";
  EventLog::open(options).value()->info("gone");
  CHECK(std::filesystem::is_character_file("/dev/null"));
}
