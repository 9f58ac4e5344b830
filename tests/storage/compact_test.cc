// Compacting, trimming and salvaging change nothing that they should not: histories of real edits before and
// after, in every engine.

#include <atomic>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

#include <doctest/doctest.h>

#include "storage/codec/zstd_codec.h"
#include "storage/compact.h"
#include "storage/documents.h"
#include "storage/lmdb/lmdb_store.h"
#include "storage/lmdb/salvage.h"
#include "storage/memory/memory_store.h"
#include "tests/crdt/document/replicas.h"
#include "tests/support/folder.h"
#include "tests/support/random.h"

namespace weft::test {
namespace {

const ZstdCompressor kZstd;

DocumentOptions options_of(std::uint64_t replica, std::uint8_t document) {
  DocumentOptions options;
  options.replica = {replica};
  options.id.bytes.fill(document);
  options.compressor = &kZstd;
  return options;
}

/// Two replicas type into a text and overwrite keys, and meet now and then.
void edit_together(Document& a, Document& b, Random& random, int edits) {
  for (int i = 0; i < edits; ++i) {
    Document& author = random.chance(1, 2) ? a : b;
    if (random.chance(1, 4)) {
      const auto value = static_cast<std::int64_t>(random.below(1000));
      edit(author, [&](Transaction& tx) { return tx.root().set("key", value); });
    } else {
      const std::size_t at = random.below(1 + author.text("/t")->size(Unit::kScalar));
      edit(author, [&](Transaction& tx) {
        return tx.text("/t")->insert(scalar(at), std::string(1 + at % 7, 'x'));
      });
    }
    if (random.chance(1, 10)) exchange(a, b);
  }
  exchange(a, b);
}

/// A store with documents, and what has to come out of it.
class Shelf {
 public:
  Shelf(Store& store, std::uint64_t seed) : store_(&store), random_(seed) {
    for (std::uint8_t number = 1; number <= 4; ++number) {
      Document& a = documents_.emplace_back(Document::create(options_of(10, number)));
      edit(a, [](Transaction& tx) { return tx.root().ensure_text("t").insert(scalar(0), "a"); });
      others_.push_back(a.fork({20}));
    }
  }
  void write(int edits) {
    for (std::size_t i = 0; i < documents_.size(); ++i) {
      edit_together(documents_[i], others_[i], random_, edits);
      // Now and then in another order than they were made in: replicas take turns.
      auto stored = store_document(*store_, random_.chance(1, 2) ? documents_[i] : others_[i]);
      REQUIRE_MESSAGE(stored.ok(), stored.error().message());
    }
  }
  /// The same store, opened again.
  void use(Store& store) { store_ = &store; }
  void check(const Store& store) const {
    for (const Document& document : documents_) {
      auto opened = open_document(store, document.id(), options_of(99, 0));
      REQUIRE_MESSAGE(opened.ok(), opened.error().message());
      CHECK(opened->snapshot() == document.snapshot());
      CHECK(opened->deltas_since({}).value() == document.deltas_since({}).value());
      auto latest = open_latest(store, document.id(), options_of(99, 0));
      REQUIRE_MESSAGE(latest.ok(), latest.error().message());
      CHECK(latest->snapshot() == document.snapshot());
    }
  }
  const Document& document(std::size_t i) const { return documents_[i]; }

