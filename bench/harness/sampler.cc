#include "bench/harness/sampler.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>

namespace weft::bench {
namespace {

struct Track {
  bool failed = false;
  std::vector<std::vector<double>> values;  ///< by figure
  std::vector<std::uint64_t> checksums;
};

void print_progress(std::size_t round, std::size_t rounds) {
  if (isatty(STDERR_FILENO)) {
    std::fprintf(stderr, "\rround %zu of %zu%s", round, rounds, round == rounds ? "\n" : "");
  }
}

std::string describe(const Probe& probe) { return probe.case_name + " " + probe.figures[0].name; }

}  // namespace

void print_fault(const std::string& what) {
  std::fprintf(stderr, "weft-bench: FAULT: %s\n", what.c_str());
}

void Sampler::keep_only(const std::vector<std::string>& names) {
  if (names.empty()) return;
  std::erase_if(probes_, [&](const Probe& probe) {
    return std::none_of(probe.figures.begin(), probe.figures.end(), [&](const Figure& figure) {
      return std::find(names.begin(), names.end(), figure.name) != names.end();
    });
  });
}

bool Sampler::run(std::size_t samples, Report& report) {
  std::vector<Track> tracks(probes_.size());
  bool all_ok = true;
  const auto fail = [&](std::size_t p, const std::string& what) {
    tracks[p].failed = true;
    all_ok = false;
    print_fault(describe(probes_[p]) + ": " + what);
  };
  for (std::size_t round = 0; round <= samples; ++round) {
    print_progress(round, samples);
    for (std::size_t p = 0; p < probes_.size(); ++p) {
      Track& track = tracks[p];
      if (track.failed) continue;
      Result<std::vector<Reading>> readings = probes_[p].run();
      if (!readings.ok()) {
        fail(p, readings.error().message());
        continue;
      }
      WEFT_ASSERT(readings->size() == probes_[p].figures.size());
      track.values.resize(readings->size());
      if (round == 0) {
        for (const Reading& reading : *readings) track.checksums.push_back(reading.checksum);
        continue;
      }
      for (std::size_t f = 0; f < readings->size(); ++f) {
        if ((*readings)[f].checksum != track.checksums[f]) {
          fail(p, probes_[p].figures[f].name + ": another result than in the round before");
          break;
        }
        track.values[f].push_back((*readings)[f].value);
      }
    }
  }
  for (std::size_t p = 0; p < probes_.size(); ++p) {
    if (tracks[p].failed) continue;
    for (std::size_t f = 0; f < probes_[p].figures.size(); ++f) {
      const Figure& figure = probes_[p].figures[f];
      Line line =
          summarize(figure.name, probes_[p].case_name, figure.unit, std::move(tracks[p].values[f]));
      line.checksum = tracks[p].checksums[f];
      line.extra = figure.extra;
      report.add(std::move(line));
    }
  }
  return all_ok;
}

}  // namespace weft::bench
