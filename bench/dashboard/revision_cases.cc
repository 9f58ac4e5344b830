#include "bench/dashboard/revision_cases.h"

#include <filesystem>
#include <memory>
#include <utility>
#include <vector>

#include "bench/harness/stopwatch.h"
#include "bench/store/temporary_folder.h"
#include "bench/trace/revisions.h"
#include "crdt/base/checksum.h"
#include "crdt/dashboard/grafana.h"
#include "crdt/dashboard/shape.h"
#include "crdt/document/json_text.h"
#include "storage/codec/zstd_codec.h"
#include "storage/compact.h"
#include "storage/documents.h"
#include "storage/lmdb/lmdb_store.h"

namespace weft::bench {
namespace {

constexpr DocumentId kBoard{{7, 8, 10}};

/// Without what Grafana counts itself.
Json without_counters(const Json& dashboard) {
  Json::Object result = *dashboard.as_object();
  std::erase_if(result, [](const auto& member) {
    return dashboard::is_derived(dashboard::Place::kRoot, member.first);
  });
  return result;
}

class RevisionRun {
 public:
  RevisionRun(std::string name, std::vector<trace::Revision> revisions, std::string folder,
              Report& report)
      : name_(std::move(name)),
        revisions_(std::move(revisions)),
        folder_(std::move(folder)),
        report_(report) {}

  Status run() {
    WEFT_TRY(import_all());
    WEFT_TRY(export_all());
    return compact_all();
  }

 private:
  Result<std::unique_ptr<LmdbStore>> open_store() const {
    LmdbStore::Options options;
    options.folder = folder_;
    options.create = true;
    return LmdbStore::open(std::move(options));
  }

  Status import_all() {
    WEFT_ASSIGN(const std::unique_ptr<LmdbStore> store, open_store());
    const auto now_ms = std::make_shared<std::uint64_t>(0);
    DocumentOptions options;
    options.replica = store->info().replica;
    options.compressor = &compressor_;
    options.now_ms = [now_ms] { return *now_ms; };
    WEFT_ASSIGN(StoredDocument stored, StoredDocument::open(*store, kBoard, std::move(options)));
    std::vector<double> times;
    std::vector<double> ops;
    for (const trace::Revision& revision : revisions_) {
      *now_ms = revision.time_ms;
      const std::string text = print_json(revision.content, {.indent = 2});
      const Stopwatch watch;
      WEFT_ASSIGN(const Json json, parse_json(text));
      WEFT_ASSIGN(const Commit commit,
                  stored.document().transact(
                      {.origin = "weft-bench", .message = revision.name},
                      [&](Transaction& tx) { return dashboard::import_grafana(tx, json); }));
      times.push_back(watch.ms());
      ops.push_back(static_cast<double>(commit.op_count));
      WEFT_TRY(stored.save());
      versions_.push_back(stored.document().version());
    }
    report_.add(summarize("revision_import", name_, "ms", std::move(times)));
    report_.add(summarize("revision_import_ops", name_, "count", std::move(ops)));
    WEFT_TRY(stored.save_state());
    return store->close();
  }

  Status export_all() {
    WEFT_ASSIGN(const std::unique_ptr<LmdbStore> store, open_store());
    DocumentOptions options;
    options.compressor = &compressor_;
    WEFT_ASSIGN(const Document document, open_document(*store, kBoard, options));
    std::vector<double> times;
    std::uint64_t digest = 0;
    for (std::size_t i = 0; i < revisions_.size(); ++i) {
      const Stopwatch watch;
      WEFT_ASSIGN(const Document then, document.at(versions_[i]));
      const std::string text = dashboard::to_grafana_text(then);
      times.push_back(watch.ms());
      if (text != dashboard::canonical_text(without_counters(revisions_[i].content)))
        return Error(ErrorCode::kCorrupt, "revision " + revisions_[i].name + " is another");
      digest = xxh3_64(as_bytes(text), digest);
    }
    Line line = summarize("revision_export", name_, "ms", std::move(times));
    line.checksum = digest;
    report_.add(std::move(line));
    return store->close();
  }

  Status compact_all() {
    WEFT_ASSIGN(const std::unique_ptr<LmdbStore> store, open_store());
    CompactOptions options;
    options.compressor = &compressor_;
    WEFT_TRY(compact(*store, options));
    WEFT_TRY(store->shrink());
    WEFT_TRY(store->close());
    const auto bytes = static_cast<double>(
        std::filesystem::file_size(std::filesystem::path(folder_) / "log" / "data.mdb"));
    report_.add(
        exact("revision_bytes", name_, "bytes", bytes / static_cast<double>(revisions_.size())));
    return {};
  }

  std::string name_;
  std::vector<trace::Revision> revisions_;
  std::string folder_;
  Report& report_;
  ZstdCompressor compressor_;
  std::vector<VersionVector> versions_;
};

}  // namespace

Status add_board_revisions(const std::string& file, const std::string& folder, Report& report) {
  WEFT_ASSIGN(std::vector<trace::Revision> revisions, trace::read_revisions(file));
  WEFT_ASSIGN(const TemporaryFolder made, TemporaryFolder::make(folder));
  std::string name = std::filesystem::path(file).filename().string();
  name.resize(std::min(name.size(), name.find('.')));  // "node-exporter-full.history.jsonl.gz"
  return RevisionRun(name + "-all", std::move(revisions), made.path(), report).run();
}

}  // namespace weft::bench
