#include "bench/dashboard/revision_cases.h"

#include <filesystem>
#include <memory>
#include <utility>
#include <vector>

#include "bench/store/stored_revisions.h"
#include "bench/store/temporary_folder.h"
#include "bench/trace/revisions.h"
#include "crdt/dashboard/grafana.h"
#include "crdt/document/json_text.h"
#include "storage/codec/zstd_codec.h"
#include "storage/compact.h"
#include "storage/documents.h"
#include "storage/lmdb/lmdb_store.h"

namespace weft::bench {
namespace {

constexpr DocumentId kBoard{{7, 8, 10}};

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
    std::vector<std::string> texts;  // what is imported is a file's text
    for (const trace::Revision& revision : revisions_)
      texts.push_back(print_json(revision.content, {.indent = 2}));
    const auto import = [&](Transaction& transaction, std::size_t i) -> Status {
      WEFT_ASSIGN(const Json json, parse_json(texts[i]));
      return dashboard::import_grafana(transaction, json);
    };
    WEFT_ASSIGN(const std::unique_ptr<LmdbStore> store, open_store());
    WEFT_ASSIGN(
        StoredRevisions stored,
        store_revisions(*store, revisions_, {kBoard, store->info().replica, &compressor_, import}));
    versions_ = std::move(stored.versions);
    std::vector<double> times;
    std::vector<double> ops;
    for (const RevisionCost& cost : stored.costs) {
      times.push_back(cost.commit_ms);
      ops.push_back(static_cast<double>(cost.op_count));
    }
    report_.add(summarize("revision_import", name_, "ms", std::move(times)));
    report_.add(summarize("revision_import_ops", name_, "count", std::move(ops)));
    WEFT_TRY(stored.document.save_state());
    return store->close();
  }

  Status export_all() {
    WEFT_ASSIGN(const std::unique_ptr<LmdbStore> store, open_store());
    DocumentOptions options;
    options.compressor = &compressor_;
    WEFT_ASSIGN(const Document document, open_document(*store, kBoard, options));
    WEFT_ASSIGN(RevisionsRead read,
                read_revisions_back(
                    document, versions_, revisions_,
                    [](const Document& then) { return dashboard::to_grafana_text(then).value(); },
                    [](const std::string& text) { return text; },
                    [](const Json& content) {
                      return dashboard::canonical_text(dashboard::without_derived(content));
                    }));
    Line line = summarize("revision_export", name_, "ms", std::move(read.ms));
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
