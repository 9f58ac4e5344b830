// What open documents take stays near the limit, however they came to be large.

#include <malloc.h>

#include <functional>
#include <string>
#include <vector>

#include "tests/peer/rig.h"

namespace weft::test {
namespace {

constexpr std::size_t kLimit = std::size_t{2} << 20;
constexpr std::size_t kTextBytes = std::size_t{128} << 10;
constexpr std::uint64_t kDocuments = 40;

std::string noise(Random& random, std::size_t bytes) {
  std::string text(bytes, ' ');
  for (char& c : text) c = static_cast<char>('0' + (random.next() & 63));
  return text;
}

void write(Rig& rig, std::size_t peer, const DocumentId& id, std::size_t bytes) {
  const std::string text = noise(rig.random_, bytes);
  auto commit = rig.node(peer).edit(id, [&](Transaction& tx) {
    TextEdit edit = tx.root().ensure_text("text");
    return edit.insert(scalar(edit.size()), text);
  });
  REQUIRE_MESSAGE(commit.ok(), commit.error().message());
}

/// What the node holds: what is free once it is gone.
std::size_t held_by_node(Rig& rig, std::size_t peer) {
  const std::size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
  rig.crash(peer);
  const std::size_t after = mallinfo2().uordblks + mallinfo2().hblkhd;
  return before > after ? before - after : 0;
}

struct Way {
  const char* name;
  std::function<void(Rig&)> grow;
};

TEST_CASE("open documents take about what they may, made, received, edited or watched") {
  std::vector<Observer> observers;
  const std::vector<Way> ways = {
      {"made",
       [](Rig& rig) {
         for (std::uint64_t i = 0; i < kDocuments; ++i) {
           write(rig, 0, id_of(i), kTextBytes);
           rig.flush();
         }
       }},
      {"received",
       [](Rig& rig) {
         for (std::uint64_t i = 0; i < kDocuments; ++i) write(rig, 1, id_of(i), kTextBytes);
         rig.flush();
         rig.connect(0, 1);
         rig.settle();
       }},
      {"edited while open",
       [](Rig& rig) {
         for (std::uint64_t i = 0; i < kDocuments; ++i) write(rig, 0, id_of(i), 10);
         for (int round = 0; round < 8; ++round)
           for (std::uint64_t i = 0; i < kDocuments; ++i) {
             write(rig, 0, id_of(i), kTextBytes / 8);
             rig.flush();
           }
       }},
      {"watched",
       [&](Rig& rig) {
         for (std::uint64_t i = 0; i < kDocuments; ++i)
           observers.push_back(rig.node(0).observe(id_of(i), [](const Patch&) {}).value());
         for (std::uint64_t i = 0; i < kDocuments; ++i) write(rig, 1, id_of(i), kTextBytes);
         rig.flush();
         rig.connect(0, 1);
         rig.settle();
       }},
      {"undone and done again",
       [](Rig& rig) {
         for (std::uint64_t i = 0; i < kDocuments; ++i) {
           write(rig, 0, id_of(i), kTextBytes);
           REQUIRE(rig.node(0).undo(id_of(i)).ok());
           rig.flush();
         }
       }},
  };
  for (const Way& way : ways) {
    const std::string name = way.name;
    CAPTURE(name);
    Rig rig(2);
    rig.options().open_bytes_max = kLimit;
    rig.start(0);
    way.grow(rig);
    rig.settle(500);
    const NodeStatus status = rig.node(0).status();
    CHECK(status.documents == kDocuments);
    CHECK(status.open_bytes <= kLimit);
    CHECK(status.open_documents < kDocuments / 2);
    const std::size_t held = held_by_node(rig, 0);
    MESSAGE(name, ": ", status.open_documents, " of ", kDocuments, " documents open, ",
            status.open_bytes >> 10, " KiB by the count, ", held >> 10, " KiB held");
    CHECK(held <= 2 * kLimit);
    observers.clear();
  }
}

TEST_CASE("who watches a document that was closed meanwhile is told of what comes") {
  Rig rig(2);
  rig.options().open_documents_max = 1;
  rig.start(0);
  int patches = 0;
  rig.set(0, id_of(1), "key", 1);
  Observer observer = rig.node(0).observe(id_of(1), [&](const Patch&) { ++patches; }).value();
  rig.connect(0, 1);
  rig.settle();
  for (std::uint64_t i = 2; i < 6; ++i) {
    rig.set(0, id_of(i), "key", 1);
    rig.settle(200);
  }
  CHECK(rig.node(0).status().open_documents == 1);
  rig.set(1, id_of(1), "key", 2);
  rig.settle(200);
  CHECK(patches == 1);
  rig.set(0, id_of(1), "key", 3);
  CHECK(patches == 2);
}

}  // namespace
}  // namespace weft::test
