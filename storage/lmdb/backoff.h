#pragma once
// Trying again what passes: another process holds a lock, has just made the map larger, or has all reader
// slots. Damage and refusals are never tried again.

#include <lmdb.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <thread>

namespace weft::lmdb {

inline bool is_transient(int code) {
  return code == EAGAIN || code == EBUSY || code == EINTR || code == MDB_READERS_FULL ||
         code == MDB_MAP_RESIZED;
}

/// Calls `attempt` until it returns no transient code, at most 10 times, with pauses of 1, 2, 4 ... 100 ms
/// between them: half a second in all. @return  the last code
template <typename Attempt>
int retry_transient(Attempt&& attempt) {
  constexpr int kAttempts = 10;
  constexpr std::chrono::milliseconds kPauseMax(100);
  std::chrono::milliseconds pause(1);
  int code = attempt();
  for (int i = 1; i < kAttempts && is_transient(code); ++i) {
    std::this_thread::sleep_for(pause);
    pause = std::min(pause * 2, kPauseMax);
    code = attempt();
  }
  return code;
}

}  // namespace weft::lmdb
