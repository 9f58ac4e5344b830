// What becomes of documents that are purged or evicted on either side of an archive, of archives that say less than they
// should, or what is not so.

#include "tests/storage/archive/import_rig.h"

using namespace weft;
using namespace weft::test;

TEST_CASE_FIXTURE(Stores,
                  "of a purged document its deletion goes into the archive and comes out of it") {
  Store& from = one_document();
  Store& copy = edited_copy(from);
  remove(from);
  const Deletion deletion = usage_of(from).deletion;
  purge(from);
  for (const ArchiveFormat format : kFormats) {
    const Archive archive = archive_in(from, format);
    REQUIRE(archive.documents.size() == 1);
    CHECK(archive.documents[0].status == ArchivedStatus::kPurged);
    CHECK(archive.documents[0].deltas.empty());
    Store& store = fresh(9);
    import(store, archive);
    CHECK(usage_of(store).status == DocumentStatus::kDeleted);
    CHECK(usage_of(store).deletion == deletion);
    check_idempotent(store, archive);
    // What was edited elsewhere shows all the same.
    import(store, archive_store(copy, nullptr).value());
    CHECK(shown(store) == R"({"k":2})");
    CHECK(is_contested(store));
  }
}

TEST_CASE_FIXTURE(Stores,
                  "a purged document stays purged against what its deletion had seen, and is kept "
                  "again for more") {
  Store& store = one_document();
  const Archive seen = archive_in(store, ArchiveFormat::kXml);
  const Store& copy = edited_copy(store);
  remove(store);
  purge(store);
  ArchiveImportReport report = import(store, seen);
  CHECK(report.late == 1);
  CHECK(report.added == 0);
  CHECK(!report.new_replica);
  REQUIRE(report.notes.size() == 1);
  CHECK(report.notes[0].kind == Kind::kLeftPurged);
  CHECK(usage_of(store).status == DocumentStatus::kPurged);

  const Archive more = archive_in(copy, ArchiveFormat::kXml);
  report = import(store, more);
  CHECK(report.late == 0);
  CHECK(report.added == 2);
  REQUIRE(report.notes.size() == 1);
  CHECK(report.notes[0].kind == Kind::kContested);
  CHECK(report.new_replica);  // it had written in it, under dots that would come next
  CHECK(shown(store) == R"({"k":2})");
  check_idempotent(store, more);
}

// Nothing is lost where both the edits and their deletion are news to who has purged the rest.
TEST_CASE_FIXTURE(Stores,
                  "what was deleted elsewhere later than it was purged here comes into the trash") {
  Store& store = one_document();
  Store& copy = edited_copy(store);
  remove(store);
  purge(store);
  remove(copy);
  const ArchiveImportReport report = import(store, archive_in(copy, ArchiveFormat::kBinary));
  CHECK(report.late == 0);
  CHECK(usage_of(store).status == DocumentStatus::kDeleted);
  REQUIRE(restore_document(store, kId, options_at(kNowMs)).ok());
  CHECK(shown(store) == R"({"k":2})");
}

TEST_CASE_FIXTURE(
    Stores, "an evicted document is evicted in a fresh store, with what is known of its deletion") {
  Store& from = one_document();
  Store& copy = edited_copy(from);
  remove(from);
  import(copy, archive_store(from, nullptr).value());
  REQUIRE(copy.set_status(kId, DocumentStatus::kEvicted).ok());
  for (const ArchiveFormat format : kFormats) {
    const Archive archive = archive_in(copy, format);
    CHECK(archive.documents.at(0).status == ArchivedStatus::kEvicted);
    Store& store = fresh(9);
    const ArchiveImportReport report = import(store, archive);
    REQUIRE(report.notes.size() == 1);
    CHECK(report.notes[0].kind == Kind::kEvicted);
    CHECK(usage_of(store).status == DocumentStatus::kEvicted);
    CHECK(usage_of(store).deletion == usage_of(from).deletion);
    check_idempotent(store, archive);
    // Whoever holds it keeps it.
    Store& holder = edited_copy(one_document());
    const ArchiveImportReport kept = import(holder, archive);
    REQUIRE(kept.notes.size() == 1);
    CHECK(kept.notes[0].kind == Kind::kNotEvicted);
    CHECK(shown(holder) == R"({"k":2})");
  }
}

