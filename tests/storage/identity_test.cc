// Who a store writes as: the same replica as before where nothing speaks against it, and another one
// wherever the same dots could be minted twice.

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <utility>

#include <doctest/doctest.h>

#include "storage/documents.h"
#include "storage/lmdb/lmdb_store.h"
#include "storage/lmdb/salvage.h"
#include "tests/support/folder.h"

namespace weft::test {
namespace {

namespace fs = std::filesystem;

const DocumentId kBoard{{7}};

/// Opens stores, edits a document in each, and remembers every dot that was ever minted, with its content.
class Devices {
 public:
  std::string path(const std::string& name) const { return folder_.path() + "/" + name; }

  std::unique_ptr<LmdbStore> open(const std::string& name, bool relaxed = false) {
    LmdbStore::Options options;
    options.folder = path(name);
    options.create = true;
    options.relaxed = relaxed;
    auto store = LmdbStore::open(options);
    REQUIRE_MESSAGE(store.ok(), store.error().message());
    return std::move(store).value();
  }

  /// Writes some text that is written nowhere else.
  void edit(LmdbStore& store) {
    DocumentOptions options;
    options.replica = store.info().replica;
    auto document = StoredDocument::open(store, kBoard, options, StoredDocument::History::kWhole);
    REQUIRE_MESSAGE(document.ok(), document.error().message());
    for (int i = 0; i < 3; ++i) {
      auto commit = document->document().transact([&](Transaction& tx) {
        return tx.root().set("k", static_cast<std::int64_t>(++written_));
      });
      REQUIRE(commit.ok());
      const Bytes delta(commit->delta.begin(), commit->delta.end());
      auto [known, is_new] = minted_.emplace(commit->first, delta);
      CHECK_MESSAGE(is_new, to_string(commit->first), " was minted twice");
    }
    Status saved = document->save();
    REQUIRE_MESSAGE(saved.ok(), saved.error().message());
  }

  ReplicaId edit(const std::string& name) {
    auto store = open(name);
    edit(*store);
    return store->info().replica;
  }

  void copy(const std::string& from, const std::string& to) const {
    fs::copy(path(from), path(to),
             fs::copy_options::recursive | fs::copy_options::overwrite_existing);
  }

