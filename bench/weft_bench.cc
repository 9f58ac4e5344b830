// weft-bench: what weft costs, beside baselines and beside the bars it set itself (README.md).

#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "bench/cases/cliffs.h"
#include "bench/cases/gap.h"
#include "bench/cases/map_cases.h"
#include "bench/cases/trace_cases.h"
#include "bench/dashboard/board_cases.h"
#include "bench/dashboard/revision_cases.h"
#include "bench/growth/growth_cases.h"
#include "bench/harness/bars.h"
#include "bench/harness/compare.h"
#include "bench/harness/report.h"
#include "bench/harness/sampler.h"
#include "bench/store/compact_cases.h"
#include "bench/store/dashboard_cases.h"
#include "bench/store/document_open_cases.h"
#include "bench/store/small_documents.h"
#include "bench/store/store_sizes.h"
#include "bench/sync/peer_host.h"
#include "bench/sync/sync_sizes.h"
#include "bench/trace/generate.h"
#include "bench/trace/trace_reader.h"
#include "storage/codec/zstd_codec.h"
#include "storage/files/whole_file.h"

namespace weft::bench {
namespace {

struct RunOptions {
  std::size_t samples = 20;
  std::string json_path;  ///< empty: stdout
  bool bars = false;
  std::vector<std::string> only;  ///< names of figures; empty: all
};

struct CliffSizes {
  std::uint32_t replicas = 20;
  std::uint32_t edits = 1000;
  std::uint32_t pair_edits = 10'000;
  std::vector<std::uint32_t> inserters = {1000, 2000, 4000, 8000};
  std::uint32_t typing_rounds = 4000;
  std::uint32_t backward_length = 4000;
  std::uint32_t overwrites = 100'000;
};

/// One run: what is prepared, sampled and reported together.
class Run {
 public:
  explicit Run(RunOptions options) : options_(std::move(options)) {}

  /// A benchmark that can't be prepared is a fault; the others go on.
  void check(const std::string& what, const Status& status) {
    if (status.ok()) return;
    print_fault(what + ": " + status.error().message());
    ok_ = false;
  }

  void add_trace(trace::Trace trace) {
    const std::string name = trace.name;
    std::cerr << "preparing " << name << '\n';
    Result<std::unique_ptr<TraceCases>> cases = TraceCases::prepare(std::move(trace), compressor_);
    if (!cases.ok()) return check(name, cases.take_error());
    check(name, (*cases)->add_exact(report_));
    (*cases)->add_probes(sampler_);
    traces_.push_back(std::move(cases).value());
  }

  void add_trace_file(const std::string& path) {
    Result<trace::Trace> trace = trace::read_trace(path);
    if (!trace.ok()) return check("trace", trace.take_error());
    add_trace(std::move(trace).value());
  }

  void add_generated_traces() {
    add_trace(trace::generate_session());
    add_trace(trace::generate_concurrent_session());
  }

  void add_maps(const std::vector<std::uint32_t>& set_counts, std::uint32_t keys,
                std::uint32_t small_maps) {
    std::cerr << "preparing maps\n";
    for (const std::uint32_t sets : set_counts) {
      check("map", add_map_sets(sets, keys, compressor_, sampler_, report_));
    }
    check("small maps", add_small_maps(small_maps, compressor_, sampler_, report_));
  }

  void add_cliffs(const CliffSizes& sizes) {
    std::cerr << "preparing cliffs\n";
    check("offline_merge", add_offline_merge(sizes.replicas, sizes.edits, compressor_, sampler_));
    check("offline_merge", add_offline_merge(2, sizes.pair_edits, compressor_, sampler_));
    for (const Sequence sequence : {Sequence::kText, Sequence::kList}) {
      check("insert_at_zero", add_insert_at_zero(sequence, sizes.inserters, compressor_, sampler_));
    }
    add_typing_exchange(Typing::kApart, sizes.typing_rounds, compressor_, sampler_);
    add_typing_exchange(Typing::kTogether, sizes.typing_rounds, compressor_, sampler_);
    check("backward_merge", add_backward_merge(sizes.backward_length, compressor_, sampler_));
    check("overwrite", add_overwrites(sizes.overwrites, compressor_, sampler_, report_));
    inserters_ = sizes.inserters;
  }

  void add_store(const StoreSizes& sizes) {
    for (const std::uint32_t batch : sizes.batches) {
      if (sizes.cases.count("append") == 0) break;
      std::cerr << "appending in batches of " << batch << '\n';
      check("append", add_appends(sizes.append_options(), batch, report_));
    }
    if (sizes.cases.count("writers") != 0)
      check("writers", add_writers(sizes.writer_options(), report_));
    if (sizes.cases.count("open") != 0) {
      std::cerr << "preparing a store to open\n";
      check("open", add_open(sizes.open_options(), sampler_));
    }
    if (sizes.cases.count("compact-small") != 0) {
      std::cerr << "compacting small documents\n";
      check("compact-small", add_compact_small({sizes.folder, sizes.small_documents}, report_));
    }
    if (sizes.cases.count("reader") != 0)
      check("reader", add_forgotten_reader(sizes.reader_options(), report_));
  }

