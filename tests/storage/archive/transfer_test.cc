#include "storage/archive/transfer.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>

#include "crdt/document/json_text.h"
#include "storage/codec/zstd_codec.h"
#include "storage/documents.h"
#include "storage/memory/memory_store.h"
#include "tests/storage/archive/sample.h"
#include "tests/support/random.h"

using namespace weft;
using namespace weft::test;

namespace {

std::uint64_t seed_of_run() {
  const char* text = std::getenv("WEFT_SEED");
  return text != nullptr ? std::strtoull(text, nullptr, 0) : 1;
}

std::string key(std::uint64_t number) {
  std::string text = "k";
  text += std::to_string(number);
  return text;
}

NewRecord record_of(RecordKind kind, const DocumentId& id, Dot first, Seq op_count,
                    ByteSpan payload) {
  NewRecord record;
  record.kind = kind;
  record.document = id;
  record.replica = first.replica;
  record.first_seq = first.seq;
  record.op_count = op_count;
  record.payload = payload;
  return record;
}

/// A document's deltas as records, by stamp; they borrow from `deltas`.
std::vector<NewRecord> records_of(const Document& document, const std::vector<Bytes>& deltas) {
  std::vector<NewRecord> records;
  const std::vector<DeltaInfo> log = document.log();
  REQUIRE(log.size() == deltas.size());
  for (std::size_t i = 0; i < log.size(); ++i)
    records.push_back(
        record_of(RecordKind::kDelta, document.id(), log[i].first, log[i].op_count, deltas[i]));
  return records;
}

std::string random_message(Random& random) {
  std::string message;
  for (std::uint64_t left = random.below(8); left > 0; --left) {
    if (random.chance(1, 4))
      message += "\xe2\x82\xac";
    else
      message += static_cast<char>(random.below(128));
  }
  return message;
}

void random_edit(Document& document, Random& random) {
  commit(document, random_message(random), [&](Transaction& tx) -> Status {
    WEFT_TRY(tx.root().set(key(random.below(3)), static_cast<std::int64_t>(random.next())));
    TextEdit text = tx.root().ensure_text("t");
    WEFT_TRY(text.insert(scalar(random.below(text.size() + 1)), random.chance(1, 2) ? "ab" : "<&"));
    if (random.chance(1, 3)) WEFT_TRY(text.erase(scalar(random.below(text.size())), 1));
    ListEdit list = tx.root().ensure_list("l");
    const std::size_t at = random.below(list.size().value() + 1);
    if (random.chance(1, 2)) return list.insert(at, new_map());
    return list.insert(at, "item");
  });
}

/// Three replicas that edit at the same time and sometimes meet; the first has seen everything.
Document random_document(Random& random, std::uint8_t id) {
  std::vector<Document> replicas;
  replicas.push_back(Document::create(options_of(1, id)));
  replicas.push_back(replicas[0].fork({2}));
  replicas.push_back(replicas[0].fork({3}));
  for (int step = 0; step < 30; ++step) {
    const std::size_t who = random.below(3);
    random_edit(replicas[who], random);
    if (random.chance(1, 3)) exchange(replicas[who], replicas[(who + 1 + random.below(2)) % 3]);
  }
  exchange(replicas[0], replicas[1]);
  exchange(replicas[0], replicas[2]);
  return std::move(replicas[0]);
}

}  // namespace

TEST_CASE("random documents go through archives and stores unchanged") {
  const std::uint64_t seed = seed_of_run();
  CAPTURE(seed);
  Random random(seed);
  for (int round = 0; round < 10; ++round) {
    const Document document = random_document(random, 3);
    const ArchivedDocument archived = archive_document(document).value();
    Archive archive;
    archive.documents.push_back(archived);
    for (ArchiveFormat format : {ArchiveFormat::kXml, ArchiveFormat::kBinary}) {
      auto read = read_archive(write_archive(archive, format).value());
      REQUIRE_MESSAGE(read.ok(), read.error().message());
      REQUIRE(*read == archive);
    }
    CHECK(open_archived(archived, options_of(9)).value().snapshot() == document.snapshot());
    MemoryStore store({{7}, 1, nullptr});
    REQUIRE(import_archive(store, archive).value().added == archived.deltas.size());
    CHECK(weft::open_document(store, document.id(), options_of(9)).value().snapshot() ==
          document.snapshot());
  }
}

// docs/adr/0015: what neither int64 nor double gives back keeps every digit; a double is written as the double that it is.
TEST_CASE("numbers of any size go through archives with every digit") {
  Document document = Document::create(options_of(1, 3));
  commit(document, "", [](Transaction& tx) {
    return write_json(tx.root(), parse_json(R"({"n":[18446744073709551615,1e400,-0,1e3],)"
                                            R"("f":0.1000000000000000055511151231257827})")
                                     .value());
  });
  Archive archive;
  archive.documents.push_back(archive_document(document).value());
  for (ArchiveFormat format : {ArchiveFormat::kXml, ArchiveFormat::kBinary}) {
    const Archive read = read_archive(write_archive(archive, format).value()).value();
    MemoryStore store({{7}, 1, nullptr});
    REQUIRE(import_archive(store, read).ok());
    CHECK(
        content(weft::open_document(store, document.id(), options_of(9)).value()) ==
        R"({"f":0.1000000000000000055511151231257827,"n":[18446744073709551615,1e400,-0,1000.0]})");
  }
}

