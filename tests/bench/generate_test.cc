#include "bench/trace/generate.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "crdt/base/bytes.h"
#include "crdt/base/checksum.h"

using weft::trace::Edit;
using weft::trace::generate_concurrent_session;
using weft::trace::generate_session;
using weft::trace::Trace;

namespace {

struct Counts {
  std::uint32_t inserted = 0;
  std::uint32_t erased = 0;
};

Counts count(const Trace& trace) {
  Counts counts;
  for (const Edit& edit : trace.edits) {
    counts.inserted += edit.inserted_count;
    counts.erased += edit.deleted;
  }
  return counts;
}

std::uint64_t checksum(const Trace& trace) {
  std::string all = trace.arena + trace.end_content;
  for (const Edit& edit : trace.edits) all += std::to_string(edit.position) + ",";
  for (std::uint32_t parent : trace.parents) all += std::to_string(parent) + ",";
  return weft::xxh3_64(weft::as_bytes(all));
}

}  // namespace

TEST_CASE("a generated session's edits lead to its final text") {
  const Trace trace = generate_session({.seed = 3, .insert_count = 5000, .erase_count = 2000});
  std::string text;
  for (const Edit& edit : trace.edits) {
    REQUIRE(edit.position + edit.deleted <= text.size());
    text.replace(edit.position, edit.deleted, trace.inserted(edit));
  }
  CHECK(text == trace.end_content);
  CHECK(count(trace).inserted == 5000);
  CHECK(count(trace).erased == 2000);
}

TEST_CASE("generated sessions are the same everywhere") {
  const Trace one = generate_session({.seed = 3, .insert_count = 2000, .erase_count = 800});
  CHECK(checksum(one) == 14626754623386483502U);
  const Trace two = generate_concurrent_session({.seed = 4, .edit_count = 1000});
  CHECK(checksum(two) == 5319779613889268535U);
}

TEST_CASE("another seed gives another session") {
  CHECK(generate_session({.seed = 1, .insert_count = 100, .erase_count = 10}).end_content !=
        generate_session({.seed = 2, .insert_count = 100, .erase_count = 10}).end_content);
}

TEST_CASE("a generated concurrent session has concurrency and loses nothing") {
  const Trace trace = generate_concurrent_session({.seed = 4, .edit_count = 3000});
  CHECK(trace.concurrent);
  CHECK(trace.agent_count == 2);
  CHECK(trace.transactions.size() >= 3000);
  // Both may erase the same character.
  CHECK(trace.end_content.size() >= count(trace).inserted - count(trace).erased);
  const auto merges = std::count_if(trace.transactions.begin(), trace.transactions.end(),
                                    [&](const weft::trace::Txn& transaction) {
                                      return trace.parents_of(transaction).size() == 2;
                                    });
  CHECK(merges > 20);
}
