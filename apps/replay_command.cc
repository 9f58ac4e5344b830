// weft replay: editing traces through the engine, and a table of what it took.

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "apps/commands.h"
#include "apps/document_file.h"
#include "apps/replay_measure.h"
#include "apps/terminal.h"
#include "bench/trace/generate.h"
#include "bench/trace/trace_reader.h"
#include "storage/codec/zstd_codec.h"

namespace weft::cli {
namespace {

namespace fs = std::filesystem;

struct ReplayOptions {
  std::vector<std::string> traces;
  bool generate = false;
  std::size_t samples = 5;
};

bool is_trace_name(const std::string& name) {
  return name.ends_with(".json") || name.ends_with(".json.gz");
}

/// Files as they are, directories as the traces in them, by name.
Result<std::vector<std::string>> trace_files(const std::vector<std::string>& named) {
  std::vector<std::string> files;
  for (const std::string& name : named) {
    std::error_code error;
    if (!fs::is_directory(name, error)) {
      files.push_back(name);
      continue;
    }
    std::vector<std::string> found;
    for (const fs::directory_entry& entry : fs::directory_iterator(name, error))
      if (is_trace_name(entry.path().filename().string())) found.push_back(entry.path().string());
    if (error)
      return Error(ErrorCode::kInvalidArgument, name + ": cannot be read: " + error.message());
    if (found.empty())
      return Error(ErrorCode::kNotFound,
                   name +
                       ": holds no trace (*.json, *.json.gz); `weft help replay` says where "
                       "recorded ones are published, --generate needs none");
    std::sort(found.begin(), found.end());
    files.insert(files.end(), found.begin(), found.end());
  }
  return files;
}

struct Column {
  const char* name;
  int width;
};
constexpr Column kColumns[] = {
    {"edits", 8}, {"gap", 8},  {"local", 8},   {"x gap", 6},    {"txn", 9}, {"merge", 8},
    {"apply", 8}, {"load", 8}, {"history", 9}, {"snapshot", 9}, {"key", 6}, {"text", 5},
};

std::string padded(const std::string& text, int width) {
  auto size = static_cast<std::size_t>(width);
  return text.size() >= size ? " " + text : std::string(size - text.size(), ' ') + text;
}

std::string number(double value, int digits) {
  char buffer[40];
  std::snprintf(buffer, sizeof buffer, "%.*f", digits, value);
  return buffer;
}

/// Three figures that count, at least.
std::string milliseconds(std::optional<double> ms) {
  if (!ms) return "-";
  return number(*ms, *ms < 1 ? 3 : *ms < 100 ? 2 : 1);
}

class Table {
 public:
  explicit Table(std::size_t name_width) : name_width_(std::max<std::size_t>(name_width, 5)) {}

  void print_head() const {
    std::string line = "trace" + std::string(name_width_ - 5, ' ');
    for (const Column& column : kColumns) line += padded(column.name, column.width);
    print(bold(line) + "\n");
  }

  void print_row(const TraceFigures& figures) const {
    std::string ratio = "-";
    if (figures.gap_ms && figures.local_replay_ms && *figures.gap_ms > 0)
      ratio = number(*figures.local_replay_ms / *figures.gap_ms, 1);
    const std::string cells[] = {std::to_string(figures.edits),
                                 milliseconds(figures.gap_ms),
                                 milliseconds(figures.local_replay_ms),
                                 ratio,
                                 milliseconds(figures.local_replay_txn_ms),
                                 milliseconds(figures.merge_history_ms),
                                 milliseconds(figures.apply_deltas_ms),
                                 milliseconds(figures.load_snapshot_ms),
                                 std::to_string(figures.history_bytes),
                                 std::to_string(figures.snapshot_bytes),
                                 number(figures.keystroke_bytes, 1),
                                 "ok"};
    std::string line = name_cell(figures.name);
    for (std::size_t i = 0; i < std::size(cells); ++i) line += padded(cells[i], kColumns[i].width);
    print(line + "\n");
  }

  void print_failed(const std::string& name) const {
    print(name_cell(name) + "  " + red("failed") + "\n");
  }

