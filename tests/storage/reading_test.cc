// Stores that may only be read: of another user, on a read-only mount, with little address space.

#include <grp.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "storage/lmdb/salvage.h"
#include "tests/histories/harness.h"
#include "tests/storage/lmdb_rig.h"

namespace weft::test {
namespace {

namespace fs = std::filesystem;

constexpr uid_t kNobody = 65'534;

/// Runs `body` in a child that is another user where this one is root. @return  what it said; "" for success
std::string as_another_user(const std::function<std::string()>& body) {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  const pid_t child = fork();
  if (child == 0) {
    std::string said = "can't become another user";
    if (geteuid() != 0 ||
        (::setgroups(0, nullptr) == 0 && ::setgid(kNobody) == 0 && ::setuid(kNobody) == 0))
      said = body();
    (void)!::write(ends[1], said.data(), said.size());
    _exit(0);
  }
  ::close(ends[1]);
  std::string said;
  char buffer[512];
  for (ssize_t got = 0; (got = ::read(ends[0], buffer, sizeof buffer)) > 0;)
    said.append(buffer, static_cast<std::size_t>(got));
  ::close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  if (!WIFEXITED(status))
    return "killed by signal " + std::to_string(WTERMSIG(status)) + ": " + said;
  return said;
}

/// Lets everybody read and nobody but root write.
void make_readable(const std::string& path) {
  for (const auto& entry : fs::recursive_directory_iterator(path))
    ::chmod(entry.path().c_str(), entry.is_directory() ? 0555 : 0444);
  ::chmod(path.c_str(), 0555);
}
void make_writable(const std::string& path) {
  ::chmod(path.c_str(), 0755);
  for (const auto& entry : fs::recursive_directory_iterator(path))
    ::chmod(entry.path().c_str(), entry.is_directory() ? 0755 : 0644);
}

std::string content_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

/// A folder that others may look into.
class OpenFolder {
 public:
  OpenFolder() { ::chmod(folder_.path().c_str(), 0755); }
  ~OpenFolder() { make_writable(folder_.path()); }
  std::string store() const { return folder_.path() + "/store"; }

