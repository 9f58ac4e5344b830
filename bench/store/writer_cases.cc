// Group commit: many threads, each of which waits for its own delta.

#include <algorithm>
#include <barrier>
#include <iterator>
#include <thread>

#include "bench/store/append_cases.h"
#include "bench/store/temporary_folder.h"

namespace weft::bench {
namespace {

/// A thread with a document of its own.
class Writer {
 public:
  Writer(std::uint64_t seed, std::uint32_t delta_count)
      : workload_({.seed = seed, .document_count = 1}), deltas_(workload_.next(delta_count)) {}

  void run(LogEngine& engine, std::barrier<>& start) {
    start.arrive_and_wait();
    for (std::size_t i = 0; i < deltas_.size() && status_.ok(); ++i)
      status_ = engine.append(deltas_.subspan(i, 1));
  }
  Status take_status() { return std::move(status_); }
  const Workload& workload() const { return workload_; }

 private:
  Workload workload_;
  std::span<const NewRecord> deltas_;
  Status status_;
};

}  // namespace

Status add_writers(const WriterOptions& options, Report& report) {
  WEFT_ASSIGN(const TemporaryFolder folder, TemporaryFolder::make(options.folder));
  WEFT_ASSIGN(const auto engine, make_engine(EngineKind::kWeft, folder.path()));
  std::vector<Writer> writers;
  writers.reserve(options.writer_count);
  for (std::uint32_t i = 0; i < options.writer_count; ++i)
    writers.emplace_back(100 + i, options.deltas_per_writer);

  std::barrier start(static_cast<std::ptrdiff_t>(writers.size()));
  std::vector<std::thread> threads;
  for (Writer& writer : writers)
    threads.emplace_back([&writer, &engine = *engine, &start] { writer.run(engine, start); });
  for (std::thread& thread : threads) thread.join();

  std::uint64_t expected = 0;
  std::vector<DocumentId> documents;
  for (Writer& writer : writers) {
    WEFT_TRY(writer.take_status());
    expected += writer.workload().digest();
    documents.push_back(writer.workload().documents().front());
  }
  const double deltas = static_cast<double>(options.writer_count) * options.deltas_per_writer;
  const double commits = static_cast<double>(engine->commit_count());
  WEFT_TRY(engine->finish());
  WEFT_ASSIGN(const std::uint64_t digest, engine->digest(documents));
  if (digest != expected)
    return Error(ErrorCode::kCorrupt, "what was read back is not what was appended");
  report.add(exact("commits_per_delta", std::to_string(options.writer_count) + "-writers", "ratio",
                   commits / deltas, digest));
  return {};
}

}  // namespace weft::bench
