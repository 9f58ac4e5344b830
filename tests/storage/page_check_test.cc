#include "storage/lmdb/page_check.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "storage/lmdb/environment.h"
#include "storage/lmdb/lmdb_store.h"
#include "tests/histories/harness.h"
#include "tests/storage/store_contract.h"
#include "tests/support/folder.h"
#include "tests/support/random.h"

namespace weft::test {
namespace {

using lmdb::check_pages;
using lmdb::PageDepth;

constexpr std::size_t kPageBytes = 4'096;

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void write_file(const std::string& path, const std::string& content) {
  std::ofstream(path, std::ios::binary) << content;
}

// --- sound files ---

void check_sound(const std::string& file) {
  for (PageDepth depth : {PageDepth::kBranches, PageDepth::kEverything}) {
    Status status = check_pages(file, depth);
    CHECK_MESSAGE(status.ok(), status.error().message());
  }
}

TEST_CASE("what LMDB writes is sound, whatever was written") {
  for (std::uint64_t kind = 0; kind < 9; ++kind) {
    const std::uint64_t seed = first_seed() * 9 + kind;
    CAPTURE(seed);
    Random random(seed);
    Folder folder(fast_parent());
    lmdb::Environment::Options options;
    options.folder = folder.path() + "/e";
    options.databases = {{"a"}, {"b"}, {"c", lmdb::Environment::Keys::kBytes}};
    auto environment = lmdb::Environment::open(options).value();
    const std::string file = folder.path() + "/e/data.mdb";
    check_sound(file);
    const std::uint64_t keys = kind % 3 == 0 ? 20 : kind % 3 == 1 ? 1'000 : 100'000;
    const std::uint64_t bytes = kind / 3 == 0 ? 40 : kind / 3 == 1 ? 600 : 12'000;
    for (int commit = 0; commit < 150; ++commit) {
      environment
          ->write([&](lmdb::Writing& writing) -> Status {
            const std::uint64_t count = 1 + random.below(40);
            for (std::uint64_t i = 0; i < count; ++i) {
              const Bytes value(random.below(bytes) / 8 * 8);
              const std::size_t database = random.below(3);
              const std::uint64_t key = random.below(keys);
              const std::string text(8 * (1 + key % 3), static_cast<char>('a' + key % 26));
              WEFT_TRY(
                  database == 2
                      ? writing.put(2, as_bytes(text + std::to_string(10'000'000 + key)), value)
                  : random.chance(1, 8) ? writing.erase(database, key)
                                        : writing.put(database, key, value));
            }
            return {};
          })
          .value();
      if (commit % 10 == 9) check_sound(file);
    }
  }
}

TEST_CASE("a file that is none, and one that is not there, are named") {
  Folder folder;
  const std::string file = folder.path() + "/data.mdb";
  CHECK(check_pages(file, PageDepth::kEverything).error().code() == ErrorCode::kNotFound);
  write_file(file, "");
  // Whole files are made beside their place: an empty one was cut off.
  CHECK(check_pages(file, PageDepth::kEverything).error().code() == ErrorCode::kCorrupt);
  for (std::size_t size : {1u, 16u, 152u, 4'096u, 20'000u}) {
    write_file(file, std::string(size, 'x'));
    CHECK(check_pages(file, PageDepth::kEverything).error().code() == ErrorCode::kCorrupt);
  }
}

// --- damaged files ---

/// A store with trees of several levels, values on pages of their own, and free pages.
std::string make_store(const std::string& folder, std::uint64_t seed) {
  LmdbStore::Options options;
  options.folder = folder;
  options.create = true;
  auto store = LmdbStore::open(options).value();
  Random random(seed);
  Seq seq = 0;
  for (int i = 0; i < 400; ++i) {
    std::vector<SampleRecord> batch;
    for (std::uint64_t left = 1 + random.below(4); left > 0; --left)
      batch.push_back(sample(1, 7, seq++, 1, random.below(random.chance(1, 10) ? 9'000 : 300)));
    store->append(views(batch)).value();
  }
  store.reset();
  return read_file(folder + "/log/data.mdb");
}

/// One fault: bits flipped, a sector lost or stale, a page in another's place, the end cut off.
std::string damage(std::string file, Random& random) {
  const std::size_t pages = file.size() / kPageBytes;
  const std::size_t page = random.below(pages) * kPageBytes;
  const std::size_t other = random.below(pages) * kPageBytes;
  const std::size_t sector = random.below(kPageBytes / 512) * 512;
  switch (random.below(8)) {
    case 0:
      file.replace(page + sector, 512, 512, '\0');
      break;
    case 1:
      file.replace(page + sector, 512, file.substr(other + sector, 512));
      break;
    case 2:
      file.replace(page, kPageBytes, file.substr(other, kPageBytes));
      break;
    case 3:
      file.resize(random.below(file.size()));
      break;
    case 4:  // a field of a page's head, or an offset behind it
      file[page + 2 * random.below(40)] = static_cast<char>(random.next());
      break;
    case 5: {  // both heads are rarely met else
      const std::size_t at = random.below(2) * kPageBytes + random.below(160);
      file[at] = static_cast<char>(file[at] ^ (1 << random.below(8)));
      break;
    }
    default: {
      const std::size_t at = page + (random.chance(2, 3) ? random.below(80) : random.below(4'096));
      file[at] = static_cast<char>(file[at] ^ (1 << random.below(8)));
    }
  }
  return file;
}

/// Reads and writes a store as a program would.
void use_store(const std::string& folder) {
  LmdbStore::Options options;
  options.folder = folder;
  auto store = LmdbStore::open(options);
  if (!store.ok()) return;
  (void)(*store)->verify();
  (void)(*store)->scan(1, [](const RecordView&) { return true; });
  const auto documents = (*store)->documents();
  if (!documents.ok()) return;
  for (const DocumentUsage& usage : *documents)
    (void)(*store)->scan_document(usage.document, {}, [](const RecordView&) { return true; });
  for (Seq i = 0; i < 20; ++i) {
    const SampleRecord record = sample(9, 77, i, 1, i % 3 == 0 ? 5'000 : 50);
    const NewRecord view = record.view();
    (void)(*store)->append({&view, 1});
  }
}

/// The same with LMDB alone, which checks nothing.
void use_log(const std::string& folder) {
  lmdb::Environment::Options options;
  options.folder = folder + "/log";
  options.databases = {{"log"}, {"meta"}};
  auto log = lmdb::Environment::open(options);
  if (!log.ok()) return;
  std::uint64_t sum = 0;
  (void)(*log)->read([&](const lmdb::Reading& reading) {
    return reading.each(0, 0, [&](lmdb::Key, ByteSpan value) {
      for (std::byte byte : value) sum += static_cast<std::uint64_t>(byte);
      return true;
    });
  });
  const Bytes value(4'000 + sum % 8 * 8);
  for (lmdb::Key key = 1'000; key < 1'020; ++key)
    (void)(*log)->write([&](lmdb::Writing& writing) { return writing.put(0, key, value); });
}

enum class Fate : std::uint8_t { kUsed, kRefused, kCrashed };

constexpr int kRefusedStatus = 10;  ///< no sanitizer ends a process with it

/// What becomes of a process that uses the store, where the check lets it.
Fate fate_of(const std::string& folder, bool is_checked) {
  std::fflush(nullptr);
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const rlimit no_core{0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    for (int fatal : {SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV}) std::signal(fatal, SIG_DFL);
    if (std::freopen("/dev/null", "w", stderr) == nullptr) _exit(2);
    alarm(20);
    if (is_checked && !check_pages(folder + "/log/data.mdb", PageDepth::kEverything).ok())
      _exit(kRefusedStatus);
    is_checked ? use_store(folder) : use_log(folder);
    _exit(0);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return Fate::kUsed;
  if (WIFEXITED(status) && WEXITSTATUS(status) == kRefusedStatus) return Fate::kRefused;
  return Fate::kCrashed;
}

TEST_CASE("no damage that the check lets pass makes LMDB crash") {
  const std::uint64_t seed = first_seed();
  Random random(seed);
  Folder folder(fast_parent());
  const std::string store = folder.path() + "/store";
  const std::string sound = make_store(store, seed);
  check_sound(store + "/log/data.mdb");
  const std::uint64_t images = scaled_count(2'000);
  std::uint64_t refused = 0;
  for (std::uint64_t image = 0; image < images; ++image) {
    write_file(store + "/log/data.mdb", damage(sound, random));
    const Fate fate = fate_of(store, true);
    refused += fate == Fate::kRefused ? 1u : 0u;
    if (fate == Fate::kCrashed)
      FAIL("image ", image, " crashes\nagain: WEFT_SEED=", seed,
           " build/release/weft_crash_tests -sf=*page_check_test.cc");
  }
  CHECK(refused > images / 4);
  CHECK(refused < images);
}

// Shows that the test before can fail.
TEST_CASE("without the check LMDB crashes") {
  Random random(1);
  Folder folder(fast_parent());
  const std::string store = folder.path() + "/store";
  const std::string sound = make_store(store, 1);
  bool has_crashed = false;
  for (int image = 0; image < 5'000 && !has_crashed; ++image) {
    write_file(store + "/log/data.mdb", damage(sound, random));
    has_crashed = fate_of(store, false) == Fate::kCrashed;
  }
  CHECK(has_crashed);
}

}  // namespace
}  // namespace weft::test