  /// The store's cases that run on real documents.
  void add_histories(const StoreSizes& sizes, const Result<Histories>& histories) {
    if (!histories.ok()) {
      if (histories.error().code() != ErrorCode::kNotFound)
        return check("histories", histories.error().clone());
      return report_missing_histories(histories.error().message(), report_);
    }
    const std::span<const trace::Trace> traces = histories->traces;
    if (sizes.cases.count("document") != 0) {
      std::cerr << "preparing documents to open\n";
      check("document", add_document_opens(sizes.folder, traces.front(), sampler_));
    }
    if (sizes.cases.count("compact") != 0) {
      std::cerr << "compacting\n";
      check("compact",
            add_compact({traces.front().name + "-alone", sizes.folder, traces.first(1)}, report_));
      check("compact",
            add_compact({histories->name, sizes.folder, traces, histories->dashboards}, report_));
    }
    if (sizes.cases.count("dashboards") != 0) {
      std::cerr << "storing the revisions of a dashboard\n";
      check("dashboards",
            add_dashboard_history(sizes.folder, histories->dashboards.front(), report_));
    }
  }

  void add_dashboards(const std::string& data, const std::string& folder) {
    const std::string boards = data + "/dashboards/";
    for (const char* file : {"node-exporter-full.json", "k8s-views-global.json"})
      check("dashboard", add_board(boards + file, folder, sampler_, report_));
    for (const char* file :
         {"node-exporter-full.history.jsonl.gz", "k8s-views-global.history.jsonl.gz"}) {
      std::cerr << "importing " << file << '\n';
      check("revisions", add_board_revisions(boards + file, folder, report_));
    }
  }

  void add_sync(const SyncSizes& sizes) {
    check("sync", weft::bench::add_sync(sizes, caught_up_, sampler_, report_));
  }

  void add_growth(const GrowthSizes& sizes) {
    check("growth", weft::bench::add_growth(sizes, report_));
  }

  /// `gap` on a generated session, for runs without a trace: what `compare` and the bars normalise
  /// by.
  void add_machine_speed() {
    session_ = trace::generate_session();
    add_gap(session_, sampler_);
  }

  int finish() {
    sampler_.keep_only(options_.only);
    ok_ = sampler_.run(options_.samples, report_) && ok_;
    if (!inserters_.empty()) {
      for (const Sequence sequence : {Sequence::kText, Sequence::kList}) {
        add_insert_at_zero_growth(sequence, inserters_.front(), inserters_.back(), report_);
      }
    }
    if (options_.json_path.empty()) {
      report_.write_json(std::cout);
      std::cout.flush();
    } else {
      std::ostringstream out;
      report_.write_json(out);
      check("--json",
            files::write_file(options_.json_path, as_bytes(out.view()), files::Existing::kReplace));
    }
    report_.write_table(std::cerr);
    if (options_.bars) {
      std::cerr << '\n';
      write_bars(report_, std::cerr);
    }
    return ok_ ? 0 : 1;
  }

