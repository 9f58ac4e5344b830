#pragma once
// StoreThread: the thread that puts a node's batches into its store and runs its jobs there.
//
//   node's thread    commit() ---\                         /--- done callbacks, through `post`
//                    run() ------> [queue, in order] ------
//   store thread                    append, append, job ...
//
// Batches that wait while one is being flushed go into one append (group commit). Where that is refused as
// a whole they are appended one by one, so that a bad one takes no other with it.
//
// Invariants
//   I1  Batches reach the store in the order of commit(), with the bytes they were handed in with; so no own
//       delta overtakes one that could not be stored yet.
//   I2  A batch or job that the store can't take now (kDiskFull, kQuota) is tried again, with growing pauses, and
//       everything behind it waits, but for jobs that make room: they are done in these pauses. Any other error is
//       the answer.
//   I3  Callbacks are posted in the order in which things were done, all of them before close() returns.
//
// Threads: all functions are for the node's thread; `post` is called from the store's.

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "peer/committer.h"

namespace weft {

class StoreThread final : public Committer {
 public:
  /// One append that succeeded.
  struct Flush {
    std::chrono::steady_clock::duration took{};
    std::size_t batches = 0;
    std::size_t records = 0;
    std::size_t bytes = 0;  ///< of payloads
  };
  struct Options {
    /// Runs a function on the node's thread, after those of earlier calls. Called from the store thread.
    std::function<void(std::function<void()>)> post;
    /// On the node's thread: what was handed in can't be stored for now, said once; then an empty status
    /// when it is. May be null.
    std::function<void(Status)> on_unsaved;
    /// On the node's thread, after each append. May be null.
    std::function<void(const Flush&)> on_flush;
    /// A batch waits so long for others before it is appended: fewer flushes, later acknowledgements.
    std::chrono::milliseconds gather{0};
    /// What one append takes: more would keep the first of it waiting.
    std::size_t append_bytes_max = std::size_t{16} << 20;
    std::chrono::milliseconds retry_pause_min{100};
    std::chrono::milliseconds retry_pause_max{10'000};
  };

  /// @param store  must outlive the thread, which is the only one to write to it
  StoreThread(Store& store, Options options);
  StoreThread(const StoreThread&) = delete;
  StoreThread& operator=(const StoreThread&) = delete;
  /// As close().
  ~StoreThread() override;

  /// @param done  as Committer::commit(). Of batches that shared an append, `known` and `late` are those of
  ///              all of them; `first` is that of the first of them.
  void commit(CommitBatch batch, std::function<void(Result<AppendResult>)> done) override;
  void run(std::function<Status(Store&)> job, std::function<void(Status)> done) override;
  void run_to_make_room(std::function<Status(Store&)> job,
                        std::function<void(Status)> done) override;

  /// Batches and jobs that are not done.
  std::size_t waiting_count() const;

  /// Does what waits, flushes, ends the thread. What can't be stored is tried once more and then refused. After it
  /// commit() and run() refuse everything. @errors why something could not be stored
  Status close();
  /// Records that close() gave up.
  std::size_t lost_count() const { return lost_count_; }

 private:
  struct Request {
    CommitBatch batch;  ///< where job is null
    std::function<void(Result<AppendResult>)> batch_done;
    std::function<Status(Store&)> job;
    std::function<void(Status)> job_done;
    bool makes_room = false;
    std::chrono::steady_clock::time_point since;
  };
  using Requests = std::vector<Request>;

  void push(Request request);
  void work();
  Requests next_group(std::unique_lock<std::mutex>& lock);
  void set_done();
  void do_job(Request request);
  void append_group(Requests group);
  Result<AppendResult> append_once(std::span<const Request> group);
  Result<AppendResult> append_patiently(std::span<const Request> group);
  void answer(Requests group, std::vector<Result<AppendResult>> results);
  void tell_unsaved(const Error* why);
  bool is_closing();
  bool pause_or_closing(std::chrono::milliseconds pause);
  bool make_room(std::unique_lock<std::mutex>& lock, std::size_t& seen);
  void post(std::function<void()> function);

  Store& store_;
  const Options options_;

  // Of the store thread until it has ended.
  bool is_unsaved_ = false;
  Error gave_up_;  ///< why something could not be stored before the end
  std::size_t lost_count_ = 0;

  mutable std::mutex mutex_;  ///< of what follows
  std::condition_variable work_;
  std::deque<Request> waiting_;
  std::size_t busy_count_ = 0;  ///< taken from waiting_, not done
  bool closing_ = false;

  std::thread thread_;
};

}  // namespace weft
