// Bits that flip on the disk below a store: what is damaged is named, and the rest is read as it was written.

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "storage/lmdb/lmdb_store.h"
#include "storage/lmdb/salvage.h"
#include "tests/histories/harness.h"
#include "tests/storage/store_contract.h"
#include "tests/support/folder.h"
#include "tests/support/random.h"

namespace weft::test {
namespace {

/// A closed store, whose file can be changed.
class Damaged {
 public:
  explicit Damaged(std::uint64_t seed) : random(seed), folder_(fast_parent()) {
    auto store = open().value();
    for (Seq seq = 0; seq < 300; ++seq) {
      const std::uint64_t size_max = random.chance(1, 10) ? 9'000 : 300;
      SampleRecord& record =
          records.emplace_back(sample(1, 7, seq, 1, 20 + random.below(size_max)));
      for (std::byte& byte : record.payload) byte = static_cast<std::byte>(random.next());
      const NewRecord view = record.view();
      store->append({&view, 1}).value();
    }
    info = store->info();
    store.reset();
    std::ifstream in(file(), std::ios::binary);
    sound_.assign(std::istreambuf_iterator<char>(in), {});
  }

  Result<std::unique_ptr<LmdbStore>> open() {
    LmdbStore::Options options;
    options.folder = folder_.path() + "/store";
    options.create = true;
    return LmdbStore::open(options);
  }
  /// Flips a bit at so many bytes from each place where `text` lies (old pages hold copies) of a sound file.
  void flip(std::string_view text, std::ptrdiff_t offset, std::uint64_t bit) {
    std::string content = sound_;
    bool is_found = false;
    for (std::size_t at = content.find(text); at != std::string::npos;
         at = sound_.find(text, at + 1)) {
      char& byte = content[static_cast<std::size_t>(static_cast<std::ptrdiff_t>(at) + offset)];
      byte = static_cast<char>(byte ^ (1 << bit));
      is_found = true;
    }
    REQUIRE(is_found);
    std::ofstream(file(), std::ios::binary) << content;
  }

  Random random;
  std::vector<SampleRecord> records;
  StoreInfo info;

 private:
  std::string file() const { return folder_.path() + "/store/log/data.mdb"; }