 private:
  Store* store_;
  Random random_;
  std::vector<Document> documents_;
  std::vector<Document> others_;
};

CompactOptions with_zstd() {
  CompactOptions options;
  options.compressor = &kZstd;
  return options;
}

std::unique_ptr<LmdbStore> open(const std::string& folder) {
  LmdbStore::Options options;
  options.folder = folder;
  options.create = true;
  auto store = LmdbStore::open(options);
  REQUIRE_MESSAGE(store.ok(), store.error().message());
  return std::move(store).value();
}

void check_compacting(Store& store, std::uint64_t seed) {
  CAPTURE(seed);
  Shelf shelf(store, seed);
  for (int round = 0; round < 3; ++round) {
    shelf.write(150);
    const std::uint64_t before = store.info().payload_bytes;
    auto estimate = estimate_compact(store, with_zstd());
    REQUIRE(estimate.ok());
    CHECK(estimate->history_bytes == before);
    std::uint64_t seen = 0;
    CompactOptions options = with_zstd();
    options.progress = [&](const CompactProgress& progress) {
      CHECK(progress.documents == ++seen);
      CHECK(progress.document_count == 4);
      return true;
    };
    auto result = compact(store, options);
    REQUIRE_MESSAGE(result.ok(), result.error().message());
    CHECK(result->before_bytes == before);
    CHECK(result->after_bytes == store.info().payload_bytes);
    CHECK(result->after_bytes < before);
    CHECK(result->after_bytes == estimate->sealed_bytes);
    CHECK(store.info().records == 8);  // a bundle for each document and replica
    shelf.check(store);
  }
  CHECK(store.verify()->empty());
}

TEST_CASE("compacting a store changes no version of any document") {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    MemoryStore memory({{77}, 1, nullptr});
    check_compacting(memory, seed);
    Folder folder;
    auto store = open(folder.path());
    check_compacting(*store, seed);
    REQUIRE(store->shrink().ok());
    store.reset();
    CHECK(open(folder.path())->verify()->empty());
  }
}

TEST_CASE("compacting stops when it is told to, and goes on from there") {
  MemoryStore store({{77}, 1, nullptr});
  Shelf shelf(store, 1);
  shelf.write(50);
  CompactOptions options = with_zstd();
  options.progress = [](const CompactProgress& progress) { return progress.documents < 2; };
  CHECK(compact(store, options)->documents == 2);
  shelf.check(store);
  CHECK(compact(store, with_zstd())->documents == 4);
  CHECK(store.info().records == 8);
  shelf.check(store);
}

TEST_CASE("a long history is sealed in stretches, and others append meanwhile") {
  Folder folder;
  auto store = open(folder.path());
  Document document = Document::create(options_of(10, 1));
  edit(document, [](Transaction& tx) {
    tx.root().ensure_text("t");
    return Status();
  });
  auto type = [&](int count) {
    for (int i = 0; i < count; ++i)
      edit(document, [&](Transaction& tx) { return tx.text("/t")->insert(scalar(0), "x"); });
    REQUIRE(store_document(*store, document).ok());
  };
  type(9000);
  std::atomic<bool> stop = false;
  std::thread other([&] {
    Document beside = Document::create(options_of(30, 2));
    while (!stop) {
      edit(beside, [&](Transaction& tx) { return tx.root().set("k", 1); });
      (void)store_document(*store, beside);
    }
  });
  auto result = compact(*store, with_zstd());
  stop = true;
  other.join();
  REQUIRE_MESSAGE(result.ok(), result.error().message());
  CHECK(store->document(document.id()).value()->records == 1);
  type(10);
  CHECK(store->document(document.id()).value()->records == 11);
  CHECK(open_document(*store, document.id(), options_of(1, 1))->snapshot() == document.snapshot());
}

TEST_CASE("what waits for others is left alone by compacting") {
  Document a = Document::create(options_of(10, 1));
  edit(a, [](Transaction& tx) { return tx.root().set("k", 1); });
  Document b = a.fork({20});
  edit(b, [](Transaction& tx) { return tx.root().set("k", 2); });
  edit(b, [](Transaction& tx) { return tx.root().set("k", 3); });
  MemoryStore store({{77}, 1, nullptr});
  VersionVector of_a = a.version();
  for (const Bytes& delta : b.deltas_since(of_a).value()) {  // without what it depends on
    NewRecord record;
    record.document = a.id();
    record.replica = {20};
    record.first_seq = static_cast<Seq>(store.info().records);
    record.op_count = 1;
    record.payload = delta;
    REQUIRE(store.append(std::span(&record, 1)).ok());
  }
  REQUIRE(compact(store, with_zstd()).ok());
  CHECK(store.info().records == 2);
  REQUIRE(store_document(store, a).ok());
  REQUIRE(compact(store, with_zstd()).ok());
  CHECK(open_document(store, a.id(), options_of(1, 1))->snapshot() == b.snapshot());
}

TEST_CASE("trimming keeps the state and what came after it") {
  Folder folder;
  auto store = open(folder.path());
  Shelf shelf(*store, 5);
  shelf.write(60);
  const DocumentId id = shelf.document(0).id();
  const VersionVector horizon = shelf.document(0).version();
  const Bytes then = shelf.document(0).snapshot();
  shelf.write(60);
  Status trimmed = trim_document(*store, id, horizon, options_of(99, 1));
  REQUIRE_MESSAGE(trimmed.ok(), trimmed.error().message());
  auto check = [&] {
    auto opened = open_document(*store, id, options_of(99, 1));
    REQUIRE_MESSAGE(opened.ok(), opened.error().message());
    CHECK(opened->snapshot() == shelf.document(0).snapshot());
    CHECK(opened->base() == horizon);
    auto past = open_version(*store, id, horizon, options_of(99, 1));
    REQUIRE_MESSAGE(past.ok(), past.error().message());
    CHECK(past->snapshot() == then);
    CHECK(open_version(*store, id, {}, options_of(99, 1)).error().code() ==
          ErrorCode::kNeedHistory);
  };
  check();
  REQUIRE(compact(*store, with_zstd()).ok());
  check();
  store.reset();
  store = open(folder.path());
  shelf.use(*store);
  check();
  const VersionVector later = shelf.document(0).version();
  const Bytes later_state = shelf.document(0).snapshot();
  shelf.write(60);
  REQUIRE(trim_document(*store, id, later, options_of(99, 1)).ok());
  CHECK(open_version(*store, id, later, options_of(99, 1))->snapshot() == later_state);
  CHECK(open_latest(*store, id, options_of(99, 1))->snapshot() == shelf.document(0).snapshot());
  REQUIRE(trim_document(*store, id, shelf.document(0).version(), options_of(99, 1)).ok());
  CHECK(store->document(id).value()->records == 1);
  CHECK(open_document(*store, id, options_of(99, 1))->snapshot() == shelf.document(0).snapshot());
}

TEST_CASE("everything whole comes out of a damaged store, whatever page is hit") {
  Folder folder;
  const std::string path = folder.path() + "/store";
  auto store = open(path);
  Shelf shelf(*store, 7);
  shelf.write(80);
  REQUIRE(compact(*store, with_zstd()).ok());
  shelf.write(80);
  REQUIRE(store->set_status(shelf.document(3).id(), DocumentStatus::kDeleted).ok());
  std::uint64_t all = 0;
  REQUIRE(store->scan(1, [&](const RecordView&) { return ++all > 0; }).ok());
  store.reset();
  const std::string file = path + "/log/data.mdb";
  std::ifstream in(file, std::ios::binary);
  const std::string sound((std::istreambuf_iterator<char>(in)), {});
  const std::string copy = folder.path() + "/salvaged";
  auto salvaged = [&](const std::string& bytes) {
    std::ofstream(file, std::ios::binary) << bytes;
    std::filesystem::remove_all(copy);
    auto report = salvage(path, copy, [n = 90]() mutable { return ++n; });
    REQUIRE_MESSAGE(report.ok(), report.error().message());
    return std::move(report).value();
  };
  CHECK(salvaged(sound).records == all);
  {
    auto made = open(copy);
    CHECK(made->verify()->empty());
    for (std::size_t i = 0; i < 3; ++i)
      CHECK(open_document(*made, shelf.document(i).id(), options_of(1, 1))->snapshot() ==
            shelf.document(i).snapshot());
    CHECK(made->document(shelf.document(3).id()).value()->status == DocumentStatus::kDeleted);
  }
  // A page after the other is gone: what comes out is what was written, whole records of it.
  std::uint64_t lost = 0;
  for (std::size_t at = 0; at < sound.size(); at += 4096) {
    CAPTURE(at);
    std::string damaged = sound;
    damaged.replace(at, 4096, 4096, '\0');
    SalvageReport report = salvaged(damaged);
    lost +=
        report.records < all ? all - report.records : 0;  // without its mark a deletion is undone
    auto made = open(copy);
    CHECK(made->verify()->empty());
    for (std::size_t i = 0; i < 3; ++i) {
      auto document = open_document(*made, shelf.document(i).id(), options_of(1, 1));
      if (!document.ok()) {
        CHECK(document.error().code() == ErrorCode::kNotFound);
        continue;
      }
      CHECK(shelf.document(i).version().covers(document->version()));
      auto then = shelf.document(i).at(document->version());
      REQUIRE_MESSAGE(then.ok(), then.error().message());
      CHECK(then->to_json().value() == document->to_json().value());
    }
  }
  CHECK(lost > 0);
  CHECK(lost < 3 * all);
  CHECK(salvage(path, copy, [] { return 1; }).error().code() == ErrorCode::kInvalidArgument);
}

TEST_CASE("a document that can't be sealed is named, and the others are sealed") {
  Folder folder;
  const std::string path = folder.path() + "/store";
  auto store = open(path);
  std::vector<Document> documents;
  for (std::uint8_t number = 1; number <= 3; ++number) {
    Document& document = documents.emplace_back(Document::create(options_of(10, number)));
    for (int i = 0; i < 20; ++i) {
      const std::string value =
          "document " + std::to_string(number) + " value " + std::to_string(i);
      edit(document, [&](Transaction& tx) { return tx.root().set("k", value); });
    }
    REQUIRE(store_document(*store, document).ok());
  }
  std::fstream file(path + "/log/data.mdb", std::ios::binary | std::ios::in | std::ios::out);
  const std::string bytes((std::istreambuf_iterator<char>(file)), {});
  const std::string text = "document 2 value 7";
  for (std::size_t at = bytes.find(text); at != std::string::npos; at = bytes.find(text, at + 1)) {
    file.seekp(static_cast<std::streamoff>(at));
    file << 'D';
  }
  file.close();
  const Result<CompactProgress> progress = compact(*store, with_zstd());
  REQUIRE_MESSAGE(progress.ok(), progress.error().message());
  REQUIRE(progress->failed.size() == 1);
  CHECK(progress->failed[0].document == documents[1].id());
  CHECK(progress->failed[0].error.code() == ErrorCode::kCorrupt);
  CHECK(store->document(documents[0].id()).value()->records == 1);
  CHECK(store->document(documents[2].id()).value()->records == 1);
}

TEST_CASE("what the log has lost and a kept state still has is salvaged") {
  Folder folder;
  const std::string path = folder.path() + "/store";
  auto store = open(path);
  Document document = Document::create(options_of(10, 1));
  auto write = [&](int from, int to) {
    for (int i = from; i < to; ++i) {
      const std::string key = "key number " + std::to_string(i);
      edit(document, [&](Transaction& tx) { return tx.root().set(key, i); });
    }
    REQUIRE(store_document(*store, document).ok());
  };
  write(0, 40);
  REQUIRE(store_state(*store, document).ok());
  write(40, 50);
  store.reset();
  const std::string file = path + "/log/data.mdb";
  std::ifstream in(file, std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(in)), {});
  for (std::size_t at = bytes.find("key number 20"); at != std::string::npos;
       at = bytes.find("key number 20", at + 1))
    bytes[at] = 'K';
  std::ofstream(file, std::ios::binary) << bytes;
  auto report = salvage(path, folder.path() + "/salvaged", [n = 90]() mutable { return ++n; });
  REQUIRE_MESSAGE(report.ok(), report.error().message());
  CHECK(report->incomplete.empty());
  REQUIRE(report->from_state.size() == 1);
  CHECK(report->from_state[0].document == document.id());
  auto made = open(folder.path() + "/salvaged");
  auto opened = open_document(*made, document.id(), options_of(1, 1));
  REQUIRE_MESSAGE(opened.ok(), opened.error().message());
  CHECK(opened->snapshot() == document.snapshot());
  // Opened where it lies the newest content is shown, too.
  store = open(path);
  auto latest = open_latest(*store, document.id(), options_of(1, 1));
  REQUIRE_MESSAGE(latest.ok(), latest.error().message());
  CHECK(latest->snapshot() == document.snapshot());
}

