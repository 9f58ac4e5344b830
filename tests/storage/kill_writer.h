#pragma once
// What the writer process of kill_test.cc says, and how it is called:
//
//   weft_kill_writer FOLDER SEED WRITERS BATCHES CALL
//
// Opens the store in FOLDER, goes on where each of its WRITERS threads was, appends BATCHES batches on each,
// closes the store. Kills itself at its file call number CALL below FOLDER (0: does not).

#include <cstdint>

namespace weft::test {

/// On standard output, each in one write of less than a pipe takes at once.
struct KillMessage {
  enum class Kind : std::uint32_t { kOpening, kAcknowledged, kClosing, kClosed };
  Kind kind = Kind::kOpening;
  std::uint32_t writer = 0;
  std::uint64_t deltas = 0;  ///< of this writer that are acknowledged
  // The last of these:
  std::uint64_t first_seq = 0;
  std::uint64_t checksum = 0;
};

}  // namespace weft::test
