#include "bench/store/open_cases.h"

#include <unistd.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "bench/harness/meter.h"
#include "bench/harness/stopwatch.h"
#include "bench/store/child_process.h"
#include "bench/store/engines.h"
#include "bench/store/temporary_folder.h"
#include "crdt/base/checksum.h"
#include "storage/lmdb/lmdb_store.h"

namespace weft::bench {
namespace {

constexpr std::uint32_t kBatch = 10'000;

struct Opened {
  Fault fault;
  double open_ms = 0;
  double list_ms = 0;
  std::uint64_t bytes = 0;
  std::uint64_t documents = 0;
  std::uint64_t records = 0;
  std::uint64_t digest = 0;  ///< of the list
};

Status open_and_list(const std::string& folder, Opened& opened) {
  const auto before = resident_bytes();
  LmdbStore::Options options;
  options.folder = folder;
  const Stopwatch open_watch;
  WEFT_ASSIGN(const std::unique_ptr<LmdbStore> store, LmdbStore::open(std::move(options)));
  opened.open_ms = open_watch.ms();
  const Stopwatch list_watch;
  WEFT_ASSIGN(const std::vector<DocumentUsage> documents, store->documents());
  opened.list_ms = list_watch.ms();
  const auto after = resident_bytes();
  if (!before || !after) return Error(ErrorCode::kNotFound, "/proc/self/status is missing");
  opened.bytes = after->peak - std::min(after->peak, before->now);
  opened.documents = documents.size();
  for (const DocumentUsage& document : documents) {
    opened.records += document.records;
    opened.digest = xxh3_64(std::as_bytes(std::span(document.document.bytes)), opened.digest);
  }
  return store->close();
}

Result<std::vector<Reading>> open_in_child(const std::string& folder, const OpenOptions& options) {
  WEFT_ASSIGN(const ChildProcess child, ChildProcess::start_again({kOpenCommand, folder}));
  WEFT_ASSIGN(const Opened opened, child.link().receive<Opened>());
  WEFT_TRY(opened.fault.status());
  if (opened.records != options.delta_count || opened.documents > options.workload.document_count)
    return Error(ErrorCode::kCorrupt, "the store lists other documents than were stored");
  return std::vector<Reading>{{opened.open_ms, opened.digest},
                              {opened.list_ms, opened.digest},
                              {static_cast<double>(opened.bytes), opened.digest}};
}

}  // namespace

Status add_open(const OpenOptions& options, Sampler& sampler) {
  WEFT_ASSIGN(TemporaryFolder made, TemporaryFolder::make(options.folder));
  const auto folder = std::make_shared<TemporaryFolder>(std::move(made));
  WEFT_ASSIGN(const auto engine, make_engine(EngineKind::kWeft, folder->path()));
  Workload workload(options.workload);
  for (std::uint32_t at = 0; at < options.delta_count; at += kBatch)
    WEFT_TRY(engine->append(workload.next(std::min(kBatch, options.delta_count - at))));
  WEFT_TRY(engine->finish());
  sampler.add(Probe{std::to_string(options.workload.document_count) + "-documents",
                    {{"store_open", "ms"}, {"store_list", "ms"}, {"store_open_bytes", "bytes"}},
                    [folder, options] { return open_in_child(folder->path(), options); }});
  return {};
}

int run_open_command(const std::string& folder) {
  Opened opened;
  const Status status = open_and_list(folder, opened);
  if (!status.ok()) opened.fault.set(status.error());
  return Link(STDOUT_FILENO).send(opened).ok() ? 0 : 1;
}

}  // namespace weft::bench