  Folder folder_;
  std::string sound_;
};

/// Reads [begin, end) as they were written. @return  how many, up to the first that is not so
std::size_t sound_count(const Store& store, const std::vector<SampleRecord>& records,
                        LogPosition begin) {
  std::size_t count = 0;
  (void)store.scan(begin, [&](const RecordView& record) {
    const SampleRecord& expected = records[record.position - 1];
    if (record.position != begin + count || as_text(record.payload) != as_text(expected.payload))
      return false;
    ++count;
    return true;
  });
  return count;
}

TEST_CASE("a record with a flipped bit is named, and all others are read") {
  const std::uint64_t seed = first_seed();
  CAPTURE(seed);
  Damaged damaged(seed);
  const std::uint64_t images = scaled_count(300);
  for (std::uint64_t image = 0; image < images; ++image) {
    CAPTURE(image);
    const std::size_t index = damaged.random.below(damaged.records.size());
    const LogPosition position = index + 1;
    const Bytes& payload = damaged.records[index].payload;
    const std::uint64_t at = damaged.random.below(kRecordHeadBytes + payload.size());
    damaged.flip(as_text(payload),
                 static_cast<std::ptrdiff_t>(at) - static_cast<std::ptrdiff_t>(kRecordHeadBytes),
                 damaged.random.below(8));
    auto store = damaged.open().value();
    const std::vector<BadRecord> bad = store->verify().value();
    REQUIRE(bad.size() == 1);
    CHECK(bad[0].position == position);
    CHECK(store->scan(1, [](const RecordView&) { return true; }).error().code() ==
          ErrorCode::kCorrupt);
    CHECK(sound_count(*store, damaged.records, 1) == index);
    CHECK(sound_count(*store, damaged.records, position + 1) == damaged.records.size() - position);
  }
}

TEST_CASE("a flipped bit in a store's identity is noticed") {
  Damaged damaged(1);
  for (std::uint64_t value : {damaged.info.epoch, damaged.info.replica.value}) {
    const std::string text(reinterpret_cast<const char*>(&value), sizeof value);
    for (std::uint64_t bit = 0; bit < 64; ++bit) {
      damaged.flip(text, static_cast<std::ptrdiff_t>(bit / 8), bit % 8);
      auto store = damaged.open();
      REQUIRE(!store.ok());
      CHECK(store.error().code() == ErrorCode::kCorrupt);
    }
  }
}

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

/// `file` with a bit flipped wherever the record `bytes` lies in it.
std::string with_flipped_bit(std::string file, const std::string& bytes, std::uint64_t bit) {
  std::size_t at = file.find(bytes);
  REQUIRE(at != std::string::npos);
  for (; at != std::string::npos; at = file.find(bytes, at + 1)) {
    char& byte = file[at + bit / 8];
    byte = static_cast<char>(byte ^ (1 << bit % 8));
  }
  return file;
}

TEST_CASE("a flipped bit in a record of any kind is found, named and salvaged round") {
  const std::uint64_t seed = first_seed();
  CAPTURE(seed);
  Random random(seed);
  Folder folder(fast_parent());
  LmdbStore::Options options;
  options.folder = folder.path() + "/store";
  options.create = true;
  std::map<LogPosition, std::string> records;  ///< as they lie in the file
  std::map<RecordKind, LogPosition> kinds;
  {
    auto store = LmdbStore::open(options).value();
    for (Seq seq = 0; seq < 20; ++seq)
      for (std::uint8_t document = 1; document <= 4; ++document) {
        SampleRecord record = sample(document, 7, seq, 1, 40 + random.below(200));
        for (std::byte& byte : record.payload) byte = static_cast<std::byte>(random.next());
        const NewRecord view = record.view();
        store->append({&view, 1}).value();
      }
    SampleRecord bundle = sample(1, 7, 2, 6, 300);
    bundle.head.kind = RecordKind::kBundle;
    REQUIRE(store->seal(bundle.view()).ok());
    VersionVector version;
    version.set({7}, 5);
    REQUIRE(store->trim(bundle.head.document, {version, Bytes(80, std::byte{9})}).ok());
    REQUIRE(store->set_status(sample(2, 7, 0, 1).head.document, DocumentStatus::kEvicted).ok());
    REQUIRE(store
                ->scan(1,
                       [&](const RecordView& record) {
                         std::string bytes(record_size(record.payload.size()), '\0');
                         encode_record(record.position, record, record.payload,
                                       reinterpret_cast<std::byte*>(bytes.data()));
                         records[record.position] = bytes;
                         kinds[record.kind] = record.position;
                         return true;
                       })
                .ok());
  }
  REQUIRE(kinds.size() == 4);
  const std::string file = options.folder + "/log/data.mdb";
  const std::string sound = read_file(file);
  const std::uint64_t images = scaled_count(60);
  for (const auto& of_kind : kinds)
    for (std::uint64_t image = 0; image < images; ++image) {
      const RecordKind kind = of_kind.first;
      const LogPosition position = of_kind.second;
      CAPTURE(static_cast<int>(kind));
      CAPTURE(image);
      const std::string& bytes = records.at(position);
      std::ofstream(file, std::ios::binary)
          << with_flipped_bit(sound, bytes, random.below(bytes.size() * 8));
      std::filesystem::remove_all(options.folder + "-salvaged");
      auto report =
          salvage(options.folder, options.folder + "-salvaged", [&] { return random.next(); });
      REQUIRE_MESSAGE(report.ok(), report.error().message());
      // A lost mark leaves the older copies of what it gave up, a lost state what it stood for.
      const bool gives_back = kind == RecordKind::kMark || kind == RecordKind::kState;
      CHECK((report->records == records.size() - 1 ||
             (gives_back && report->records >= records.size() - 1)));
      std::filesystem::remove_all(options.folder + "/derived");
      auto store = LmdbStore::open(options).value();
      auto bad = store->verify();
      REQUIRE_MESSAGE(bad.ok(), bad.error().message());
      REQUIRE(bad->size() == 1);
      CHECK((*bad)[0].position == position);
      store.reset();
      options.folder += "-salvaged";
      store = LmdbStore::open(options).value();
      CHECK(store->verify()->empty());
      options.folder.resize(options.folder.size() - std::string("-salvaged").size());
    }
}

}  // namespace
}  // namespace weft::test