TEST_CASE("a record that turns out damaged counts as missing and can be stored again") {
  Folder folder;
  const std::string path = folder.path() + "/store";
  auto store = open(path);
  Document document = Document::create(options_of(10, 1));
  for (int i = 0; i < 40; ++i) {
    const std::string value = "value number " + std::to_string(i);
    edit(document, [&](Transaction& tx) { return tx.root().set("k", value); });
  }
  REQUIRE(store_document(*store, document).ok());
  std::fstream file(path + "/log/data.mdb", std::ios::binary | std::ios::in | std::ios::out);
  const std::string bytes((std::istreambuf_iterator<char>(file)), {});
  for (std::size_t at = bytes.find("value number 20"); at != std::string::npos;
       at = bytes.find("value number 20", at + 1)) {
    file.seekp(static_cast<std::streamoff>(at));
    file << 'V';
  }
  file.close();
  CHECK(store->version(document.id()) == document.version());  // nobody has looked yet
  auto opened = open_document(*store, document.id(), options_of(1, 1));
  REQUIRE(!opened.ok());
  CHECK(opened.error().code() == ErrorCode::kCorrupt);
  CHECK(opened.error().context().find("record 21") != std::string::npos);
  CHECK(store->version(document.id()).end({10}) == 20);
  REQUIRE(store->damaged().size() == 1);
  CHECK(store->damaged()[0].position == 21);
  auto again = store_document(*store, document);
  REQUIRE_MESSAGE(again.ok(), again.error().message());
  CHECK(again->known == 19);
  CHECK(open_document(*store, document.id(), options_of(1, 1))->snapshot() == document.snapshot());
  CHECK(store->verify()->empty());
}

}  // namespace
}  // namespace weft::test
