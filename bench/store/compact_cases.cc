#include "bench/store/compact_cases.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>

#include "bench/harness/stopwatch.h"
#include "bench/store/stored_revisions.h"
#include "bench/store/stored_trace.h"
#include "bench/store/temporary_folder.h"
#include "crdt/base/checksum.h"
#include "storage/codec/zstd_codec.h"
#include "storage/compact.h"
#include "storage/lmdb/lmdb_store.h"

namespace weft::bench {
namespace {

constexpr DocumentId kAppended{{9, 9, 9}};

/// Appends a small record each millisecond until it goes, and knows how long one took at most.
class Appender {
 public:
  explicit Appender(Store& store) : store_(store), thread_([this] { run(); }) {}
  ~Appender() {
    {
      std::lock_guard lock(mutex_);
      stop_ = true;
    }
    stopped_.notify_one();
    thread_.join();
  }
  Appender(const Appender&) = delete;
  Appender& operator=(const Appender&) = delete;

  /// Since it was asked last.
  double take_longest_ms() {
    std::lock_guard lock(mutex_);
    return std::exchange(longest_ms_, 0);
  }
  /// An append that is under way counts for what began before.
  void wait_for_one() {
    std::unique_lock lock(mutex_);
    const std::uint64_t next = count_ + 2;
    appended_.wait(lock, [&] { return count_ >= next || !status_.ok(); });
  }
  Status status() {
    std::lock_guard lock(mutex_);
    return status_.ok() ? Status() : Status(status_.error().clone());
  }

 private:
  void run() {
    const Bytes payload(60, std::byte{7});
    NewRecord record;
    record.kind = RecordKind::kDelta;
    record.document = kAppended;
    record.replica = {99};
    record.op_count = 1;
    record.payload = payload;
    std::unique_lock lock(mutex_);
    while (!stop_ && status_.ok()) {
      lock.unlock();
      const Stopwatch watch;
      Result<AppendResult> appended = store_.append(std::span(&record, 1));
      const double ms = watch.ms();
      ++record.first_seq;
      lock.lock();
      if (!appended.ok()) status_ = appended.take_error();
      longest_ms_ = std::max(longest_ms_, ms);
      ++count_;
      appended_.notify_all();
      stopped_.wait_for(lock, std::chrono::milliseconds(1), [&] { return stop_; });
    }
  }

  Store& store_;
  std::mutex mutex_;
  std::condition_variable stopped_;
  std::condition_variable appended_;
  bool stop_ = false;
  double longest_ms_ = 0;
  std::uint64_t count_ = 0;
  Status status_;
  std::thread thread_;
};

/// What a document was before.
struct Expected {
  DocumentId id;
  std::uint64_t digest = 0;  ///< of its snapshot
};

class CompactRun {
 public:
  CompactRun(const CompactCase& options, TemporaryFolder folder, std::unique_ptr<LmdbStore> store,
             Report& report)
      : options_(options), folder_(std::move(folder)), store_(std::move(store)), report_(report) {
    compact_options_.compressor = &compressor_;
  }

  Status run() {
    WEFT_TRY(fill());
    WEFT_TRY(store_->catch_up());
    add_bytes("log_bytes_before", file_bytes("log"));
    add_bytes("derived_bytes_before", file_bytes("derived"));
    WEFT_TRY(estimate());
    WEFT_TRY(compact_beside_appends());
    // What the appender left is no part of the histories.
    WEFT_TRY(store_->set_status(kAppended, DocumentStatus::kDeleted));
    WEFT_TRY(store_->shrink());
    const double log_bytes = file_bytes("log");
    add_bytes("log_bytes_after", log_bytes);
    add_bytes("derived_bytes_after", file_bytes("derived"));
    add_bytes("sealed_bytes", static_cast<double>(sealed_bytes_));
    report_.add(exact("compact_vs_sealed", options_.name, "ratio",
                      log_bytes / static_cast<double>(sealed_bytes_), digest_));
    WEFT_TRY(check());
    return store_->close();
  }

