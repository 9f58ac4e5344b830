#include "bench/harness/file_calls.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "storage/lmdb/lmdb_store.h"
#include "tests/support/folder.h"

using namespace weft;
using bench::FileCall;
using bench::FileCallInfo;

namespace {

struct Seen {
  FileCall call;
  std::string path;
  std::string target;
  std::uint64_t offset;
  std::uint64_t size;
  Bytes data;
  bool is_flush;
  std::int64_t result;
};

/// Keeps what it sees below a folder, and decides as it is told.
class Recorder final : public bench::FileCallObserver {
 public:
  explicit Recorder(std::string folder) : folder_(std::move(folder)) {}
  bench::Verdict before(const FileCallInfo& info) override {
    if (!info.path.starts_with(folder_)) return {};
    return decide ? decide(info) : bench::Verdict();
  }
  void after(const FileCallInfo& info, std::int64_t result, std::uint64_t) override {
    if (!info.path.starts_with(folder_)) return;
    std::lock_guard lock(mutex_);
    seen.push_back({info.call, std::string(info.path.substr(folder_.size())),
                    std::string(info.target), info.offset, info.size, info.bytes(), info.is_flush,
                    result});
  }
  std::function<bench::Verdict(const FileCallInfo&)> decide;
  std::vector<Seen> seen;

 private:
  std::string folder_;
  std::mutex mutex_;
};

std::size_t count(const std::vector<Seen>& seen, FileCall call, bool is_flush) {
  std::size_t found = 0;
  for (const Seen& each : seen) found += each.call == call && each.is_flush == is_flush ? 1u : 0u;
  return found;
}

}  // namespace

TEST_CASE("an append to a store costs one flush and one synchronous write of its log") {
  test::Folder folder;
  LmdbStore::Options options;
  options.folder = folder.path();
  options.create = true;
  auto store = LmdbStore::open(options).value();
  NewRecord record;
  record.op_count = 1;
  REQUIRE(store->append({&record, 1}).ok());  // the first of an opening may write more
  record.first_seq = 1;
  record.payload = as_bytes("what is stored is what is written");
  Recorder recorder(folder.path() + "/log/data.mdb");
  {
    bench::FileCallScope scope(recorder);
    REQUIRE(store->append({&record, 1}).ok());
  }
  CHECK(count(recorder.seen, FileCall::kSync, true) == 1);
  CHECK(count(recorder.seen, FileCall::kWrite, true) == 1);
  CHECK(count(recorder.seen, FileCall::kWrite, false) >= 1);
  bool payload_seen = false;
  for (const Seen& each : recorder.seen)
    payload_seen =
        payload_seen || as_text(each.data).find("what is stored is what") != std::string::npos;
  CHECK(payload_seen);
}

