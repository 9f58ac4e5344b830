#pragma once
// What has to hold of a store whose files have flipped bits: the page check takes it or refuses it and reads nothing
// beyond it, what it takes LMDB can work on, opening and salvage do not crash, and nothing comes out that was never in.
//
// Input: up to 64 changes of five bytes: bit 0 of the first says of which file (0: the log, 1: derived data), bit 1 cuts
// it there instead; three bytes where, little-endian, modulo the file's size; what is xored to that byte.

#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "storage/compact.h"
#include "storage/documents.h"
#include "storage/lmdb/lmdb_store.h"
#include "storage/lmdb/page_check.h"
#include "storage/lmdb/salvage.h"
#include "tests/fuzz/fuzzer.h"
#include "tests/fuzz/real_documents.h"
#include "tests/support/folder.h"

namespace weft::test {

/// A closed store with records of every kind, made once, and what was ever in it.
class SoundStore {
 public:
  SoundStore() : folder_(fast_parent()) {
    {
      const std::unique_ptr<LmdbStore> store = open(folder_.path() + "/sound", true).value();
      fill(*store);
      store->close().value();
    }
    for (std::size_t i = 0; i < kFiles; ++i) {
      std::ifstream in(folder_.path() + "/sound" + kNames[i], std::ios::binary);
      content_[i].assign(std::istreambuf_iterator<char>(in), {});
    }
  }

  static Result<std::unique_ptr<LmdbStore>> open(const std::string& folder, bool create = false) {
    LmdbStore::Options options;
    options.folder = folder;
    options.create = create;
    options.random = [number = std::uint64_t{1}]() mutable { return ++number; };
    return LmdbStore::open(std::move(options));
  }
  const std::string& folder() const { return folder_.path(); }
  const std::string& content(std::size_t file) const { return content_[file]; }
  /// Was it ever in the store?
  bool knows(const RecordView& record) const {
    return record.kind == RecordKind::kState || record.kind == RecordKind::kMark ||
           payloads_.contains(std::string(as_text(record.payload)));
  }

  static constexpr std::size_t kFiles = 2;
  static constexpr std::array<const char*, kFiles> kNames = {"/log/data.mdb", "/derived/data.mdb"};

 private:
  static DocumentId id(std::uint8_t number) { return {{number}}; }
  void note(const Store& store) {
    store
        .scan(1,
              [&](const RecordView& record) {
                payloads_.insert(std::string(as_text(record.payload)));
                return true;
              })
        .value();
  }
  void fill(LmdbStore& store) {
    DocumentOptions options;
    options.replica = store.info().replica;
    for (std::uint8_t number = 1; number <= 4; ++number) {
      options.id = id(number);
      Document document = Document::create(options);
      for (const Bytes& delta : real_histories()[number + 2u]) document.apply(delta).value();
      store_document(store, document).value();
      if (number == 1) note(store);
      if (number == 1) compact(store, {}).value();
      store_state(store, document).value();
      if (number == 3) trim_document(store, options.id, document.version(), options).value();
    }
    note(store);
    store.set_status(id(4), DocumentStatus::kDeleted).value();
    note(store);
    store.catch_up().value();
  }

  Folder folder_;
  std::array<std::string, kFiles> content_;
  std::set<std::string> payloads_;
};

inline const SoundStore& sound_store() {
  static const SoundStore kStore;
  return kStore;
}

inline std::array<std::string, SoundStore::kFiles> damaged_files(ByteSpan input) {
  constexpr std::size_t kChangesMax = 64;
  std::array<std::string, SoundStore::kFiles> files{sound_store().content(0),
                                                    sound_store().content(1)};
  for (std::size_t at = 0; at + 5 <= input.size() && at < 5 * kChangesMax; at += 5) {
    const auto byte = [&](std::size_t i) { return std::to_integer<std::size_t>(input[at + i]); };
    std::string& file = files[byte(0) & 1];
    if (file.empty()) continue;
    const std::size_t place = (byte(1) | byte(2) << 8 | byte(3) << 16) % file.size();
    if ((byte(0) & 2) != 0) {
      file.resize(place);
    } else {
      file[place] = static_cast<char>(static_cast<unsigned char>(file[place]) ^ byte(4));
    }
  }
  return files;
}

/// What is under test; a canary puts something faulty in its place.
struct Repair {
  Result<SalvageReport> (*salvage)(const std::string&, const std::string&,
                                   const std::function<std::uint64_t()>&) = weft::salvage;
};

/// @return  a fault, or null
inline const char* use_store(LmdbStore& store, std::size_t& records) {
  const char* fault = nullptr;
  (void)store.scan(1, [&](const RecordView& record) {
    ++records;
    if (!sound_store().knows(record)) fault = "a record that was never stored";
    return fault == nullptr;
  });
  (void)store.verify();
  const Result<std::vector<DocumentUsage>> documents = store.documents();
  if (!documents.ok()) return fault;
  for (const DocumentUsage& usage : *documents) {
    DocumentOptions options;
    options.replica = store.info().replica;
    const Result<Document> document = open_latest(store, usage.document, options);
    if (document.ok()) document->check_invariants();
  }
  return fault;
}

/// Two parts: the store as it is, and what is salvaged of it.
inline Verdict check_damaged_store(ByteSpan input, const Repair& repair = {}) {
  const std::string work = sound_store().folder() + "/work";
  const std::string saved = sound_store().folder() + "/saved";
  std::error_code ignored;
  std::filesystem::remove_all(work, ignored);
  std::filesystem::remove_all(saved, ignored);
  std::filesystem::copy(sound_store().folder() + "/sound", work,
                        std::filesystem::copy_options::recursive, ignored);
  const std::array<std::string, SoundStore::kFiles> files = damaged_files(input);
  for (std::size_t i = 0; i < files.size(); ++i)
    std::ofstream(work + SoundStore::kNames[i], std::ios::binary | std::ios::trunc) << files[i];

  Verdict verdict{nullptr, 2, 0};
  for (const char* name : SoundStore::kNames)
    for (const lmdb::PageDepth depth : {lmdb::PageDepth::kBranches, lmdb::PageDepth::kEverything})
      (void)lmdb::check_pages(work + name, depth);
  const Result<SalvageReport> report =
      repair.salvage(work, saved, [number = std::uint64_t{1}]() mutable { return ++number; });
  if (report.ok()) {
    const Result<std::unique_ptr<LmdbStore>> store = SoundStore::open(saved);
    if (!store.ok()) return faulty("what was salvaged can't be opened");
    std::size_t records = 0;
    if (const char* fault = use_store(**store, records)) return faulty(fault);
    if (records != report->records) return faulty("salvage counts other records than it saved");
    if (records > 0) ++verdict.accepted;
  }
  Result<std::unique_ptr<LmdbStore>> store = SoundStore::open(work);
  if (store.ok()) {
    std::size_t records = 0;
    if (const char* fault = use_store(**store, records)) return faulty(fault);
    if (records > 0) ++verdict.accepted;
  }
  return verdict;
}

}  // namespace weft::test
