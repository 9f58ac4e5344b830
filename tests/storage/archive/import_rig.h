#pragma once
// Stores that exchange documents by archives, for the tests of what an import makes of a document.

#include <doctest/doctest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "storage/archive/transfer.h"
#include "storage/documents.h"
#include "storage/memory/memory_store.h"
#include "tests/storage/archive/sample.h"

namespace weft::test {

using Kind = ImportNote::Kind;

inline constexpr ArchiveFormat kFormats[] = {ArchiveFormat::kXml, ArchiveFormat::kBinary};
inline constexpr std::uint64_t kDayMs = std::uint64_t{24} * 3'600 * 1'000;
inline constexpr std::uint64_t kNowMs = 1'790'000'000'000;
inline const DocumentId kId = options_of(1, 0xd0).id;

inline DocumentOptions options_at(std::uint64_t now_ms) {
  DocumentOptions options;
  options.now_ms = [now_ms] { return now_ms; };
  return options;
}

/// An edit of the stored document by the store's replica.
inline void edit(Store& store, const std::string& key, int value) {
  auto opened = StoredDocument::open(store, kId, options_of(store.info().replica.value));
  REQUIRE_MESSAGE(opened.ok(), opened.error().message());
  commit(opened->document(), "", [&](Transaction& tx) { return tx.root().set(key, value); });
  REQUIRE(opened->save().ok());
}

inline void remove(Store& store) { REQUIRE(delete_document(store, kId, options_at(kNowMs)).ok()); }

inline void purge(Store& store) {
  for (std::uint64_t day = 0; day <= 31; ++day)
    REQUIRE(store.note_time(kNowMs + day * kDayMs).ok());
  REQUIRE(store.purge(kId).ok());
}

inline Archive archive_in(const Store& store, ArchiveFormat format) {
  auto read = read_archive(write_archive(archive_store(store, nullptr).value(), format).value());
  REQUIRE_MESSAGE(read.ok(), read.error().message());
  return *std::move(read);
}

inline DocumentUsage usage_of(const Store& store) {
  const auto usage = store.document(kId);
  REQUIRE(usage.ok());
  REQUIRE(usage->has_value());
  return **usage;
}

inline std::string shown(const Store& store) {
  auto document = open_latest(store, kId, options_of(99));
  REQUIRE_MESSAGE(document.ok(), document.error().message());
  return content(*document);
}

inline bool is_contested(const Store& store) {
  const Document document = open_latest(store, kId, options_of(99)).value();
  return contested(document, usage_of(store).deletion).has_value();
}

inline ArchiveImportReport import(Store& store, const Archive& archive) {
  auto report = import_archive(store, archive, options_at(kNowMs + kDayMs));
  REQUIRE_MESSAGE(report.ok(), report.error().message());
  return *std::move(report);
}

/// Imports once more: nothing is added, nothing changes, nothing is told as new.
inline void check_idempotent(Store& store, const Archive& archive) {
  const LogPosition end = store.log_end();
  const DocumentUsage before = usage_of(store);
  const ArchiveImportReport again = import(store, archive);
  CHECK(again.added == 0);
  CHECK(again.notes.empty());
  CHECK(store.log_end() == end);
  CHECK(usage_of(store).status == before.status);
  CHECK(usage_of(store).deletion == before.deletion);
}

/// Owns the stores of a test.
struct Stores {
  Store& fresh(std::uint64_t replica) {
    return *all.emplace_back(std::make_unique<MemoryStore>(
        MemoryStore::Options{.replica = {replica}, .epoch = replica, .before_append = nullptr}));
  }
  /// "k" is 1, by replica 7.
  Store& one_document() {
    Store& store = fresh(7);
    edit(store, "k", 1);
    return store;
  }
  /// A copy of it in which "k" is 2, by replica 8, which no deletion in the first has seen.
  Store& edited_copy(const Store& store) {
    Store& copy = fresh(8);
    import(copy, archive_store(store, nullptr).value());
    edit(copy, "k", 2);
    return copy;
  }

  std::vector<std::unique_ptr<MemoryStore>> all;
};

}  // namespace weft::test
