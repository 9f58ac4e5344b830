#pragma once
// What two devices with many documents say to each other until they know that they agree, or what differs: bytes of
// encoded frames. Two nodes on memory stores in one process, joined without sockets, in virtual time: every run with
// the same seed gives the same bytes.
//
// Case <n>-documents-first: equal sets, the devices meet for the first time; <n>-documents-again: they connect again.
//   agree_bytes        both ends know that they agree; the larger direction
//   agree_frames       both directions
// Case <d>-of-<n>-documents: the devices meet for the first time, d documents have one edit more at one end, half of
// them at each. Over some random keys of the symbols:
//   find_bytes         symbols and requests for them and for names, both directions, until both ends know which
//   find_round_trips   requests for symbols
//   name_bytes         what both then say that they hold of those documents, both directions

#include <cstdint>

#include "bench/harness/report.h"
#include "crdt/base/result.h"

namespace weft::bench {

struct AgreementOptions {
  std::uint32_t equal_documents = 10'000;
  std::uint32_t documents = 100'000;
  std::uint32_t different = 100;
  std::uint32_t keys = 20;
};
Status add_agreement(const AgreementOptions& options, Report& report);

}  // namespace weft::bench
