#include "storage/lmdb/lmdb_store.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

#include <doctest/doctest.h>

#include "tests/storage/lmdb_rig.h"
#include "tests/storage/store_contract.h"

using namespace weft;
using test::Folder;

namespace {

test::Workshop make() {
  auto folder = std::make_shared<Folder>();
  return {[folder] { return std::shared_ptr<Store>(test::open(*folder)); }, true};
}

}  // namespace

TEST_CASE("a store on disk keeps the contract of stores") { test::check_store_contract(make); }

TEST_CASE("a store on disk agrees with a model") {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) test::check_store_model(make, seed, 60);
}

TEST_CASE("many threads append to a store on disk") { test::check_store_threads(make); }

TEST_CASE("writers that come while a commit runs share the next one") {
  constexpr std::uint64_t kWriters = 32;
  Folder folder;
  LmdbStore::Options options = options_of(folder);
  LmdbStore* opened = nullptr;
  std::atomic<bool> first_is_taken = false;
  options.before_commit = [&] {  // the first commit takes until all others have come
    if (first_is_taken.exchange(true)) return;
    while (opened->waiting_count() + 1 < kWriters) std::this_thread::yield();
  };
  auto store = LmdbStore::open(options);
  REQUIRE(store.ok());
  opened = store->get();
  std::vector<std::thread> threads;
  auto write = [&](std::uint64_t writer) {
    threads.emplace_back(
        [opened, writer] { (void)append_one(*opened, test::sample(1, writer, 0, 1)); });
  };
  write(1);
  while (!first_is_taken) std::this_thread::yield();
  for (std::uint64_t writer = 2; writer <= kWriters; ++writer) write(writer);
  for (std::thread& thread : threads) thread.join();
  CHECK(opened->info().records == kWriters);
  CHECK(opened->commit_count() == 2);
}

TEST_CASE("where there is no store none is made unasked") {
  Folder folder;
  LmdbStore::Options options = options_of(folder);
  options.create = false;
  auto store = LmdbStore::open(options);
  REQUIRE(!store.ok());
  CHECK(store.error().code() == ErrorCode::kNotFound);
  CHECK(std::filesystem::is_empty(folder.path()));
}

TEST_CASE("identity and epoch stay, and every opening for writing has a number of its own") {
  Folder folder;
  StoreInfo first = open(folder)->info();
  StoreInfo second = open(folder)->info();
  CHECK(second.replica == first.replica);
  CHECK(second.epoch == first.epoch);
  CHECK(second.format == 3);
  REQUIRE(first.incarnations.size() == 1);
  REQUIRE(second.incarnations.size() == 2);
  CHECK(second.incarnations[0] == first.incarnations[0]);
  CHECK(second.incarnations[1] != first.incarnations[0]);
  for (int i = 0; i < 70; ++i) open(folder);
  CHECK(open(folder)->info().incarnations.size() == 64);
}

TEST_CASE("a second writer is refused and told who has it") {
  Folder folder;
  auto store = open(folder);
  auto second = LmdbStore::open(options_of(folder));
  REQUIRE(!second.ok());
  CHECK(second.error().code() == ErrorCode::kInUse);
  CHECK(second.error().context().find(std::to_string(getpid())) != std::string::npos);
  store.reset();
  CHECK(LmdbStore::open(options_of(folder)).ok());
}

TEST_CASE("a file that is no LMDB file is refused, and one that was cut off does not crash") {
  Folder folder;
  {
    auto store = open(folder);
    for (Seq i = 0; i < 50; ++i) REQUIRE(append_one(*store, test::sample(1, 7, i, 1, 3000)).ok());
  }
  std::string data = folder.path() + "/log/data.mdb";
  auto size = std::filesystem::file_size(data);
  for (std::uintmax_t kept : {size / 2, size / 4, std::uintmax_t{3 * 4096}}) {
    CAPTURE(kept);
    std::filesystem::resize_file(data, kept);
    auto store = LmdbStore::open(options_of(folder));
    if (!store.ok()) {
      CHECK(store.error().code() == ErrorCode::kCorrupt);
      continue;
    }
    auto bad = (*store)->verify();
    CHECK((!bad.ok() || !bad->empty() || !(*store)->damaged().empty()));
  }
  std::ofstream(data, std::ios::trunc) << std::string(20'000, 'x');
  auto store = LmdbStore::open(options_of(folder));
  REQUIRE(!store.ok());
  CHECK(store.error().code() == ErrorCode::kCorrupt);
}

TEST_CASE("a record that is damaged on disk is named, and the others stay usable") {
  Folder folder;
  test::SampleRecord marked = test::sample(1, 7, 20, 1, 64);
  {
    auto store = open(folder);
    for (Seq i = 0; i < 40; ++i) REQUIRE(append_one(*store, test::sample(1, 7, i, 1, 64)).ok());
  }
  std::string data = folder.path() + "/log/data.mdb";
  std::string file;
  {
    std::ifstream in(data, std::ios::binary);
    file.assign(std::istreambuf_iterator<char>(in), {});
  }
  std::string payload(as_text(marked.payload));
  int damaged = 0;
  for (std::size_t at = file.find(payload); at != std::string::npos;
       at = file.find(payload, at + 1), ++damaged)
    file[at + 5] = static_cast<char>(file[at + 5] ^ 16);  // old pages may hold copies
  REQUIRE(damaged > 0);
  std::ofstream(data, std::ios::binary) << file;
  std::filesystem::remove_all(folder.path() + "/derived");
  auto store = open(folder);
  REQUIRE(store->damaged().size() == 1);
  CHECK(store->damaged()[0].position == 21);
  auto bad = store->verify();
  REQUIRE(bad.ok());
  REQUIRE(bad->size() == 1);
  CHECK((*bad)[0].position == 21);
  CHECK(store->documents().value()[0].version.end({7}) == 20);
  CHECK(store->info().records == 39);
  // What was lost can be stored again, as it comes back from a peer.
  REQUIRE(append_one(*store, marked).ok());
  CHECK(store->documents().value()[0].version.end({7}) == 40);
}
