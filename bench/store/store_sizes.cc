#include "bench/store/store_sizes.h"

#include <CLI/CLI.hpp>

namespace weft::bench {

AppendOptions StoreSizes::append_options() const {
  AppendOptions options{folder, {}, workload(), deltas};
  for (const EngineKind kind : kEngineKinds)
    if (engines.count(engine_name(kind)) != 0) options.engines.push_back(kind);
  return options;
}

void add_store_options(CLI::App& command, StoreSizes& sizes) {
  command.add_option("--folder", sizes.folder, "Where the stores are made, on the disk to measure")
      ->check(CLI::ExistingDirectory)
      ->capture_default_str();
  command.add_option("--deltas", sizes.deltas, "Deltas, of 200 bytes each")
      ->check(CLI::Range(1, 100'000'000))
      ->capture_default_str();
  command.add_option("--documents", sizes.documents, "Documents that they belong to")
      ->check(CLI::Range(1, 10'000'000))
      ->capture_default_str();
  command.add_option("--batch", sizes.batches, "Deltas a batch; several are compared")
      ->check(CLI::Range(1, 1'000'000))
      ->delimiter(',')
      ->capture_default_str();
  command.add_option("--engine", sizes.engines, "Only this engine; may be repeated")
      ->check(CLI::IsMember(std::set<std::string>{"weft", "sqlite", "rocksdb"}))
      ->default_str("all");
  command.add_option("--case", sizes.cases, "Only this; may be repeated")
      ->check(CLI::IsMember(std::set<std::string>{"append", "writers", "open"}))
      ->default_str("all");
  command.footer(
      "Example, on the disk that holds the stores, in about two minutes:\n"
      "  weft-bench store --folder /var/lib/boards --bars --json store.json\n"
      "Example, what weft's own store does, for a profile:\n"
      "  perf record -g weft-bench store --engine weft --case append --batch 100");
}

}  // namespace weft::bench
