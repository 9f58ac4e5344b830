// Chain hashes in the heads of a store: those of the documents themselves, whatever way the operations came.

#include <algorithm>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>

#include <doctest/doctest.h>

#include "storage/codec/zstd_codec.h"
#include "storage/compact.h"
#include "storage/documents.h"
#include "storage/memory/memory_store.h"
#include "tests/crdt/document/replicas.h"
#include "tests/storage/lmdb_rig.h"
#include "tests/support/random.h"
#include "tests/support/size.h"

using namespace weft;
using namespace weft::test;

namespace {

const ZstdCompressor kCompressor;

DocumentOptions reader_options() {
  DocumentOptions options;
  options.replica = {99};
  options.compressor = &kCompressor;
  return options;
}

/// How many ends the store's heads know; each is what `whole` says, which has all the deltas.
std::size_t check_chains(const Store& store, const Document& whole) {
  const Result<std::optional<DocumentUsage>> usage = store.document(whole.id());
  REQUIRE(usage.ok());
  if (!*usage) return 0;
  const std::span<const VersionVector::Entry> ends = (*usage)->version.entries();
  REQUIRE((*usage)->chains.size() == ends.size());
  const Result<std::vector<std::uint64_t>> read = read_chains(store, whole.id(), (*usage)->version);
  REQUIRE_MESSAGE(read.ok(), read.error().message());
  std::size_t known = 0;
  for (std::size_t i = 0; i < ends.size(); ++i) {
    const std::uint64_t expected = whole.chain_at(ends[i].replica, ends[i].end).value();
    CHECK((*read)[i] == expected);
    if ((*usage)->chains[i] == 0) continue;
    ++known;
    CHECK((*usage)->chains[i] == expected);
  }
  return known;
}

NewRecord record_to_store(const DocumentId& id, const Bytes& delta) {
  NewRecord record;
  REQUIRE(record_of(id, delta, record).ok());
  return record;
}

void append_row(Store& store, const DocumentId& id, const Bytes& delta) {
  const NewRecord record = record_to_store(id, delta);
  const Result<AppendResult> result = store.append(std::span(&record, 1));
  REQUIRE_MESSAGE(result.ok(), result.error().message());
}

/// Three replicas that edit and meet now and then.
struct Writers {
  explicit Writers(Random& random) : random_(random) {
    for (std::uint64_t replica : {2u, 3u}) replicas_.push_back(replicas_[0].fork({replica}));
  }
  const Document& whole() const { return replicas_[0]; }

  void edit_some() {
    for (int i = 0; i < 4; ++i) {
      Document& at = replicas_[random_.below(replicas_.size())];
      const auto number = static_cast<std::int64_t>(++count_);
      edit(at, [&](Transaction& tx) {
        if (number % 3 != 0) return tx.root().set("k" + std::to_string(number % 5), number);
        TextEdit text = tx.root().ensure_text("t");
        return text.insert(scalar(0), "a word ");
      });
    }
    for (std::size_t i = 1; i < replicas_.size(); ++i) exchange(replicas_[0], replicas_[i]);
  }

 private:
  Random& random_;
  std::vector<Document> replicas_ = [] {
    std::vector<Document> first;
    first.push_back(make_document(1));
    return first;
  }();
  std::uint64_t count_ = 0;
};

/// Random ways for operations to come into a store: in order, late, sealed, trimmed, as a state.
void live(Store& store, Random& random, const std::function<Store&()>& reopened) {
  Writers writers(random);
  Store* at = &store;
  const DocumentId id = writers.whole().id();
  bool had_gap = false;
  for (int step = 0; step < 25; ++step) {
    writers.edit_some();
    const Document& whole = writers.whole();
    std::vector<Bytes> rows = whole.deltas_since(at->version(id)).value();
    if (random.below(8) == 0 && rows.size() > 1) {  // the first comes last
      std::rotate(rows.begin(), rows.begin() + 1, rows.end());
      had_gap = true;
    }
    for (const Bytes& row : rows) append_row(*at, id, row);
    switch (random.below(5)) {
      case 0:
        REQUIRE(compact_document(*at, id, {&kCompressor, nullptr}).ok());
        break;
      case 1:
        REQUIRE(trim_document(*at, id, whole.version(), reader_options()).ok());
        break;
      case 2: {  // a state of what is not here yet
        writers.edit_some();
        const StoredState state{writers.whole().version(), writers.whole().snapshot()};
        REQUIRE(at->adopt_state(id, state).ok());
        break;
      }
      case 3:
        at = &reopened();
        break;
      default:
        break;
    }
    const std::size_t known = check_chains(*at, writers.whole());
    const VersionVector version = at->version(id);
    if (!had_gap) CHECK(known == version.entries().size());
  }
}

}  // namespace

