// One LMDB environment: what is tried again, a map that grows, entries by a list of keys.

#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <lmdb.h>

#include "storage/lmdb/backoff.h"
#include "storage/lmdb/environment.h"
#include "tests/support/folder.h"
#include "tests/support/skip.h"

namespace weft::test {
namespace {

TEST_CASE("what passes is tried again with growing pauses, damage never") {
  for (int code : {EAGAIN, EBUSY, MDB_READERS_FULL, MDB_MAP_RESIZED}) {
    int attempts = 0;
    CHECK(lmdb::retry_transient([&] { return ++attempts < 4 ? code : 0; }) == 0);
    CHECK(attempts == 4);
  }
  int attempts = 0;
  CHECK(lmdb::retry_transient([&] { return ++attempts, EBUSY; }) == EBUSY);
  CHECK(attempts == 10);
  for (int code : {MDB_CORRUPTED, MDB_PAGE_NOTFOUND, MDB_PANIC, EIO, ENOSPC}) {
    attempts = 0;
    CHECK(lmdb::retry_transient([&] { return ++attempts, code; }) == code);
    CHECK(attempts == 1);
  }
}

TEST_CASE("a map that another process made larger is taken over") {
  Folder folder;
  lmdb::Environment::Options options;
  options.folder = folder.path() + "/e";
  options.databases = {{"a", lmdb::Environment::Keys::kNumbers}};
  options.is_only_writer = false;
  options.map_bytes = 64 << 10;
  auto environment = lmdb::Environment::open(options);
  REQUIRE(environment.ok());
  auto put = [](lmdb::Environment& to, lmdb::Key key) {
    return to.write([&](lmdb::Writing& writing) { return writing.put(0, key, Bytes(8000)); });
  };
  REQUIRE(put(**environment, 1).ok());
  const pid_t child = fork();
  if (child == 0) {
    auto other = lmdb::Environment::open(options);
    if (!other.ok()) _exit(2);
    for (lmdb::Key key = 100; key < 200; ++key)
      if (!put(**other, key).ok()) _exit(3);
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  REQUIRE(WIFEXITED(status));
  REQUIRE(WEXITSTATUS(status) == 0);
  int count = 0;
  REQUIRE((*environment)
              ->read([&](const lmdb::Reading& reading) {
                return reading.each(0, 0, [&](lmdb::Key, ByteSpan) { return ++count > 0; });
              })
              .ok());
  CHECK(count == 101);
  CHECK(put(**environment, 2).ok());
}

/// What goes wrong on a disk of 4 MB of its own, in a process of its own: "" nothing. nullopt: there is no such disk.
std::optional<std::string> on_small_disk(
    const std::function<std::string(const std::string&)>& body) {
  constexpr int kNoDisk = 3;
  Folder folder;
  int pipes[2];
  REQUIRE(pipe(pipes) == 0);
  const pid_t child = fork();
  if (child == 0) {
    if ((unshare(CLONE_NEWNS) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) ||
        mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        mount("none", folder.path().c_str(), "tmpfs", 0, "size=4m") != 0)
      _exit(kNoDisk);
    const std::string fault = body(folder.path());
    _exit(write(pipes[1], fault.data(), fault.size()) == static_cast<ssize_t>(fault.size()) ? 0
                                                                                            : 1);
  }
  close(pipes[1]);
  std::string fault;
  char part[256];
  for (ssize_t size; (size = read(pipes[0], part, sizeof part)) > 0;)
    fault.append(part, static_cast<std::size_t>(size));
  close(pipes[0]);
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  if (WIFEXITED(status) && WEXITSTATUS(status) == kNoDisk) return std::nullopt;
  if (fault.empty() && (!WIFEXITED(status) || WEXITSTATUS(status) != 0)) fault = "it died";
  return fault;
}

// Emptying the trash has to work where nothing else does.
TEST_CASE("on a full disk what is kept back is there for giving records up") {
  constexpr lmdb::Key kRecords = 100;
  const auto fault = on_small_disk([](const std::string& disk) -> std::string {
    lmdb::Environment::Options options;
    options.folder = disk + "/log";
    options.databases = {{"a", lmdb::Environment::Keys::kNumbers}};
    const auto fill = [](lmdb::Writing& writing) -> Status {
      for (lmdb::Key key = 1; key <= kRecords; ++key)
        WEFT_TRY(writing.put(0, key, Bytes(8'000, std::byte(key))));
      return {};
    };
    const auto empty = [](lmdb::Writing& writing) -> Status {
      for (lmdb::Key key = 1; key <= kRecords; ++key) WEFT_TRY(writing.erase(0, key));
      return {};
    };
    {
      auto environment = lmdb::Environment::open(options);
      if (!environment.ok()) return environment.error().message();
      if (Status done = (*environment)->write(fill); !done.ok()) return done.error().message();
    }
    std::ofstream full(disk + "/full", std::ios::binary);
    for (const std::string block(4'096, 'x'); full.write(block.data(), 4'096) && full.flush();) {
    }
    auto environment = lmdb::Environment::open(options);
    if (!environment.ok()) return "it does not open: " + environment.error().message();
    Status refused = (*environment)->write(fill);
    if (refused.ok() || refused.error().code() != ErrorCode::kDiskFull) return "a write gets room";
    refused = (*environment)->write(empty);
    if (refused.ok() || refused.error().code() != ErrorCode::kDiskFull) return "so does any other";
    Status done = (*environment)->write(empty, lmdb::Room::kKept);
    if (!done.ok()) return "giving up does not: " + done.error().message();
    std::size_t left = 0;
    done = (*environment)->read([&](const lmdb::Reading& reading) {
      return reading.each(0, 0, [&](lmdb::Key, ByteSpan) { return ++left > 0; });
    });
    return done.ok() && left == 0 ? "" : "records are left";
  });
  if (!fault) return test::skip("a full disk, which needs mounts");
  CHECK(*fault == "");
}

// A stranger put a backup in the place of a store that a peer had open: what it wrote then went with the old files.
TEST_CASE("nothing is written where the file was replaced or overwritten") {
  for (const int way : {0, 1, 2, 3}) {  // renamed over; copied over after 3, 4, 5 commits
    CAPTURE(way);
    const bool is_overwritten = way > 0;
    Folder folder;
    lmdb::Environment::Options options;
    options.folder = folder.path() + "/e";
    options.databases = {{"a", lmdb::Environment::Keys::kNumbers}};
    const std::string file = options.folder + "/data.mdb";
    const std::string saved = folder.path() + "/saved.mdb";
    auto environment = lmdb::Environment::open(options);
    REQUIRE(environment.ok());
    const auto put = [&](lmdb::Key key) {
      return (*environment)->write([&](lmdb::Writing& writing) {
        return writing.put(0, key, Bytes(8));
      });
    };
    REQUIRE(put(1).ok());
    REQUIRE((*environment)->copy_to(saved).ok());
    for (lmdb::Key key = 2; key <= static_cast<lmdb::Key>(2 + way); ++key) REQUIRE(put(key).ok());
    if (is_overwritten) {
      std::ifstream from(saved, std::ios::binary);
      std::ofstream to(file, std::ios::binary);  // as `cp` does
      to << from.rdbuf();
    } else {
      REQUIRE(std::rename(saved.c_str(), file.c_str()) == 0);
    }
    const Status refused = put(9);
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().code() == ErrorCode::kIoError);
  }
}

TEST_CASE("a list of keys is read in its order, up to the first that is missing") {
  Folder folder;
  lmdb::Environment::Options options;
  options.folder = folder.path();
  options.databases = {{"a", lmdb::Environment::Keys::kNumbers}};
  auto environment = lmdb::Environment::open(options);
  REQUIRE(environment.ok());
  REQUIRE((*environment)
              ->write([](lmdb::Writing& writing) -> Status {
                for (lmdb::Key key = 1; key < 600; ++key)  // over several pages
                  if (key % 10 != 0)
                    WEFT_TRY(writing.put(0, key, Bytes(8 * (1 + key % 5), std::byte(key % 251))));
                return {};
              })
              .ok());
  const auto read = [&](const std::vector<lmdb::Key>& keys, std::size_t count_max) {
    std::size_t count = 0;
    const Status status = (*environment)->read([&](const lmdb::Reading& reading) {
      return reading.each_of(0, keys, [&](ByteSpan value) {
        if (count == count_max) return false;
        const lmdb::Key key = keys[count++];
        CHECK(value.size() == 8 * (1 + key % 5));
        CHECK(value[0] == std::byte(key % 251));
        return true;
      });
    });
    CHECK(status.ok());
    return count;
  };
  CHECK(read({}, 99) == 0);
  CHECK(read({5, 6, 7, 31, 32, 33, 2, 3, 599}, 99) == 9);
  CHECK(read({5, 6, 7, 31}, 2) == 2);
  CHECK(read({8, 9, 10, 11}, 99) == 2);
  CHECK(read({8, 9, 20, 21}, 99) == 2);
  CHECK(read({598, 599, 600}, 99) == 2);
  CHECK(read({600}, 99) == 0);
  std::vector<lmdb::Key> most;
  for (lmdb::Key key = 599; key > 0; --key)
    if (key % 10 != 0) most.push_back(key);
  CHECK(read(most, most.size()) == most.size());
  std::reverse(most.begin(), most.end());
  CHECK(read(most, most.size()) == most.size());
}

TEST_CASE("the map grows where it is full") {
  Folder folder;
  lmdb::Environment::Options options;
  options.folder = folder.path();
  options.databases = {{"a", lmdb::Environment::Keys::kNumbers}};
  options.map_bytes = 64 << 10;
  auto environment = lmdb::Environment::open(options);
  REQUIRE(environment.ok());
  const Bytes value(8000);
  for (lmdb::Key key = 0; key < 100; ++key)
    REQUIRE((*environment)
                ->write([&](lmdb::Writing& writing) { return writing.put(0, key, value); })
                .ok());
  CHECK((*environment)->file_bytes() > 800'000);
}

/// More often than there are slots of readers.
constexpr int kThrows = 300;

struct Thrown {};

template <typename Function>
void check_throws(const Function& function) {
  bool has_thrown = false;
  try {
    (void)function();
  } catch (const Thrown&) {
    has_thrown = true;
  }
  CHECK(has_thrown);
}

TEST_CASE("a reader that throws leaves no slot behind and keeps no pages") {
  Folder folder;
  lmdb::Environment::Options options;
  options.folder = folder.path();
  options.databases = {{"a"}, {"b", lmdb::Environment::Keys::kBytes}};
  auto environment = lmdb::Environment::open(options).value();
  const auto write = [&] {
    return environment->write([](lmdb::Writing& writing) -> Status {
      WEFT_TRY(writing.put(1, as_bytes("12345678"), Bytes(8)));
      return writing.put(0, 1, Bytes(4000));
    });
  };
  REQUIRE(write().ok());
  const std::vector<lmdb::Key> keys = {1};
  using lmdb::Reading;
  for (int i = 0; i < kThrows; ++i) {
    check_throws(
        [&] { return environment->read([](const Reading&) -> Status { throw Thrown(); }); });
    check_throws([&] {
      return environment->read([](const Reading& reading) {
        return reading.each(0, 0, [](lmdb::Key, ByteSpan) -> bool { throw Thrown(); });
      });
    });
    check_throws([&] {
      return environment->read([&](const Reading& reading) {
        return reading.each_of(0, keys, [](ByteSpan) -> bool { throw Thrown(); });
      });
    });
    check_throws([&] {
      return environment->read([](const Reading& reading) {
        return reading.each_bytes(1, [](ByteSpan, ByteSpan) -> bool { throw Thrown(); });
      });
    });
  }
  REQUIRE(write().ok());
  REQUIRE(write().ok());
  const std::vector<lmdb::Reader> readers = environment->readers();
  REQUIRE(readers.size() == 1);
  CHECK(readers[0].lag == 0);  // it looks at nothing
  CHECK(environment->read([](const Reading&) { return Status(); }).ok());
}

TEST_CASE("a writer that throws takes everything back and lets the next one write") {
  Folder folder;
  lmdb::Environment::Options options;
  options.folder = folder.path();
  options.databases = {{"a"}};
  auto environment = lmdb::Environment::open(options).value();
  using lmdb::Writing;
  REQUIRE(environment->write([](Writing& writing) { return writing.put(0, 1, Bytes(8)); }).ok());
  for (int i = 0; i < 3; ++i) {
    check_throws([&] {
      return environment->write([](Writing& writing) -> Status {
        WEFT_TRY(writing.put(0, 2, Bytes(8)));
        throw Thrown();
      });
    });
    check_throws([&] {
      return environment->write([](Writing& writing) {
        return writing.each(0, 0, [](lmdb::Key, ByteSpan) -> bool { throw Thrown(); });
      });
    });
    check_throws([&] {
      return environment->write([](Writing& writing) {
        return writing.put(0, 3, 8, [](std::byte*) { throw Thrown(); });
      });
    });
  }
  std::vector<lmdb::Key> found;
  REQUIRE(environment
              ->read([&](const lmdb::Reading& reading) {
                return reading.each(0, 0, [&](lmdb::Key key, ByteSpan) {
                  found.push_back(key);
                  return true;
                });
              })
              .ok());
  CHECK(found == std::vector<lmdb::Key>{1});
  CHECK(environment->write([](Writing& writing) { return writing.put(0, 4, Bytes(8)); }).ok());
}

}  // namespace
}  // namespace weft::test