TEST_CASE("a store's archive does not hang on the order of arrival") {
  const std::uint64_t seed = seed_of_run();
  CAPTURE(seed);
  Random random(seed);
  for (int round = 0; round < 10; ++round) {
    const Document document = random_document(random, 3);
    const std::vector<Bytes> deltas = document.deltas_since({}).value();
    std::vector<NewRecord> records = records_of(document, deltas);
    for (std::size_t i = records.size(); i > 1; --i)
      std::swap(records[i - 1], records[random.below(i)]);
    MemoryStore store({{7}, 1, nullptr});
    REQUIRE(store.append(records).ok());
    const Archive archive = archive_store(store, nullptr).value();
    REQUIRE(archive.documents.size() == 1);
    CHECK(archive.documents[0] == archive_document(document).value());
  }
}

TEST_CASE("a store comes out of an archive with equal documents and its own name") {
  const Document first = sample_document(1);
  const Document second = sample_document(2);
  const ZstdCompressor zstd;
  MemoryStore store({{7}, 70, nullptr});
  REQUIRE(store_document(store, first).ok());
  // The second document lies there as bundles and as a delta behind them.
  DocumentOptions options = options_of(8);
  options.compressor = &zstd;
  Document sealing = open_archived(archive_document(second).value(), options).value();
  commit(sealing, "filler", [](Transaction& tx) {
    return tx.root().ensure_text("long").insert(scalar(0), std::string(2000, 'x'));
  });
  const std::vector<Bytes> bundles = sealing.bundles_since({}).value();
  for (const Bytes& bundle : bundles) {
    const BundleInfo info = read_bundle_info(bundle).value();
    const NewRecord record = record_of(RecordKind::kBundle, second.id(),
                                       {info.author, info.first_seq}, info.op_count, bundle);
    REQUIRE(store.append({&record, 1}).ok());
  }
  commit(sealing, "tail", [](Transaction& tx) { return tx.root().set("tail", 1); });
  REQUIRE(store_document(store, sealing)->first != 0);

  auto unopened = archive_store(store, nullptr);
  REQUIRE(!unopened.ok());
  CHECK(unopened.error().code() == ErrorCode::kUnknownVersion);
  CHECK(unopened.error().context().find(to_string(second.id()) + ", record ") != std::string::npos);

  const Archive archive = archive_store(store, &zstd).value();
  CHECK(archive.origin == ArchiveOrigin{70, {7}});
  REQUIRE(archive.documents.size() == 2);
  CHECK(archive.documents[0] == archive_document(first).value());
  CHECK(archive.documents[1] == archive_document(sealing).value());

  MemoryStore other({{9}, 90, nullptr});
  const Bytes file = write_archive(archive, ArchiveFormat::kBinary).value();
  const ArchiveImportReport report = import_archive(other, read_archive(file).value()).value();
  CHECK(report.added == archive.documents[0].deltas.size() + archive.documents[1].deltas.size());
  CHECK(report.known == 0);
  CHECK(other.info().replica == ReplicaId{9});
  CHECK(other.info().epoch == 90);
  for (const Document* document : {&first, static_cast<const Document*>(&sealing)})
    CHECK(weft::open_document(other, document->id(), options_of(5)).value().snapshot() ==
          document->snapshot());
}

TEST_CASE("an import skips what the store has") {
  const Document document = sample_document();
  Archive archive;
  archive.documents.push_back(archive_document(document).value());
  const std::vector<Bytes>& deltas = archive.documents[0].deltas;
  MemoryStore store({{7}, 1, nullptr});
  const std::vector<NewRecord> records = records_of(document, deltas);
  REQUIRE(store.append({records.data(), 2}).ok());
  ArchiveImportReport report = import_archive(store, archive).value();
  CHECK(report.added == deltas.size() - 2);
  CHECK(report.known == 2);
  report = import_archive(store, archive).value();
  CHECK(report.added == 0);
  CHECK(report.known == deltas.size());
  CHECK(store.info().records == deltas.size());
}

TEST_CASE("a store's archive says which documents were evicted or deleted") {
  const Document documents[] = {sample_document(1), sample_document(2), sample_document(3)};
  MemoryStore store({{7}, 1, nullptr});
  for (const Document& document : documents) REQUIRE(store_document(store, document).ok());
  REQUIRE(store.set_status(documents[1].id(), DocumentStatus::kEvicted).ok());
  REQUIRE(store.set_status(documents[2].id(), DocumentStatus::kDeleted).ok());
  const Archive archive = archive_store(store, nullptr).value();
  REQUIRE(archive.documents.size() == 3);
  CHECK(archive.documents[0] == archive_document(documents[0]).value());
  CHECK(archive.documents[1].status == ArchivedStatus::kEvicted);
  CHECK(archive.documents[2].status == ArchivedStatus::kDeleted);
  CHECK(archive.documents[1].deltas.empty());
  CHECK(archive.documents[2].deltas.size() ==
        archive_document(documents[2])->deltas.size());  // what is in the trash is no loss
}

