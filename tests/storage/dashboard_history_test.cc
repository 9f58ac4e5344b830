// A real dashboard's 125 revisions as the history of one document: every one comes back from a store on disk.

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

#include "bench/store/stored_revisions.h"
#include "storage/codec/zstd_codec.h"
#include "storage/compact.h"
#include "storage/lmdb/lmdb_store.h"
#include "tests/bench/traces_dir.h"
#include "tests/support/folder.h"
#include "tests/support/size.h"

using namespace weft;
using bench::canonical;
using bench::StoredRevisions;
using test::Folder;
using trace::Revision;

namespace {

constexpr DocumentId kBoard{{1, 2, 5}};
constexpr std::size_t kStepCompacted = 31;  // also reaches the last of 125
constexpr const char* kFile = "node-exporter-full.history.jsonl.gz";

std::unique_ptr<LmdbStore> open_store(const Folder& folder) {
  LmdbStore::Options options;
  options.folder = folder.path();
  options.create = true;
  return LmdbStore::open(std::move(options)).value();
}

Result<Document> open_board(const Store& store, const Compressor& compressor) {
  DocumentOptions options;
  options.compressor = &compressor;
  return open_document(store, kBoard, options);
}

void check_revision(const Document& document, const VersionVector& version,
                    const Revision& revision) {
  INFO("revision " << revision.name);
  const auto then = document.at(version);
  REQUIRE_MESSAGE(then.ok(), then.error().message());
  CHECK((canonical(then->to_json().value()) == canonical(revision.content)));  // too long to print
}

}  // namespace

TEST_CASE("every revision of a dashboard is read back from a store, compacted or not") {
  const auto path = test::recorded_file("dashboards", kFile);
  if (!path) return;
  auto revisions = trace::read_revisions(path->string());
  REQUIRE_MESSAGE(revisions.ok(), revisions.error().message());
  REQUIRE(revisions->size() == 125);
  if (test::size() == test::Size::kSmoke) revisions->resize(kStepCompacted);
  const Folder folder(test::fast_parent());
  const ZstdCompressor compressor;
  std::vector<VersionVector> versions;
  {
    const auto store = open_store(folder);
    Result<StoredRevisions> stored =
        bench::store_revisions(*store, *revisions, {kBoard, store->info().replica, &compressor});
    REQUIRE_MESSAGE(stored.ok(), stored.error().message());
    versions = std::move(stored->versions);
    REQUIRE(store->close().ok());
  }
  auto store = open_store(folder);
  const auto document = open_board(*store, compressor);
  REQUIRE_MESSAGE(document.ok(), document.error().message());
  const std::vector<DeltaInfo> log = document->log();
  REQUIRE(log.size() == revisions->size());  // no two that follow each other are equal
  for (std::size_t i = 0; i < revisions->size(); ++i) {
    CHECK(log[i].committed_at_ms == (*revisions)[i].time_ms);
    CHECK(log[i].message == (*revisions)[i].name);
    check_revision(*document, versions[i], (*revisions)[i]);
  }

  const std::uint64_t before = store->info().payload_bytes;
  CompactOptions options;
  options.compressor = &compressor;
  REQUIRE(compact(*store, options).ok());
  REQUIRE(store->shrink().ok());
  CHECK(store->info().records == 1);
  CHECK(store->info().payload_bytes < before / 3);
  store.reset();
  store = open_store(folder);
  const auto compacted = open_board(*store, compressor);
  REQUIRE_MESSAGE(compacted.ok(), compacted.error().message());
  // Every version is a function of the deltas: where all of these are equal, some revisions are enough.
  CHECK((compacted->deltas_since({}).value() == document->deltas_since({}).value()));
  for (std::size_t i = 0; i < revisions->size(); i += kStepCompacted)
    check_revision(*compacted, versions[i], (*revisions)[i]);
}