TEST_CASE("every call is told with its file, place, size and bytes") {
  test::Folder folder;
  Recorder recorder(std::filesystem::canonical(folder.path()).string());
  const std::string path = folder.path() + "/a";
  {
    bench::FileCallScope scope(recorder);
    REQUIRE(mkdir((folder.path() + "/b").c_str(), 0700) == 0);
    int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    REQUIRE(::write(file, "abc", 3) == 3);
    iovec pieces[2] = {{const_cast<char*>("de"), 2}, {const_cast<char*>("f"), 1}};
    REQUIRE(::writev(file, pieces, 2) == 3);
    REQUIRE(::pwrite(file, "X", 1, 100) == 1);
    REQUIRE(::fdatasync(file) == 0);
    REQUIRE(::ftruncate(file, 4) == 0);
    REQUIRE(::posix_fallocate(file, 2, 5) == 0);
    REQUIRE(std::rename(path.c_str(), (folder.path() + "/b/c").c_str()) == 0);
    REQUIRE(::fsync(file) == 0);
    REQUIRE(::unlink((folder.path() + "/b/c").c_str()) == 0);
    ::close(file);
    file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_DSYNC | O_APPEND | O_CLOEXEC, 0600);
    REQUIRE(::write(file, "12", 2) == 2);
    REQUIRE(::write(file, "3", 1) == 1);
    ::close(file);
  }
  REQUIRE(::unlink(path.c_str()) == 0);  // nobody looks any more
  struct Expected {
    FileCall call;
    const char* path;
    std::uint64_t offset;
    std::uint64_t size;
    const char* data;
    bool is_flush;
  };
  const Expected expected[] = {
      {FileCall::kMakeFolder, "/b", 0, 0, "", false}, {FileCall::kOpen, "/a", 0, 0, "", false},
      {FileCall::kWrite, "/a", 0, 3, "abc", false},   {FileCall::kWrite, "/a", 3, 3, "def", false},
      {FileCall::kWrite, "/a", 100, 1, "X", false},   {FileCall::kSync, "/a", 0, 0, "", true},
      {FileCall::kTruncate, "/a", 0, 4, "", false},   {FileCall::kReserve, "/a", 2, 5, "", false},
      {FileCall::kRename, "/a", 0, 0, "", false},     {FileCall::kSync, "/b/c", 0, 0, "", true},
      {FileCall::kUnlink, "/b/c", 0, 0, "", false},   {FileCall::kOpen, "/a", 0, 0, "", false},
      {FileCall::kWrite, "/a", 0, 2, "12", true},     {FileCall::kWrite, "/a", 2, 1, "3", true}};
  REQUIRE(recorder.seen.size() == std::size(expected));
  for (std::size_t i = 0; i < recorder.seen.size(); ++i) {
    CAPTURE(i);
    const Seen& seen = recorder.seen[i];
    CHECK(seen.call == expected[i].call);
    CHECK(seen.path == expected[i].path);
    CHECK(seen.offset == expected[i].offset);
    CHECK(seen.size == expected[i].size);
    CHECK(as_text(seen.data) == expected[i].data);
    CHECK(seen.is_flush == expected[i].is_flush);
  }
  CHECK(recorder.seen[8].target == std::filesystem::canonical(folder.path()).string() + "/b/c");
}

TEST_CASE("the observer refuses a call, cuts a write short, or swallows it") {
  test::Folder folder;
  const std::string path = folder.path() + "/a";
  int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  Recorder recorder(std::filesystem::canonical(path).string());
  bench::Verdict verdict;
  recorder.decide = [&](const FileCallInfo&) { return verdict; };
  iovec pieces[3] = {
      {const_cast<char*>("abc"), 3}, {const_cast<char*>("def"), 3}, {const_cast<char*>("ghi"), 3}};
  struct stat status {};
  {
    bench::FileCallScope scope(recorder);
    verdict = {.error = ENOSPC};
    CHECK(::pwrite(file, "abc", 3, 0) == -1);
    CHECK(errno == ENOSPC);
    CHECK(::posix_fallocate(file, 0, 3) == ENOSPC);
    verdict = {.swallow = true};
    CHECK(::pwrite(file, "abc", 3, 0) == 3);
    CHECK(::ftruncate(file, 17) == 0);
    REQUIRE(fstat(file, &status) == 0);
    CHECK(status.st_size == 0);
    verdict = {.limit = 5};
    CHECK(::writev(file, pieces, 3) == 5);
    CHECK(::pwrite(file, "xyz", 3, 5) == 3);
  }
  ::close(file);
  CHECK(recorder.seen.front().result == -ENOSPC);
  std::string content(20, 0);
  file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  content.resize(static_cast<std::size_t>(::read(file, content.data(), content.size())));
  ::close(file);
  CHECK(content == "abcdexyz");
}

TEST_CASE("observers come and go while threads write") {
  test::Folder folder;
  const std::string path = folder.path() + "/a";
  std::atomic<bool> stop = false;
  std::atomic<std::uint64_t> written = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i)
    threads.emplace_back([&] {
      int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
      while (!stop && ::pwrite(file, "x", 1, 0) == 1) ++written;
      ::close(file);
    });
  std::size_t seen = 0;
  for (int round = 0; round < 50 || seen == 0; ++round) {
    Recorder recorder(std::filesystem::canonical(folder.path()).string());
    const std::uint64_t before = written;
    {
      bench::FileCallScope scope(recorder);
      while (written < before + 20) std::this_thread::yield();
    }
    seen += recorder.seen.size();  // whoever still called it would write to freed memory
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  CHECK(seen > 0);
}
