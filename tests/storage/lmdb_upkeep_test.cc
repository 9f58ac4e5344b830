// What keeps a store on disk small and usable: quotas, relaxed mode, readers in other processes, copies, formats of
// older versions.

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include <doctest/doctest.h>
#include <zlib.h>

#include "storage/documents.h"
#include "tests/storage/lmdb_rig.h"

namespace weft::test {
namespace {

namespace fs = std::filesystem;

TEST_CASE("a store over its quota refuses and says what to do, and goes on when it may take more") {
  Folder folder;
  LmdbStore::Options options = options_of(folder);
  options.quota_bytes = 1 << 20;
  auto store = open(options);
  Seq stored = 0;
  Result<AppendResult> result = AppendResult();
  bool was_near = false;
  for (; result.ok(); ++stored) {
    was_near = was_near || store->space()->near_quota();
    result = append_one(*store, sample(1, 7, stored, 1, 4000));
  }
  --stored;
  CHECK(was_near);
  CHECK(result.error().code() == ErrorCode::kQuota);
  CHECK(result.error().context().find("compact") != std::string::npos);
  CHECK(stored > 100);
  CHECK(store->space()->total() <= options.quota_bytes);
  CHECK(store->info().records == stored);
  store.reset();
  options.quota_bytes = 4 << 20;
  store = open(options);
  CHECK(append_one(*store, sample(1, 7, stored, 1, 4000)).ok());
}

// The file does not shrink by it: what counted was its size, so nothing was taken any more.
TEST_CASE("a store over its quota goes on once documents were given up") {
  Folder folder;
  LmdbStore::Options options = options_of(folder);
  options.quota_bytes = 1 << 20;
  auto store = open(options);
  const auto document = [](int number) { return static_cast<std::uint8_t>(number); };
  int documents = 0;
  while (append_one(*store, sample(document(documents + 1), 7, 0, 1, 60'000)).ok()) ++documents;
  REQUIRE(documents > 8);
  for (int number = 1; number <= documents / 2; ++number)
    REQUIRE(store
                ->set_status(sample(document(number), 7, 0, 1, 1).view().document,
                             DocumentStatus::kEvicted)
                .ok());
  int more = 0;
  while (more < 100 &&
         append_one(*store, sample(document(documents + 1 + more), 7, 0, 1, 10'000)).ok())
    ++more;
  CHECK(more > 3);
  CHECK(more < 100);
  CHECK(store->space()->total() <= options.quota_bytes + (64u << 10));
}

TEST_CASE("a relaxed store acknowledges before it writes, and flush() waits for that") {
  Folder folder;
  LmdbStore::Options options = options_of(folder);
  options.relaxed = true;
  std::atomic<bool> may_commit = false;
  options.before_commit = [&] {
    while (!may_commit) std::this_thread::yield();
  };
  auto store = open(options);
  {
    const SampleRecord record = sample(1, 7, 0, 1, 100);
    CHECK(append_one(*store, record).ok());
  }  // the caller's bytes are gone
  CHECK(append_one(*store, sample(1, 7, 1, 1)).ok());
  CHECK(store->unsaved_count() + store->info().records == 2);
  CHECK(store->version(sample(1, 7, 0, 1).head.document).empty());  // not told to anybody
  may_commit = true;
  REQUIRE(store->flush().ok());
  CHECK(store->unsaved_count() == 0);
  CHECK(store->info().records == 2);
  CHECK(store->commit_count() <= 2);
  CHECK(append_one(*store, sample(1, 7, 1, 2)).error().code() == ErrorCode::kForkedReplica);
  store.reset();
  CHECK(answers_of(*open(options_of(folder))).records == 2);
}

TEST_CASE("what a relaxed store can't write stays, is shown, and is written when there is room") {
  Folder folder;
  LmdbStore::Options options = options_of(folder);
  options.relaxed = true;
  options.quota_bytes = 300'000;
  auto store = open(options);
  Status flushed;
  Seq count = 0;
  while (flushed.ok()) {
    REQUIRE(append_one(*store, sample(1, 7, count++, 1, 4000)).ok());
    flushed = store->flush();
  }
  CHECK(flushed.error().code() == ErrorCode::kQuota);
  CHECK(store->unsaved_count() == 1);
  REQUIRE(append_one(*store, sample(1, 7, count++, 1, 10))
              .ok());  // waits behind it, though it would fit
  CHECK(store->flush().error().code() == ErrorCode::kQuota);
  CHECK(store->info().records == count - 2);
  CHECK(store->unsaved_count() == 2);
  CHECK(store->close().error().code() == ErrorCode::kQuota);  // it says that something is lost
}

TEST_CASE("another process reads what one writes, and is no second writer") {
  Folder folder;
  auto writer = open(options_of(folder));
  fill(*writer, 0, 10);
  int to_child[2];
  int from_child[2];
  REQUIRE(pipe(to_child) == 0);
  REQUIRE(pipe(from_child) == 0);
  const pid_t child = fork();
  if (child == 0) {
    ::close(to_child[1]);  // so that it ends with the parent
    LmdbStore::Options options = options_of(folder);
    options.read_only = true;
    auto reader = LmdbStore::open(options);
    if (!reader.ok()) _exit(2);
    NewRecord none;
    if ((*reader)->append(std::span(&none, 1)).error().code() != ErrorCode::kReadOnly) _exit(3);
    char command = 0;
    while (read(to_child[0], &command, 1) == 1 && command != 'q') {
      std::uint64_t seen = 0;
      if (!(*reader)->scan(1, [&](const RecordView&) { return ++seen > 0; }).ok()) _exit(4);
      std::uint64_t answers[2] = {seen, (*reader)->documents().value().size()};
      VersionVector version = (*reader)->version(sample(1, 7, 0, 1).head.document);
      std::uint64_t end = version.end({7});
      if (write(from_child[1], answers, sizeof answers) != sizeof answers) _exit(5);
      if (write(from_child[1], &end, sizeof end) != sizeof end) _exit(6);
    }
    _exit(0);
  }
  ::close(to_child[0]);
  ::close(from_child[1]);
  struct Seen {
    std::uint64_t records, documents, end;
    bool operator==(const Seen&) const = default;
  };
  auto ask = [&] {
    Seen seen{};
    REQUIRE(write(to_child[1], "?", 1) == 1);
    REQUIRE(read(from_child[0], &seen, 16) == 16);
    REQUIRE(read(from_child[0], &seen.end, 8) == 8);
    return seen;
  };
  CHECK(ask() == Seen{50, 5, 10});
  fill(*writer, 10, 1);
  CHECK(ask() == Seen{55, 5, 11});
  REQUIRE(writer->catch_up().ok());
  CHECK(ask() == Seen{55, 5, 11});
  fill(*writer, 11, 1, 6 - 5);
  CHECK(ask() == Seen{56, 5, 12});
  SampleRecord bundle = sample(1, 7, 0, 12);
  bundle.head.kind = RecordKind::kBundle;
  REQUIRE(writer->seal(bundle.view()).ok());
  CHECK(ask() == Seen{45, 5, 12});
  REQUIRE(writer->catch_up().ok());
  CHECK(ask() == Seen{45, 5, 12});
  // The files can't be replaced under it, and who is in the way is said.
  Status shrunk = writer->shrink();
  CHECK(shrunk.error().code() == ErrorCode::kInUse);
  CHECK(shrunk.error().context().find(std::to_string(child)) != std::string::npos);
  REQUIRE(write(to_child[1], "q", 1) == 1);
  int status = 0;
  waitpid(child, &status, 0);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
  CHECK(writer->shrink().ok());
  for (int end : {to_child[1], from_child[0]}) ::close(end);
}

TEST_CASE("the slot of a reader that died is cleared") {
  Folder folder;
  auto writer = open(options_of(folder));
  fill(*writer, 0, 10);
  const pid_t child = fork();
  if (child == 0) {
    LmdbStore::Options options = options_of(folder);
    options.read_only = true;
    auto reader = LmdbStore::open(options);
    (void)reader;
    kill(getpid(), SIGKILL);
  }
  int status = 0;
  waitpid(child, &status, 0);
  REQUIRE(WIFSIGNALED(status));
  Status shrunk = writer->shrink();
  CHECK_MESSAGE(shrunk.ok(), shrunk.error().message());
}

TEST_CASE("shrinking gives free pages back and changes nothing else") {
  Folder folder;
  auto store = open(options_of(folder));
  fill(*store, 0, 200, 5, 2000);
  for (std::uint8_t document = 1; document < 5; ++document)
    REQUIRE(
        store->set_status(sample(document, 7, 0, 1).head.document, DocumentStatus::kEvicted).ok());
  const Answers answers = answers_of(*store);
  auto before = store->space();
  REQUIRE(before.ok());
  CHECK(before->log_free_bytes > before->log_bytes / 2);
  REQUIRE(store->shrink().ok());
  auto after = store->space();
  CHECK(after->log_bytes < before->log_bytes / 3);
  CHECK(after->log_free_bytes < 50'000);
  CHECK(answers_of(*store) == answers);
  fill(*store, 200, 1, 0);
  REQUIRE(append_one(*store, sample(5, 7, 200, 1)).ok());
  store.reset();
  store = open(options_of(folder));
  CHECK(store->info().records == answers.records + 1);
  CHECK(store->verify()->empty());
  CHECK(store->derived_fault().empty());
  CHECK(!fs::exists(folder.path() + "/log.new"));
}

TEST_CASE("a backup holds what was committed when it began") {
  Folder folder;
  auto store = open(options_of(folder));
  fill(*store, 0, 300);
  std::atomic<bool> stop = false;
  std::atomic<Seq> written = 300;
  std::thread writer([&] {
    while (!stop) fill(*store, written.fetch_add(1), 1);
  });
  LmdbStore::Options options = options_of(folder);
  options.folder += "/backup";
  Status backed_up = store->backup(options.folder);
  stop = true;
  writer.join();
  REQUIRE_MESSAGE(backed_up.ok(), backed_up.error().message());
  auto backup = open(options);
  CHECK(backup->verify()->empty());
  const std::uint64_t records = backup->info().records;
  CHECK(records >= 1500);
  CHECK(records % 5 == 0);  // batches are whole
  CHECK(records <= store->info().records);
}

TEST_CASE("a store of format 1 is read, and upgraded by the first who writes") {
  Folder folder;
  fs::create_directory(folder.path() + "/log");
  const std::string packed = "tests/storage/format1/data.mdb.gz";
  gzFile file = gzopen(packed.c_str(), "rb");
  REQUIRE_MESSAGE(file != nullptr, packed, " is missing; tests run in the project's root");
  std::string bytes(1 << 20, '\0');
  const int size = gzread(file, bytes.data(), static_cast<unsigned>(bytes.size()));
  gzclose(file);
  REQUIRE(size > 0);
  std::ofstream(folder.path() + "/log/data.mdb", std::ios::binary)
      << bytes.substr(0, static_cast<std::size_t>(size));
  LmdbStore::Options options = options_of(folder);
  options.read_only = true;
  {
    auto reader = open(options);
    CHECK(reader->info().format == 1);
    CHECK(reader->info().records == 3);
    CHECK(reader->documents().value().size() == 2);
  }
  auto store = open(options_of(folder));
  CHECK(store->new_identity().empty());
  CHECK(to_string(store->info().replica) == "723ea4542fc2656c");
  REQUIRE(store->flush().ok());
  CHECK(store->info().format == 3);
  CHECK(store->verify()->empty());
  fill(*store, 0, 1);
  const DocumentId board = store->documents().value().back().document;
  store.reset();
  store = open(options_of(folder));
  CHECK(store->info().format == 3);
  CHECK(store->info().records == 8);
  CHECK(store->new_identity().empty());
  auto document = open_document(*store, board, {});
  REQUIRE_MESSAGE(document.ok(), document.error().message());
  CHECK(document->get("/title").value().json() == Json("CPU idle"));
}

TEST_CASE("a store of a newer format is refused, and says so") {
  Folder folder;
  open(options_of(folder))->close().ok();
  lmdb::Environment::Options options;
  options.folder = folder.path() + "/log";
  options.databases = {{"log", lmdb::Environment::Keys::kNumbers},
                       {"meta", lmdb::Environment::Keys::kNumbers}};
  {
    auto log = lmdb::Environment::open(options);
    REQUIRE(log.ok());
    Bytes four;
    ByteWriter(four).u64(4);
    REQUIRE((*log)->write([&](lmdb::Writing& writing) { return writing.put(1, 1, four); }).ok());
  }
  for (bool read_only : {false, true}) {
    LmdbStore::Options again = options_of(folder);
    again.read_only = read_only;
    auto store = LmdbStore::open(again);
    REQUIRE(!store.ok());
    CHECK(store.error().code() == ErrorCode::kUnknownVersion);
    CHECK(store.error().context().find("newer weft") != std::string::npos);
  }
}

}  // namespace
}  // namespace weft::test
