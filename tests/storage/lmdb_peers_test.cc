// What a store on disk keeps for peers: notes of them, its own other identity, operations that were taken back.

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "storage/lmdb/lmdb_store.h"
#include "storage/lmdb/salvage.h"
#include "tests/storage/lmdb_rig.h"
#include "tests/storage/store_calls.h"

namespace weft::test {
namespace {

namespace fs = std::filesystem;

std::vector<PeerNote> two_notes() {
  return {{{3}, 30, 1, 0x5555'6666'7777'8888, 1'000}, {{4}, 40, 2, 0x1111'2222'3333'4444, 2'000}};
}

/// A program that is ended at once: its store as it lies on the disk then.
void crash(std::unique_ptr<LmdbStore>& store, const std::string& folder, const std::string& to) {
  REQUIRE(store->flush().ok());
  fs::copy(folder, to, fs::copy_options::recursive);
  store.reset();
}

}  // namespace

TEST_CASE("a note that is damaged is as good as none, and is written over") {
  Folder folder;
  auto store = open(options_of(folder.path()));
  const std::vector<PeerNote> notes = two_notes();
  REQUIRE(store->append({}, notes).ok());
  store.reset();
  const std::string path = folder.path() + "/log/data.mdb";
  std::string bytes;
  {
    std::ifstream in(path, std::ios::binary);
    bytes.assign(std::istreambuf_iterator<char>(in), {});
  }
  const std::string incarnation("\x44\x44\x33\x33\x22\x22\x11\x11", 8);
  int damaged = 0;
  for (std::size_t at = bytes.find(incarnation); at != std::string::npos;
       at = bytes.find(incarnation, at + 1), ++damaged)
    bytes[at] ^= 1;
  REQUIRE(damaged > 0);
  std::ofstream(path, std::ios::binary) << bytes;
  store = open(options_of(folder.path()));
  CHECK(store->damaged().empty());
  CHECK(store->verify()->empty());
  CHECK(store->peer_notes().value() == std::vector<PeerNote>{notes[0]});
  REQUIRE(store->append({}, {&notes[1], 1}).ok());
  store.reset();
  CHECK(open(options_of(folder.path()))->peer_notes().value() == notes);
}

TEST_CASE("notes of peers go along into smaller files and backups, not into what is salvaged") {
  Folder folder;
  auto store = open(options_of(folder.path() + "/store"));
  append(*store, {sample(1, 7, 0, 1)});
  REQUIRE(store->append({}, two_notes()).ok());
  REQUIRE(store->shrink().ok());
  CHECK(store->peer_notes().value() == two_notes());
  REQUIRE(store->backup(folder.path() + "/backup").ok());
  CHECK(open(options_of(folder.path() + "/backup"))->peer_notes().value() == two_notes());
  store.reset();
  auto random = [n = 50]() mutable { return static_cast<std::uint64_t>(++n); };
  REQUIRE(salvage(folder.path() + "/store", folder.path() + "/salvaged", random)->records == 1);
  CHECK(open(options_of(folder.path() + "/salvaged"))->peer_notes()->empty());
}

TEST_CASE("a relaxed store writes a note when it writes the batch that came with it") {
  Folder folder;
  LmdbStore::Options options = options_of(folder.path());
  options.relaxed = true;
  options.quota_bytes = 1;
  auto store = open(options);
  const SampleRecord record = sample(1, 7, 0, 1);
  const NewRecord view = record.view();
  REQUIRE(store->append({&view, 1}, two_notes()).ok());
  CHECK(store->flush().error().code() == ErrorCode::kQuota);
  CHECK(store->peer_notes()->empty());
  store.reset();
  options.quota_bytes = 0;
  store = open(options);
  CHECK(store->info().records == 0);
  CHECK(store->peer_notes()->empty());
  REQUIRE(store->append({&view, 1}, two_notes()).ok());
  REQUIRE(store->flush().ok());
  CHECK(store->peer_notes().value() == two_notes());
}

TEST_CASE("what waits when another replica is taken is stored as it was handed in") {
  Folder folder;
  LmdbStore::Options options = options_of(folder.path());
  LmdbStore* opened = nullptr;
  std::atomic<bool> first_is_taken = false;
  options.before_commit = [&] {  // the first commit takes until all others have come
    if (first_is_taken.exchange(true)) return;
    while (opened->waiting_count() < 2) std::this_thread::yield();
  };
  auto store = open(options);
  opened = store.get();
  const std::uint64_t own = store->info().replica.value;
  std::vector<std::thread> threads;
  for (Seq seq = 0; seq < 2; ++seq) {
    threads.emplace_back([&store, own, seq] {
      const SampleRecord record = sample(1, own, seq, 1);
      const NewRecord view = record.view();
      CHECK(store->append({&view, 1}).ok());
    });
    while (seq == 0 ? !first_is_taken : opened->waiting_count() < 1) std::this_thread::yield();
  }
  const ReplicaId taken = store->take_replica().value();
  for (std::thread& thread : threads) thread.join();
  CHECK(taken.value != own);
  CHECK(store->version(document_of(1)) == version_of({{own, 2}}));
  CHECK(store->append(views({sample(1, taken.value, 1, 1)})).error().code() ==
        ErrorCode::kInvalidArgument);
}

TEST_CASE("another process sees as whom a store writes, and its notes") {
  Folder folder;
  auto store = open(options_of(folder.path()));
  int to_child[2];
  int from_child[2];
  REQUIRE(pipe(to_child) == 0);
  REQUIRE(pipe(from_child) == 0);
  struct Seen {
    std::uint64_t replica, notes;
    bool operator==(const Seen&) const = default;
  };
  const pid_t child = fork();
  if (child == 0) {
    ::close(to_child[1]);  // so that it ends with the parent
    LmdbStore::Options options = options_of(folder.path());
    options.read_only = true;
    auto reader = LmdbStore::open(options);
    if (!reader.ok()) _exit(2);
    if ((*reader)->take_replica().error().code() != ErrorCode::kReadOnly) _exit(3);
    for (char command = 0; read(to_child[0], &command, 1) == 1;) {
      const Seen seen{(*reader)->info().replica.value, (*reader)->peer_notes().value().size()};
      if (write(from_child[1], &seen, sizeof seen) != sizeof seen) _exit(4);
    }
    _exit(0);
  }
  ::close(to_child[0]);
  auto ask = [&] {
    Seen seen{};
    REQUIRE(write(to_child[1], "?", 1) == 1);
    REQUIRE(read(from_child[0], &seen, sizeof seen) == sizeof seen);
    return seen;
  };
  CHECK(ask() == Seen{store->info().replica.value, 0});
  const ReplicaId taken = store->take_replica().value();
  REQUIRE(store->append({}, two_notes()).ok());
  CHECK(ask() == Seen{taken.value, 2});
  for (int end : {to_child[1], from_child[0], from_child[1]}) ::close(end);
  int status = 0;
  waitpid(child, &status, 0);
  CHECK((WIFEXITED(status) && WEXITSTATUS(status) == 0));
}

TEST_CASE("a state that shows what was taken back never comes back") {
  Folder folder(fast_parent());
  const std::string path = folder.path() + "/store";
  auto store = open(options_of(path));
  std::function<void()> go_on;
  SUBCASE("") {
    go_on = [] {};
  }
  SUBCASE("after it was carried over") {
    go_on = [&] { REQUIRE(store->catch_up().ok()); };
  }
  SUBCASE("after the store was opened again") {
    go_on = [&] {
      store.reset();
      store = open(options_of(path));
    };
  }
  SUBCASE("after a crash") {
    go_on = [&] {
      const std::string to = folder.path() + "/crash";
      crash(store, path, to);
      fs::remove_all(path);
      fs::rename(to, path);
      store = open(options_of(path));
    };
  }
  SUBCASE("after derived data was lost") {
    go_on = [&] {
      store.reset();
      fs::remove_all(path + "/derived");
      store = open(options_of(path));
    };
  }
  const DocumentId document = document_of(1);
  for (bool is_carried : {false, true}) {
    CAPTURE(is_carried);
    append(*store, {sample(1, 7, 0, 3), sample(1, 7, 3, 2)});
    REQUIRE(store->put_state(document, {version_of({{7, 5}}), Bytes(10)}, 4).ok());
    if (is_carried) REQUIRE(store->catch_up().ok());
    CHECK(store->state(document));
    REQUIRE(store->rewrite(document, version_of({{7, 3}}), nullptr).ok());
    CHECK(!store->state(document));
    go_on();
    CHECK(!store->state(document));
    append(*store, {sample(1, 7, 3, 1), sample(1, 7, 4, 1)});  // the same dots
    CHECK(!store->state(document));
    go_on();
    CHECK(!store->state(document));
    // One that is kept later stays.
    REQUIRE(store->put_state(document, {version_of({{7, 5}}), Bytes(11)}, 4).ok());
    CHECK(store->state(document)->snapshot.size() == 11);
    REQUIRE(store->catch_up().ok());
    CHECK(store->state(document)->snapshot.size() == 11);
    REQUIRE(store->rewrite(document, {}, nullptr).ok());
  }
  CHECK(store->verify()->empty());
}

TEST_CASE("who reads a document that is trimmed meanwhile is told to begin again") {
  constexpr std::size_t kLargeBytes = std::size_t{2} << 20;  // each is read on its own
  Folder folder;
  auto store = open(options_of(folder.path()));
  for (Seq seq = 0; seq < 3; ++seq) append(*store, {sample(1, 7, seq, 1, kLargeBytes)});
  auto read = [&](const VersionVector& since, const VersionVector& trimmed) {
    return store->scan_document(document_of(1), since, [&](const RecordView& record) {
      if (record.has_operations() && !trimmed.empty())
        REQUIRE(store->adopt_state(document_of(1), {trimmed, Bytes(5)}).ok());
      return true;
    });
  };
  CHECK(read({}, version_of({{7, 2}})).error().code() == ErrorCode::kNeedHistory);
  CHECK(read({}, {}).ok());
  append(*store, {sample(1, 7, 3, 1, kLargeBytes), sample(1, 7, 4, 1, kLargeBytes)});
  CHECK(read(version_of({{7, 2}}), version_of({{7, 5}})).error().code() == ErrorCode::kNeedHistory);
  append(*store, {sample(1, 8, 0, 1, kLargeBytes), sample(1, 8, 1, 1, kLargeBytes)});
  CHECK(read(version_of({{7, 9}, {8, 2}}), {}).ok());
}

TEST_CASE("of operations that were taken back and stored again, salvage finds the later ones") {
  Folder folder;
  const std::string path = folder.path() + "/store";
  auto store = open(options_of(path));
  append(*store, {sample(1, 7, 0, 3), sample(1, 7, 3, 2, 30)});
  REQUIRE(store->rewrite(document_of(1), version_of({{7, 3}}), nullptr).ok());
  append(*store, {sample(1, 7, 3, 2, 40)});
  store.reset();
  auto random = [n = 50]() mutable { return static_cast<std::uint64_t>(++n); };
  REQUIRE(salvage(path, folder.path() + "/salvaged", random)->records == 2);
  auto salvaged = open(options_of(folder.path() + "/salvaged"));
  const std::vector<Kept> kept = scan_document(*salvaged, 1, {});
  REQUIRE(kept.size() == 2);
  CHECK(kept[1].payload.size() == 40);
}

TEST_CASE("a store that may lack own operations goes on when it takes another replica") {
  Folder folder;
  auto store = open(options_of(folder.path()));
  const std::uint64_t own = store->info().replica.value;
  const SampleRecord record = sample(1, own, 0, 1, 200);
  append(*store, {record});
  store.reset();
  const std::string path = folder.path() + "/log/data.mdb";
  const std::string payload(as_text(record.payload));
  store = open(options_of(folder.path()));
  {
    std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
    const std::string bytes{std::istreambuf_iterator<char>(file), {}};
    const std::size_t at = bytes.find(payload);
    REQUIRE(at != std::string::npos);
    file.clear();
    file.seekp(static_cast<std::streamoff>(at));
    file.put('!');
  }
  const Status scanned =
      store->scan_document(document_of(1), {}, [](const RecordView&) { return true; });
  REQUIRE(scanned.error().code() == ErrorCode::kCorrupt);
  CHECK(store->append(views({sample(2, own, 0, 1)})).error().code() == ErrorCode::kForkedReplica);
  const std::uint64_t taken = store->take_replica().value().value;
  append(*store, {sample(2, taken, 0, 1), sample(1, own, 0, 1)});
  store.reset();
  store = open(options_of(folder.path()));
  CHECK(store->new_identity().empty());
  CHECK(store->info().replica.value == taken);
}

}  // namespace weft::test
