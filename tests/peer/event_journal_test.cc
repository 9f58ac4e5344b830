#include "peer/event_journal.h"

#include <doctest/doctest.h>

#include <fstream>
#include <string>
#include <vector>

#include "tests/support/folder.h"

using namespace weft;

namespace {

/// A journal whose log is read back, without the times.
struct Book {
  Book() {
    EventLog::Options options;
    options.file = folder.path() + "/log";
    options.level = LogLevel::kDebug;
    log = EventLog::open(options).value();
    journal = std::make_unique<EventJournal>(*log, [this] { return now_ms; });
  }
  std::vector<std::string> lines() {
    log->flush();
    std::ifstream in(folder.path() + "/log");
    std::vector<std::string> result;
    for (std::string line; std::getline(in, line);) result.push_back(line.substr(25));
    return result;
  }
  NodeEvent event(NodeEvent::Kind kind, const std::string& text = "") const {
    NodeEvent made;
    made.kind = kind;
    made.text = text;
    return made;
  }

  test::Folder folder;
  std::unique_ptr<EventLog> log;
  std::uint64_t now_ms = 1'000;
  std::unique_ptr<EventJournal> journal;
};

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("an event is a line with what is known of it, and counted") {
  Book book;
  NodeEvent up = book.event(NodeEvent::Kind::kLinkUp, "weft 1.2");
  up.replica = {0xa1};
  book.journal->note(up, "unix:a.sock", "");
  book.journal->note(book.event(NodeEvent::Kind::kLinkDown, "done"), "unix:a.sock", "it closed");
  book.journal->note(book.event(NodeEvent::Kind::kLinkDown, "lost"), "unix:a.sock", "lost");
  CHECK(book.lines() ==
        Lines{"info link_up link=unix:a.sock replica=00000000000000a1 text=\"weft 1.2\"",
              "info link_down link=unix:a.sock text=done why=\"it closed\"",
              "info link_down link=unix:a.sock text=lost"});
  CHECK(book.journal->events().at("link_up") == 1);
  CHECK(book.journal->events().at("link_down") == 2);
}

TEST_CASE("refused deltas are all counted, but said a few times only") {
  Book book;
  for (int i = 0; i < 1'000; ++i)
    book.journal->note(book.event(NodeEvent::Kind::kDeltaRefused, "no"), "x", "");
  CHECK(book.lines().size() == 10);
  CHECK(book.journal->events().at("delta_refused") == 1'000);
  book.now_ms += 1'000;
  book.journal->note(book.event(NodeEvent::Kind::kDeltaRefused, "no"), "x", "");
  CHECK(book.lines().back() == "warning delta_refused not_said=990 link=x text=no");
}

TEST_CASE("links of those who never say who they are fill no log") {
  Book book;
  for (int i = 0; i < 100; ++i)
    book.journal->note(book.event(NodeEvent::Kind::kLinkDown, "garbage"), "x", "garbage");
  CHECK(book.lines().size() == 10);
}

TEST_CASE("a store that can't be written is said when it begins and when it is over") {
  Book book;
  book.journal->note_unsaved(Error(ErrorCode::kDiskFull, "no room"));
  CHECK(book.journal->unsaved() == "disk full: no room");
  book.journal->note_unsaved({});
  CHECK(book.journal->unsaved().empty());
  REQUIRE(book.lines().size() == 2);
  CHECK(book.lines()[0].starts_with("error unsaved why=\"disk full: no room\""));
  CHECK(book.lines()[1] == "info saved_again");
}

TEST_CASE("slow flushes are said, quick ones only counted") {
  Book book;
  StoreThread::Flush flush;
  flush.records = 3;
  flush.bytes = 100;
  flush.took = std::chrono::milliseconds(20);
  book.journal->note_flush(flush);
  flush.took = std::chrono::milliseconds(2'000);
  book.journal->note_flush(flush);
  CHECK(book.lines() == Lines{"warning slow_flush ms=2000 records=3 bytes=100 not_said=0"});
  CHECK(book.journal->flushes().count() == 2);
}

TEST_CASE("an address out of reach and a full store are said once, until they change") {
  Book book;
  for (int i = 0; i < 3; ++i) book.journal->note_dialled("tcp:h:1", true, "refused");
  book.journal->note_dialled("tcp:h:1", false, "connected");
  book.journal->note_dialled("tcp:h:1", true, "refused");
  for (int i = 0; i < 3; ++i) book.journal->note_space(95, 100);
  book.journal->note_space(10, 100);
  book.journal->note_space(95, 0);
  CHECK(book.lines() == Lines{"warning unreachable peer=tcp:h:1 state=refused",
                              "warning unreachable peer=tcp:h:1 state=refused",
                              "warning near_quota bytes=95 quota=100"});
}
