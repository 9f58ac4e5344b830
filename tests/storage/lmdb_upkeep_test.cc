// What keeps a store on disk small and sound: derived data that is made anew, quotas, relaxed mode, readers in
// other processes, copies, formats of older versions.

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

#include <doctest/doctest.h>
#include <lmdb.h>
#include <zlib.h>

#include "storage/documents.h"
#include "storage/lmdb/backoff.h"
#include "storage/lmdb/lmdb_store.h"
#include "tests/storage/store_contract.h"
#include "tests/support/folder.h"
#include "tests/support/random.h"

namespace weft::test {
namespace {

namespace fs = std::filesystem;

LmdbStore::Options options_of(const Folder& folder) {
  LmdbStore::Options options;
  options.folder = folder.path();
  options.create = true;
  return options;
}

std::unique_ptr<LmdbStore> open(LmdbStore::Options options) {
  auto store = LmdbStore::open(std::move(options));
  REQUIRE_MESSAGE(store.ok(), store.error().message());
  return std::move(store).value();
}

Result<AppendResult> append(Store& store, const SampleRecord& record) {
  NewRecord view = record.view();
  return store.append(std::span(&view, 1));
}

/// `count` records of `documents` documents in turn, one operation each.
void fill(Store& store, Seq begin, Seq count, std::uint8_t documents = 5,
          std::size_t payload_bytes = 60) {
  std::vector<SampleRecord> records;
  for (Seq seq = begin; seq < begin + count; ++seq)
    for (std::uint8_t document = 1; document <= documents; ++document)
      records.push_back(sample(document, 7, seq, 1, payload_bytes));
  auto result = store.append(views(records));
  REQUIRE_MESSAGE(result.ok(), result.error().message());
}

/// What a store answers, to be compared with what it answered before.
struct Answers {
  std::vector<std::pair<DocumentId, VersionVector>> versions;
  std::vector<LogPosition> positions;
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;
  friend bool operator==(const Answers&, const Answers&) = default;
};

Answers answers_of(const Store& store) {
  Answers answers;
  for (const DocumentUsage& usage : store.documents().value()) {
    answers.versions.emplace_back(usage.document, usage.version);
    Status status = store.scan_document(usage.document, {}, [&](const RecordView& record) {
      answers.positions.push_back(record.position);
      return true;
    });
    REQUIRE_MESSAGE(status.ok(), status.error().message());
  }
  answers.records = store.info().records;
  answers.bytes = store.info().payload_bytes;
  return answers;
}

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

TEST_CASE("derived data is made anew where it is missing, old or damaged") {
  Folder folder;
  auto store = open(options_of(folder));
  fill(*store, 0, 400);
  REQUIRE(store->catch_up().ok());
  const std::string old = read_file(folder.path() + "/derived/data.mdb");
  REQUIRE(store->set_status(sample(5, 7, 0, 1).head.document, DocumentStatus::kEvicted).ok());
  fill(*store, 400, 100, 4);
  const Answers answers = answers_of(*store);
  store.reset();
  const std::string derived = folder.path() + "/derived/data.mdb";
  const std::string sound = read_file(derived);
  auto check = [&](bool expect_fault) {
    store = open(options_of(folder));
    CHECK(store->derived_fault().empty() != expect_fault);
    CHECK(answers_of(*store) == answers);
    CHECK(store->new_identity().empty());
    store.reset();
    store = open(options_of(folder));
    CHECK(store->derived_fault().empty());
    CHECK(answers_of(*store) == answers);
    store.reset();
  };
  check(false);
  fs::remove_all(folder.path() + "/derived");
  check(false);
  std::ofstream(derived, std::ios::binary) << old;
  check(false);
  std::ofstream(derived, std::ios::binary) << std::string(30'000, 'x');
  check(true);
  std::ofstream(derived, std::ios::binary) << sound.substr(0, sound.size() / 2);
  check(true);
}

TEST_CASE("a derived value with a flipped bit is noticed at once, and answers stay right") {
  Random random(1);
  for (int round = 0; round < 60; ++round) {
    CAPTURE(round);
    Folder folder(fast_parent());
    auto store = open(options_of(folder));
    fill(*store, 0, 300, 3);
    const Answers answers = answers_of(*store);
    store.reset();
    const std::string path = folder.path() + "/derived/data.mdb";
    std::string bytes = read_file(path);
    const std::size_t at = random.below(bytes.size());
    const std::size_t bit = random.below(8);
    bytes[at] = static_cast<char>(bytes[at] ^ (1 << bit));
    std::ofstream(path, std::ios::binary) << bytes;
    store = open(options_of(folder));
    CHECK(answers_of(*store) == answers);
    fill(*store, 300, 1, 3);
    CHECK(store->info().records == answers.records + 3);
  }
}

TEST_CASE("a derived value with a flipped bit is noticed while a tail is indexed") {
  Random random(2);
  Folder folder(fast_parent());
  LmdbStore::Options options = options_of(folder);
  options.folder += "/store";
  auto store = open(options);
  fill(*store, 0, 300, 3);
  REQUIRE(store->catch_up().ok());
  fill(*store, 300, 20, 3);
  REQUIRE(store->set_status(sample(2, 7, 0, 1).head.document, DocumentStatus::kEvicted).ok());
  REQUIRE(store->catch_up().ok());
  fill(*store, 320, 20, 1);
  const Answers answers = answers_of(*store);
  fs::copy(options.folder, folder.path() + "/crashed", fs::copy_options::recursive);
  store.reset();
  const std::string path = folder.path() + "/crashed/derived/data.mdb";
  const std::string sound = read_file(path);
  const std::string id(16, '\1');  // of the document that is in the tail
  int noticed = 0;
  for (int round = 0; round < 60; ++round) {
    CAPTURE(round);
    std::string bytes = sound;
    const std::size_t offset = id.size() + random.below(40);  // in what is known of it
    const std::size_t bit = random.below(8);
    for (std::size_t at = sound.find(id); at != std::string::npos; at = sound.find(id, at + 1))
      bytes[at + offset] = static_cast<char>(bytes[at + offset] ^ (1 << bit));
    fs::remove_all(options.folder);
    fs::copy(folder.path() + "/crashed", options.folder, fs::copy_options::recursive);
    std::ofstream(options.folder + "/derived/data.mdb", std::ios::binary) << bytes;
    store = open(options);
    CHECK(store->damaged().empty());
    CHECK(answers_of(*store) == answers);
    noticed += store->derived_fault().empty() ? 0 : 1;
    store.reset();
  }
  CHECK(noticed > 50);
}

TEST_CASE("an index that is made anew in several steps keeps what was trimmed in between") {
  Folder folder(fast_parent());
  auto store = open(options_of(folder));
  const DocumentId first = sample(1, 7, 0, 1).head.document;
  fill(*store, 0, 50, 1);
  Seq seq = 0;
  for (int batch = 0; batch < 11; ++batch) {  // more than a tail holds
    std::vector<SampleRecord> records;
    for (int i = 0; i < 10'000; ++i) records.push_back(sample(2, 7, seq++, 1, 8));
    REQUIRE(store->append(views(records)).ok());
  }
  fill(*store, 50, 10, 1);
  VersionVector version;
  version.set({7}, 20);
  REQUIRE(store->trim(first, {version, Bytes(10)}).ok());
  fill(*store, 60, 10, 1);
  const Answers answers = answers_of(*store);
  CHECK(store->document(first).value()->records == 51);
  store.reset();
  fs::remove_all(folder.path() + "/derived");
  store = open(options_of(folder));
  CHECK(answers_of(*store) == answers);
  REQUIRE(store->catch_up().ok());
  CHECK(answers_of(*store) == answers);
  CHECK(store->verify()->empty());
}

TEST_CASE("the tail is carried over in the background, and answers stay the same") {
  Folder folder;
  auto store = open(options_of(folder));
  Answers before;
  for (int round = 0; round < 10; ++round) {
    fill(*store, static_cast<Seq>(round) * 50, 50);
    if (round % 3 == 0) REQUIRE(store->catch_up().ok());
    before = answers_of(*store);
    REQUIRE(store->catch_up().ok());
    CHECK(answers_of(*store) == before);
  }
  // Without the clean close: only what was not carried over is read again.
  fill(*store, 500, 3);
  before = answers_of(*store);
  fs::copy(folder.path(), folder.path() + "-copy", fs::copy_options::recursive);
  LmdbStore::Options options = options_of(folder);
  options.folder += "-copy";
  CHECK(answers_of(*open(options)) == before);
  fs::remove_all(options.folder);
}

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
    result = append(*store, sample(1, 7, stored, 1, 4000));
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
  CHECK(append(*store, sample(1, 7, stored, 1, 4000)).ok());
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
    CHECK(append(*store, record).ok());
  }  // the caller's bytes are gone
  CHECK(append(*store, sample(1, 7, 1, 1)).ok());
  CHECK(store->unsaved_count() + store->info().records == 2);
  CHECK(store->version(sample(1, 7, 0, 1).head.document).empty());  // not told to anybody
  may_commit = true;
  REQUIRE(store->flush().ok());
  CHECK(store->unsaved_count() == 0);
  CHECK(store->info().records == 2);
  CHECK(store->commit_count() <= 2);
  CHECK(append(*store, sample(1, 7, 1, 2)).error().code() == ErrorCode::kForkedReplica);
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
    REQUIRE(append(*store, sample(1, 7, count++, 1, 4000)).ok());
    flushed = store->flush();
  }
  CHECK(flushed.error().code() == ErrorCode::kQuota);
  CHECK(store->unsaved_count() == 1);
  REQUIRE(
      append(*store, sample(1, 7, count++, 1, 10)).ok());  // waits behind it, though it would fit
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
  REQUIRE(append(*store, sample(5, 7, 200, 1)).ok());
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
  CHECK(store->info().format == 2);
  CHECK(store->verify()->empty());
  fill(*store, 0, 1);
  const DocumentId board = store->documents().value().back().document;
  store.reset();
  store = open(options_of(folder));
  CHECK(store->info().format == 2);
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
    Bytes three;
    ByteWriter(three).u64(3);
    REQUIRE((*log)->write([&](lmdb::Writing& writing) { return writing.put(1, 1, three); }).ok());
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

}  // namespace
}  // namespace weft::test
