#pragma once
// One peer with many links: it types as fast as its store takes it, and every link gets all of it.
//
// Case <n>-links: the peer that types has n links to as many readers, all in one process, on memory stores; relayed-<n>:
// another process types, the peer passes on.
//   fan_out_deltas_per_s   deltas applied at the readers, all together, per second from the first edit to the last reader
//   fan_out_cpu_peer       us, CPU time of the peer per delta that a reader applied
//   fan_out_cpu_readers    the same of all readers
//   fan_out_deltas_a_frame

#include <cstdint>
#include <string>

#include "bench/harness/sampler.h"

namespace weft::bench {

struct FanOutOptions {
  std::string folder = ".";
  std::uint32_t links = 8;
  std::uint32_t edits = 40'000;
  std::uint32_t burst = 64;  ///< edits that wait for the store together
};
void add_fan_out(const FanOutOptions& options, Sampler& sampler);

}  // namespace weft::bench
