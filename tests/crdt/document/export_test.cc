// What is exported can be loaded: bundles are cut so that a reader's limits hold for each.

#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "crdt/delta/bundle_limits.h"
#include "crdt/delta/codec.h"
#include "crdt/delta/history_file.h"
#include "crdt/document/document.h"
#include "tests/support/random.h"

namespace weft::test {
namespace {

DocumentOptions small_options(std::uint64_t replica) {
  DocumentOptions options;
  options.replica = {replica};
  options.id.bytes.fill(5);
  options.limits.input_bytes = 64 << 10;
  options.limits.unpacked_bytes = 256 << 10;
  return options;
}

std::string random_text(Random& random, std::size_t size) {
  std::string text;
  for (std::size_t i = 0; i < size; ++i) text += static_cast<char>(' ' + random.below(94));
  return text;
}

void add_text(Document& document, const std::string& key, const std::string& text) {
  document
      .transact([&](Transaction& tx) { return tx.root().ensure_text(key).insert(utf8(0), text); })
      .value();
}

/// Exports, loads with the same limits, compares. @return  how many bundles it took
std::size_t check_export(const Document& document) {
  const Result<Bytes> file = document.export_history();
  REQUIRE_MESSAGE(file.ok(), file.error().message());
  Result<Document> loaded = Document::open_file(*file, small_options(99));
  REQUIRE_MESSAGE(loaded.ok(), loaded.error().message());
  CHECK(loaded->version() == document.version());
  CHECK(loaded->snapshot() == document.snapshot());
  const VersionVector version = document.version();
  for (const VersionVector::Entry& entry : version.entries())
    CHECK(loaded->chain(entry.replica) == document.chain(entry.replica));
  return decode_history_file(*file)->bundles.size();
}

TEST_CASE("a history of more than one bundle may hold is exported in several, and loads") {
  Random random(3);
  Document a = Document::create(small_options(1));
  Document b = a.fork({2});
  for (int i = 0; i < 30; ++i) {
    add_text(a, "a" + std::to_string(i),
             random_text(random, 5'000 + 1'000 * static_cast<std::size_t>(i)));
    add_text(b, "b" + std::to_string(i), random_text(random, 700));
  }
  for (const Bytes& delta : b.deltas_since(a.version()).value()) a.apply(delta).value();
  CHECK(check_export(a) >= 10);
}

TEST_CASE("typing is cut between deltas, wherever a run of them is too large") {
  Random random(4);
  Document document = Document::create(small_options(1));
  add_text(document, "t", "x");
  for (int i = 0; i < 200; ++i) {
    const std::string text = random_text(random, 1'000);
    document
        .transact([&](Transaction& tx) {
          return tx.text("/t")->insert(utf8(1 + 1'000 * static_cast<std::size_t>(i)), text);
        })
        .value();
  }
  CHECK(check_export(document) >= 4);
}

TEST_CASE("a small history stays one bundle a writer") {
  Random random(5);
  Document document = Document::create(small_options(1));
  for (int i = 0; i < 10; ++i)
    add_text(document, "t" + std::to_string(i), random_text(random, 100));
  CHECK(check_export(document) == 1);
}

TEST_CASE("many small deltas with messages are counted with them") {
  Random random(6);
  Document document = Document::create(small_options(1));
  for (int i = 0; i < 60; ++i) {
    TransactionOptions options;
    options.message = random_text(random, 4'000);
    document.transact(options, [&](Transaction& tx) { return tx.root().set("k", i); }).value();
  }
  CHECK(check_export(document) >= 4);
}

}  // namespace
}  // namespace weft::test
