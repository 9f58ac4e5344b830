#pragma once
// Disks that refuse, below a folder: one that lets chosen calls fail, and one that gets full.
//
// Threads: calls are taken from any thread.

#include <cstdint>
#include <map>
#include <mutex>
#include <string>

#include "bench/harness/file_calls.h"

namespace weft::test {

/// Lets chosen calls fail.
class BadDisk final : public bench::FileCallObserver {
 public:
  enum class Calls : std::uint8_t {
    kWrites,      ///< that may stay in the cache
    kHeadWrites,  ///< synchronous ones: LMDB's heads
    kFlushes,
    kAll  ///< these and opening, making, resizing
  };
  explicit BadDisk(const std::string& folder);

  /// The first `good` calls of this kind from now on are made, `bad` after them get the verdict.
  void fail(Calls calls, std::uint64_t good, std::uint64_t bad, bench::Verdict verdict);
  void repair() { fail(Calls::kAll, 0, 0, {}); }
  /// Calls that have got the verdict.
  std::uint64_t failed() const;

  bench::Verdict before(const bench::FileCallInfo& info) override;

 private:
  std::string folder_;
  mutable std::mutex mutex_;
  Calls calls_ = Calls::kAll;
  std::uint64_t good_ = 0;
  std::uint64_t bad_ = 0;
  std::uint64_t failed_ = 0;
  bench::Verdict verdict_;
};

/// Has room for so many bytes more. As filesystems do it: of a write that grows a file, the part for which there
/// is room is done; room is reserved all or not at all.
class FullDisk final : public bench::FileCallObserver {
 public:
  FullDisk(const std::string& folder, std::uint64_t room_bytes);
  void add_room(std::uint64_t bytes);
  bench::Verdict before(const bench::FileCallInfo& info) override;

 private:
  static constexpr std::uint64_t kBlockBytes = 4'096;

  std::string folder_;
  std::mutex mutex_;
  std::uint64_t room_;
  std::map<std::string, std::uint64_t> ends_;  ///< of what is allocated of a file
};

}  // namespace weft::test
