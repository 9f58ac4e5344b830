// Backups: durable on return, whole or not there, and nothing left of one that failed.

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <string>

#include <doctest/doctest.h>

#include "storage/lmdb/lmdb_store.h"
#include "storage/lmdb/salvage.h"
#include "tests/histories/harness.h"
#include "tests/storage/bad_disk.h"
#include "tests/storage/disk_model.h"
#include "tests/storage/lmdb_rig.h"
#include "tests/support/folder.h"
#include "tests/support/random.h"

namespace weft::test {
namespace {

namespace fs = std::filesystem;

LmdbStore::Options existing(const std::string& folder) {
  LmdbStore::Options options;
  options.folder = folder;
  return options;
}

/// A recording of `make`, which puts a store into the folder that it gets; marked with 1 once that is done.
std::vector<DiskEvent> record(const std::function<void(const std::string& root)>& make) {
  Folder folder(fast_parent());
  DiskRecorder recorder(folder.path());
  {
    bench::FileCallScope scope(recorder);
    make(folder.path());
    recorder.mark(1);
  }
  return recorder.events();
}

/// At each cut: `made` is not there or whole, and after the mark it is there.
void check_cuts(const std::vector<DiskEvent>& events, DiskModel::Names names,
                std::uint64_t records) {
  Random random(first_seed());
  DiskModel::Options options;
  options.names = names;
  DiskModel model(events, options);
  for (std::size_t cut = 0; cut <= events.size(); ++cut) {
    CAPTURE(cut);
    model.advance(cut);
    Folder image(fast_parent());
    model.build(random, image.path());
    const std::string made = image.path() + "/made";
    if (!fs::exists(made)) {
      REQUIRE(model.mark() == 0);
      continue;
    }
    auto store = LmdbStore::open(existing(made));
    REQUIRE_MESSAGE(store.ok(), store.error().message());
    CHECK((*store)->info().records == records);
    CHECK((*store)->verify()->empty());
  }
}

TEST_CASE(
    "a backup and a salvaged store survive power cuts: whole or not there, and there on return") {
  Folder folder(fast_parent());
  const std::string path = folder.path() + "/store";
  auto store = open(options_of(path));
  fill(*store, 0, 30);
  for (const DiskModel::Names names : {DiskModel::Names::kJournaled, DiskModel::Names::kStrict})
    check_cuts(record([&](const std::string& root) {
                 const Status done = store->backup(root + "/made");
                 REQUIRE_MESSAGE(done.ok(), done.error().message());
               }),
               names, 150);
  store.reset();
  for (const DiskModel::Names names : {DiskModel::Names::kJournaled, DiskModel::Names::kStrict})
    check_cuts(record([&](const std::string& root) {
                 REQUIRE(salvage(path, root + "/made", [] { return 7; }).ok());
               }),
               names, 150);
}

TEST_CASE("a backup or salvage that fails, at whatever call, leaves nothing behind") {
  Folder folder(fast_parent());
  const std::string path = folder.path() + "/store";
  auto store = open(options_of(path));
  fill(*store, 0, 30);
  for (const bool salvages : {false, true}) {
    CAPTURE(salvages);
    if (salvages) store.reset();
    std::uint64_t failed = 0;
    for (std::uint64_t good = 0;; ++good) {
      CAPTURE(good);
      Folder target(fast_parent());
      BadDisk disk(target.path());
      Status done;
      {
        bench::FileCallScope scope(disk);
        disk.fail(BadDisk::Calls::kAll, good, 1, bench::Verdict{.error = ENOSPC});
        if (salvages) {
          Result<SalvageReport> report = salvage(path, target.path() + "/made", [] { return 7; });
          if (!report.ok()) done = report.take_error();
        } else {
          done = store->backup(target.path() + "/made");
        }
      }
      if (disk.failed() == 0) break;
      ++failed;
      if (done.ok()) continue;  // a call whose failure does no harm
      CHECK(fs::is_empty(target.path()));
    }
    CHECK(failed > 3);
  }
}

TEST_CASE("what a killed backup has left goes with the next one; what is not its own stays") {
  Folder folder;
  auto store = open(options_of(folder.path() + "/store"));
  fill(*store, 0, 3);
  fs::create_directories(folder.path() + "/monday.unfinished/log");
  std::ofstream(folder.path() + "/monday.unfinished/log/data.mdb") << "half";
  fs::create_directories(folder.path() + "/mine.unfinished");
  std::ofstream(folder.path() + "/mine.unfinished/notes.txt") << "not weft's";
  REQUIRE(store->backup(folder.path() + "/tuesday").ok());
  CHECK(!fs::exists(folder.path() + "/monday.unfinished"));
  CHECK(fs::exists(folder.path() + "/mine.unfinished/notes.txt"));
  CHECK(store->backup(folder.path() + "/mine").error().code() == ErrorCode::kInUse);
  CHECK(fs::exists(folder.path() + "/mine.unfinished/notes.txt"));
}

}  // namespace
}  // namespace weft::test
