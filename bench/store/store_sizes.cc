#include "bench/store/store_sizes.h"

#include <CLI/CLI.hpp>
#include <cstdlib>

namespace weft::bench {

AppendOptions StoreSizes::append_options() const {
  AppendOptions options{folder, {}, workload(), deltas};
  for (const EngineKind kind : kEngineKinds)
    if (engines.count(engine_name(kind)) != 0) options.engines.push_back(kind);
  return options;
}

std::set<std::string> StoreSizes::all_cases() {
  return {"append",  "writers",       "open",   "document",
          "compact", "compact-small", "reader", "dashboards"};
}

bool StoreSizes::needs_histories() const {
  return cases.count("document") + cases.count("compact") + cases.count("dashboards") != 0;
}

std::string StoreSizes::data_folder() {
  const char* data = std::getenv("WEFT_DATA");
  return data != nullptr && *data != '\0' ? data : "../shared/data";
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
      ->check(CLI::IsMember(StoreSizes::all_cases()))
      ->default_str("all");
  command.add_option("--data", sizes.data, "Recorded traces and dashboards, as in $WEFT_DATA")
      ->capture_default_str();
  command.footer(
      "Example, on the disk that holds the stores, in about three minutes:\n"
      "  weft-bench store --folder /var/lib/boards --bars --json store.json\n"
      "Example, what weft's own store does, for a profile:\n"
      "  perf record -g weft-bench store --engine weft --case append --batch 100");
}

}  // namespace weft::bench
