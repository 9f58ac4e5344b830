// What becomes of documents that go through an archive into another store: live, deleted, contested, purged, evicted.
//
// An archive used to say of a document that it was deleted, and not what the deletion had seen. What came out of it
// was "deleted by an older weft"; a contested document came back live and a deleted one took what others had
// edited meanwhile with it.

#include "tests/storage/archive/import_rig.h"

using namespace weft;
using namespace weft::test;

TEST_CASE_FIXTURE(Stores, "a live document is live in a fresh store") {
  const Store& from = one_document();
  for (const ArchiveFormat format : kFormats) {
    Store& store = fresh(9);
    const Archive archive = archive_in(from, format);
    CHECK(import(store, archive).notes.empty());
    CHECK(usage_of(store).status == DocumentStatus::kLive);
    CHECK(usage_of(store).deletion.empty());
    check_idempotent(store, archive);
  }
}

TEST_CASE_FIXTURE(Stores,
                  "a deleted document is in the trash of a fresh store, says who deleted it, and "
                  "can be restored") {
  Store& from = one_document();
  remove(from);
  for (const ArchiveFormat format : kFormats) {
    Store& store = fresh(9);
    REQUIRE(store.note_time(kNowMs - 100 * kDayMs).ok());
    const Archive archive = archive_in(from, format);
    CHECK(archive.documents.at(0).status == ArchivedStatus::kDeleted);
    const ArchiveImportReport report = import(store, archive);
    REQUIRE(report.notes.size() == 1);
    CHECK(report.notes[0].kind == Kind::kDeleted);
    CHECK(!report.notes[0].was_here);
    const DocumentUsage usage = usage_of(store);
    CHECK(usage.status == DocumentStatus::kDeleted);
    CHECK(usage.deletion == usage_of(from).deletion);
    CHECK(usage.deletion.by() == ReplicaId{7});
    CHECK(usage.deletion.at_ms() == kNowMs);
    CHECK(usage.deletion.entries().at(0).chain != 0);
    CHECK(usage.deletion_since_ms == store.info().retained_ms);  // its whole time is before it
    CHECK(!store.purge(kId).ok());
    check_idempotent(store, archive);
    REQUIRE(restore_document(store, kId, options_at(kNowMs)).ok());
    CHECK(shown(store) == R"({"k":1})");
    CHECK(usage_of(store).status == DocumentStatus::kLive);
    CHECK(!is_contested(store));
    check_idempotent(store, archive);  // and is not deleted once more
  }
}

TEST_CASE_FIXTURE(Stores, "a contested document is contested, and a restored one live") {
  Store& from = one_document();
  Store& copy = edited_copy(from);
  remove(from);
  import(copy, archive_store(from, nullptr).value());
  for (const bool is_restored : {false, true}) {
    if (is_restored) REQUIRE(restore_document(copy, kId, options_at(kNowMs)).ok());
    for (const ArchiveFormat format : kFormats) {
      Store& store = fresh(9);
      const Archive archive = archive_in(copy, format);
      CHECK(archive.documents.at(0).status == ArchivedStatus::kLive);
      const ArchiveImportReport report = import(store, archive);
      REQUIRE(report.notes.size() == (is_restored ? 0 : 1));
      CHECK(is_contested(store) == !is_restored);
      CHECK(shown(store) == R"({"k":2})");
      CHECK(usage_of(store).deletion == usage_of(copy).deletion);
      check_idempotent(store, archive);
      if (is_restored) continue;
      CHECK(report.notes[0].kind == Kind::kContested);
      REQUIRE(report.notes[0].unseen.size() == 1);
      CHECK(report.notes[0].unseen[0].replica == ReplicaId{8});
      CHECK(report.notes[0].unseen[0].op_count == 1);
    }
  }
}

TEST_CASE_FIXTURE(
    Stores,
    "what was edited here and the archive's deletion had not seen stays, and is contested") {
  Store& from = one_document();
  Store& store = edited_copy(from);
  remove(from);
  const Archive archive = archive_in(from, ArchiveFormat::kXml);
  const ArchiveImportReport report = import(store, archive);
  REQUIRE(report.notes.size() == 1);
  CHECK(report.notes[0].kind == Kind::kContested);
  CHECK(report.notes[0].was_here);
  CHECK(shown(store) == R"({"k":2})");
  CHECK(is_contested(store));
  check_idempotent(store, archive);
}

TEST_CASE_FIXTURE(
    Stores,
    "a document that is here just as it was deleted there goes into the trash, and that is said") {
  Store& from = one_document();
  Store& store = fresh(9);
  import(store, archive_store(from, nullptr).value());
  remove(from);
  const ArchiveImportReport report = import(store, archive_in(from, ArchiveFormat::kBinary));
  REQUIRE(report.notes.size() == 1);
  CHECK(report.notes[0].kind == Kind::kDeleted);
  CHECK(report.notes[0].was_here);
  CHECK(usage_of(store).status == DocumentStatus::kDeleted);
}

TEST_CASE_FIXTURE(Stores, "an archive does not undo a deletion that it does not know of") {
  Store& store = one_document();
  const Archive before = archive_in(store, ArchiveFormat::kXml);
  remove(store);
  check_idempotent(store, before);
  CHECK(usage_of(store).status == DocumentStatus::kDeleted);
}

TEST_CASE_FIXTURE(
    Stores,
    "edits of an archive that the deletion here had not seen are contested, and that is said") {
  Store& store = one_document();
  const Store& copy = edited_copy(store);
  remove(store);
  const Archive archive = archive_in(copy, ArchiveFormat::kXml);
  const ArchiveImportReport report = import(store, archive);
  REQUIRE(report.notes.size() == 1);
  CHECK(report.notes[0].kind == Kind::kContested);
  CHECK(report.notes[0].before == DocumentStatus::kDeleted);
  CHECK(shown(store) == R"({"k":2})");
  CHECK(is_contested(store));
  check_idempotent(store, archive);
}

TEST_CASE_FIXTURE(
    Stores, "an archive with the edit that restored a document brings it back, and that is said") {
  Store& from = one_document();
  remove(from);
  Store& store = fresh(9);
  import(store, archive_store(from, nullptr).value());
  REQUIRE(restore_document(from, kId, options_at(kNowMs)).ok());
  const ArchiveImportReport report = import(store, archive_in(from, ArchiveFormat::kBinary));
  REQUIRE(report.notes.size() == 1);
  CHECK(report.notes[0].kind == Kind::kReturned);
  CHECK(usage_of(store).status == DocumentStatus::kLive);
  CHECK(!is_contested(store));
}

TEST_CASE_FIXTURE(
    Stores,
    "two deletions that did not know of each other become one that has seen what both had") {
  Store& from = one_document();
  Store& store = edited_copy(from);
  remove(from);
  remove(store);
  Deletion both = usage_of(store).deletion;
  both.merge(usage_of(from).deletion);
  const Archive archive = archive_in(from, ArchiveFormat::kXml);
  CHECK(import(store, archive).notes.empty());
  CHECK(usage_of(store).deletion.is_same_vector(both));
  CHECK(usage_of(store).status == DocumentStatus::kDeleted);
  REQUIRE(restore_document(store, kId, options_at(kNowMs)).ok());
  CHECK(shown(store) == R"({"k":2})");
}
