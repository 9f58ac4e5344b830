#pragma once
// Many links at once to one peer, which has a store on the disk and a document; at the other ends as many peers on
// memory stores, all in one process, all of which get the document.
//
// Case <n>-links:
//   link_resident_bytes   of the peer, per link, when everything is idle and both ends of each link know that they agree
//   link_resident_after   the same after an edit has gone to all of them
//   links_up              ms from the first connecting until the ends of each link agree
//   edit_to_all           ms from an edit until all have applied it
//   idle_cpu              us of CPU time of the peer per link and second, when nothing happens but heartbeats

#include <cstdint>
#include <string>

#include "bench/harness/report.h"
#include "crdt/base/result.h"

namespace weft::bench {

struct IdleLinkOptions {
  std::string folder = ".";
  std::uint32_t links = 1000;
  std::uint32_t samples = 3;
  std::uint32_t idle_ms = 6'000;  ///< longer than a heartbeat
};
Status add_idle_links(const IdleLinkOptions& options, Report& report);

}  // namespace weft::bench
