// The example of storage/README.md: a whole program, compiled and run here as it stands there.

#define main store_readme_main  // doctest has the real one

// README example: begin
#include <cstdio>

#include "storage/documents.h"
#include "storage/lmdb/lmdb_store.h"
using namespace weft;

int main(int, char** arguments) {
  LmdbStore::Options options;
  options.folder = arguments[1];
  options.create = true;
  std::unique_ptr<LmdbStore> store = LmdbStore::open(options).value();

  DocumentOptions document_options;
  document_options.replica = store->info().replica;  // whoever holds the store writes as this
  const DocumentId id{{0x62, 0x6f, 0x61, 0x72, 0x64}};
  StoredDocument board = StoredDocument::open(*store, id, document_options).value();
  board.document().transact([](Transaction& tx) { return tx.root().set("title", "CPU"); }).value();
  if (Status saved = board.save(); !saved.ok()) {  // on the disk when this returns
    std::printf("%s; %d operations wait\n", saved.error().message().c_str(),
                static_cast<int>(board.unsaved_count()));  // the next save() takes them along
    return 1;
  }
  board.save_state().value();  // a hint, so that it opens fast; save() does it now and then
  return store->close().ok() ? 0 : 1;
}
// README example: end

#undef main

#include "tests/readme/shown.h"
#include "tests/support/folder.h"

TEST_CASE("the example of storage/README.md runs and what it saved is there") {
  test::Folder folder;
  std::string name = "example";
  std::string path = folder.path() + "/boards";
  char* arguments[] = {name.data(), path.data(), nullptr};
  CHECK(store_readme_main(2, arguments) == 0);
  LmdbStore::Options options;
  options.folder = path;
  options.read_only = true;
  auto store = LmdbStore::open(options);
  REQUIRE(store.ok());
  auto documents = (*store)->documents();
  REQUIRE(documents.ok());
  REQUIRE(documents->size() == 1);
  auto board = open_latest(**store, (*documents)[0].document, {});
  REQUIRE(board.ok());
  CHECK(board->get("/title")->json() == Json("CPU"));
}

TEST_CASE("storage/README.md shows the example exactly as it is compiled here") {
  test::check_shown("storage/README.md", "tests/readme/store_example_test.cc");
}
