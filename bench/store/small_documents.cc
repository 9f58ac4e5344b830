#include "bench/store/small_documents.h"

#include <cstring>
#include <memory>
#include <utility>

#include "bench/harness/meter.h"
#include "bench/store/temporary_folder.h"
#include "storage/codec/zstd_codec.h"
#include "storage/compact.h"
#include "storage/documents.h"
#include "storage/lmdb/lmdb_store.h"

namespace weft::bench {
namespace {

constexpr int kEdits = 10;

Status fill(LmdbStore& store, std::uint32_t count) {
  for (std::uint32_t number = 0; number < count; ++number) {
    DocumentOptions options;
    options.replica = store.info().replica;
    options.id.bytes[15] = 1;
    std::memcpy(options.id.bytes.data(), &number, sizeof number);
    Document document = Document::create(options);
    for (int edit = 0; edit < kEdits; ++edit)
      WEFT_TRY(document.transact([&](Transaction& tx) {
        return tx.root().set("title", "CPU busy, node " + std::to_string(edit));
      }));
    WEFT_TRY(store_document(store, document));
  }
  return store.flush();
}

Result<MeterReading> measure(const std::string& folder, std::uint32_t count) {
  LmdbStore::Options options;
  options.folder = folder;
  options.create = true;
  options.relaxed = true;  // to fill it fast
  {
    WEFT_ASSIGN(const std::unique_ptr<LmdbStore> store, LmdbStore::open(options));
    WEFT_TRY(fill(*store, count));
    WEFT_TRY(store->close());
  }
  options.relaxed = false;
  WEFT_ASSIGN(const std::unique_ptr<LmdbStore> store, LmdbStore::open(std::move(options)));
  const ZstdCompressor compressor;
  CompactOptions how;
  how.compressor = &compressor;
  Meter meter([](std::string_view path) { return path.ends_with("/log/data.mdb"); });
  Status status;
  const MeterReading reading = meter.measure(false, [&] {
    const Result<CompactProgress> done = compact(*store, how);
    if (!done.ok()) status = done.error().clone();
    if (done.ok() && (!done->failed.empty() || done->after_bytes >= done->before_bytes))
      status = Error(ErrorCode::kCorrupt, "small documents were not sealed");
  });
  WEFT_TRY(std::move(status));
  if (store->info().records != count)
    return Error(ErrorCode::kCorrupt, "a compacted store has other records than one a document");
  WEFT_TRY(store->close());
  return reading;
}

}  // namespace

Status add_compact_small(const SmallDocuments& options, Report& report) {
  std::vector<MeterReading> readings;
  for (const std::uint32_t count : options.counts) {
    WEFT_ASSIGN(const TemporaryFolder folder, TemporaryFolder::make(options.folder));
    WEFT_ASSIGN(const MeterReading reading, measure(folder.path() + "/store", count));
    const std::string name = std::to_string(count) + " documents";
    report.add(exact("compact_small", name, "ms", reading.wall_ns / 1e6));
    report.add(
        exact("compact_small_flushes", name, "flushes", static_cast<double>(reading.log_flushes)));
    readings.push_back(reading);
  }
  if (readings.size() < 2) return {};
  const double more = static_cast<double>(options.counts.back()) / options.counts.front();
  const std::string name = std::to_string(options.counts.front()) + " to " +
                           std::to_string(options.counts.back()) + " documents";
  report.add(exact("compact_small_growth", name, "ratio",
                   readings.back().wall_ns / readings.front().wall_ns / more));
  report.add(exact("compact_small_flush_growth", name, "ratio",
                   static_cast<double>(readings.back().log_flushes) /
                       static_cast<double>(readings.front().log_flushes) / more));
  return {};
}

}  // namespace weft::bench
