// Salvage: which documents come out whole, which are named as lost or cut, for each kind of damage.

#include "storage/lmdb/salvage.h"

#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "storage/documents.h"
#include "storage/lmdb/page_check.h"
#include "storage/lmdb/page_format.h"
#include "tests/histories/harness.h"
#include "tests/storage/lmdb_rig.h"
#include "tests/support/random.h"

namespace weft::test {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPageBytes = 4096;
constexpr std::size_t kDocuments = 12;

void write_bytes(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

DocumentOptions options_of_document(std::uint8_t number) {
  DocumentOptions options;
  options.replica = {100u + number};
  options.id.bytes.fill(number);
  return options;
}

/// Documents of several sizes in a closed store, and what they hold.
class Shelf {
 private:
  Folder folder_{fast_parent()};

 public:
  /// @param states  how many of them have a kept state
  explicit Shelf(std::size_t states, int edits = 30) : path(folder_.path() + "/store") {
    auto store = open(options_of(path));
    for (std::uint8_t number = 1; number <= kDocuments; ++number) {
      Document document = Document::create(options_of_document(number));
      for (int edit = 0; edit < edits; ++edit) {
        const std::string key = "key-" + std::to_string(number) + "-" + std::to_string(edit);
        // Most on leaf pages, some on pages of their own.
        const std::string value(edit % 10 == 9 ? 6'000 : 20u + 7u * number,
                                static_cast<char>('a' + number));
        document.transact([&](Transaction& tx) { return tx.root().set(key, value); }).value();
        const Status stored = store_document(*store, document).ok()
                                  ? Status()
                                  : Status(Error(ErrorCode::kIoError, ""));
        REQUIRE(stored.ok());
      }
      if (number <= states) REQUIRE(store_state(*store, document).ok());
      documents.push_back(std::move(document));
    }
    REQUIRE(store->catch_up().ok());
    REQUIRE(store->close().ok());
    store.reset();
    log = read_file(log_file());
    derived = read_file(derived_file());
    REQUIRE(lmdb::check_pages(log_file(), lmdb::PageDepth::kEverything).ok());
  }

  std::string log_file() const { return path + "/log/data.mdb"; }
  std::string derived_file() const { return path + "/derived/data.mdb"; }
  const DocumentId& id(std::size_t index) const { return documents[index].id(); }

  SalvageReport salvage_with(const std::string& log_bytes, const std::string& derived_bytes) {
    write_bytes(log_file(), log_bytes);
    write_bytes(derived_file(), derived_bytes);
    return salvage_now();
  }
  SalvageReport salvage_now() {
    fs::remove_all(target());
    Result<SalvageReport> report = salvage(path, target(), [this] { return ++random_; });
    REQUIRE_MESSAGE(report.ok(), report.error().message());
    salvaged = open(options_of(target()));
    CHECK(salvaged->verify()->empty());
    return std::move(report).value();
  }
  std::string target() const { return folder_.path() + "/salvaged"; }

  /// Which documents came out as they were.
  std::set<DocumentId> whole() const {
    std::set<DocumentId> ids;
    for (const Document& document : documents) {
      Result<Document> opened = open_latest(*salvaged, document.id(), {});
      if (opened.ok() && opened->to_json().value() == document.to_json().value())
        ids.insert(document.id());
    }
    return ids;
  }
  /// Every document either came out as it was, or the report says what it lost.
  void check_honest(const SalvageReport& report) const {
    const std::set<DocumentId> whole_ones = whole();
    std::set<DocumentId> named;
    for (const SalvageReport::Loss& loss : report.losses) {
      named.insert(loss.document);
      CHECK(loss.operations > 0);
      CHECK(!loss.missing.empty());
    }
    for (const Document& document : documents)
      if (!whole_ones.contains(document.id()))
        CHECK(
            (named.contains(document.id()) || report.unnamed_records > 0 || report.may_lack_more));
    // Who is named has lost something: no false alarm.
    for (const DocumentId& id : named) CHECK(!whole_ones.contains(id));
    CHECK(report.is_everything() ==
          (whole_ones.size() == documents.size() && report.from_state.empty() &&
           report.unnamed_records == 0 && !report.may_lack_more));
  }

  std::string path;
  std::vector<Document> documents;
  std::string log;
  std::string derived;
  std::unique_ptr<LmdbStore> salvaged;

 private:
  std::uint64_t random_ = 40;
};

std::vector<std::size_t> pages_of_kind(const std::string& file, std::uint16_t kind) {
  std::vector<std::size_t> pages;
  for (std::size_t page = 2; page < file.size() / kPageBytes; ++page) {
    const ByteSpan bytes = as_bytes(std::string_view(file).substr(page * kPageBytes, kPageBytes));
    if (lmdb::number_at<std::uint16_t>(bytes, 10) == kind &&
        lmdb::number_at<std::uint64_t>(bytes, 0) == page)
      pages.push_back(page);
  }
  return pages;
}

std::string flipped(std::string bytes, std::size_t at, std::uint64_t bit) {
  bytes[at] = static_cast<char>(bytes[at] ^ (1 << bit));
  return bytes;
}

TEST_CASE("a sound store is salvaged whole, and nothing is reported") {
  Shelf shelf(3);
  const SalvageReport report = shelf.salvage_with(shelf.log, shelf.derived);
  CHECK(report.is_everything());
  CHECK(report.incomplete.empty());
  CHECK(!report.log_is_damaged);
  CHECK(shelf.whole().size() == kDocuments);
}

TEST_CASE("a flipped bit in a leaf page's table of nodes, or in its nodes' heads, loses nothing") {
  const std::uint64_t seed = first_seed();
  CAPTURE(seed);
  Random random(seed);
  Shelf shelf(0);
  const std::vector<std::size_t> leaves = pages_of_kind(shelf.log, lmdb::kLeaf);
  REQUIRE(leaves.size() > 5);
  const std::uint64_t images = scaled_count(60);
  for (std::uint64_t image = 0; image < images; ++image) {
    CAPTURE(image);
    const std::size_t page = leaves[random.below(leaves.size())] * kPageBytes;
    const auto lower = lmdb::number_at<std::uint16_t>(as_bytes(shelf.log), page + 12);
    std::size_t at = page + random.below(lower);  // the page's head and its table
    if (random.chance(1, 3)) {                    // or a node's head and key
      const std::size_t entries = (lower - lmdb::kHeadBytes) / 2;
      const auto node = lmdb::number_at<std::uint16_t>(
          as_bytes(shelf.log), page + lmdb::kHeadBytes + 2 * random.below(entries));
      at = page + node + random.below(16);
    }
    CAPTURE(at - page);
    const std::uint64_t bit = random.below(8);
    const SalvageReport report = shelf.salvage_with(flipped(shelf.log, at, bit), shelf.derived);
    CHECK(shelf.whole().size() == kDocuments);
    shelf.check_honest(report);
  }
}

TEST_CASE(
    "whatever page of the log is gone, each document is whole or named, and nothing else is") {
  Shelf shelf(0, 20);
  std::size_t lossy = 0;
  for (std::size_t page = 0; page < shelf.log.size() / kPageBytes; ++page) {
    CAPTURE(page);
    std::string damaged = shelf.log;
    damaged.replace(page * kPageBytes, kPageBytes, kPageBytes, '\0');
    const SalvageReport report = shelf.salvage_with(damaged, shelf.derived);
    shelf.check_honest(report);
    if (report.unnamed_records == 0 && !report.may_lack_more)
      lossy += report.is_everything() ? 0u : 1u;
    CHECK(shelf.whole().size() >= kDocuments - 8);
  }
  CHECK(lossy > 3);
}

TEST_CASE("a damaged newest record is named as a loss at the document's end") {
  Shelf shelf(0);
  for (const bool has_derived : {true, false}) {
    CAPTURE(has_derived);
    std::string damaged = shelf.log;
    const std::string text = "key-12-29";
    for (std::size_t at = damaged.find(text); at != std::string::npos;
         at = damaged.find(text, at + 1))
      damaged[at] = 'K';
    const SalvageReport report =
        shelf.salvage_with(damaged, has_derived ? shelf.derived : std::string());
    REQUIRE(report.losses.size() == 1);
    CHECK(report.losses[0].document == shelf.id(11));
    CHECK(report.losses[0].operations == 1);
    REQUIRE(report.losses[0].missing.size() == 1);
    CHECK(report.losses[0].missing[0].begin == 29);
    CHECK(!report.losses[0].is_whole_document);
    CHECK(!report.is_everything());
    CHECK(shelf.whole().size() == kDocuments - 1);
  }
}

TEST_CASE("a document whose only whole copy is its kept state is salvaged from that") {
  Shelf shelf(4);
  for (const bool is_missing : {false, true}) {
    CAPTURE(is_missing);
    if (is_missing) {
      fs::remove(shelf.log_file());
      write_bytes(shelf.derived_file(), shelf.derived);
    }
    const SalvageReport report =
        is_missing ? shelf.salvage_now() : shelf.salvage_with(std::string(), shelf.derived);
    CHECK(report.records == 4);
    CHECK(report.from_state.size() == 4);
    CHECK(report.from_state[0].operations == 30);
    CHECK(report.log_is_damaged);
    REQUIRE(report.losses.size() == kDocuments - 4);
    for (const SalvageReport::Loss& loss : report.losses) {
      CHECK(loss.is_whole_document);
      CHECK(loss.operations == 30);
    }
    CHECK(!report.is_everything());
    CHECK(shelf.whole().size() == 4);
  }
}

TEST_CASE("kept states come out of damaged derived data, too") {
  Shelf shelf(4);
  std::size_t states = 0;
  std::size_t images = 0;
  for (const std::size_t page : pages_of_kind(shelf.derived, lmdb::kLeaf)) {
    CAPTURE(page);
    std::string damaged = shelf.derived;
    damaged.replace(page * kPageBytes + 12, 2, 2, '\x7f');  // its table of nodes makes no sense
    const SalvageReport report = shelf.salvage_with(std::string(), damaged);
    CHECK(shelf.whole().size() == report.records);
    states += report.records;
    ++images;
  }
  REQUIRE(images > 0);
  CHECK(states == 4 * images);
  for (std::size_t page = 0; page < shelf.derived.size() / kPageBytes; ++page) {
    CAPTURE(page);
    std::string damaged = shelf.derived;
    damaged.replace(page * kPageBytes, kPageBytes, kPageBytes, '\0');
    const SalvageReport report = shelf.salvage_with(std::string(), damaged);
    CHECK(shelf.whole().size() == report.records);
    CHECK(report.records >= 2);
    CHECK(!report.is_everything());
  }
}

TEST_CASE("an emptied log is damage, which no opening writes into") {
  Shelf shelf(2);
  write_bytes(shelf.log_file(), "");
  for (const bool read_only : {true, false}) {
    LmdbStore::Options options = options_of(shelf.path);
    options.read_only = read_only;
    const auto opened = LmdbStore::open(options);
    REQUIRE(!opened.ok());
    CHECK(opened.error().code() == ErrorCode::kCorrupt);
  }
  CHECK(fs::file_size(shelf.log_file()) == 0);
  CHECK(lmdb::check_pages(shelf.log_file(), lmdb::PageDepth::kBranches).error().code() ==
        ErrorCode::kCorrupt);
}

TEST_CASE("damage to free pages and their list loses nothing and reports nothing") {
  Shelf shelf(0);
  {
    auto store = open(options_of(shelf.path));
    for (int i = 0; i < 20; ++i)
      REQUIRE(append_one(*store, sample(200, 7, static_cast<Seq>(i), 1, 3'000)).ok());
    REQUIRE(store->set_status(sample(200, 7, 0, 1).head.document, DocumentStatus::kEvicted).ok());
    REQUIRE(store->catch_up().ok());
  }
  const std::string log = read_file(shelf.log_file());
  const std::string derived = read_file(shelf.derived_file());
  std::size_t unused = 0;
  for (std::size_t page = 2; page < log.size() / kPageBytes; ++page) {
    CAPTURE(page);
    std::string damaged = log;
    damaged.replace(page * kPageBytes, kPageBytes, kPageBytes, '\xa5');
    write_bytes(shelf.log_file(), damaged);
    if (!lmdb::check_pages(shelf.log_file(), lmdb::PageDepth::kEverything).ok()) continue;
    const SalvageReport report = shelf.salvage_with(damaged, derived);
    if (report.log_is_damaged) continue;  // a record's content lay there
    ++unused;
    CHECK(report.is_everything());
    CHECK(shelf.whole().size() == kDocuments);
  }
  CHECK(unused > 3);
}

TEST_CASE("salvage that fails leaves nothing behind, and one that was killed goes with the next") {
  Shelf shelf(1);
  const std::string left = shelf.target() + ".unfinished";
  fs::create_directories(left + "/log");
  write_bytes(left + "/log/data.mdb", "half of it");
  CHECK(shelf.salvage_now().is_everything());
  CHECK(!fs::exists(left));
  CHECK(salvage(shelf.path, shelf.target(), [] { return 1; }).error().code() ==
        ErrorCode::kInvalidArgument);
  CHECK(!fs::exists(left));
  CHECK(salvage(shelf.path, shelf.path + "/none/there", [] { return 1; }).error().code() ==
        ErrorCode::kNotFound);
}

}  // namespace
}  // namespace weft::test
