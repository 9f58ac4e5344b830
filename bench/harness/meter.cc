#include "bench/harness/meter.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <ctime>
#include <fstream>
#include <string>
#include <utility>

namespace weft::bench {
namespace {

double now_ns() {
  return std::chrono::duration<double, std::nano>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

std::uint64_t cpu_ns(clockid_t clock) {
  timespec time{};
  if (clock_gettime(clock, &time) != 0) return 0;
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000 +
         static_cast<std::uint64_t>(time.tv_nsec);
}

/// The number behind `key` ("VmHWM:") in a file of /proc.
std::optional<std::uint64_t> number_in(const char* path, std::string_view key) {
  std::ifstream in(path);
  for (std::string word; in >> word;) {
    std::uint64_t value = 0;
    if (word == key && in >> value) return value;
  }
  return std::nullopt;
}

/// Nanoseconds of one small write to a file in memory, as fast as it gets.
double small_write_ns(int file) {
  constexpr int kRounds = 20;
  constexpr int kWrites = 500;
  const std::array<char, 24> bytes{};
  double best_ns = 1e9;
  for (int round = 0; round < kRounds; ++round) {
    const double begin_ns = now_ns();
    for (int i = 0; i < kWrites; ++i)
      if (pwrite(file, bytes.data(), bytes.size(), 0) < 0) return 0;
    best_ns = std::min(best_ns, (now_ns() - begin_ns) / kWrites);
  }
  return best_ns;
}

}  // namespace

Meter::Meter(IsLog is_log) : is_log_(std::move(is_log)) {
  const int file = memfd_create("weft-bench", MFD_CLOEXEC);
  const double alone_ns = small_write_ns(file);
  scope_.emplace(*this);
  watching_ns_per_write_ = std::max(0.0, small_write_ns(file) - alone_ns);
  ::close(file);
  writes_ = 0;
  written_bytes_ = 0;
}

void Meter::begin(bool waits_for_all) {
  const std::lock_guard lock(mutex_);
  waits_for_all_ = waits_for_all;
  waited_.clear();
  begin_ns_ = now_ns();
}

MeterReading Meter::end() {
  const double end_ns = now_ns();
  const std::lock_guard lock(mutex_);
  std::sort(waited_.begin(), waited_.end(),
            [](const Interval& a, const Interval& b) { return a.begin_ns < b.begin_ns; });
  MeterReading reading;
  reading.watching_ns = watching_ns_per_write_ * static_cast<double>(writes_.exchange(0));
  reading.wall_ns = end_ns - begin_ns_ - reading.watching_ns;
  reading.log_flushes = std::exchange(log_flushes_, 0);
  reading.other_flushes = std::exchange(other_flushes_, 0);
  reading.written_bytes = written_bytes_.exchange(0);
  double seen_ns = begin_ns_;  // what lies before was counted
  for (const Interval& each : waited_) {
    const double from_ns = std::max(each.begin_ns, seen_ns);
    const double to_ns = std::min(each.end_ns, end_ns);
    if (to_ns <= from_ns) continue;
    reading.flush_ns += to_ns - from_ns;
    seen_ns = to_ns;
  }
  return reading;
}

void Meter::after(const FileCallInfo& info, std::int64_t result, std::uint64_t nanoseconds) {
  if (info.call == FileCall::kWrite) {
    writes_.fetch_add(1, std::memory_order_relaxed);
    if (result > 0)
      written_bytes_.fetch_add(static_cast<std::uint64_t>(result), std::memory_order_relaxed);
  }
  if (!info.is_flush) return;
  const double end_ns = now_ns();
  const bool of_log = is_log_(info.path);
  const std::lock_guard lock(mutex_);
  ++(of_log ? log_flushes_ : other_flushes_);
  if (of_log || waits_for_all_)
    waited_.push_back({end_ns - static_cast<double>(nanoseconds), end_ns});
}

std::uint64_t process_cpu_ns() { return cpu_ns(CLOCK_PROCESS_CPUTIME_ID); }
std::uint64_t thread_cpu_ns() { return cpu_ns(CLOCK_THREAD_CPUTIME_ID); }

std::optional<std::uint64_t> device_bytes() {
  const auto written = number_in("/proc/self/io", "write_bytes:");
  const auto cancelled = number_in("/proc/self/io", "cancelled_write_bytes:");
  if (!written || !cancelled) return std::nullopt;
  return *written - std::min(*written, *cancelled);
}

std::optional<ResidentBytes> resident_bytes() {
  const auto peak = number_in("/proc/self/status", "VmHWM:");
  const auto now = number_in("/proc/self/status", "VmRSS:");
  if (!peak || !now) return std::nullopt;
  return ResidentBytes{*peak * 1024, *now * 1024};
}

}  // namespace weft::bench
