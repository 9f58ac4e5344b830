#include "peer/store_thread.h"

#include <doctest/doctest.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "storage/memory/memory_store.h"

using namespace weft;
using namespace std::chrono_literals;

namespace {

constexpr ReplicaId kOwn{7};
constexpr ReplicaId kOther{9};

/// The thread of a test, to which the store's thread posts.
class Inbox {
 public:
  void post(std::function<void()> function) {
    std::lock_guard lock(mutex_);
    functions_.push_back(std::move(function));
    came_.notify_one();
  }
  /// Runs what is posted until `done`.
  void run_until(const std::function<bool()>& done) {
    while (!done()) {
      std::unique_lock lock(mutex_);
      came_.wait(lock, [&] { return !functions_.empty(); });
      std::function<void()> next = std::move(functions_.front());
      functions_.pop_front();
      lock.unlock();
      next();
    }
  }
  void run_all() {
    for (;;) {
      std::unique_lock lock(mutex_);
      if (functions_.empty()) return;
      std::function<void()> next = std::move(functions_.front());
      functions_.pop_front();
      lock.unlock();
      next();
    }
  }

 private:
  std::mutex mutex_;
  std::condition_variable came_;
  std::deque<std::function<void()>> functions_;
};

/// Closed until it is opened.
class Gate {
 public:
  void open() {
    std::lock_guard lock(mutex_);
    is_open_ = true;
    opened_.notify_all();
  }
  void pass() {
    std::unique_lock lock(mutex_);
    opened_.wait(lock, [&] { return is_open_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable opened_;
  bool is_open_ = false;
};

DocumentId document_of(std::uint8_t number) {
  DocumentId id;
  id.bytes[0] = number;
  return id;
}

CommitBatch batch_of(ReplicaId replica, Seq first, Seq count, std::string_view payload) {
  RecordHead head;
  head.document = document_of(1);
  head.replica = replica;
  head.first_seq = first;
  head.op_count = count;
  CommitBatch batch;
  const ByteSpan bytes = as_bytes(payload);
  batch.add(head, Bytes(bytes.begin(), bytes.end()));
  return batch;
}

std::vector<std::string> payloads_of(const Store& store) {
  std::vector<std::string> payloads;
  CHECK(store
            .scan(0,
                  [&](const RecordView& record) {
                    payloads.emplace_back(as_text(record.payload));
                    return true;
                  })
            .ok());
  return payloads;
}

/// A store thread over a store in memory, and what it said.
struct Bench {
  explicit Bench(std::function<Status(std::span<const NewRecord>)> before_append = nullptr,
                 StoreThread::Options options = {})
      : store({.replica = kOwn, .epoch = 1, .before_append = std::move(before_append)}) {
    options.post = [this](std::function<void()> function) { inbox.post(std::move(function)); };
    options.on_unsaved = [this](Status status) {
      unsaved.push_back(status.ok() ? std::string() : status.error().context());
    };
    options.on_flush = [this](const StoreThread::Flush& flush) { flushes.push_back(flush); };
    options.retry_pause_min = 1ms;
    options.retry_pause_max = 2ms;
    thread = std::make_unique<StoreThread>(store, std::move(options));
  }
  ~Bench() { thread.reset(); }

  /// Answers are noted as "name ok" or "name: error".
  void commit(const std::string& name, CommitBatch batch) {
    thread->commit(std::move(batch), [this, name](Result<AppendResult> result) {
      said.push_back(name + (result.ok() ? " ok" : ": " + result.error().context()));
    });
  }
  void wait_for(std::size_t count) {
    inbox.run_until([&] { return said.size() >= count; });
  }

  Inbox inbox;
  MemoryStore store;
  std::vector<std::string> said;
  std::vector<std::string> unsaved;
  std::vector<StoreThread::Flush> flushes;
  std::unique_ptr<StoreThread> thread;
};

using Words = std::vector<std::string>;

}  // namespace

TEST_CASE("a store thread appends batches in their order and answers where it is told to") {
  Bench bench;
  for (Seq i = 0; i < 20; ++i)
    bench.commit(std::to_string(i), batch_of(kOwn, i, 1, "b" + std::to_string(i)));
  CHECK(bench.said.empty());  // nothing before this thread looks
  bench.wait_for(20);
  for (std::size_t i = 0; i < 20; ++i) CHECK(bench.said[i] == std::to_string(i) + " ok");
  Words payloads = payloads_of(bench.store);
  REQUIRE(payloads.size() == 20);
  for (std::size_t i = 0; i < 20; ++i) CHECK(payloads[i] == "b" + std::to_string(i));
  CHECK(bench.thread->waiting_count() == 0);
}

TEST_CASE("batches that come during an append go into the next one together") {
  Gate gate;
  std::vector<std::size_t> sizes;
  Bench bench([&](std::span<const NewRecord> batch) -> Status {
    gate.pass();
    sizes.push_back(batch.size());
    return {};
  });
  bench.commit("first", batch_of(kOwn, 0, 1, "a"));
  // The thread may have taken the first already or not: what is behind it goes together either way.
  for (Seq i = 1; i < 10; ++i) bench.commit("more", batch_of(kOwn, i, 1, "b"));
  CHECK(bench.thread->waiting_count() == 10);
  gate.open();
  bench.wait_for(10);
  CHECK(sizes.size() <= 2);
  bench.inbox.run_all();
  std::size_t batches = 0;
  std::size_t bytes = 0;
  for (const StoreThread::Flush& flush : bench.flushes) {
    batches += flush.batches;
    bytes += flush.bytes;
  }
  CHECK(batches == 10);
  CHECK(bytes == 10);
}

TEST_CASE("an append takes no more than its limit, but at least one batch") {
  Gate gate;
  std::vector<std::size_t> sizes;
  StoreThread::Options options;
  options.append_bytes_max = 4;
  Bench bench(
      [&](std::span<const NewRecord> batch) -> Status {
        gate.pass();
        sizes.push_back(batch.size());
        return {};
      },
      std::move(options));
  bench.commit("large", batch_of(kOwn, 0, 1, "larger than that"));
  for (Seq i = 1; i < 5; ++i) bench.commit("small", batch_of(kOwn, i, 1, "ab"));
  gate.open();
  bench.wait_for(5);
  CHECK(sizes == std::vector<std::size_t>{1, 2, 2});
}

TEST_CASE("a full disk is tried again with the same bytes, and nothing overtakes") {
  std::atomic<int> full_count = 5;
  Words tried;
  Bench bench([&](std::span<const NewRecord> batch) -> Status {
    tried.emplace_back(as_text(batch.front().payload));
    if (full_count-- > 0) return Error(ErrorCode::kDiskFull, "no room");
    return {};
  });
  bench.commit("first", batch_of(kOwn, 0, 1, "first"));
  bench.inbox.run_until([&] { return !bench.unsaved.empty(); });
  bench.commit("second", batch_of(kOwn, 1, 1, "second"));
  bench.wait_for(2);
  CHECK(bench.said == Words{"first ok", "second ok"});
  CHECK(payloads_of(bench.store) == Words{"first", "second"});
  CHECK(tried == Words{"first", "first", "first", "first", "first", "first", "second"});
  CHECK(bench.unsaved == Words{"no room", ""});  // once when it began, once when it was over
}

TEST_CASE("a quota is waited for as a full disk is, any other error is the answer") {
  std::atomic<bool> is_over = true;
  Bench bench([&](std::span<const NewRecord> batch) -> Status {
    if (as_text(batch.front().payload) == "bad") return Error(ErrorCode::kIoError, "broken");
    if (is_over.exchange(false)) return Error(ErrorCode::kQuota, "over");
    return {};
  });
  bench.commit("large", batch_of(kOwn, 0, 1, "large"));
  bench.wait_for(1);
  bench.commit("bad", batch_of(kOwn, 1, 1, "bad"));
  bench.wait_for(2);
  CHECK(bench.said == Words{"large ok", "bad: broken"});
  CHECK(bench.unsaved == Words{"over", ""});
}

// Emptying the trash waited for ever behind a batch for which there was no room.
TEST_CASE("a job that makes room goes before what waits for room") {
  std::atomic<bool> is_full = true;
  Bench bench([&](std::span<const NewRecord>) -> Status {
    if (is_full) return Error(ErrorCode::kDiskFull, "no room");
    return {};
  });
  const auto note = [&](const std::string& name) {
    return
        [&bench, name](Status status) { bench.said.push_back(name + (status.ok() ? " ok" : "")); };
  };
  bench.commit("large", batch_of(kOwn, 0, 1, "large"));
  bench.inbox.run_until([&] { return !bench.unsaved.empty(); });
  bench.commit("next", batch_of(kOwn, 1, 1, "next"));
  bench.thread->run([](Store&) { return Status(); }, note("any job"));
  std::atomic<int> tries = 0;
  bench.thread->run_to_make_room(
      [&](Store& store) -> Status {
        CHECK(payloads_of(store).empty());
        if (++tries < 3) return Error(ErrorCode::kDiskFull, "no room for making room");
        return {};
      },
      note("late"));
  bench.thread->run_to_make_room([](Store&) { return Error(ErrorCode::kNotKept, "not kept"); },
                                 note("refused"));
  bench.wait_for(2);
  CHECK(bench.said == Words{"refused", "late ok"});
  CHECK(tries == 3);
  CHECK(bench.thread->waiting_count() == 3);
  bench.thread->run_to_make_room(
      [&](Store&) -> Status {
        is_full = false;
        return {};
      },
      note("room"));
  bench.wait_for(6);
  CHECK(bench.said == Words{"refused", "late ok", "room ok", "large ok", "next ok", "any job ok"});
  CHECK(payloads_of(bench.store) == Words{"large", "next"});
}

TEST_CASE("a job that waits for room lets those go first that make it") {
  Bench bench;
  std::atomic<bool> is_full = true;
  bench.thread->run(
      [&](Store&) -> Status {
        if (is_full) return Error(ErrorCode::kDiskFull, "no room");
        return {};
      },
      [&](const Status&) { bench.said.emplace_back("job"); });
  bench.inbox.run_until([&] { return !bench.unsaved.empty(); });
  bench.thread->run_to_make_room(
      [&](Store&) -> Status {
        is_full = false;
        return {};
      },
      [&](const Status&) { bench.said.emplace_back("room"); });
  bench.wait_for(2);
  CHECK(bench.said == Words{"room", "job"});
}

TEST_CASE("closing makes room before it gives up what waits for it") {
  std::atomic<bool> is_full = true;
  Bench bench([&](std::span<const NewRecord>) -> Status {
    if (is_full) return Error(ErrorCode::kDiskFull, "no room");
    return {};
  });
  bench.commit("large", batch_of(kOwn, 0, 1, "large"));
  bench.inbox.run_until([&] { return !bench.unsaved.empty(); });
  bench.thread->run_to_make_room(
      [&](Store&) -> Status {
        is_full = false;
        return {};
      },
      nullptr);
  CHECK(bench.thread->close().ok());
  bench.inbox.run_all();
  CHECK(bench.said == Words{"large ok"});
}

TEST_CASE("of batches that share an append a bad one is refused alone") {
  Gate gate;
  Bench bench([&](std::span<const NewRecord>) -> Status {
    gate.pass();
    return {};
  });
  bench.commit("stored", batch_of(kOther, 0, 4, "stored"));
  bench.commit("good", batch_of(kOwn, 0, 1, "good"));
  bench.commit("overlaps", batch_of(kOther, 2, 4, "overlaps"));
  bench.commit("good too", batch_of(kOwn, 1, 1, "good too"));
  gate.open();
  bench.wait_for(4);
  CHECK(bench.said[0] == "stored ok");
  CHECK(bench.said[1] == "good ok");
  CHECK(bench.said[2].starts_with("overlaps: "));
  CHECK(bench.said[3] == "good too ok");
  CHECK(payloads_of(bench.store) == Words{"stored", "good", "good too"});
}

TEST_CASE("jobs run between batches, in the order of the calls") {
  Bench bench;
  std::vector<std::size_t> seen;
  auto look = [&](const std::string& name) {
    bench.thread->run(
        [&](Store& store) -> Status {
          seen.push_back(payloads_of(store).size());
          return Error(ErrorCode::kNotKept, "job's error");
        },
        [&, name](Status status) { bench.said.push_back(name + ": " + status.error().context()); });
  };
  bench.commit("a", batch_of(kOwn, 0, 1, "a"));
  look("after a");
  bench.commit("b", batch_of(kOwn, 1, 1, "b"));
  bench.commit("c", batch_of(kOwn, 2, 1, "c"));
  look("after c");
  bench.wait_for(5);
  CHECK(bench.said ==
        Words{"a ok", "after a: job's error", "b ok", "c ok", "after c: job's error"});
  CHECK(seen == std::vector<std::size_t>{1, 3});
}

TEST_CASE("closing stores what waits and refuses what comes after") {
  Gate gate;
  Bench bench([&](std::span<const NewRecord>) -> Status {
    gate.pass();
    return {};
  });
  for (Seq i = 0; i < 5; ++i) bench.commit("before", batch_of(kOwn, i, 1, "x"));
  gate.open();
  CHECK(bench.thread->close().ok());
  bench.commit("after", batch_of(kOwn, 5, 1, "y"));
  bench.inbox.run_all();
  CHECK(bench.said == Words{"before ok", "before ok", "before ok", "before ok", "before ok",
                            "after: the store is closed"});
  CHECK(payloads_of(bench.store).size() == 5);
  CHECK(bench.thread->close().ok());
}

TEST_CASE("closing on a full disk gives up, says so, and stores nothing behind what was lost") {
  StoreThread::Options options;
  options.append_bytes_max = 1;  // one batch an append
  Bench bench(
      [](std::span<const NewRecord> batch) -> Status {
        if (as_text(batch.front().payload) == "large")
          return Error(ErrorCode::kDiskFull, "no room");
        return {};
      },
      std::move(options));
  bench.commit("large", batch_of(kOwn, 0, 1, "large"));
  bench.commit("small", batch_of(kOther, 0, 1, "small"));
  const Status closed = bench.thread->close();
  REQUIRE(!closed.ok());
  CHECK(closed.error().code() == ErrorCode::kDiskFull);
  bench.inbox.run_all();
  CHECK(bench.said == Words{"large: no room", "small: no room"});
  CHECK(bench.thread->lost_count() == 2);
  CHECK(payloads_of(bench.store).empty());
}

TEST_CASE("a batch waits for others where it is told to gather") {
  StoreThread::Options options;
  options.gather = std::chrono::hours(1);
  std::vector<std::size_t> sizes;
  Bench bench(
      [&](std::span<const NewRecord> batch) -> Status {
        sizes.push_back(batch.size());
        return {};
      },
      std::move(options));
  for (Seq i = 0; i < 3; ++i) bench.commit("gathered", batch_of(kOwn, i, 1, "x"));
  // A job behind them ends the waiting.
  bench.thread->run([](Store&) { return Status(); }, [&](Status) { bench.said.push_back("job"); });
  bench.wait_for(4);
  CHECK(sizes == std::vector<std::size_t>{3});
  CHECK(bench.said.back() == "job");
}

TEST_CASE("many batches and jobs from a busy thread all arrive, each once") {
  Bench bench;
  constexpr Seq kCount = 2'000;
  Seq done = 0;
  for (Seq i = 0; i < kCount; ++i) {
    bench.thread->commit(batch_of(kOwn, i, 1, "x"), [&, i](Result<AppendResult> result) {
      CHECK(result.ok());
      CHECK(done == i);
      ++done;
    });
    if (i % 100 == 0) bench.thread->run([](Store& store) { return store.flush(); }, [](Status) {});
  }
  bench.inbox.run_until([&] { return done == kCount; });
  CHECK(bench.store.version(document_of(1)).end(kOwn) == kCount);
}
