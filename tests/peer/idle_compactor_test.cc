#include "peer/idle_compactor.h"

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "storage/codec/zstd_codec.h"
#include "storage/documents.h"
#include "storage/memory/memory_store.h"

namespace weft::test {
namespace {

/// Does jobs when it is told to.
class ManualCommitter final : public Committer {
 public:
  explicit ManualCommitter(Store& store) : store_(store) {}
  void commit(CommitBatch, std::function<void(Result<AppendResult>)>) override { FAIL("no batch"); }
  void run(std::function<Status(Store&)> job, std::function<void(Status)> done) override {
    jobs_.emplace_back(std::move(job), std::move(done));
  }
  std::size_t waiting() const { return jobs_.size(); }
  void work() {
    for (auto& [job, done] : std::exchange(jobs_, {})) done(job(store_));
  }

 private:
  Store& store_;
  std::vector<std::pair<std::function<Status(Store&)>, std::function<void(Status)>>> jobs_;
};

DocumentId id_of(std::uint8_t number) {
  DocumentId id;
  id.bytes.fill(number);
  return id;
}

void add_document(Store& store, std::uint8_t number, int edits) {
  DocumentOptions options;
  options.replica = {number + 10u};
  options.id = id_of(number);
  Document document = Document::create(options);
  for (int edit = 0; edit < edits; ++edit)
    document
        .transact([&](Transaction& tx) {
          return tx.root().set("title", "the same words each time " + std::to_string(edit));
        })
        .value();
  store_document(store, document).value();
}

std::uint64_t records_of(const Store& store, std::uint8_t number) {
  return store.document(id_of(number)).value()->records;
}

struct Rig {
  MemoryStore store{MemoryStore::Options{{42}, 1, nullptr}};
  ManualCommitter committer{store};
  ZstdCompressor compressor;
  std::vector<DocumentId> done;
  IdleCompactor compactor{committer, options()};
  std::uint64_t now_ms = 0;

  IdleCompactor::Options options() {
    IdleCompactor::Options options;
    options.quiet_ms = 60'000;
    options.compressor = &compressor;
    options.on_document = [this](const DocumentId& id, const Result<std::uint64_t>& won) {
      CHECK(won.ok());
      done.push_back(id);
    };
    return options;
  }
  /// A look a second.
  void pass(std::uint64_t seconds, std::uint64_t batches) {
    for (std::uint64_t i = 0; i < seconds; ++i) {
      now_ms += 1'000;
      compactor.look(now_ms, batches, committer.waiting());
      committer.work();
    }
  }
};

TEST_CASE("documents are sealed when nothing has happened for a while, and only then") {
  Rig rig;
  add_document(rig.store, 1, 200);
  add_document(rig.store, 2, 20);
  add_document(rig.store, 3, 300);
  for (std::uint64_t batch = 0; batch < 10; ++batch) rig.pass(59, batch);
  CHECK(rig.done.empty());
  rig.pass(70, 9);
  CHECK(rig.done == std::vector<DocumentId>{id_of(1), id_of(3)});
  CHECK(records_of(rig.store, 1) == 1);
  CHECK(records_of(rig.store, 2) == 20);  // not worth it
  CHECK(rig.compactor.counts().documents == 2);
  CHECK(rig.compactor.counts().won_bytes > 1'000);
}

TEST_CASE("a batch that comes between two documents is let through, and a pass begins anew") {
  Rig rig;
  add_document(rig.store, 1, 200);
  add_document(rig.store, 2, 200);
  rig.pass(61, 1);
  rig.pass(1, 1);
  REQUIRE(rig.done.size() == 1);
  rig.now_ms += 1'000;
  rig.compactor.look(rig.now_ms, 2, 1);
  CHECK(rig.committer.waiting() == 0);
  rig.pass(30, 2);
  CHECK(rig.done.size() == 1);
  rig.pass(60, 2);
  CHECK(rig.done.size() == 2);
}

TEST_CASE("nothing is done while something waits, and nothing twice for the same records") {
  Rig rig;
  add_document(rig.store, 1, 200);
  for (int i = 0; i < 200; ++i) rig.compactor.look(static_cast<std::uint64_t>(i) * 1'000, 1, 1);
  CHECK(rig.committer.waiting() == 0);
  rig.now_ms = 200'000;
  rig.pass(300, 1);
  CHECK(rig.done.size() == 1);
  rig.pass(300, 2);
  CHECK(rig.done.size() == 1);
}

}  // namespace
}  // namespace weft::test
