// How often compacting waits for the disk: not once a document.

#include <atomic>
#include <string>

#include <doctest/doctest.h>

#include "bench/harness/file_calls.h"
#include "storage/codec/zstd_codec.h"
#include "storage/compact.h"
#include "storage/documents.h"
#include "tests/storage/lmdb_rig.h"

namespace weft::test {
namespace {

/// Counts flushes of the log below a folder.
class FlushCounter final : public bench::FileCallObserver {
 public:
  explicit FlushCounter(std::string file) : file_(std::move(file)) {}
  bench::Verdict before(const bench::FileCallInfo& info) override {
    if (info.is_flush && std::string_view(info.path) == file_) ++count;
    return {};
  }
  std::atomic<std::uint64_t> count = 0;

 private:
  std::string file_;
};

std::uint64_t flushes_of(std::size_t documents) {
  Folder folder(fast_parent());
  auto store = open(options_of(folder.path() + "/store"));
  for (std::size_t number = 0; number < documents; ++number) {
    DocumentOptions options;
    options.replica = store->info().replica;
    options.id.bytes[0] = static_cast<std::uint8_t>(number);
    options.id.bytes[1] = static_cast<std::uint8_t>(number >> 8);
    options.id.bytes[2] = 1;
    Document document = Document::create(options);
    for (int edit = 0; edit < 10; ++edit) {
      const std::string text = "the same words again and again " + std::to_string(edit);
      document.transact([&](Transaction& tx) { return tx.root().set("title", text); }).value();
    }
    store_document(*store, document).value();
  }
  const ZstdCompressor compressor;
  CompactOptions options;
  options.compressor = &compressor;
  FlushCounter counter(folder.path() + "/store/log/data.mdb");
  {
    bench::FileCallScope scope(counter);
    const Result<CompactProgress> done = compact(*store, options);
    REQUIRE_MESSAGE(done.ok(), done.error().message());
    CHECK(done->failed.empty());
    CHECK(done->after_bytes < done->before_bytes);
    CHECK(store->info().payload_bytes == done->after_bytes);
    CHECK(store->info().records == documents);
  }
  CHECK(store->verify()->empty());
  return counter.count;
}

TEST_CASE("compacting four times as many small documents costs hardly more flushes") {
  const std::uint64_t few = flushes_of(150);
  const std::uint64_t many = flushes_of(600);
  CAPTURE(few);
  CAPTURE(many);
  CHECK(few > 0);
  CHECK(many < 150);  // was two a document
}

}  // namespace
}  // namespace weft::test
