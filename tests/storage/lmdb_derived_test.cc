// Derived data of a store on disk: made anew where it is missing, old or damaged, and carried over beside the log.

#include <filesystem>
#include <fstream>
#include <string>

#include <doctest/doctest.h>

#include "storage/documents.h"
#include "tests/storage/lmdb_rig.h"
#include "tests/support/random.h"

namespace weft::test {
namespace {

namespace fs = std::filesystem;

TEST_CASE("derived data is made anew where it is missing, old or damaged") {
  Folder folder;
  auto store = open(options_of(folder));
  fill(*store, 0, 400);
  REQUIRE(store->catch_up().ok());
  const std::string old = read_file(folder.path() + "/derived/data.mdb");
  REQUIRE(store->set_status(sample(5, 7, 0, 1).head.document, DocumentStatus::kEvicted).ok());
  fill(*store, 400, 100, 4);
  const Answers answers = answers_of(*store);
  store.reset();
  const std::string derived = folder.path() + "/derived/data.mdb";
  const std::string sound = read_file(derived);
  auto check = [&](bool expect_fault) {
    store = open(options_of(folder));
    CHECK(store->derived_fault().empty() != expect_fault);
    CHECK(answers_of(*store) == answers);
    CHECK(store->new_identity().empty());
    store.reset();
    store = open(options_of(folder));
    CHECK(store->derived_fault().empty());
    CHECK(answers_of(*store) == answers);
    store.reset();
  };
  check(false);
  fs::remove_all(folder.path() + "/derived");
  check(false);
  std::ofstream(derived, std::ios::binary) << old;
  check(false);
  std::ofstream(derived, std::ios::binary) << std::string(30'000, 'x');
  check(true);
  std::ofstream(derived, std::ios::binary) << sound.substr(0, sound.size() / 2);
  check(true);
}

TEST_CASE("a derived value with a flipped bit is noticed at once, and answers stay right") {
  Random random(1);
  for (int round = 0; round < 60; ++round) {
    CAPTURE(round);
    Folder folder(fast_parent());
    auto store = open(options_of(folder));
    fill(*store, 0, 300, 3);
    const Answers answers = answers_of(*store);
    store.reset();
    const std::string path = folder.path() + "/derived/data.mdb";
    std::string bytes = read_file(path);
    const std::size_t at = random.below(bytes.size());
    const std::size_t bit = random.below(8);
    bytes[at] = static_cast<char>(bytes[at] ^ (1 << bit));
    std::ofstream(path, std::ios::binary) << bytes;
    store = open(options_of(folder));
    CHECK(answers_of(*store) == answers);
    fill(*store, 300, 1, 3);
    CHECK(store->info().records == answers.records + 3);
  }
}

TEST_CASE("a derived value with a flipped bit is noticed while a tail is indexed") {
  Random random(2);
  Folder folder(fast_parent());
  LmdbStore::Options options = options_of(folder);
  options.folder += "/store";
  auto store = open(options);
  fill(*store, 0, 300, 3);
  REQUIRE(store->catch_up().ok());
  fill(*store, 300, 20, 3);
  REQUIRE(store->set_status(sample(2, 7, 0, 1).head.document, DocumentStatus::kEvicted).ok());
  REQUIRE(store->catch_up().ok());
  fill(*store, 320, 20, 1);
  const Answers answers = answers_of(*store);
  fs::copy(options.folder, folder.path() + "/crashed", fs::copy_options::recursive);
  store.reset();
  const std::string path = folder.path() + "/crashed/derived/data.mdb";
  const std::string sound = read_file(path);
  const std::string id(16, '\1');  // of the document that is in the tail
  int noticed = 0;
  for (int round = 0; round < 60; ++round) {
    CAPTURE(round);
    std::string bytes = sound;
    const std::size_t offset = id.size() + random.below(40);  // in what is known of it
    const std::size_t bit = random.below(8);
    for (std::size_t at = sound.find(id); at != std::string::npos; at = sound.find(id, at + 1))
      bytes[at + offset] = static_cast<char>(bytes[at + offset] ^ (1 << bit));
    fs::remove_all(options.folder);
    fs::copy(folder.path() + "/crashed", options.folder, fs::copy_options::recursive);
    std::ofstream(options.folder + "/derived/data.mdb", std::ios::binary) << bytes;
    store = open(options);
    CHECK(store->damaged().empty());
    CHECK(answers_of(*store) == answers);
    noticed += store->derived_fault().empty() ? 0 : 1;
    store.reset();
  }
  CHECK(noticed > 50);
}

TEST_CASE("an index that is made anew in several steps keeps what was trimmed in between") {
  Folder folder(fast_parent());
  auto store = open(options_of(folder));
  const DocumentId first = sample(1, 7, 0, 1).head.document;
  fill(*store, 0, 50, 1);
  Seq seq = 0;
  for (int batch = 0; batch < 11; ++batch) {  // more than a tail holds
    std::vector<SampleRecord> records;
    for (int i = 0; i < 10'000; ++i) records.push_back(sample(2, 7, seq++, 1, 8));
    REQUIRE(store->append(views(records)).ok());
  }
  fill(*store, 50, 10, 1);
  VersionVector version;
  version.set({7}, 20);
  REQUIRE(store->trim(first, {version, Bytes(10)}).ok());
  fill(*store, 60, 10, 1);
  const Answers answers = answers_of(*store);
  CHECK(store->document(first).value()->records == 51);
  store.reset();
  fs::remove_all(folder.path() + "/derived");
  store = open(options_of(folder));
  CHECK(answers_of(*store) == answers);
  REQUIRE(store->catch_up().ok());
  CHECK(answers_of(*store) == answers);
  CHECK(store->verify()->empty());
}

TEST_CASE("the tail is carried over in the background, and answers stay the same") {
  Folder folder;
  auto store = open(options_of(folder));
  Answers before;
  for (int round = 0; round < 10; ++round) {
    fill(*store, static_cast<Seq>(round) * 50, 50);
    if (round % 3 == 0) REQUIRE(store->catch_up().ok());
    before = answers_of(*store);
    REQUIRE(store->catch_up().ok());
    CHECK(answers_of(*store) == before);
  }
  // Without the clean close: only what was not carried over is read again.
  fill(*store, 500, 3);
  before = answers_of(*store);
  fs::copy(folder.path(), folder.path() + "-copy", fs::copy_options::recursive);
  LmdbStore::Options options = options_of(folder);
  options.folder += "-copy";
  CHECK(answers_of(*open(options)) == before);
  fs::remove_all(options.folder);
}

}  // namespace
}  // namespace weft::test