 private:
  Status fill() {
    std::uint64_t seed = 1;
    for (const trace::Trace& trace : options_.traces) {
      WEFT_ASSIGN(const StoredDocument stored,
                  store_trace(*store_, trace,
                              {.seed = seed++, .deltas_a_save = 1000, .compressor = &compressor_}));
      WEFT_TRY(expect(stored.document()));
    }
    for (const DashboardRevisions& dashboard : options_.dashboards) {
      StoredRevisionsOptions options;
      options.id.bytes[0] = static_cast<std::uint8_t>(seed++);
      options.replica = {500};
      options.compressor = &compressor_;
      WEFT_ASSIGN(const StoredRevisions stored,
                  store_revisions(*store_, dashboard.revisions, options));
      WEFT_TRY(expect(stored.document.document()));
    }
    return {};
  }

  Status expect(const Document& document) {
    WEFT_ASSIGN(const std::vector<Bytes> bundles, document.bundles_since({}));
    for (const Bytes& bundle : bundles) sealed_bytes_ += bundle.size();
    expected_.push_back({document.id(), xxh3_64(document.snapshot())});
    digest_ += expected_.back().digest;
    return {};
  }

  Status estimate() {
    const Stopwatch watch;
    WEFT_ASSIGN(const CompactEstimate estimate, estimate_compact(*store_, compact_options_));
    add_ms("estimate_time", watch.ms());
    add_bytes("compact_estimate", static_cast<double>(estimate.sealed_bytes));
    return {};
  }

  Status compact_beside_appends() {
    Appender appender(*store_);
    appender.wait_for_one();
    const Stopwatch compact_watch;
    (void)appender.take_longest_ms();
    WEFT_ASSIGN(const CompactProgress progress, compact(*store_, compact_options_));
    const double compact_ms = compact_watch.ms();
    appender.wait_for_one();
    add_ms("longest_append_compact", appender.take_longest_ms());
    add_ms("compact_time", compact_ms);
    add_bytes("compact_result", static_cast<double>(progress.after_bytes));

    const Stopwatch shrink_watch;
    WEFT_TRY(store_->shrink());
    add_ms("shrink_time", shrink_watch.ms());
    appender.wait_for_one();
    add_ms("longest_append_shrink", appender.take_longest_ms());

    const Stopwatch quiet_watch;
    while (quiet_watch.ms() < compact_ms) appender.wait_for_one();
    add_ms("longest_append_quiet", appender.take_longest_ms());
    return appender.status();
  }

  Status check() {
    for (const Expected& expected : expected_) {
      DocumentOptions options;
      options.compressor = &compressor_;
      WEFT_ASSIGN(const Document document, open_document(*store_, expected.id, options));
      if (xxh3_64(document.snapshot()) != expected.digest)
        return Error(ErrorCode::kCorrupt, "compacting changed a document");
    }
    return {};
  }

  double file_bytes(const char* environment) const {
    return static_cast<double>(std::filesystem::file_size(std::filesystem::path(folder_.path()) /
                                                          environment / "data.mdb"));
  }
  void add_bytes(const char* name, double bytes) {
    report_.add(exact(name, options_.name, "bytes", bytes, digest_));
  }
  void add_ms(const char* name, double ms) {
    report_.add(exact(name, options_.name, "ms", ms, digest_));
  }

  const CompactCase& options_;
  TemporaryFolder folder_;
  std::unique_ptr<LmdbStore> store_;
  Report& report_;
  ZstdCompressor compressor_;
  CompactOptions compact_options_;
  std::vector<Expected> expected_;
  std::uint64_t sealed_bytes_ = 0;
  std::uint64_t digest_ = 0;
};

}  // namespace

Status add_compact(const CompactCase& options, Report& report) {
  WEFT_ASSIGN(TemporaryFolder folder, TemporaryFolder::make(options.folder));
  LmdbStore::Options store_options;
  store_options.folder = folder.path();
  store_options.create = true;
  WEFT_ASSIGN(std::unique_ptr<LmdbStore> store, LmdbStore::open(std::move(store_options)));
  return CompactRun(options, std::move(folder), std::move(store), report).run();
}

}  // namespace weft::bench
