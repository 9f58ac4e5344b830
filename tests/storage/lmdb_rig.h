#pragma once
// Stores on disk as the tests of storage/lmdb open, fill and question them.

#include <fstream>
#include <iterator>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "storage/lmdb/lmdb_store.h"
#include "tests/storage/store_contract.h"
#include "tests/support/folder.h"

namespace weft::test {

inline LmdbStore::Options options_of(const std::string& folder) {
  LmdbStore::Options options;
  options.folder = folder;
  options.create = true;
  return options;
}
inline LmdbStore::Options options_of(const Folder& folder) { return options_of(folder.path()); }

inline std::unique_ptr<LmdbStore> open(LmdbStore::Options options) {
  auto store = LmdbStore::open(std::move(options));
  REQUIRE_MESSAGE(store.ok(), store.error().message());
  return std::move(store).value();
}
inline std::unique_ptr<LmdbStore> open(const Folder& folder) { return open(options_of(folder)); }

inline Result<AppendResult> append_one(Store& store, const SampleRecord& record) {
  NewRecord view = record.view();
  return store.append(std::span(&view, 1));
}

/// `count` records of `documents` documents in turn, one operation each.
inline void fill(Store& store, Seq begin, Seq count, std::uint8_t documents = 5,
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

inline Answers answers_of(const Store& store) {
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

inline std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

}  // namespace weft::test
