#include "bench/store/forgotten_reader.h"

#include <latch>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "storage/documents.h"
#include "storage/lmdb/lmdb_store.h"

namespace weft::bench {
namespace {

constexpr std::string_view kText = "text";
constexpr DocumentId kDocument{{1, 2, 3}};
constexpr std::size_t kEditsARound = 50;

/// Two threads, each inside a visitor from when this is made until it goes.
class ForgottenReaders {
 public:
  explicit ForgottenReaders(const Store& store) {
    threads_.emplace_back([&] { (void)store.scan(1, stopping_visitor()); });
    threads_.emplace_back([&] { (void)store.scan_document(kDocument, {}, stopping_visitor()); });
    inside_.wait();
  }
  ~ForgottenReaders() {
    go_on_.count_down();
    for (std::thread& thread : threads_) thread.join();
  }
  ForgottenReaders(const ForgottenReaders&) = delete;
  ForgottenReaders& operator=(const ForgottenReaders&) = delete;

 private:
  std::function<bool(const RecordView&)> stopping_visitor() {
    return [this](const RecordView&) {
      inside_.count_down();
      go_on_.wait();
      return false;
    };
  }

  std::latch inside_{2};
  std::latch go_on_{1};
  std::vector<std::thread> threads_;
};

Status edit(StoredDocument& document) {
  for (std::size_t i = 0; i < kEditsARound; ++i) {
    // One in front of the other, so that the state grows by every one of them.
    WEFT_TRY(document.document().transact([&](Transaction& transaction) {
      return transaction.root().ensure_text(kText).insert(scalar(2 * i), "edit ");
    }));
  }
  return document.save();
}

}  // namespace

Result<Growth> measure_growth(const GrowthOptions& options) {
  LmdbStore::Options store_options;
  store_options.folder = options.folder;
  store_options.create = true;
  WEFT_ASSIGN(const std::unique_ptr<LmdbStore> store, LmdbStore::open(std::move(store_options)));
  DocumentOptions document_options;
  document_options.replica = store->info().replica;
  WEFT_ASSIGN(StoredDocument document,
              StoredDocument::open(*store, kDocument, std::move(document_options)));
  WEFT_TRY(document.document().transact([&](Transaction& transaction) {
    return transaction.root().ensure_text(kText).insert(scalar(0),
                                                        std::string(options.text_bytes, 'x'));
  }));
  WEFT_TRY(document.save());
  WEFT_TRY(document.save_state());
  WEFT_TRY(store->catch_up());

  Growth growth;
  WEFT_ASSIGN(const LmdbStore::Space before, store->space());
  growth.before_bytes = before.total();
  {
    std::unique_ptr<ForgottenReaders> readers;
    if (options.forgotten_readers) readers = std::make_unique<ForgottenReaders>(*store);
    for (std::uint32_t round = 0; round < options.rounds; ++round) {
      WEFT_TRY(edit(document));
      WEFT_TRY(document.save_state());
      WEFT_TRY(store->catch_up());
      const std::optional<StoredState> state = store->state(kDocument);
      if (!state || state->version != document.document().version())
        return Error(ErrorCode::kCorrupt, "the state that was put is not the one that is kept");
      growth.state_bytes += state->snapshot.size();
    }
    WEFT_ASSIGN(const LmdbStore::Space after, store->space());
    growth.after_bytes = after.total();
  }
  WEFT_TRY(store->close());
  return growth;
}

}  // namespace weft::bench
