#pragma once
// A reader that stops inside its visitor and never goes on.
//
// Case <rounds>-rounds:
//   growth_beside_reader  ratio: how much the store's files grow in these rounds with two such readers, by how much
//                         they grow without (forgotten_reader.h)
//   growth, growth_with_reader  bytes
//   states_put                  bytes that were put: what a reader could keep from being freed

#include <cstdint>
#include <string>

#include "bench/harness/report.h"
#include "crdt/base/result.h"

namespace weft::bench {

struct ReaderOptions {
  std::string folder = ".";
  std::uint32_t rounds = 500;
  std::uint32_t text_bytes = 200'000;
};
Status add_forgotten_reader(const ReaderOptions& options, Report& report);

}  // namespace weft::bench