 private:
  RunOptions options_;
  ZstdCompressor compressor_;
  Sampler sampler_;
  Report report_;
  trace::Trace session_;
  trace::Trace caught_up_;
  std::vector<std::unique_ptr<TraceCases>> traces_;
  std::vector<std::uint32_t> inserters_;
  bool ok_ = true;
};

void add_run_options(CLI::App& command, RunOptions& options) {
  command.add_option("--samples", options.samples, "Rounds; medians are over these")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  command.add_option("--json", options.json_path, "Write the JSON lines here, not to stdout");
  command
      .add_option("--only", options.only, "Sample only the figure of this name; may be repeated")
      ->expected(1)
      ->take_all();
  command.add_flag("--bars", options.bars, "Also print each figure beside its bar");
}

int run_smoke(RunOptions options) {
  options.samples = 2;
  Run run(std::move(options));
  trace::Trace one =
      trace::generate_session({.seed = 30, .insert_count = 1800, .erase_count = 770});
  trace::Trace two = trace::generate_concurrent_session({.seed = 31, .edit_count = 500});
  one.name = "smoke";
  two.name = "smoke-concurrent";
  run.add_trace(std::move(one));
  run.add_trace(std::move(two));
  run.add_maps({2000}, 50, 100);
  run.add_cliffs({.replicas = 4,
                  .edits = 40,
                  .pair_edits = 100,
                  .inserters = {20, 60},
                  .typing_rounds = 80,
                  .backward_length = 60,
                  .overwrites = 500});
  const StoreSizes sizes{.deltas = 600,
                         .documents = 20,
                         .batches = {10, 50},
                         .writers = 4,
                         .deltas_per_writer = 5,
                         .reader_rounds = 10,
                         .reader_text_bytes = 20'000,
                         .small_documents = {20, 80}};
  run.add_store(sizes);
  run.add_histories(sizes, generate_histories());
  run.add_sync(SyncSizes::smallest());
  run.add_growth(GrowthSizes::smallest());
  return run.finish();
}

int run_compare(const std::string& before, const std::string& after) {
  Result<std::vector<StoredLine>> a = read_lines(before);
  Result<std::vector<StoredLine>> b = read_lines(after);
  for (const auto* lines : {&a, &b}) {
    if (lines->ok()) continue;
    print_fault(lines->error().message());
    return 1;
  }
  const std::vector<Comparison> rows = compare(*a, *b);
  if (rows.empty()) {
    print_fault("the two runs have no figure in common");
    return 1;
  }
  write_comparison(rows, std::cout);
  return 0;
}

int main_of(int argc, char** argv) {
  CLI::App app("Benchmarks of weft; figures as JSON lines on stdout, tables on stderr");
  app.require_subcommand(1);
  RunOptions options;
  std::vector<std::string> files;
  bool generated = false;

  CLI::App* trace = app.add_subcommand("trace", "Replay, merge and load editing traces");
  trace->add_option("files", files, "Traces: .json or .json.gz");
  trace->add_flag("--generate", generated, "Also two sessions of weft's own making");
  CLI::App* map = app.add_subcommand("map", "Maps: many sets, many small maps");
  CLI::App* cliffs = app.add_subcommand("cliffs", "Where other engines fall off");
  CLI::App* all = app.add_subcommand("all", "trace, map and cliffs in one run");
  all->add_option("files", files, "Traces: .json or .json.gz");
  all->add_flag("--generate", generated, "Also two sessions of weft's own making");
  StoreSizes store_sizes;
  CLI::App* store = app.add_subcommand("store", "Appending to weft's store, SQLite and RocksDB");
  add_store_options(*store, store_sizes);
  SyncSizes sync_sizes;
  CLI::App* sync = app.add_subcommand("sync", "Peers on loopback TCP, each end in its own process");
  add_sync_options(*sync, sync_sizes);
  GrowthSizes growth_sizes;
  CLI::App* growth =
      app.add_subcommand("growth", "Costs that must not grow faster than their cause");
  add_growth_options(*growth, growth_sizes);
  std::string board_folder = ".";
  std::string board_data = StoreSizes::data_folder();
  CLI::App* board = app.add_subcommand("dashboard", "Real dashboards: import, export, open, edit");
  board->add_option("--folder", board_folder, "Where stores are made, on the disk to measure")
      ->check(CLI::ExistingDirectory)
      ->capture_default_str();
  board->add_option("--data", board_data, "Recorded dashboards, as in $WEFT_DATA")
      ->capture_default_str();
  CLI::App* smoke = app.add_subcommand("smoke", "Everything at its smallest, as the tests run it");
  for (CLI::App* command : {trace, map, cliffs, all, store, sync, growth, board, smoke})
    add_run_options(*command, options);

  std::string before;
  std::string after;
  CLI::App* compared = app.add_subcommand("compare", "Ratios of two runs' medians");
  compared->add_option("A.json", before, "JSON lines of the first run")->required();
  compared->add_option("B.json", after, "JSON lines of the second")->required();

  std::string store_folder;
  CLI::App* opened = app.add_subcommand(kOpenCommand)->group("");  // for the benchmark itself
  opened->add_option("folder", store_folder)->required();
  std::string way;
  CLI::App* document_opened = app.add_subcommand(kOpenDocumentCommand)->group("");
  document_opened->add_option("folder", store_folder)->required();
  document_opened->add_option("way", way)->required();

  CLI::App* hosted = app.add_subcommand(kPeerHostCommand)->group("");

  CLI11_PARSE(app, argc, argv);
  if (*compared) return run_compare(before, after);
  if (*opened) return run_open_command(store_folder);
  if (*document_opened) return run_open_document_command(store_folder, way);
  if (*hosted) return run_peer_host_command();
  if (*smoke) return run_smoke(options);

  if (*trace && files.empty() && !generated) {
    std::cerr << "weft-bench trace: no FILE and no --generate\n";
    return 2;
  }
  Run run(options);
  for (const std::string& file : files) run.add_trace_file(file);
  if (generated) run.add_generated_traces();
  if (*map || *all) run.add_maps({100'000, 1'000'000}, 1000, 20'000);
  if (*cliffs || *all) run.add_cliffs({});
  if (*store) {
    run.add_store(store_sizes);
    if (store_sizes.needs_histories())
      run.add_histories(store_sizes, read_histories(store_sizes.data));
  }
  if (*sync) run.add_sync(sync_sizes);
  if (*growth) run.add_growth(growth_sizes);
  if (*board) run.add_dashboards(board_data, board_folder);
  if (files.empty() && !generated) run.add_machine_speed();
  return run.finish();
}

}  // namespace
}  // namespace weft::bench

int main(int argc, char** argv) { return weft::bench::main_of(argc, argv); }
