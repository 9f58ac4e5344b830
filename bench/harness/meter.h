#pragma once
// Meter: what this process costs between start() and now: flushes and the time spent in them, bytes handed to the
// disk, CPU time of all threads. One at a time in a process (file_calls.h).
//
// A flush is a fsync, a fdatasync or a write through O_DSYNC. While batches are appended, time counts as spent in
// flushes only for those of the log, which append() waits for; those of other files run beside it on other threads.
// After finishing() somebody waits for every flush, and what counts is the time in which at least one is under way.
//
// Watching a small write costs a third of the write. That is measured once and taken off all times, since an engine
// with many small writes would look slow for being watched.
//
// Threads: flushes are told by any thread; the rest belongs to the thread that made it.

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "bench/harness/file_calls.h"

namespace weft::bench {

/// Times are of what was measured; counts are of all threads since the reading before, since what runs in the
/// background goes on between two measurements.
struct MeterReading {
  double wall_ns = 0;
  double flush_ns = 0;     ///< of wall_ns: spent waiting for flushes
  double watching_ns = 0;  ///< not in wall_ns: what counting the writes has cost, wall and CPU time
  std::uint64_t log_flushes = 0;
  std::uint64_t other_flushes = 0;
  std::uint64_t written_bytes = 0;  ///< that were handed to write() and its like
};

class Meter final : public FileCallObserver {
 public:
  using IsLog = std::function<bool(std::string_view)>;
  explicit Meter(IsLog is_log);

  /// Measures `work`. @param waits_for_all  it waits for the flushes of every file
  template <typename Work>
  MeterReading measure(bool waits_for_all, const Work& work) {
    begin(waits_for_all);
    work();
    return end();
  }

  bool wants_write_paths() const override { return false; }
  void after(const FileCallInfo& info, std::int64_t result, std::uint64_t nanoseconds) override;

 private:
  struct Interval {
    double begin_ns;
    double end_ns;
  };
  void begin(bool waits_for_all);
  MeterReading end();

  IsLog is_log_;
  double watching_ns_per_write_ = 0;
  std::atomic<std::uint64_t> writes_ = 0;
  std::atomic<std::uint64_t> written_bytes_ = 0;
  std::mutex mutex_;  ///< of what follows
  bool waits_for_all_ = false;
  double begin_ns_ = 0;
  std::uint64_t log_flushes_ = 0;
  std::uint64_t other_flushes_ = 0;
  std::vector<Interval> waited_;
  std::optional<FileCallScope> scope_;  ///< last: nobody tells a meter that is half gone
};

/// Of all threads of this process, and of this one.
std::uint64_t process_cpu_ns();
std::uint64_t thread_cpu_ns();

/// Pages of files on a disk that this process made dirty since it began, without those deleted before they got there;
/// nullopt where the system does not say. A kernel with large folios counts a folio whole, also where only a block of
/// it is written back; what the file system writes about its files is not in it.
std::optional<std::uint64_t> device_bytes();

/// Most memory that this process had resident at a time, and what it has now.
struct ResidentBytes {
  std::uint64_t peak = 0;
  std::uint64_t now = 0;
};
std::optional<ResidentBytes> resident_bytes();

}  // namespace weft::bench
