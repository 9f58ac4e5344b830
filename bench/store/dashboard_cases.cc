#include "bench/store/dashboard_cases.h"

#include <filesystem>
#include <memory>
#include <utility>

#include "bench/harness/stopwatch.h"
#include "bench/store/stored_revisions.h"
#include "bench/store/temporary_folder.h"
#include "crdt/base/checksum.h"
#include "crdt/document/json_text.h"
#include "storage/codec/zstd_codec.h"
#include "storage/compact.h"
#include "storage/lmdb/lmdb_store.h"

namespace weft::bench {
namespace {

constexpr DocumentId kDocument{{4, 5, 6}};

class DashboardRun {
 public:
  DashboardRun(const DashboardRevisions& dashboard, std::string folder, Report& report)
      : dashboard_(dashboard), folder_(std::move(folder)), report_(report) {}

  Status run() {
    WEFT_TRY(store_all());
    add_bytes("log_bytes", file_bytes("log"));
    WEFT_TRY(read_back(""));
    WEFT_TRY(compact_all());
    add_bytes("log_bytes_compacted", file_bytes("log"));
    add_bytes("derived_bytes_compacted", file_bytes("derived"));
    WEFT_TRY(read_back("_compacted"));
    add_plain();
    return {};
  }

 private:
  Result<std::unique_ptr<LmdbStore>> open_store() const {
    LmdbStore::Options options;
    options.folder = folder_;
    options.create = true;
    return LmdbStore::open(std::move(options));
  }

  Status store_all() {
    WEFT_ASSIGN(const std::unique_ptr<LmdbStore> store, open_store());
    WEFT_ASSIGN(StoredRevisions stored,
                store_revisions(*store, dashboard_.revisions,
                                {kDocument, store->info().replica, &compressor_}));
    versions_ = std::move(stored.versions);
    std::vector<double> commits;
    std::vector<double> saves;
    std::vector<double> ops;
    for (const RevisionCost& cost : stored.costs) {
      commits.push_back(cost.commit_ms);
      saves.push_back(cost.save_ms);
      ops.push_back(static_cast<double>(cost.op_count));
    }
    report_.add(summarize("revision_commit", dashboard_.name, "ms", commits));
    report_.add(summarize("revision_ops", dashboard_.name, "count", ops));
    report_.add(summarize("revision_save", dashboard_.name, "ms", saves));
    WEFT_TRY(stored.document.save_state());
    return store->close();
  }

  Status read_back(const std::string& suffix) {
    const Stopwatch open_watch;
    WEFT_ASSIGN(const std::unique_ptr<LmdbStore> store, open_store());
    DocumentOptions options;
    options.compressor = &compressor_;
    WEFT_ASSIGN(const Document document, open_document(*store, kDocument, options));
    report_.add(exact("history_open" + suffix, dashboard_.name, "ms", open_watch.ms()));
    WEFT_ASSIGN(RevisionsRead read, read_revisions_back(
                                        document, versions_, dashboard_.revisions,
                                        [](const Document& then) { return then.to_json().value(); },
                                        canonical, canonical));
    Line line = summarize("revision_at" + suffix, dashboard_.name, "ms", std::move(read.ms));
    line.checksum = read.digest;
    report_.add(std::move(line));
    return store->close();
  }

  Status compact_all() {
    WEFT_ASSIGN(const std::unique_ptr<LmdbStore> store, open_store());
    CompactOptions options;
    options.compressor = &compressor_;
    WEFT_TRY(compact(*store, options));
    WEFT_TRY(store->shrink());
    const std::optional<StoredState> state = store->state(kDocument);
    if (!state) return Error(ErrorCode::kCorrupt, "the state that was saved is gone");
    add_bytes("state_bytes", static_cast<double>(state->snapshot.size()));
    return store->close();
  }

  void add_plain() {
    std::string lines;
    std::size_t alone = 0;
    for (const trace::Revision& revision : dashboard_.revisions) {
      const std::string line = print_json(revision.content) + "\n";
      alone += compressor_.compress(as_bytes(line)).size();
      lines += line;
    }
    add_bytes("json_bytes", static_cast<double>(lines.size()));
    add_bytes("json_zstd_bytes", static_cast<double>(alone));
    add_bytes("json_lines_zstd_bytes",
              static_cast<double>(compressor_.compress(as_bytes(lines)).size()));
  }

  double file_bytes(const char* environment) const {
    return static_cast<double>(
        std::filesystem::file_size(std::filesystem::path(folder_) / environment / "data.mdb"));
  }
  void add_bytes(const char* name, double bytes) {
    report_.add(exact(name, dashboard_.name, "bytes", bytes));
  }

  const DashboardRevisions& dashboard_;
  std::string folder_;
  Report& report_;
  ZstdCompressor compressor_;
  std::vector<VersionVector> versions_;
};

}  // namespace

Status add_dashboard_history(const std::string& folder, const DashboardRevisions& dashboard,
                             Report& report) {
  WEFT_ASSIGN(const TemporaryFolder made, TemporaryFolder::make(folder));
  return DashboardRun(dashboard, made.path(), report).run();
}

}  // namespace weft::bench