 private:
  std::string name_cell(const std::string& name) const {
    std::string cell = printable(name);
    return cell + std::string(name_width_ - std::min(cell.size(), name_width_), ' ');
  }
  std::size_t name_width_;
};

constexpr const char* kLegend =
    "\nTimes in ms, medians; sizes in bytes; every final text was compared with the trace's.\n"
    "  gap       the same edits on one plain gap buffer: the floor\n"
    "  local     every edit in one open transaction: ids, text and log kept\n"
    "  txn       a committed, encoded delta for each edit (concurrent: for each transaction,\n"
    "            every delta applied by the other replicas)\n"
    "  merge     encoded history in, text out, into an empty replica\n"
    "  apply     those single deltas, one apply each\n"
    "  load      snapshot in, text out\n"
    "  key       one keystroke as a delta of its own, mean\n";

class Replay {
 public:
  explicit Replay(const ReplayOptions& options) : options_(options) {}

  Status run(const std::vector<std::string>& files) {
    std::size_t width = 0;
    for (const std::string& file : files) width = std::max(width, name_of(file).size());
    Table table(options_.generate ? std::string("generated-concurrent").size() : width);
    table.print_head();
    if (options_.generate) {
      one(table, trace::generate_session());
      one(table, trace::generate_concurrent_session());
    }
    for (const std::string& file : files) {
      show_progress(name_of(file) + ": reading");
      one(table, trace::read_trace(file), name_of(file));
    }
    print(kLegend);
    if (failed_ == 0) return Status();
    return Error(ErrorCode::kCorrupt, std::to_string(failed_) + " of the traces failed, see above");
  }

 private:
  static std::string name_of(const std::string& file) {
    std::string name = fs::path(file).filename().string();
    return name.substr(0, name.find(".json"));
  }

  void one(const Table& table, Result<trace::Trace> trace, const std::string& name = "") {
    Result<TraceFigures> figures =
        trace.ok() ? measure(*trace) : Result<TraceFigures>(trace.take_error());
    show_progress("");
    if (figures.ok()) {
      table.print_row(*figures);
    } else {
      ++failed_;
      table.print_failed(trace.ok() ? trace->name : name);
      std::fflush(stdout);  // the reason after its row
      std::fprintf(stderr, "weft: %s\n", printable(figures.error().message()).c_str());
    }
    std::fflush(stdout);
  }

  Result<TraceFigures> measure(const trace::Trace& trace) const {
    return measure_trace(trace, compressor_, options_.samples, [&](std::size_t round) {
      show_progress(trace.name + ": " +
                    (round == 0 ? "warming up"
                                : "round " + std::to_string(round) + " of " +
                                      std::to_string(options_.samples)));
    });
  }

  const ReplayOptions& options_;
  ZstdCompressor compressor_;
  std::size_t failed_ = 0;
};

Status replay(ReplayOptions options) {
  if (options.traces.empty() && !options.generate) {
    const char* data = std::getenv("WEFT_DATA");
    if (data != nullptr && *data != '\0') {
      options.traces.push_back((fs::path(data) / "traces").string());
    } else {
      std::fputs("weft: no trace is named and WEFT_DATA is not set; replaying generated sessions\n",
                 stderr);
      options.generate = true;
    }
  }
  WEFT_ASSIGN(std::vector<std::string> files, trace_files(options.traces));
  return Replay(options).run(files);
}

}  // namespace

void add_replay_command(CLI::App& app, Action& action) {
  auto options = std::make_shared<ReplayOptions>();
  CLI::App* command = app.add_subcommand(
      "replay", "Replay editing traces and print what they took in time and bytes");
  command->add_option("TRACE", options->traces,
                      "Traces (*.json, *.json.gz) or directories of them; without one: "
                      "$WEFT_DATA/traces, else --generate");
  command->add_flag("--generate", options->generate,
                    "Replay sessions that weft generates itself, always the same ones");
  command->add_option("--samples", options->samples, "Rounds that count")
      ->capture_default_str()
      ->check(CLI::Range(std::size_t{1}, std::size_t{1000}));
  command->footer(
      "Recorded traces: the repository josephg/editing-traces on GitHub, directories\n"
      "sequential_traces and concurrent_traces.\n\n"
      "Examples:\n"
      "  weft replay --generate\n"
      "  weft replay automerge-paper.json.gz --samples 20\n"
      "  weft replay ~/editing-traces/sequential_traces");
  command->callback([options, &action] { action = [options] { return replay(*options); }; });
}

}  // namespace weft::cli