 private:
  Folder folder_;
};

LmdbStore::Options reading(const std::string& folder) {
  LmdbStore::Options options;
  options.folder = folder;
  options.read_only = true;
  return options;
}

/// Everything that only reads: open, list, scan, verify, back up, salvage. "" for success.
std::string read_everything(const std::string& folder, std::uint64_t records) {
  auto store = LmdbStore::open(reading(folder));
  if (!store.ok()) return "open: " + store.error().message();
  if ((*store)->info().records != records)
    return "records: " + std::to_string((*store)->info().records);
  if (!(*store)->documents().ok()) return "documents";
  auto bad = (*store)->verify();
  if (!bad.ok()) return "verify: " + bad.error().message();
  if (!bad->empty()) return "verify: " + (*bad)[0].error.message();
  Folder copies;
  if (Status done = (*store)->backup(copies.path() + "/copy"); !done.ok())
    return "backup: " + done.error().message();
  store->reset();
  auto report = salvage(folder, copies.path() + "/salvaged", [] { return 7; });
  if (!report.ok()) return "salvage: " + report.error().message();
  if (!report->is_everything() || report->records != records) return "salvaged something else";
  auto copy = LmdbStore::open(options_of(copies.path() + "/copy"));
  if (!copy.ok()) return "the copy: " + copy.error().message();
  return (*copy)->info().records == records ? "" : "the copy has other records";
}

TEST_CASE("a store that this user may only read is read, verified, backed up and salvaged") {
  OpenFolder folder;
  {
    auto store = open(options_of(folder.store()));
    fill(*store, 0, 40);
    REQUIRE(store->catch_up().ok());
    fill(*store, 40, 5);
  }
  const std::string before = content_of(folder.store() + "/log/data.mdb");
  make_readable(folder.store());
  CHECK(as_another_user([&] { return read_everything(folder.store(), 225); }) == "");
  // Without the lock files, as a copy from elsewhere.
  make_writable(folder.store());
  for (const char* name : {"/writer.lock", "/opening.lock", "/log/lock.mdb", "/derived/lock.mdb"})
    fs::remove(folder.store() + name);
  make_readable(folder.store());
  CHECK(as_another_user([&] { return read_everything(folder.store(), 225); }) == "");
  // Nothing of it was changed. (That its rights were, and with them the file's time, looks like a backup that was put
  // back: whoever writes next takes another replica id.)
  make_writable(folder.store());
  CHECK(content_of(folder.store() + "/log/data.mdb") == before);
  CHECK(open(options_of(folder.store()))->info().records == 225);
}

TEST_CASE("while a user without the right to write reads, nobody begins to write") {
  OpenFolder folder;
  { fill(*open(options_of(folder.store())), 0, 4); }
  make_readable(folder.store());
  if (geteuid() != 0) return;  // who may not write does not become the writer
  CHECK(as_another_user([&]() -> std::string {
          auto store = LmdbStore::open(reading(folder.store()));
          if (!store.ok()) return store.error().message();
          return "";
        }) == "");
  int ready[2];
  int done[2];
  REQUIRE(::pipe(ready) == 0);
  REQUIRE(::pipe(done) == 0);
  const pid_t child = fork();
  if (child == 0) {
    ::close(done[1]);
    char byte = 'x';
    if (::setgid(kNobody) != 0 || ::setuid(kNobody) != 0) _exit(2);
    auto store = LmdbStore::open(reading(folder.store()));
    (void)!::write(ready[1], &byte, 1);
    (void)!::read(done[0], &byte, 1);
    _exit(store.ok() ? 0 : 1);
  }
  char byte = 0;
  REQUIRE(::read(ready[0], &byte, 1) == 1);
  auto refused = LmdbStore::open(options_of(folder.store()));
  REQUIRE(!refused.ok());
  CHECK(refused.error().code() == ErrorCode::kInUse);
  CHECK(refused.error().context().find("being read") != std::string::npos);
  ::close(done[1]);
  int status = 0;
  waitpid(child, &status, 0);
  CHECK(WEXITSTATUS(status) == 0);
  for (int end : {ready[0], ready[1], done[0]}) ::close(end);
  CHECK(LmdbStore::open(options_of(folder.store())).ok());
}

TEST_CASE("beside a writer, a user without the right to write reads a copy of one moment") {
  OpenFolder folder;
  const pid_t writer = fork();
  if (writer == 0) {
    auto store = LmdbStore::open(options_of(folder.store()));
    if (!store.ok()) _exit(1);
    for (Seq seq = 0;; ++seq) {
      if (seq % 50 == 49) usleep(2'000);
      std::vector<SampleRecord> records;
      for (std::uint8_t document = 1; document <= 5; ++document)
        records.push_back(sample(document, 7, seq, 1, seq % 7 == 0 ? 5'000 : 60));
      if (!(*store)->append(views(records)).ok()) _exit(1);
      for (const char* name : {"", "/log", "/derived"})
        if (seq == 20) ::chmod((folder.store() + name).c_str(), 0755);
      for (const char* name : {"/log/data.mdb", "/derived/data.mdb", "/writer.lock"})
        if (seq == 20) ::chmod((folder.store() + name).c_str(), 0644);
      if (seq == 20) ::chmod((folder.store() + "/opening.lock").c_str(), 0644);
      // Old pages are freed and used again.
      if (seq % 100 == 99 &&
          !(*store)
               ->set_status(sample(5, 7, 0, 1).head.document,
                            seq % 200 == 99 ? DocumentStatus::kEvicted : DocumentStatus::kLive)
               .ok())
        _exit(1);
    }
  }
  struct stat info {};
  while (::stat((folder.store() + "/opening.lock").c_str(), &info) != 0 ||
         (info.st_mode & 0777) != 0644)
    usleep(1'000);
  const std::uint64_t rounds = scaled_count(20);
  const std::string said = as_another_user([&]() -> std::string {
    if (geteuid() == 0 || ::access((folder.store() + "/log/lock.mdb").c_str(), W_OK) == 0)
      return "";  // this user may write there
    std::uint64_t before = 0;
    for (std::uint64_t round = 0; round < rounds; ++round) {
      auto store = LmdbStore::open(reading(folder.store()));
      if (!store.ok() && store.error().code() == ErrorCode::kInUse) continue;
      if (!store.ok()) return "open: " + store.error().message();
      auto bad = (*store)->verify();
      if (!bad.ok()) return "verify: " + bad.error().message();
      if (!bad->empty()) return "verify: " + (*bad)[0].error.message();
      const Seq end = (*store)->version(sample(1, 7, 0, 1).head.document).end({7});
      if (end < before) return "it went back";
      before = end;
    }
    return before == 0 ? "nothing was read" : "";
  });
  CHECK(said == "");
  int status = 0;
  CHECK(waitpid(writer, &status, WNOHANG) == 0);
  kill(writer, SIGKILL);
  waitpid(writer, &status, 0);
}

TEST_CASE("no permission is not the same as no store") {
  if (geteuid() != 0) return;
  OpenFolder folder;
  { fill(*open(options_of(folder.store())), 0, 1); }
  ::chmod(folder.store().c_str(), 0700);
  CHECK(as_another_user([&]() -> std::string {
          auto store = LmdbStore::open(reading(folder.store()));
          if (store.ok()) return "opened";
          if (store.error().code() == ErrorCode::kNotFound) return "says that there is none";
          return store.error().context().find("ermission") != std::string::npos ||
                         store.error().context().find("may not") != std::string::npos
                     ? ""
                     : store.error().context();
        }) == "");
  CHECK(LmdbStore::open(reading(folder.store() + "-none")).error().code() == ErrorCode::kNotFound);
}

// Sanitizers take address space of their own, more than these limits.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define WEFT_TEST_HAS_SANITIZER
#endif
#endif
#else
#define WEFT_TEST_HAS_SANITIZER
#endif
#ifndef WEFT_TEST_HAS_SANITIZER
TEST_CASE("with little address space a store opens with a smaller map, and grows it") {
  for (const rlim_t limit :
       {rlim_t{8'000'000} << 10, rlim_t{2'000'000} << 10, rlim_t{300'000} << 10}) {
    CAPTURE(limit);
    Folder folder(fast_parent());
    const pid_t child = fork();
    if (child == 0) {
      const rlimit bound{limit, limit};
      if (setrlimit(RLIMIT_AS, &bound) != 0) _exit(2);
      {
        auto store = LmdbStore::open(options_of(folder.path() + "/store"));
        if (!store.ok()) _exit(3);
        for (Seq seq = 0; seq < 30; ++seq) {
          const SampleRecord record = sample(1, 7, seq, 1, 1 << 20);
          if (!append_one(**store, record).ok()) _exit(4);
        }
        if (!(*store)->close().ok()) _exit(5);
      }
      auto store = LmdbStore::open(reading(folder.path() + "/store"));
      if (!store.ok()) _exit(6);
      _exit((*store)->info().records == 30 ? 0 : 7);
    }
    int status = 0;
    waitpid(child, &status, 0);
    REQUIRE(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
  }
}

TEST_CASE(
    "a file that is larger than the address space is refused with what to do, not with a crash") {
  Folder folder(fast_parent());
  {
    auto store = open(options_of(folder.path() + "/store"));
    for (Seq seq = 0; seq < 90; ++seq)
      REQUIRE(append_one(*store, sample(1, 7, seq, 1, 1 << 20)).ok());
  }
  const pid_t child = fork();
  if (child == 0) {
    const rlimit bound{60 << 20, 60 << 20};
    if (setrlimit(RLIMIT_AS, &bound) != 0) _exit(2);
    auto store = LmdbStore::open(reading(folder.path() + "/store"));
    if (store.ok()) _exit(3);
    _exit(store.error().context().find("ulimit -v") != std::string::npos ? 0 : 4);
  }
  int status = 0;
  waitpid(child, &status, 0);
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
}
#endif

}  // namespace
}  // namespace weft::test
