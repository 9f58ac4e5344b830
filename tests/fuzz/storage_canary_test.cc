// Canaries: the checks of the fuzzers of stores and archives notice a fault if there is one.

#include <doctest/doctest.h>

#include <string>

#include "tests/fuzz/archive_checks.h"
#include "tests/fuzz/damaged_store_checks.h"
#include "tests/fuzz/stored_value_checks.h"

namespace weft::test {
namespace {

Bytes seed_of(const Fuzzer& fuzzer, std::string_view name) {
  for (Seed& seed : fuzzer.seeds())
    if (seed.name.starts_with(name)) return std::move(seed.bytes);
  FAIL("there is no such seed");
  return {};
}

DocumentOptions made_up_options(ReplicaId replica) {
  DocumentOptions options;
  options.replica = replica;
  options.id.bytes[0] = 7;
  return options;
}

TEST_CASE("a record, a mark or a chunk that encodes to something else is noticed") {
  StoredForm wrong;
  wrong.encode_record = [](LogPosition position, const RecordHead& head, ByteSpan payload,
                           std::byte* out) {
    RecordHead other = head;
    other.first_seq ^= 1;
    encode_record(position, other, payload, out);
  };
  CHECK(words(check_stored_value(seed_of(kStoredValueFuzz, "record_"), wrong)) ==
        "a record encodes to another head");
  wrong = {};
  wrong.status_payload = [](DocumentStatus, const VersionVector& version) {
    return status_payload(DocumentStatus::kLive, version);
  };
  bool noticed = false;
  for (const Seed& seed : kStoredValueFuzz.seeds())
    noticed =
        noticed || words(check_stored_value(seed.bytes, wrong)) == "a mark says something else";
  CHECK(noticed);
  wrong = {};
  wrong.encode_chunk = [](std::span<const IndexEntry> entries) {
    return lmdb::encode_chunk(entries.first(entries.size() - 1));
  };
  CHECK(words(check_stored_value(seed_of(kStoredValueFuzz, "chunk_"), wrong)) ==
        "a chunk says something else");
}

TEST_CASE("a salvage that makes something up, loses all or counts wrongly is noticed") {
  CHECK(words(check_damaged_store({})) == "");
  CHECK(check_damaged_store({}).accepted == 2);
  Repair wrong;
  wrong.salvage = [](const std::string& from, const std::string& to,
                     const std::function<std::uint64_t()>& random) {
    Result<SalvageReport> report = salvage(from, to, random);
    if (report.ok()) ++report->records;
    return report;
  };
  CHECK(words(check_damaged_store({}, wrong)) == "salvage counts other records than it saved");
  wrong.salvage = [](const std::string&, const std::string& to,
                     const std::function<std::uint64_t()>&) -> Result<SalvageReport> {
    auto store = SoundStore::open(to, true).value();
    Document document = Document::create(made_up_options(store->info().replica));
    document.transact([](Transaction& tx) { return tx.root().set("made", "up"); }).value();
    store_document(*store, document).value();
    SalvageReport report;
    report.records = 1;
    return report;
  };
  CHECK(words(check_damaged_store({}, wrong)) == "a record that was never stored");
  wrong.salvage = [](const std::string&, const std::string&,
                     const std::function<std::uint64_t()>&) -> Result<SalvageReport> {
    return Error(ErrorCode::kCorrupt, "no");
  };
  CHECK(check_damaged_store({}, wrong).accepted == 1);
}

TEST_CASE("an archive that loses a delta, or is read though it is damaged, is noticed") {
  const Bytes input = seed_of(kArchiveFuzz, "document_");
  CHECK(words(check_archive(input)) == "");
  ArchiveForm wrong;
  wrong.write = [](const Archive& archive, ArchiveFormat format) {
    Archive other = archive;
    other.documents.back().deltas.pop_back();
    return write_archive(other, format);
  };
  CHECK(words(check_archive(input, wrong)) == "what was read is something else");
  wrong = {};
  static Archive kept;
  wrong.read = [](ByteSpan file) -> Result<Archive> {
    Result<Archive> read = read_archive(file);
    if (read.ok()) kept = *read;
    return kept;
  };
  CHECK(words(check_archive(input, wrong)) == "a damaged file is read");
}

}  // namespace
}  // namespace weft::test
