#pragma once
// StoreSizes: what `weft-bench store` measures and how much of it, and its options on the command line.

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "bench/store/append_cases.h"
#include "bench/store/open_cases.h"

namespace CLI {
class App;
}

namespace weft::bench {

struct StoreSizes {
  std::string folder = ".";
  std::uint32_t deltas = 600'000;
  std::uint32_t documents = 10'000;
  std::vector<std::uint32_t> batches = {100, 1000, 10'000};
  std::uint32_t writers = 64;
  std::uint32_t deltas_per_writer = 200;
  std::set<std::string> engines = {"weft", "sqlite", "rocksdb"};
  std::set<std::string> cases = {"append", "writers", "open"};

  AppendOptions append_options() const;
  WriterOptions writer_options() const { return {folder, writers, deltas_per_writer}; }
  OpenOptions open_options() const { return {folder, workload(), deltas}; }
  WorkloadOptions workload() const { return {.document_count = documents}; }
};

/// Options that write to `sizes`, which must outlive the parsing.
void add_store_options(CLI::App& command, StoreSizes& sizes);

}  // namespace weft::bench
