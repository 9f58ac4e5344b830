// weft's own store, as applications open it.

#include <utility>

#include "bench/store/engines.h"
#include "bench/store/workload.h"
#include "storage/lmdb/lmdb_store.h"

namespace weft::bench {
namespace {

class WeftEngine final : public LogEngine {
 public:
  explicit WeftEngine(std::string folder) : folder_(std::move(folder)) {}

  Status open() {
    LmdbStore::Options options;
    options.folder = folder_;
    options.create = true;
    WEFT_ASSIGN(store_, LmdbStore::open(std::move(options)));
    return store_->flush();  // an opening notes itself in a commit of its own, which is no batch's
  }

  Status append(std::span<const NewRecord> batch) override {
    WEFT_ASSIGN(const AppendResult result, store_->append(batch));
    if (result.known != 0) return Error(ErrorCode::kCorrupt, "a new record was taken for known");
    return {};
  }

  Status finish() override {
    commits_ = store_->commit_count();
    Status status = store_->close();
    store_.reset();
    return status;
  }

  Result<std::uint64_t> digest(std::span<const DocumentId> documents) override {
    WEFT_TRY(open());
    std::uint64_t sum = 0;
    for (const DocumentId& document : documents) {
      WEFT_TRY(store_->scan_document(document, {}, [&](const RecordView& record) {
        sum += digest_of(record, record.payload);
        return true;
      }));
    }
    WEFT_TRY(store_->close());
    store_.reset();
    return sum;
  }

  std::uint64_t commit_count() const override { return store_ ? store_->commit_count() : commits_; }
  bool is_log(std::string_view path) const override {
    return path.find("/log/") != std::string_view::npos;
  }

 private:
  std::string folder_;
  std::unique_ptr<LmdbStore> store_;
  std::uint64_t commits_ = 0;
};

}  // namespace

Result<std::unique_ptr<LogEngine>> make_weft_engine(const std::string& folder) {
  auto engine = std::make_unique<WeftEngine>(folder);
  WEFT_TRY(engine->open());
  return std::unique_ptr<LogEngine>(std::move(engine));
}

}  // namespace weft::bench
