#include "bench/dashboard/board_cases.h"

#include <filesystem>
#include <memory>
#include <utility>

#include "bench/harness/heap.h"
#include "bench/harness/stopwatch.h"
#include "bench/store/temporary_folder.h"
#include "bench/trace/unpacked_file.h"
#include "crdt/base/checksum.h"
#include "crdt/dashboard/grafana.h"
#include "crdt/dashboard/keyed_array.h"
#include "crdt/document/json_text.h"
#include "storage/codec/zstd_codec.h"
#include "storage/documents.h"
#include "storage/lmdb/lmdb_store.h"
#include "transport/wire/frame.h"

namespace weft::bench {
namespace {

constexpr DocumentId kBoard{{7, 8, 9}};

class Board {
 public:
  static Result<std::shared_ptr<Board>> prepare(const std::string& file,
                                                const std::string& folder) {
    auto board = std::make_shared<Board>();
    board->name_ = std::filesystem::path(file).filename().string();
    WEFT_ASSIGN(board->text_, trace::read_unpacked(file));
    WEFT_ASSIGN(TemporaryFolder made, TemporaryFolder::make(folder));
    board->folder_ = std::make_unique<TemporaryFolder>(std::move(made));
    LmdbStore::Options options;
    options.folder = board->folder_->path();
    options.create = true;
    WEFT_ASSIGN(board->store_, LmdbStore::open(std::move(options)));
    WEFT_ASSIGN(const Json json, parse_json(board->text_));
    WEFT_ASSIGN(board->seed_, dashboard::seed_delta(kBoard, json));
    WEFT_ASSIGN(StoredDocument stored,
                StoredDocument::open(*board->store_, kBoard, board->options()));
    WEFT_TRY(stored.document().apply(board->seed_));
    WEFT_TRY(stored.save());
    WEFT_TRY(stored.save_state());
    return board;
  }

  const std::string& name() const { return name_; }

  Result<Reading> import() const {
    const Stopwatch watch;
    WEFT_ASSIGN(const Json json, parse_json(text_));
    Document document = Document::create(options());
    WEFT_TRY(
        document.transact([&](Transaction& tx) { return dashboard::import_grafana(tx, json); }));
    return Reading{watch.ms(), checksum_of(document)};
  }

  Result<Reading> import_again() const {
    WEFT_ASSIGN(Document document, open());
    const VersionVector before = document.version();
    const Stopwatch watch;
    WEFT_ASSIGN(const Json json, parse_json(text_));
    WEFT_TRY(
        document.transact([&](Transaction& tx) { return dashboard::import_grafana(tx, json); }));
    const double ms = watch.ms();
    if (!(document.version() == before))
      return Error(ErrorCode::kCorrupt, name_ + ": a second import wrote something");
    return Reading{ms, checksum_of(document)};
  }

  Result<Reading> export_text() const {
    WEFT_ASSIGN(const Document document, open());
    const Stopwatch watch;
    WEFT_ASSIGN(const std::string text, dashboard::to_grafana_text(document));
    return Reading{watch.ms(), xxh3_64(as_bytes(text))};
  }

  Result<Reading> first_panel() const {
    const Stopwatch watch;
    WEFT_ASSIGN(const Document document, open());
    WEFT_ASSIGN(const Json panel, panel_of(document));
    return Reading{watch.ms(), xxh3_64(as_bytes(print_json(panel)))};
  }

  Result<std::vector<Reading>> heap() const {
    const HeapCount heap;
    WEFT_ASSIGN(const Document document, open());
    { WEFT_ASSIGN(const Json panel, panel_of(document)); }
    const auto opened = static_cast<double>(heap.bytes_in_use());
    WEFT_TRY(dashboard::to_grafana_text(document));
    return std::vector<Reading>{{opened, 0}, {static_cast<double>(heap.bytes_in_use()), 0}};
  }

  Result<std::vector<Reading>> edit() const {
    WEFT_ASSIGN(Document document, open());
    const std::vector<std::string> panels = panels_of(document);
    if (panels.empty()) return Error(ErrorCode::kNotFound, name_ + ": has no panels");
    const std::string path = "/panels/" + panels.back() + "/title";
    const Stopwatch watch;
    WEFT_ASSIGN(const Commit commit, document.transact([&](Transaction& tx) {
      return dashboard::write_at(tx, path, "CPU busy");
    }));
    const double us = watch.ms() * 1000;
    sync::Deltas deltas;
    deltas.number = 1;
    deltas.deltas.emplace_back(commit.delta.begin(), commit.delta.end());
    Bytes frame;
    wire::encode_frame({0, std::move(deltas)}, frame);
    return std::vector<Reading>{{static_cast<double>(frame.size()), 0}, {us, 0}};
  }

  double seed_bytes() const { return static_cast<double>(seed_.size()); }

 private:
  DocumentOptions options() const {
    DocumentOptions options;
    options.id = kBoard;
    options.replica = {12345};
    options.now_ms = [] { return std::uint64_t{1'700'000'000'000}; };
    options.compressor = &compressor_;
    return options;
  }
  Result<Document> open() const { return open_latest(*store_, kBoard, options()); }

  static std::vector<std::string> panels_of(const Document& document) {
    const Result<MapView> panels = document.root().map(dashboard::kPanels);
    if (!panels.ok()) return {};
    std::vector<std::string> keys = dashboard::shown_order(*panels);
    if (!keys.empty()) return keys;
    for (dashboard::ArrayElement& each : dashboard::shown_elements(*panels))
      keys.push_back(std::move(each.key));
    return keys;
  }
  Result<Json> panel_of(const Document& document) const {
    const std::vector<std::string> panels = panels_of(document);
    if (panels.empty()) return Error(ErrorCode::kNotFound, name_ + ": has no panels");
    return dashboard::to_grafana_at(document, "/panels/" + panels.front());
  }
  static std::uint64_t checksum_of(const Document& document) {
    return xxh3_64(as_bytes(dashboard::to_grafana_text(document).value()));
  }

  std::string name_;
  std::string text_;
  Bytes seed_;
  ZstdCompressor compressor_;
  std::unique_ptr<TemporaryFolder> folder_;
  std::unique_ptr<LmdbStore> store_;
};

}  // namespace

Status add_board(const std::string& file, const std::string& folder, Sampler& sampler,
                 Report& report) {
  WEFT_ASSIGN(const std::shared_ptr<Board> board, Board::prepare(file, folder));
  const std::string& name = board->name();
  sampler.add(name, "board_import", "ms", [board] { return board->import(); });
  sampler.add(name, "board_import_again", "ms", [board] { return board->import_again(); });
  sampler.add(name, "board_export", "ms", [board] { return board->export_text(); });
  sampler.add(name, "board_first_panel", "ms", [board] { return board->first_panel(); });
  sampler.add({name, {{"board_heap", "bytes"}, {"board_heap_exported", "bytes"}}, [board] {
                 return board->heap();
               }});
  sampler.add({name, {{"board_edit_wire", "bytes"}, {"board_edit_commit", "us"}}, [board] {
                 return board->edit();
               }});
  report.add(exact("board_seed_bytes", name, "bytes", board->seed_bytes()));
  return {};
}

}  // namespace weft::bench