TEST_CASE("a document whose beginning was trimmed away is not archived") {
  const Document document = sample_document();
  MemoryStore store({{7}, 1, nullptr});
  REQUIRE(store_document(store, document).ok());
  const StoredState state{document.version(), document.snapshot()};
  REQUIRE(store.trim(document.id(), state).ok());
  auto archive = archive_store(store, nullptr);
  REQUIRE(!archive.ok());
  CHECK(archive.error().code() == ErrorCode::kNeedHistory);
  CHECK(archive.error().context().find("a5a5, record ") != std::string::npos);
}

TEST_CASE("a large import is cut into batches") {
  Document document = Document::create(options_of(1, 4));
  for (unsigned i = 0; i < 5; ++i)
    commit(document, "", [&](Transaction& tx) {
      return tx.root().set(key(i), Value::bytes(Bytes(std::size_t{5} << 20)));
    });
  Archive archive;
  archive.documents.push_back(archive_document(document).value());
  std::vector<std::size_t> batches;
  MemoryStore store({{7}, 1, [&](std::span<const NewRecord> batch) {
                       batches.push_back(batch.size());
                       return Status();
                     }});
  CHECK(import_archive(store, archive).value().added == 5);
  CHECK(batches == std::vector<std::size_t>{3, 2});
}

TEST_CASE("deltas that wait for others are archived behind the rest, and wait again") {
  const Document whole = sample_document();
  const std::vector<Bytes> deltas = whole.deltas_since({}).value();
  std::vector<NewRecord> records = records_of(whole, deltas);
  records.erase(records.begin() + 1);
  std::reverse(records.begin(), records.end());
  MemoryStore store({{7}, 1, nullptr});
  REQUIRE(store.append(records).ok());
  const Archive archive = archive_store(store, nullptr).value();
  REQUIRE(archive.documents.at(0).deltas.size() == deltas.size() - 1);
  CHECK(archive.documents[0].deltas[0] == deltas[0]);
  Document opened = open_archived(archive.documents[0], options_of(9)).value();
  CHECK(opened.snapshot() != whole.snapshot());
  CHECK(!opened.pending().empty());
  REQUIRE(opened.apply(deltas[1]).ok());
  CHECK(opened.snapshot() == whole.snapshot());

  DocumentOptions little = options_of(9);
  little.pending_bytes_max = 1;
  auto full = open_archived(archive.documents[0], little);
  REQUIRE(!full.ok());
  CHECK(full.error().code() == ErrorCode::kPendingFull);
}

TEST_CASE("a record that is no delta stops the archive and is named") {
  const Bytes garbage(20, std::byte{7});
  const NewRecord record =
      record_of(RecordKind::kDelta, sample_document().id(), {{5}, 0}, 1, garbage);
  MemoryStore store({{7}, 1, nullptr});
  REQUIRE(store.append({&record, 1}).ok());
  auto archive = archive_store(store, nullptr);
  REQUIRE(!archive.ok());
  CHECK(archive.error().context().find("a5a5, record 1: ") != std::string::npos);
}

TEST_CASE("of an archive with a delta that is none nothing is imported") {
  Archive archive = sample_archive();
  archive.documents[0].deltas.emplace_back(Bytes(20, std::byte{7}));
  MemoryStore store({{7}, 1, nullptr});
  CHECK(!import_archive(store, archive).ok());
  CHECK(store.info().records == 0);
}

TEST_CASE("a document without its history is not archived") {
  Document loaded = Document::load(sample_document().snapshot(), options_of(9)).value();
  auto archived = archive_document(loaded);
  REQUIRE(!archived.ok());
  CHECK(archived.error().code() == ErrorCode::kNeedHistory);
}

TEST_CASE("an archived delta that does not apply is named") {
  // Another history of the same replica: its text has no position 3 for the second delta.
  Document one = Document::create(options_of(1, 4));
  commit(one, "",
         [](Transaction& tx) { return tx.root().ensure_text("t").insert(scalar(0), "abc"); });
  commit(one, "", [](Transaction& tx) { return tx.text("/t")->insert(scalar(3), "d"); });
  Document other = Document::create(options_of(1, 4));
  commit(other, "", [](Transaction& tx) -> Status {
    for (unsigned i = 0; i < 4; ++i) WEFT_TRY(tx.root().set(key(i), true));
    return {};
  });
  ArchivedDocument mixed = archive_document(other).value();
  mixed.deltas.push_back(archive_document(one).value().deltas[1]);
  auto opened = open_archived(mixed, options_of(9));
  REQUIRE(!opened.ok());
  CHECK(opened.error().code() == ErrorCode::kCorrupt);
  CHECK(opened.error().context().find("delta 1: does not apply") != std::string::npos);
}
