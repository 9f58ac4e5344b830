#include "bench/sync/sync_sizes.h"

#include <CLI/CLI.hpp>
#include <iostream>
#include <utility>

#include "bench/sync/catch_up_cases.h"
#include "bench/sync/typist.h"
#include "bench/trace/generate.h"
#include "bench/trace/trace_reader.h"

namespace weft::bench {
namespace {

constexpr const char* kTrace = "automerge-paper";

Status prepare_catch_up(const SyncSizes& sizes, trace::Trace& trace, Sampler& sampler) {
  CatchUpOptions options;
  options.folder = sizes.folder;
  options.trace = &trace;
  std::uint32_t generated = sizes.generated_edits;
  if (generated == 0) {
    options.trace_file = sizes.data + "/traces/" + kTrace + ".json.gz";
    Result<trace::Trace> read = trace::read_trace(options.trace_file);
    if (read.ok()) {
      trace = std::move(*read);
    } else if (read.error().code() == ErrorCode::kNotFound) {
      generated = 259'000;
      options.trace_file.clear();
    } else {
      return read.take_error();
    }
  }
  if (generated != 0) {
    trace = typed_session(generated);
    trace.name = "generated";
  }
  return add_catch_up(options, sampler);
}

}  // namespace

std::set<std::string> SyncSizes::all_cases() {
  return {"keystroke", "fan-out", "catch-up", "links", "frames", "wire", "agreement"};
}

SyncSizes SyncSizes::smallest() {
  SyncSizes sizes;
  sizes.generated_edits = 500;
  sizes.keystrokes.edits = 40;
  sizes.keystrokes.interval_ms = 6;
  sizes.fan_out.links = 3;
  sizes.fan_out.edits = 600;
  sizes.idle_links.links = 20;
  sizes.idle_links.samples = 1;
  sizes.idle_links.idle_ms = 100;
  sizes.frames = 640;
  sizes.wire.seconds = 1;
  sizes.agreement = {.equal_documents = 200, .documents = 500, .different = 10, .keys = 2};
  return sizes;
}

void add_sync_options(CLI::App& command, SyncSizes& sizes) {
  command.add_option("--folder", sizes.folder, "Where the stores are made, on the disk to measure")
      ->check(CLI::ExistingDirectory)
      ->capture_default_str();
  command.add_option("--case", sizes.cases, "Only this; may be repeated")
      ->check(CLI::IsMember(SyncSizes::all_cases()))
      ->default_str("all");
  command.add_option("--data", sizes.data, "Recorded traces, as in $WEFT_DATA")
      ->capture_default_str();
  command.add_option("--links", sizes.idle_links.links, "Links at once")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  command.add_option("--frames", sizes.frames, "Small frames, a multiple of 64")
      ->check(CLI::Range(64, 100'000'000))
      ->capture_default_str();
  command.footer(
      "Example, on the disk that holds the stores:\n"
      "  weft-bench sync --folder /var/lib/boards --bars --json sync.json\n"
      "Example, where the time of small frames goes:\n"
      "  perf record -g weft-bench sync --case frames --samples 3");
}

Status add_sync(const SyncSizes& sizes, trace::Trace& trace, Sampler& sampler, Report& report) {
  const auto is_wanted = [&](const char* name) { return sizes.cases.count(name) != 0; };
  if (is_wanted("catch-up")) WEFT_TRY(prepare_catch_up(sizes, trace, sampler));
  if (is_wanted("agreement")) {
    std::cerr << "comparing sets of documents\n";
    WEFT_TRY(add_agreement(sizes.agreement, report));
  }
  if (is_wanted("wire")) {
    std::cerr << "counting bytes on the wire\n";
    WireOptions options = sizes.wire;
    options.folder = sizes.folder;
    WEFT_TRY(add_wire_bytes(options, report));
  }
  if (is_wanted("links")) {
    std::cerr << "connecting many links\n";
    IdleLinkOptions options = sizes.idle_links;
    options.folder = sizes.folder;
    WEFT_TRY(add_idle_links(options, report));
  }
  if (is_wanted("keystroke")) {
    KeystrokeOptions options = sizes.keystrokes;
    options.folder = sizes.folder;
    add_keystrokes(options, sampler, report);
  }
  if (is_wanted("fan-out")) {
    FanOutOptions options = sizes.fan_out;
    options.folder = sizes.folder;
    add_fan_out(options, sampler);
  }
  if (is_wanted("frames")) add_small_frames(sizes.frames / 64 * 64, sampler);
  return {};
}

}  // namespace weft::bench
