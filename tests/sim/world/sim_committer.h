#pragma once
// SimCommitter: a store's writer thread as delays. What waits when a flush begins goes into it together; a full disk
// is tried again with everything behind it waiting but jobs that make room, as peer/store_thread.h does.
//
//   commit() --> waiting --> flying, flush_us --> in the store (durable) --> report_us --> done()
//                   a power cut loses these  |  durable, though nobody was told
//
// Threads: one.

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "peer/committer.h"
#include "tests/sim/world/sim_store.h"
#include "tests/sim/world/timeline.h"
#include "tests/support/random.h"

namespace weft::sim {

/// How long a flush takes.
struct FlushModel {
  std::uint64_t least_us = 200;
  std::uint64_t most_us = 8'000;
  std::uint64_t slow_us = 2'000'000;
  std::uint32_t slow_in_10000 = 0;  ///< how many take slow_us
};

class SimCommitter final : public Committer {
 public:
  /// @param store, timeline  must outlive the committer
  SimCommitter(Timeline& timeline, SimStore& store, const FlushModel& model, std::uint64_t seed);
  SimCommitter(const SimCommitter&) = delete;
  SimCommitter& operator=(const SimCommitter&) = delete;
  /// What is not in the store by now never will be, and nobody is called back.
  ~SimCommitter() override;

  void commit(CommitBatch batch, std::function<void(Result<AppendResult>)> done) override;
  void run(std::function<Status(Store&)> job, std::function<void(Status)> done) override;
  void run_to_make_room(std::function<Status(Store&)> job,
                        std::function<void(Status)> done) override;

  /// As a power cut may do: some of what was being flushed has reached the disk. Destroy the committer after it.
  void power_cut();
  bool is_idle() const { return waiting_.empty() && flying_.empty() && reports_.empty(); }
  /// Called when something may have become durable.
  std::function<void()> on_written;

 private:
  struct Request {
    CommitBatch batch;  ///< where job is null
    std::function<void(Result<AppendResult>)> batch_done;
    std::function<Status(Store&)> job;
    std::function<void(Status)> job_done;
    bool makes_room = false;
  };

  void push(Request request);
  void begin_flush();
  void end_flush();
  /// False: the disk is full, and it is to be tried again.
  bool write_first();
  bool do_job(Request& request);
  void make_room(std::deque<Request>& requests);
  void report();
  void later(std::uint64_t delay_us, void (SimCommitter::*step)());

  Timeline& timeline_;
  SimStore& store_;
  const FlushModel& model_;
  test::Random random_;
  std::deque<Request> waiting_;
  std::deque<Request> flying_;
  std::vector<std::function<void()>> reports_;
  bool is_busy_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace weft::sim
