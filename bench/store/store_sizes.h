#pragma once
// StoreSizes: what `weft-bench store` measures and how much of it, and its options on the command line.

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "bench/store/append_cases.h"
#include "bench/store/open_cases.h"
#include "bench/store/reader_cases.h"

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
  std::uint32_t reader_rounds = 500;
  std::uint32_t reader_text_bytes = 200'000;
  std::vector<std::uint32_t> small_documents = {1000, 4000};
  std::set<std::string> cases = all_cases();
  std::string data = data_folder();  ///< recorded traces and dashboards

  AppendOptions append_options() const;
  WriterOptions writer_options() const { return {folder, writers, deltas_per_writer}; }
  OpenOptions open_options() const { return {folder, workload(), deltas}; }
  ReaderOptions reader_options() const { return {folder, reader_rounds, reader_text_bytes}; }
  WorkloadOptions workload() const { return {.document_count = documents}; }
  bool needs_histories() const;
  static std::set<std::string> all_cases();
  /// $WEFT_DATA, else ../shared/data.
  static std::string data_folder();
};

/// Options that write to `sizes`, which must outlive the parsing.
void add_store_options(CLI::App& command, StoreSizes& sizes);

}  // namespace weft::bench
