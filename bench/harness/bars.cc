#include "bench/harness/bars.h"

#include <iomanip>
#include <iterator>
#include <ostream>

namespace weft::bench {
namespace {

constexpr double kNone = -1;

/// `gap` on the machine of the bars, in ms. That of the generated session follows from measuring
/// both in turn on one machine.
constexpr double kGapRecordedMs = 0.66;
constexpr double kGapGeneratedMs = 0.59;

enum class Basis : unsigned char {
  kTime,   ///< scales with the machine
  kGaps,   ///< times the run's own gap of the same case
  kExact,  ///< bytes and ratios
};

struct Bar {
  const char* case_name;
  const char* name;
  Basis basis;
  double bar;
  double stretch;
  const char* note = "";
};

constexpr const char* kPaper = "automerge-paper";
constexpr const char* kFriends = "friendsforever";

constexpr Bar kBars[] = {
    {kPaper, "local_replay", Basis::kGaps, 6, 3, "x gap"},
    {"rustcode", "local_replay", Basis::kTime, 2.0, kNone, "diamond-types"},
    {"sveltecomponent", "local_replay", Basis::kTime, 0.80, kNone, "diamond-types"},
    {kPaper, "local_replay_txn", Basis::kTime, 60, 30},
    {kPaper, "merge_history", Basis::kTime, 1.6, 1},
    {kPaper, "merge_history_txn", Basis::kTime, 4, 2},
    {kPaper, "load_snapshot", Basis::kTime, 0.2, 0.05},
    {kPaper, "history_bytes", Basis::kExact, 95'000, 80'000},
    {kPaper, "history_txn_bytes", Basis::kExact, 110'000, 90'000},
    {kPaper, "single_delta_bytes", Basis::kExact, 28, 24},
    {kPaper, "resident_bytes", Basis::kExact, 600'000, 250'000},
    {kFriends, "merge_history", Basis::kTime, 0.7, 0.4, "yrs 0.68"},
    {kFriends, "apply_deltas", Basis::kTime, 25, 10},
    {"1000000x1000", "map_set_txn", Basis::kTime, 400, 150},
    {"1000000x1000", "map_set", Basis::kTime, 120, 60},
    {"20x1000", "offline_merge", Basis::kTime, 10, 4},
    {"20000x6", "small_maps_load", Basis::kTime, 8, 3},
    {"20000x6", "small_maps_load_read", Basis::kTime, 8, 3, "every value read"},
    {"text-4000", "insert_at_zero", Basis::kTime, 20, kNone},
    {"list-4000", "insert_at_zero", Basis::kTime, 20, kNone},
    {"text", "insert_at_zero_growth", Basis::kExact, 1.25, kNone, "against n log n"},
    {"list", "insert_at_zero_growth", Basis::kExact, 1.25, kNone, "against n log n"},
    {"apart-4000", "typing_round", Basis::kTime, 5000, kNone},
    {"together-4000", "typing_round", Basis::kTime, 5000, kNone},
    {"apart-4000", "typing_flatness", Basis::kExact, 1.25, kNone, "last 500 / first 500"},
    {"together-4000", "typing_flatness", Basis::kExact, 1.25, kNone, "last 500 / first 500"},
    {"weft-100", "log_flushes_per_batch", Basis::kExact, 2, kNone},
    {"weft-1000", "log_flushes_per_batch", Basis::kExact, 2, kNone},
    {"weft-10000", "log_flushes_per_batch", Basis::kExact, 2, kNone},
    {"weft-100", "device_bytes_per_delta", Basis::kExact, 1000, kNone},
    {"weft-1000", "device_bytes_per_delta", Basis::kExact, 700, kNone},
    {"weft-10000", "device_bytes_per_delta", Basis::kExact, 500, kNone},
    {"weft-100", "outside_vs_rocksdb", Basis::kExact, 1, kNone},
    {"weft-1000", "outside_vs_rocksdb", Basis::kExact, 1, kNone},
    {"weft-10000", "outside_vs_rocksdb", Basis::kExact, 1, kNone},
    {"weft-100", "outside_vs_sqlite", Basis::kExact, 0.5, kNone},
    {"weft-1000", "outside_vs_sqlite", Basis::kExact, 0.5, kNone},
    {"weft-10000", "outside_vs_sqlite", Basis::kExact, 0.5, kNone},
    {"64-writers", "commits_per_delta", Basis::kExact, 0.05, kNone, "20 deltas a commit"},
    {"10000-documents", "store_open", Basis::kTime, 20, kNone},
    {"10000-documents", "store_open_bytes", Basis::kExact, 30'000'000, kNone, "peak RSS"},
    {"automerge-paper-closed", "open_to_text", Basis::kTime, 3, kNone, "fresh process"},
    {"automerge-paper-killed", "open_to_text", Basis::kTime, 25, kNone, "fresh process"},
    {"all-histories", "compact_vs_sealed", Basis::kExact, 1.3, kNone, "file / bundles"},
    {"500-rounds", "growth_beside_reader", Basis::kExact, 1.2, kNone},
    {"automerge-paper-history", "catch_up", Basis::kTime, 100, kNone, "until it is on the disk"},
    {"automerge-paper-state", "catch_up", Basis::kTime, 100, kNone, "until it is on the disk"},
    {"automerge-paper-sealed", "catch_up", Basis::kTime, 100, kNone, "until it is on the disk"},
    {"1000-links", "link_resident_bytes", Basis::kExact, 64'000, kNone},
    {"one-document", "frame_user_receiving", Basis::kTime, 2, kNone},
    {"one-document", "frame_user_sending", Basis::kTime, 2, kNone, "the edit included"},
    {"one-document", "frame_user_beside_edit", Basis::kTime, 2, kNone},
    {"64-documents", "frame_user_receiving", Basis::kTime, 2, kNone},
    {"64-documents", "frame_user_sending", Basis::kTime, 2, kNone, "the edit included"},
    {"64-documents", "frame_user_beside_edit", Basis::kTime, 2, kNone},
    {"live-10", "wire_bytes_per_key", Basis::kExact, 80, kNone},
    {"live-100", "wire_bytes_per_key", Basis::kExact, 80, kNone},
    {"10000-documents-first", "agree_bytes", Basis::kExact, 1'000, kNone, "each direction"},
    {"10000-documents-again", "agree_bytes", Basis::kExact, 1'000, kNone, "each direction"},
    {"100-of-100000-documents", "find_bytes", Basis::kExact, 10'000, kNone},
    {"100-of-100000-documents", "find_round_trips", Basis::kExact, 1, kNone},
    {"replicas", "siblings_heap_growth", Basis::kExact, 1.25, kNone, "1: linear"},
    {"devices", "mesh_deliveries_growth", Basis::kExact, 1.25, kNone, "1: linear"},
    {"devices", "mesh_bytes_growth", Basis::kExact, 1.25, kNone, "1: linear"},
    {"made", "memory_held_growth", Basis::kExact, 0.25, kNone, "0: bounded"},
    {"received", "memory_held_growth", Basis::kExact, 0.25, kNone, "0: bounded"},
    {"documents", "compact_flushes_growth", Basis::kExact, 0.5, kNone, "0: none for a document"},
    {"50-s", "back_after_outage", Basis::kExact, 6'000, kNone},
    {"outage", "back_after_outage_growth", Basis::kExact, 0.5, kNone, "0: bounded"},
    {"node-exporter-full.json", "board_import", Basis::kTime, 15, kNone},
    {"node-exporter-full.json", "board_export", Basis::kTime, 10, kNone},
    {"node-exporter-full.json", "board_first_panel", Basis::kTime, 3, kNone},
    {"node-exporter-full.json", "board_heap", Basis::kExact, 4'000'000, kNone},
    {"node-exporter-full.json", "board_heap_exported", Basis::kExact, 4'000'000, kNone},
    {"node-exporter-full.json", "board_edit_wire", Basis::kExact, 200, kNone},
    {"node-exporter-full-all", "revision_import", Basis::kTime, 15, kNone},
};

const char* verdict(double value, const Bar& bar, double scale) {
  if (value > bar.bar * scale) return "MISS";
  if (bar.stretch != kNone && value <= bar.stretch * scale) return "stretch";
  return "ok";
}

void write_row(const Bar& bar, const Line& line, double own_gap, double scale, std::ostream& out) {
  const double unit = bar.basis == Basis::kGaps ? own_gap : 1;
  const double value = line.median / unit;
  out << std::left << std::setw(24) << bar.case_name << std::setw(24) << bar.name << std::right
      << std::setw(11) << format_number(value) << std::setw(11) << format_number(line.min / unit)
      << std::setw(9) << format_number(bar.bar) << std::setw(9)
      << (bar.stretch == kNone ? "-" : format_number(bar.stretch)) << "  " << std::left
      << std::setw(9) << verdict(value, bar, 1);
  if (bar.basis == Basis::kTime && scale > 0) {
    out << std::setw(9) << verdict(value, bar, scale);
  } else {
    out << std::setw(9) << "";
  }
  out << (bar.basis == Basis::kGaps ? "" : line.unit + " ") << bar.note << '\n';
}

}  // namespace

double machine_scale(const Report& report) {
  if (const Line* gap = report.find("gap", kPaper)) return gap->median / kGapRecordedMs;
  if (const Line* gap = report.find("gap", "generated")) return gap->median / kGapGeneratedMs;
  return 0;
}

void write_bars(const Report& report, std::ostream& out) {
  const double scale = machine_scale(report);
  out << "bars";
  if (scale > 0) {
    out << "; by `gap` this machine needs " << format_number(scale)
        << " times as long as the one they were set for";
  }
  out << "\n"
      << std::left << std::setw(24) << "case" << std::setw(24) << "name" << std::right
      << std::setw(11) << "median" << std::setw(11) << "min" << std::setw(9) << "bar"
      << std::setw(9) << "stretch"
      << "  " << std::left << std::setw(9) << "raw" << std::setw(9) << "scaled"
      << "unit\n";
  for (const Bar& bar : kBars) {
    const Line* line = report.find(bar.name, bar.case_name);
    const Line* gap = report.find("gap", bar.case_name);
    if (line && !line->not_run.empty()) {
      out << std::left << std::setw(24) << bar.case_name << std::setw(24) << bar.name
          << "not run: " << line->not_run << '\n';
      continue;
    }
    if (!line || (bar.basis == Basis::kGaps && !gap)) continue;
    write_row(bar, *line, gap ? gap->median : 0, scale, out);
  }
}

}  // namespace weft::bench