TEST_CASE("chain hashes of heads are those of the documents: in memory") {
  for (std::size_t seed = 1; seed <= scaled_count(40); ++seed) {
    CAPTURE(seed);
    Random random(seed);
    MemoryStore store({{77}, 1, nullptr});
    live(store, random, [&]() -> Store& { return store; });
  }
}

TEST_CASE("chain hashes of heads are those of the documents: on disk, through openings") {
  for (std::size_t seed = 1; seed <= scaled_count(10); ++seed) {
    CAPTURE(seed);
    Random random(seed);
    const Folder folder;
    std::unique_ptr<LmdbStore> store = open(folder);
    live(*store, random, [&]() -> Store& {
      store.reset();
      store = open(folder);
      return *store;
    });
  }
}

TEST_CASE("chain hashes are derived again with the rest, and where operations were taken back") {
  const Folder folder;
  Random random(1);
  Writers writers(random);
  const DocumentId id = writers.whole().id();
  writers.edit_some();
  std::unique_ptr<LmdbStore> store = open(folder);
  REQUIRE(store_document(*store, writers.whole()).ok());
  writers.edit_some();
  const VersionVector before = writers.whole().version();
  REQUIRE(store_document(*store, writers.whole()).ok());
  const std::size_t all = before.entries().size();
  CHECK(check_chains(*store, writers.whole()) == all);
  store.reset();
  std::filesystem::remove_all(folder.path() + "/derived");
  store = open(folder);
  CHECK(check_chains(*store, writers.whole()) == all);
  // Of one replica the last delta goes: where that log ends now its chain hash is read.
  VersionVector keep = before;
  const ReplicaId first = before.entries().front().replica;
  keep.set(first, before.end(first) - 1);
  REQUIRE(store->rewrite(id, keep, nullptr).ok());
  check_chains(*store, writers.whole());
}

TEST_CASE("a batch that is refused leaves the chain hashes as they were") {
  MemoryStore store({{77}, 1, nullptr});
  Document document = make_document(1);
  for (int i = 0; i < 3; ++i)
    edit(document, [&](Transaction& tx) { return tx.root().set("k", i); });
  const std::vector<Bytes> rows = document.deltas_since({}).value();
  append_row(store, document.id(), rows[0]);
  NewRecord bad = record_to_store(document.id(), rows[2]);
  bad.op_count = 0;
  const std::vector<NewRecord> batch{record_to_store(document.id(), rows[1]), bad};
  REQUIRE_FALSE(store.append(batch).ok());
  append_row(store, document.id(), rows[1]);
  CHECK(check_chains(store, document) == 1);
}

// Its end chain is 0 then. Taken for a chain hash, what came behind it was told with another one than others had, and a device
// took another name for it.
TEST_CASE("behind a bundle that was sealed in the middle of a log no chain hash is made up") {
  MemoryStore store({{77}, 1, nullptr});
  Document document = make_document(1);
  for (int i = 0; i < 4; ++i)
    edit(document, [&](Transaction& tx) { return tx.root().set("k", i); });
  const std::vector<Bytes> rows = document.deltas_since({}).value();
  append_row(store, document.id(), rows[0]);
  VersionVector first;
  first.set({1}, 1);
  VersionVector third;
  third.set({1}, 3);
  const Document until = document.at(third).value();
  const Bytes known = until.bundles_since(first).value().front();
  const OpenedBundle opened = open_bundle(known, nullptr).value();
  append_row(store, document.id(), seal_bundle(opened.batch, 0, nullptr));
  append_row(store, document.id(), rows[3]);
  const DocumentUsage usage = *store.document(document.id()).value();
  CHECK(usage.chains.front() == 0);
  CHECK(read_chains(store, document.id(), usage.version).value().front() == 0);
}
