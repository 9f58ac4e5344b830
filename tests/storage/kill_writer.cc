// The process that kill_test.cc kills; kill_writer.h says how it is called.

#include "tests/storage/kill_writer.h"

#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "bench/harness/file_calls.h"
#include "crdt/base/checksum.h"
#include "storage/lmdb/lmdb_store.h"
#include "tests/storage/delta_source.h"

namespace weft::test {
namespace {

void say(const KillMessage& message) {
  if (::write(STDOUT_FILENO, &message, sizeof message) != sizeof message) std::_Exit(3);
}

/// Kills the process before or after its n-th file call below a folder.
class KillAtCall final : public bench::FileCallObserver {
 public:
  KillAtCall(std::string folder, std::uint64_t call) : folder_(std::move(folder)), call_(call) {}
  bench::Verdict before(const bench::FileCallInfo& info) override {
    if (info.path.starts_with(folder_) && ++seen_ == call_) kill(getpid(), SIGKILL);
    return {};
  }

 private:
  std::string folder_;
  std::uint64_t call_;
  std::atomic<std::uint64_t> seen_ = 0;
};

/// How many deltas of a writer the store has.
std::size_t stored_count(const Store& store, std::uint64_t writer) {
  std::size_t count = 0;
  store
      .scan(1,
            [&](const RecordView& record) {
              count += record.replica == DeltaSource::replica(writer) ? 1u : 0u;
              return true;
            })
      .value();
  return count;
}

void write_batches(Store& store, DeltaSource source, std::uint32_t writer, std::size_t begin,
                   std::uint64_t batches) {
  for (std::uint64_t i = 0; i < batches; ++i) {
    const std::vector<NewRecord> batch = source.batch(begin);
    store.append(batch).value();
    begin += batch.size();
    const NewRecord& last = batch.back();
    say({KillMessage::Kind::kAcknowledged, writer, begin, last.first_seq, xxh3_64(last.payload)});
  }
}

int run(char** arguments) {
  const std::string folder = arguments[0];
  const std::uint64_t seed = std::strtoull(arguments[1], nullptr, 10);
  const std::uint64_t writers = std::strtoull(arguments[2], nullptr, 10);
  const std::uint64_t batches = std::strtoull(arguments[3], nullptr, 10);
  KillAtCall killer(std::filesystem::canonical(folder).string(),
                    std::strtoull(arguments[4], nullptr, 10));
  bench::FileCallScope scope(killer);
  say({KillMessage::Kind::kOpening});
  LmdbStore::Options options;
  options.folder = folder + "/store";
  options.create = true;
  auto store = LmdbStore::open(options).value();
  std::vector<std::thread> threads;
  for (std::uint64_t i = 0; i < writers; ++i)
    threads.emplace_back([&, i] {
      write_batches(*store, DeltaSource(seed, i), static_cast<std::uint32_t>(i),
                    stored_count(*store, i), batches);
    });
  for (std::thread& thread : threads) thread.join();
  say({KillMessage::Kind::kClosing});
  store->close().value();
  store.reset();
  say({KillMessage::Kind::kClosed});
  return 0;
}

}  // namespace
}  // namespace weft::test

int main(int count, char** arguments) {
  if (count != 6) {
    std::fputs("usage: weft_kill_writer FOLDER SEED WRITERS BATCHES CALL\n", stderr);
    return 2;
  }
  return weft::test::run(arguments + 1);
}
