// scan_document() behind a version, of a store on disk: just the records that a scan of everything would pick.

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "storage/lmdb/lmdb_store.h"
#include "tests/support/folder.h"
#include "tests/support/random.h"

using namespace weft;
using test::Random;

namespace {

constexpr std::uint64_t kReplicas = 3;
constexpr std::size_t kRecords = 2000;  // several chunks of the index on disk
constexpr DocumentId kDocuments[] = {{{1}}, {{2}}};

std::unique_ptr<LmdbStore> open(const test::Folder& folder) {
  LmdbStore::Options options;
  options.folder = folder.path();
  options.create = true;
  auto store = LmdbStore::open(std::move(options));
  REQUIRE_MESSAGE(store.ok(), store.error().message());
  return std::move(store).value();
}

/// Consecutive operations of each replica in each document, in an order that leaves gaps for a while.
std::vector<NewRecord> make_records(Random& random, ByteSpan payload) {
  std::vector<NewRecord> records;
  Seq ends[std::size(kDocuments)][kReplicas] = {};
  for (std::size_t i = 0; i < kRecords; ++i) {
    NewRecord& record = records.emplace_back();
    const std::uint64_t document = random.below(std::size(kDocuments));
    const std::uint64_t replica = random.below(kReplicas);
    Seq& end = ends[document][replica];
    record.document = kDocuments[document];
    record.replica = {100 + replica};
    record.first_seq = end;
    record.op_count = 1 + static_cast<Seq>(random.below(5));
    record.payload = payload;
    end = record.end();
  }
  for (std::size_t i = 0; i < records.size(); ++i) {
    const std::size_t near = std::min<std::size_t>(records.size() - i, 40);
    std::swap(records[i], records[i + random.below(near)]);
  }
  return records;
}

std::vector<LogPosition> expected(const Store& store, const DocumentId& id,
                                  const VersionVector& since) {
  std::vector<LogPosition> positions;
  REQUIRE(store
              .scan(1,
                    [&](const RecordView& record) {
                      if (record.document == id && record.end() > since.end(record.replica))
                        positions.push_back(record.position);
                      return true;
                    })
              .ok());
  return positions;
}

std::vector<LogPosition> found(const Store& store, const DocumentId& id,
                               const VersionVector& since) {
  std::vector<LogPosition> positions;
  REQUIRE(store
              .scan_document(id, since,
                             [&](const RecordView& record) {
                               positions.push_back(record.position);
                               return true;
                             })
              .ok());
  return positions;
}

void check_versions(const Store& store, Random& random) {
  for (const DocumentId& id : kDocuments) {
    const VersionVector whole = store.version(id);
    for (int round = 0; round < 20; ++round) {
      VersionVector since;
      for (std::uint64_t replica = 100; replica < 100 + kReplicas; ++replica) {
        const bool is_near = random.chance(1, 2);
        const auto back = static_cast<Seq>(random.below(is_near ? 10 : 2000));
        const Seq end = whole.end({replica});
        since.set({replica}, end > back ? end - back : 0);
      }
      CHECK(found(store, id, since) == expected(store, id, since));
    }
    CHECK(found(store, id, whole) == expected(store, id, whole));
  }
}

void check_seed(std::uint64_t seed) {
  INFO("WEFT_SEED=" << seed << " build/dev/weft_storage_tests -sf='*scan_since*'");
  Random random(seed);
  const test::Folder folder(test::fast_parent());
  const Bytes payload(30, std::byte{1});
  const std::vector<NewRecord> records = make_records(random, payload);
  auto store = open(folder);
  for (std::size_t at = 0; at < records.size();) {
    const std::size_t count = std::min<std::size_t>(records.size() - at, 1 + random.below(300));
    REQUIRE(store->append(std::span(records).subspan(at, count)).ok());
    at += count;
    if (random.chance(1, 3)) REQUIRE(store->catch_up().ok());
    if (random.chance(1, 4)) check_versions(*store, random);
  }
  check_versions(*store, random);
  store.reset();
  store = open(folder);
  check_versions(*store, random);
}

}  // namespace

TEST_CASE("what lies behind a version is found, wherever it is indexed") {
  const char* text = std::getenv("WEFT_SEED");
  if (text != nullptr && *text != '\0') return check_seed(std::strtoull(text, nullptr, 10));
  for (std::uint64_t seed = 1; seed <= 5; ++seed) check_seed(seed);
}
