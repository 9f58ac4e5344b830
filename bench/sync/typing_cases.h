#pragma once
// Typing: how long a keystroke takes to the other end, what it costs there and on the wire. Two processes, loopback
// TCP; every delta goes as soon as it may (nothing is gathered) unless a case says otherwise.
//
// Case durable: stores on the disk; no-disk: the same on files in memory, whose flush takes no time, which leaves the
// engine's own part.
//   keystroke_to_apply       us, median from before the edit until the other end has applied it and told its observer
//   keystroke_to_apply_p99
//   keystroke_to_durable     us, median until the edit is durable here, which it is before it is sent
//   keystroke_flush_share    of keystroke_to_apply, the time inside the append to the store, of all keystrokes together
//   keystroke_beside_flush   us, median of what is left of each
//
// Case one-document and 64-documents: memory stores, each delta in a frame of its own; the next keystroke when the last
// one is stored, or 64 at once of as many documents, so that many frames go in one write.
//   frame_user_receiving     us of user time of the receiving process per frame
//   frame_user_sending       the same of the process that types; edit_user: of one that has no link
//   frame_user_beside_edit   their difference
//   frame_cpu_receiving, frame_cpu_sending, edit_cpu   user and system time
//
// Case live, coalesced-<ms>, each with -10 or -100 keys a second: bytes on the wire per keystroke.
//   wire_bytes_per_key       of frames with deltas; frame and message included, TCP and IP not
//   wire_control_per_key     of everything else that way: marks, heartbeats
//   wire_back_per_key        the other way: acks, marks
//   keys_per_frame

#include <cstdint>
#include <string>
#include <vector>

#include "bench/harness/report.h"
#include "bench/harness/sampler.h"

namespace weft::bench {

struct KeystrokeOptions {
  std::string folder = ".";
  std::uint32_t edits = 200;
  std::uint32_t interval_ms = 8;  ///< more than a flush takes
};
void add_keystrokes(const KeystrokeOptions& options, Sampler& sampler, Report& report);

/// @param edits  a multiple of 64
void add_small_frames(std::uint32_t edits, Sampler& sampler);

struct WireOptions {
  std::string folder = ".";
  std::uint32_t seconds = 8;
  std::vector<std::uint32_t> coalesce_ms = {0, 20, 50};
  std::vector<std::uint32_t> keys_per_second = {10, 100};
};
Status add_wire_bytes(const WireOptions& options, Report& report);

}  // namespace weft::bench
