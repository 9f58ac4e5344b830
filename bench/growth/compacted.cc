#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "bench/growth/growth_cases.h"
#include "bench/harness/meter.h"
#include "bench/store/temporary_folder.h"
#include "storage/codec/zstd_codec.h"
#include "storage/compact.h"
#include "storage/documents.h"
#include "storage/lmdb/lmdb_store.h"

namespace weft::bench {
namespace {

constexpr int kDeltas = 4;

Status fill(LmdbStore& store, std::uint32_t documents) {
  for (std::uint32_t i = 0; i < documents; ++i) {
    DocumentOptions options;
    options.replica = store.info().replica;
    options.id.bytes[0] = static_cast<std::uint8_t>(i);
    options.id.bytes[1] = static_cast<std::uint8_t>(i >> 8);
    Document document = Document::create(options);
    for (int edit = 0; edit < kDeltas; ++edit)
      WEFT_TRY(document.transact([&](Transaction& tx) {
        return tx.root().set("k" + std::to_string(edit), Value(std::int64_t{i}));
      }));
    WEFT_TRY(store_document(store, document));
  }
  return store.catch_up();
}

Result<MeterReading> compact_documents(const std::string& parent, std::uint32_t documents) {
  WEFT_ASSIGN(const TemporaryFolder folder, TemporaryFolder::make(parent));
  LmdbStore::Options options;
  options.folder = folder.path() + "/store";
  options.create = true;
  options.random = [number = std::uint64_t{0}]() mutable { return ++number; };
  WEFT_ASSIGN(const std::unique_ptr<LmdbStore> store, LmdbStore::open(std::move(options)));
  WEFT_TRY(fill(*store, documents));
  const ZstdCompressor compressor;
  CompactOptions how;
  how.compressor = &compressor;
  Meter meter([](std::string_view path) { return path.find("/log/") != std::string_view::npos; });
  Status status;
  const MeterReading reading = meter.measure(true, [&] {
    Result<CompactProgress> done = compact(*store, how);
    if (!done.ok()) {
      status = done.take_error();
    } else if (done->documents != documents) {
      status = Error(ErrorCode::kCorrupt, "documents were left out");
    }
  });
  WEFT_TRY(std::move(status));
  WEFT_TRY(store->close());
  return reading;
}

}  // namespace

Status add_compacted(const GrowthSizes& sizes, Report& report) {
  std::vector<double> flushes;
  for (const std::uint32_t documents : sizes.compacted) {
    WEFT_ASSIGN(const MeterReading reading, compact_documents(sizes.folder, documents));
    const std::string name = std::to_string(documents);
    flushes.push_back(static_cast<double>(reading.log_flushes));
    report.add(exact("compact_flushes", name, "count", flushes.back()));
    report.add(summarize("compact_ms", name, "ms", {reading.wall_ns / 1e6}));
  }
  report.add(growth_of("compact_flushes", "documents", sizes.compacted.front(), flushes.front(),
                       sizes.compacted.back(), flushes.back()));
  return {};
}

}  // namespace weft::bench