 private:
  Folder folder_;
  int written_ = 0;
  std::map<Dot, Bytes> minted_;
};

TEST_CASE("a store that is closed and opened writes as the same replica") {
  Devices devices;
  const ReplicaId first = devices.edit("a");
  for (int i = 0; i < 3; ++i) CHECK(devices.edit("a") == first);
  CHECK(devices.open("a")->new_identity().empty());
}

TEST_CASE("a store whose folder is renamed writes as the same replica") {
  Devices devices;
  const ReplicaId first = devices.edit("a");
  fs::rename(devices.path("a"), devices.path("b"));
  CHECK(devices.edit("b") == first);
}

TEST_CASE(
    "a copy of a store beside its original writes as another replica, the original as before") {
  Devices devices;
  const ReplicaId first = devices.edit("a");
  devices.copy("a", "b");
  auto copy = devices.open("b");
  CHECK(copy->new_identity().find("copied") != std::string::npos);
  CHECK(copy->info().replica != first);
  auto original = devices.open("a");
  CHECK(original->info().replica == first);
  CHECK(original->info().epoch != copy->info().epoch);
  for (int i = 0; i < 3; ++i) {
    devices.edit(*original);
    devices.edit(*copy);
  }
  copy.reset();
  CHECK(devices.open("b")->new_identity().empty());  // it has settled
}

TEST_CASE("a store that is put back in place writes as another replica") {
  Devices devices;
  const ReplicaId first = devices.edit("a");
  devices.copy("a", "backup");
  CHECK(devices.edit("a") == first);
  SUBCASE("as a new folder") {
    fs::remove_all(devices.path("a"));
    fs::rename(devices.path("backup"), devices.path("a"));
  }
  SUBCASE("into the same files") { devices.copy("backup", "a"); }
  SUBCASE("the log alone, into the same file") { devices.copy("backup/log", "a/log"); }
  auto store = devices.open("a");
  CHECK(!store->new_identity().empty());
  CHECK(store->info().replica != first);
  for (int i = 0; i < 3; ++i) devices.edit(*store);
}

TEST_CASE("a backup that is taken while the store is open writes as another replica") {
  Devices devices;
  auto store = devices.open("a");
  devices.edit(*store);
  REQUIRE(store->backup(devices.path("b")).ok());
  devices.edit(*store);
  const ReplicaId first = store->info().replica;
  auto backup = devices.open("b");
  CHECK(backup->info().replica != first);
  CHECK(backup->version(kBoard).end(first) == 3);
  for (int i = 0; i < 3; ++i) {
    devices.edit(*store);
    devices.edit(*backup);
  }
  CHECK(store->backup(devices.path("b")).error().code() == ErrorCode::kInvalidArgument);
}

TEST_CASE("what was salvaged writes as another replica") {
  Devices devices;
  const ReplicaId first = devices.edit("a");
  auto report = salvage(devices.path("a"), devices.path("b"), [n = 50]() mutable { return ++n; });
  REQUIRE_MESSAGE(report.ok(), report.error().message());
  CHECK(report->records == 3);
  CHECK(devices.edit("b") != first);
  CHECK(devices.edit("a") == first);
}

TEST_CASE("a store that was shrunk writes as the same replica") {
  Devices devices;
  auto store = devices.open("a");
  devices.edit(*store);
  REQUIRE(store->shrink().ok());
  devices.edit(*store);
  const ReplicaId first = store->info().replica;
  store.reset();
  CHECK(devices.edit("a") == first);
}

/// Damages the last thing that was written, as a disk does: nobody notes that the file was changed.
void let_rot(const std::string& store, const std::string& text) {
  std::fstream file(store + "/log/data.mdb", std::ios::binary | std::ios::in | std::ios::out);
  const std::string bytes((std::istreambuf_iterator<char>(file)), {});
  REQUIRE(bytes.find(text) != std::string::npos);
  for (std::size_t at = bytes.find(text); at != std::string::npos; at = bytes.find(text, at + 1)) {
    file.seekp(static_cast<std::streamoff>(at));
    file << '!';
  }
  file.close();
  fs::remove(store + "/closed");
}

TEST_CASE("a store that lost own operations to damage writes as another replica") {
  Devices devices;
  auto store = devices.open("a");
  const ReplicaId first = store->info().replica;
  DocumentOptions options;
  options.replica = first;
  {
    auto document = StoredDocument::open(*store, DocumentId{{9}}, options);
    REQUIRE(document.ok());
    for (const char* text : {"some text", "the last words"}) {
      auto commit =
          document->document().transact([&](Transaction& tx) { return tx.root().set("k", text); });
      REQUIRE(commit.ok());
    }
    REQUIRE(document->save().ok());
  }
  store.reset();
  let_rot(devices.path("a"), "the last words");
  SUBCASE("that is noticed at open") {
    fs::remove_all(devices.path("a") + "/derived");
    store = devices.open("a");
    CHECK(store->info().replica != first);
    CHECK(store->info().incarnations.size() == 1);
  }
  SUBCASE("that is noticed later") {
    store = devices.open("a");
    CHECK(store->info().replica == first);
    CHECK(open_document(*store, DocumentId{{9}}, options).error().code() == ErrorCode::kCorrupt);
    auto document = StoredDocument::open(*store, DocumentId{{9}}, options);
    REQUIRE(document.ok());
    CHECK(document->document().get("/k")->json() == Json("some text"));
    auto commit = document->document().transact(
        [&](Transaction& tx) { return tx.root().set("k", "a dot that was used before"); });
    REQUIRE(commit.ok());
    CHECK(document->save().error().code() == ErrorCode::kForkedReplica);
    store.reset();
    store = devices.open("a");
    CHECK(store->info().replica != first);
    CHECK(!store->new_identity().empty());
  }
  devices.edit(*store);
  const ReplicaId second = store->info().replica;
  store.reset();
  CHECK(devices.open("a")->info().replica == second);  // it has settled
}

TEST_CASE("a relaxed store that was closed writes as the same replica, after a crash as another") {
  Devices devices;
  auto store = devices.open("a", true);
  const ReplicaId first = store->info().replica;
  devices.edit(*store);
  store.reset();
  store = devices.open("a", true);
  CHECK(store->info().replica == first);
  devices.edit(*store);
  REQUIRE(store->flush().ok());
  devices.copy("a", "crashed");  // as it lies there while it is open
  store.reset();
  fs::remove_all(devices.path("a"));
  fs::rename(devices.path("crashed"), devices.path("a"));
  store = devices.open("a");
  CHECK(store->info().replica != first);
  devices.edit(*store);
}

}  // namespace
}  // namespace weft::test
