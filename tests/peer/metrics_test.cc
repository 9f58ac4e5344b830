#include "peer/metrics.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <sstream>
#include <string>

using namespace weft;

namespace {

struct Input {
  NodeStatus status;
  PeerFacts facts;
  std::vector<DocumentSyncStatus> documents;
  std::string text() const { return metrics_text(status, facts, documents); }
};

Input example() {
  Input input;
  input.status.replica = {0xa1};
  input.status.documents = 3;
  input.status.cache_hits = 7;
  LinkStatus link;
  link.link = 1;
  link.name = "tcp:127.0.0.1:53124";
  link.replica = {0xb2};
  link.state = LinkState::kLive;
  link.bytes_sent = 12;
  link.bytes_received = 34;
  link.clock_skew_ms = -1'500;
  link.synced_ms_ago = 250;
  input.status.links.push_back(link);
  link.link = 2;
  link.synced_ms_ago = ~std::uint64_t{0};
  input.status.links.push_back(link);
  link.link = 3;
  link.replica = {};
  link.state = LinkState::kGreeting;
  input.status.links.push_back(link);
  input.status.pending_documents = 2;
  input.status.pending_operations = 5;
  input.status.oldest_pending_ms = 1'500;
  DocumentSyncStatus document;
  document.overview.document.bytes[0] = 0x4f;
  document.links = {{1, "a", 5, 0, 0, ""}, {2, "b", 0, 0, 214, ""}};
  input.documents.push_back(document);
  input.facts.version = "1.2\"3\\\n";
  input.facts.events["link_up"] = 2;
  StoreThread::Flush flush;
  flush.records = 4;
  flush.bytes = 100;
  for (int ms : {1, 3, 3, 40, 20'000}) {
    flush.took = std::chrono::milliseconds(ms);
    input.facts.flushes.add(flush);
  }
  return input;
}

bool has_line(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

}  // namespace

TEST_CASE("metrics name links and documents, and say what they measure") {
  const std::string text = example().text();
  CHECK(has_line(text, "weft_documents 3"));
  CHECK(has_line(text, "weft_cache_hits_total 7"));
  CHECK(
      has_line(text, "weft_link_bytes_total{replica=\"00000000000000b2\",direction=\"sent\"} 12"));
  CHECK(has_line(
      text, "weft_link_bytes_total{replica=\"00000000000000b2 #2\",direction=\"received\"} 34"));
  CHECK(has_line(text, "weft_link_live{replica=\"00000000000000b2\"} 1"));
  CHECK(has_line(text, "weft_link_clock_skew_seconds{replica=\"00000000000000b2\"} -1.5"));
  CHECK(has_line(text, "weft_link_synced_seconds{replica=\"00000000000000b2\"} 0.25"));
  CHECK(text.find("weft_link_synced_seconds{replica=\"00000000000000b2 #2\"}") ==
        std::string::npos);
  const std::string document = "document=\"4f000000000000000000000000000000\"";
  CHECK(has_line(text, "weft_document_lag_operations{" + document + "} 214"));
  CHECK(has_line(
      text, "weft_document_to_send_operations{" + document + ",replica=\"00000000000000b2\"} 5"));
  CHECK(has_line(text, "weft_events_total{event=\"link_up\"} 2"));
}

TEST_CASE("links go by their replica, never by a port that changes with each of them") {
  const std::string text = example().text();
  CHECK(text.find("53124") == std::string::npos);
  CHECK(has_line(text, "weft_links 3"));
  CHECK(has_line(text, "weft_links_greeting 1"));
}

TEST_CASE("metrics say what is pending, for how long, and whether all is in step") {
  Input input = example();
  CHECK(has_line(input.text(), "weft_in_step 0"));
  CHECK(has_line(input.text(), "weft_pending_documents 2"));
  CHECK(has_line(input.text(), "weft_pending_operations 5"));
  CHECK(has_line(input.text(), "weft_oldest_pending_seconds 1.5"));
  input.status.pending_documents = input.status.pending_operations = 0;
  input.status.links.pop_back();  // the one that greets
  CHECK(has_line(input.text(), "weft_in_step 1"));
}

TEST_CASE("the histogram of flushes adds up") {
  const std::string text = example().text();
  CHECK(has_line(text, "weft_flush_seconds_bucket{le=\"0.001\"} 1"));
  CHECK(has_line(text, "weft_flush_seconds_bucket{le=\"0.0025\"} 1"));
  CHECK(has_line(text, "weft_flush_seconds_bucket{le=\"0.005\"} 3"));
  CHECK(has_line(text, "weft_flush_seconds_bucket{le=\"0.05\"} 4"));
  CHECK(has_line(text, "weft_flush_seconds_bucket{le=\"10\"} 4"));
  CHECK(has_line(text, "weft_flush_seconds_bucket{le=\"+Inf\"} 5"));
  CHECK(has_line(text, "weft_flush_seconds_count 5"));
  CHECK(has_line(text, "weft_flush_seconds_sum 20.047"));
  CHECK(has_line(text, "weft_flushed_records_total 20"));
}

TEST_CASE("what stands in a label can't break out of it") {
  const std::string text = example().text();
  CHECK(text.find("version=\"1.2\\\"3\\\\\\n\"") != std::string::npos);
}

TEST_CASE("each family is described once and each series stands once") {
  std::istringstream lines(example().text());
  std::set<std::string> families;
  std::set<std::string> series;
  std::string current;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("# TYPE ")) {
      current = line.substr(7, line.find(' ', 7) - 7);
      CHECK_MESSAGE(families.insert(current).second, line);
    } else if (!line.starts_with("# HELP ")) {
      CHECK_MESSAGE(line.starts_with(current), line);
      CHECK_MESSAGE(series.insert(line.substr(0, line.rfind(' '))).second, line);
    }
  }
  CHECK(families.size() > 30);
}