TEST_CASE_FIXTURE(
    Stores, "of an archive with deltas of a document that is evicted here nothing is imported") {
  Store& store = fresh(9);
  const Store& from = one_document();
  Archive archive = archive_store(from, nullptr).value();
  import(store, archive);
  REQUIRE(store.set_status(kId, DocumentStatus::kEvicted).ok());
  archive.documents.insert(archive.documents.begin(), archive_document(sample_document()).value());
  const LogPosition end = store.log_end();
  auto refused = import_archive(store, archive);
  REQUIRE(!refused.ok());
  CHECK(refused.error().code() == ErrorCode::kNotKept);
  CHECK(refused.error().context().find(to_string(kId)) != std::string::npos);
  CHECK(store.log_end() == end);
}

// As archives of before say it: deleted, and not what the deletion had seen.
TEST_CASE_FIXTURE(Stores,
                  "a document that is just said to be deleted was deleted by who had seen what the "
                  "archive has of it") {
  Store& from = one_document();
  Archive archive = archive_store(from, nullptr).value();
  archive.documents[0].status = ArchivedStatus::kDeleted;
  Store& first = fresh(9);
  import(first, archive);
  CHECK(usage_of(first).status == DocumentStatus::kDeleted);
  remove(from);
  CHECK(usage_of(first).deletion.is_same_vector(usage_of(from).deletion));
  CHECK(usage_of(first).deletion.at_ms() == 0);
  check_idempotent(first, archive);
  Store& edited = edited_copy(one_document());
  CHECK(import(edited, archive).notes.at(0).kind == Kind::kContested);
  CHECK(shown(edited) == R"({"k":2})");
  // Older ones gave it up: nothing is known that could be deleted here.
  archive.documents[0].deltas.clear();
  Store& other = edited_copy(one_document());
  CHECK(import(other, archive).notes.empty());
  CHECK(shown(other) == R"({"k":2})");
  Store& nothing = fresh(9);
  import(nothing, archive);
  CHECK(!nothing.document(kId).value());
}

TEST_CASE_FIXTURE(
    Stores, "an archive that lies about its status deletes no more than its deletion had seen") {
  Store& from = one_document();
  Store& copy = edited_copy(from);
  remove(from);
  import(copy, archive_store(from, nullptr).value());
  Archive archive = archive_store(copy, nullptr).value();
  archive.documents[0].status = ArchivedStatus::kDeleted;
  Store& store = fresh(9);
  import(store, archive);
  CHECK(shown(store) == R"({"k":2})");
  CHECK(is_contested(store));
}

TEST_CASE_FIXTURE(
    Stores,
    "an end of a deletion that does not fit the log is void, whatever the archive says of it") {
  Store& from = one_document();
  Archive archive = archive_store(from, nullptr).value();
  const Document document = open_archived(archive.documents[0], options_of(9)).value();
  const std::uint64_t chain = document.chain({7});
  // Another history of the replica was deleted.
  archive.documents[0].deletion.raise({7}, 1, chain ^ 1);
  for (const bool is_void : {false, true}) {
    if (is_void) archive.documents[0].deletion.set_void({7});
    Store& store = fresh(9);
    import(store, archive);
    CHECK(usage_of(store).status == DocumentStatus::kLive);
    CHECK(usage_of(store).deletion.entries().at(0).is_void);
    check_idempotent(store, archive);
  }
  // And one that fits is not, or an archive could undo a deletion without a word.
  Deletion right;
  right.raise({7}, 1, chain);
  REQUIRE(from.mark_deleted(kId, right).ok());
  right.set_void({7});
  archive.documents[0].deletion = right;
  import(from, archive);
  CHECK(usage_of(from).status == DocumentStatus::kDeleted);
}

// A device that was put back to an old copy of itself: what it writes next would count as seen, and be hidden.
TEST_CASE_FIXTURE(
    Stores, "who is told of deleted edits of its own that it lacks writes as another replica") {
  Store& from = one_document();
  Store& old = fresh(7);
  import(old, archive_store(from, nullptr).value());
  edit(from, "k", 5);
  remove(from);
  Archive archive = archive_store(from, nullptr).value();
  archive.documents[0].deltas.pop_back();
  const ArchiveImportReport report = import(old, archive);
  REQUIRE(report.new_replica);
  CHECK(old.info().replica == *report.new_replica);
  CHECK(!(*report.new_replica == ReplicaId{7}));
  CHECK(!import(old, archive).new_replica);
}

TEST_CASE_FIXTURE(Stores, "one document's archive has its deletion, too") {
  Store& from = one_document();
  Store& copy = edited_copy(from);
  remove(from);
  import(copy, archive_store(from, nullptr).value());
  const ArchivedDocument archived = archive_stored(copy, kId, nullptr).value();
  CHECK(archived == archive_store(copy, nullptr).value().documents.at(0));
  CHECK(!archived.deletion.empty());
  CHECK(archive_stored(copy, options_of(1, 3).id, nullptr).error().code() == ErrorCode::kNotFound);
}
