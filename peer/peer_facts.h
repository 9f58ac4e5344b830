#pragma once
// PeerFacts: what a running peer tells of itself beside its node: plain values for status and metrics.

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "peer/idle_compactor.h"
#include "peer/node_status.h"
#include "peer/store_thread.h"

namespace weft {

/// How long appends took, as a histogram.
class FlushTimes {
 public:
  /// Upper bounds of the buckets; what took longer falls into one more.
  static constexpr std::array<double, 12> kBounds_s = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                                       0.1,   0.25,   0.5,   1,    2.5,   10};
  void add(const StoreThread::Flush& flush) {
    const double took_s = std::chrono::duration<double>(flush.took).count();
    const auto bucket = std::lower_bound(kBounds_s.begin(), kBounds_s.end(), took_s);
    ++counts_[static_cast<std::size_t>(bucket - kBounds_s.begin())];
    ++count_;
    sum_s_ += took_s;
    max_s_ = std::max(max_s_, took_s);
    records_ += flush.records;
    bytes_ += flush.bytes;
  }
  /// By bucket, not summed up.
  const std::array<std::uint64_t, kBounds_s.size() + 1>& counts() const { return counts_; }
  std::uint64_t count() const { return count_; }
  double sum_s() const { return sum_s_; }
  double max_s() const { return max_s_; }
  std::uint64_t records() const { return records_; }
  std::uint64_t bytes() const { return bytes_; }

 private:
  std::array<std::uint64_t, kBounds_s.size() + 1> counts_{};
  std::uint64_t count_ = 0;
  double sum_s_ = 0;
  double max_s_ = 0;
  std::uint64_t records_ = 0;
  std::uint64_t bytes_ = 0;
};

struct PeerFacts {
  std::string version;
  int pid = 0;
  std::uint64_t uptime_ms = 0;
  std::uint64_t resident_bytes = 0;  ///< of the process; 0: not known here
  IdleCompactor::Counts compacted;
  std::string store;
  std::string control;

  struct Listening {
    std::string address;
    std::string state;
  };
  struct Dialled {
    std::string address;
    std::optional<LinkId> link;
    std::string state;  ///< "next try in 3.2 s: connection refused"
  };
  std::vector<Listening> listening;
  std::vector<Dialled> dialled;

  /// Of the store's files; 0 where it has none.
  std::uint64_t log_bytes = 0;
  std::uint64_t log_free_bytes = 0;
  std::uint64_t derived_bytes = 0;
  std::uint64_t quota_bytes = 0;
  std::uint64_t records = 0;
  std::uint64_t payload_bytes = 0;

  FlushTimes flushes;
  std::string unsaved;  ///< why nothing can be stored for now; empty: it can
  std::map<std::string, std::uint64_t> events;  ///< by name, since the start
};

}  // namespace weft
