// Disks that refuse: no room, an error, a part of a write. What the store has acknowledged stays; what it refuses
// is not there, or there whole.

#include <cerrno>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "storage/lmdb/lmdb_store.h"
#include "tests/histories/harness.h"
#include "tests/storage/bad_disk.h"
#include "tests/storage/written.h"
#include "tests/support/folder.h"

namespace weft::test {
namespace {

constexpr std::uint64_t kForever = ~std::uint64_t{0};

/// A store on a disk that can fail, and what was written to it.
class Patient {
 public:
  Patient() : random_(first_seed()), folder_(fast_parent()), disk(folder_.path()), scope_(disk) {}

  Result<std::unique_ptr<LmdbStore>> try_open() {
    LmdbStore::Options options;
    options.folder = folder_.path() + "/store";
    options.create = true;
    return LmdbStore::open(options);
  }
  void open() {
    auto opened = try_open();
    REQUIRE_MESSAGE(opened.ok(), opened.error().message());
    store = std::move(opened).value();
  }
  /// The next batch: a keystroke, a few records, or values on pages of their own.
  void make_batch() {
    const std::uint64_t kind = random_.below(3);
    batch = kind == 0   ? written.add_batch(random_, 1, 50)
            : kind == 1 ? written.add_batch(random_, 8, 500)
                        : written.add_batch(random_, 3, 20'000);
  }
  const std::string& folder() const { return folder_.path(); }
  Status append() {
    auto result = store->append(batch);
    if (!result.ok()) return result.take_error();
    acknowledged = written.record_count();
    return {};
  }
  /// Up to the first that is refused.
  Status append_batches(int count) {
    for (int i = 0; i < count; ++i) {
      make_batch();
      WEFT_TRY(append());
    }
    return {};
  }
  void check() { CHECK(written.compare(*store, acknowledged) == ""); }
  /// On a sound disk everything acknowledged is there, and it goes on.
  void check_reopened() {
    disk.repair();
    store.reset();
    open();
    CHECK(store->damaged().empty());
    CHECK(store->verify().value().empty());
    check();
  }

 private:
  Random random_;
  Folder folder_;

 public:
  BadDisk disk;
  std::unique_ptr<LmdbStore> store;
  Written written;
  std::vector<NewRecord> batch;
  std::size_t acknowledged = 0;

 private:
  bench::FileCallScope scope_;
};

using Calls = BadDisk::Calls;

constexpr int kBatches = 8;

/// Runs `body` with the first call failing, then the second, and so on until none is left to fail.
void for_each_call(const std::function<bool(std::uint64_t good)>& body) {
  std::uint64_t good = 0;
  while (body(good)) ++good;
  CHECK(good > 0);
}

TEST_CASE("a full disk refuses a batch whole, and the store goes on when there is room") {
  for (Calls calls : {Calls::kWrites, Calls::kFlushes}) {
    for (int code : {ENOSPC, EDQUOT}) {
      for_each_call([&](std::uint64_t good) {
        CAPTURE(good);
        Patient patient;
        patient.open();
        patient.disk.fail(calls, good, kForever, {.error = code});
        Status status = patient.append_batches(kBatches);
        if (status.ok()) return false;
        CHECK(status.error().code() == ErrorCode::kDiskFull);
        for (int i = 0; i < 3; ++i) {
          status = patient.append();
          CHECK((!status.ok() && status.error().code() == ErrorCode::kDiskFull));
        }
        CHECK(patient.store->info().records == patient.acknowledged);
        patient.disk.repair();
        CHECK(patient.append().ok());  // the same bytes
        CHECK(patient.append_batches(3).ok());
        patient.check();
        patient.check_reopened();
        return true;
      });
    }
  }
}

TEST_CASE("a write or flush that fails ends the writer, and nothing acknowledged is lost") {
  for (Calls calls : {Calls::kWrites, Calls::kHeadWrites, Calls::kFlushes}) {
    for_each_call([&](std::uint64_t good) {
      CAPTURE(good);
      Patient patient;
      patient.open();
      patient.disk.fail(calls, good, 1, {.error = EIO});
      Status status = patient.append_batches(kBatches);
      if (status.ok()) return false;
      CHECK(status.error().code() == ErrorCode::kIoError);
      for (int i = 0; i < 3; ++i) {  // the disk works again; the store does not believe it
        status = patient.append();
        CHECK((!status.ok() && status.error().code() == ErrorCode::kIoError));
      }
      CHECK(patient.store->info().records == patient.acknowledged);
      status = patient.store->close();
      CHECK((!status.ok() && status.error().code() == ErrorCode::kIoError));
      patient.check_reopened();
      return true;
    });
  }
}

TEST_CASE("a write or flush that fails while something is replaced ends the writer too") {
  using Change = std::function<Status(LmdbStore&)>;
  const DocumentId document = sample(1, 7, 0, 1).head.document;
  const Change changes[] = {
      [](LmdbStore& store) { return store.take_replica().ok() ? Status() : store.flush(); },
      [&](LmdbStore& store) { return store.rewrite(document, {}, nullptr); },
      [&](LmdbStore& store) {
        return store.adopt_state(document, {{}, Bytes(9'000)});
      },
      [&](LmdbStore& store) { return store.set_status(document, DocumentStatus::kEvicted); }};
  for (const Change& change : changes) {
    for (Calls calls : {Calls::kWrites, Calls::kHeadWrites, Calls::kFlushes}) {
      for_each_call([&](std::uint64_t good) {
        CAPTURE(good);
        Patient patient;
        patient.open();
        REQUIRE(patient.append_batches(kBatches).ok());
        const StoreInfo before = patient.store->info();
        patient.disk.fail(calls, good, 1, {.error = EIO});
        Status status = change(*patient.store);
        if (status.ok()) return false;
        CHECK(status.error().code() == ErrorCode::kIoError);
        CHECK(patient.store->info().replica == before.replica);
        CHECK(patient.store->info().records == before.records);
        patient.make_batch();
        status = patient.append();  // the disk works again; the store does not believe it
        CHECK((!status.ok() && status.error().code() == ErrorCode::kIoError));
        status = change(*patient.store);
        CHECK((!status.ok() && status.error().code() == ErrorCode::kIoError));
        patient.disk.repair();
        patient.store.reset();
        patient.open();
        CHECK(patient.store->damaged().empty());
        CHECK(patient.store->verify().value().empty());
        CHECK(patient.append().ok());
        return true;
      });
    }
  }
}

TEST_CASE("a write of which a part is done is never acknowledged") {
  for (Calls calls : {Calls::kWrites, Calls::kHeadWrites}) {
    for (std::uint64_t limit : {0u, 1u, 100u, 4'096u, 5'000u}) {
      for_each_call([&](std::uint64_t good) {
        CAPTURE(limit);
        CAPTURE(good);
        Patient patient;
        patient.open();
        patient.disk.fail(calls, good, 1, {.limit = limit});
        Status status = patient.append_batches(kBatches);
        if (status.ok() && patient.disk.failed() == 0) return false;
        if (status.ok()) CHECK(limit >= 100);  // the write was not longer
        patient.check_reopened();
        return true;
      });
    }
  }
}

// A disk that gets full does the part of a write for which it has room, as ext4 and tmpfs do; LMDB calls that
// an I/O error. So room is reserved before each commit.
TEST_CASE("a disk that gets full within a write is called full") {
  for (std::uint64_t room = 0; room < 40; ++room) {
    CAPTURE(room);
    Patient patient;
    patient.open();
    FullDisk disk(patient.folder(), room * 4'096);
    {
      bench::FileCallScope scope(disk);
      Status status;
      while (status.ok()) status = patient.append_batches(1);
      REQUIRE(status.error().code() == ErrorCode::kDiskFull);
      disk.add_room(1 << 30);
      REQUIRE(patient.append().ok());
      REQUIRE(patient.append_batches(3).ok());
    }
    patient.check_reopened();
  }
}

TEST_CASE("a head that finds no room is not called corrupt") {
  Patient patient;
  patient.open();
  patient.disk.fail(Calls::kHeadWrites, 0, 1, {.error = ENOSPC});
  CHECK(!patient.append_batches(1).ok());
  Status status = patient.append();
  CHECK((status.ok() || status.error().code() != ErrorCode::kCorrupt));
}

TEST_CASE("a store that could not be opened for a failing call opens when the disk works") {
  for (int code : {EIO, ENOSPC, EACCES, EMFILE}) {
    for_each_call([&](std::uint64_t good) {
      CAPTURE(code);
      CAPTURE(good);
      Patient patient;
      patient.open();
      REQUIRE(patient.append_batches(3).ok());
      patient.store.reset();
      patient.disk.fail(Calls::kAll, good, 1, {.error = code});
      auto opened = patient.try_open();
      if (opened.ok() && patient.disk.failed() == 0) return false;
      if (!opened.ok()) {
        CHECK(opened.error().code() != ErrorCode::kCorrupt);
        CHECK(opened.error().code() != ErrorCode::kNotFound);
      }
      opened = Error(ErrorCode::kIoError, "closed");
      patient.check_reopened();
      CHECK(patient.append_batches(2).ok());
      return true;
    });
  }
}

TEST_CASE("a store that could not be made for a failing call is made when the disk works") {
  for (int code : {EIO, ENOSPC}) {
    for_each_call([&](std::uint64_t good) {
      CAPTURE(code);
      CAPTURE(good);
      Patient patient;
      patient.disk.fail(Calls::kAll, good, 1, {.error = code});
      auto opened = patient.try_open();
      if (opened.ok() && patient.disk.failed() == 0) return false;
      opened = Error(ErrorCode::kIoError, "closed");
      patient.disk.repair();
      opened = patient.try_open();
      CHECK_MESSAGE(opened.ok(), opened.error().message());
      return true;
    });
  }
}

std::unique_ptr<LmdbStore> open_at(const std::string& folder) {
  LmdbStore::Options options;
  options.folder = folder;
  options.create = true;
  return LmdbStore::open(options).value();
}

TEST_CASE("a write that a full disk refuses, once or twice, is no change from outside") {
  Folder folder(fast_parent());
  const std::string path = folder.path() + "/store";
  ReplicaId replica;
  Written written;
  Random random(first_seed());
  {
    auto store = open_at(path);
    replica = store->info().replica;
    store->append(written.add_batch(random, 4, 600)).value();
  }
  const auto batch = written.add_batch(random, 4, 20'000);
  for (int attempt = 0; attempt < 3; ++attempt) {
    CAPTURE(attempt);
    FullDisk disk(folder.path(), 0);
    bench::FileCallScope scope(disk);
    auto store = open_at(path);
    CHECK(store->new_identity() == "");
    CHECK(store->info().replica == replica);
    auto refused = store->append(batch);
    REQUIRE(!refused.ok());
    CHECK(refused.error().code() == ErrorCode::kDiskFull);
  }
  auto store = open_at(path);
  CHECK(store->new_identity() == "");
  CHECK(store->info().replica == replica);
  store->append(batch).value();
  CHECK(written.compare(*store, written.record_count()) == "");
}

}  // namespace
}  // namespace weft::test
