#pragma once
// Sampler: runs many probes in turn, round after round, so that drift of the machine (clock,
// caches, neighbours) hits all of them alike; not all samples of one, then all of the next.
//
// A probe is one piece of work that measures itself, so that it can leave its preparation, its
// checks and the destruction of its results outside. It gives one reading for each of its figures.
// The first round warms up and is thrown away. A probe that fails, or whose checksum changes
// between rounds, is reported and dropped; the others go on.

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "bench/harness/report.h"
#include "crdt/base/result.h"

namespace weft::bench {

struct Reading {
  double value = 0;
  std::uint64_t checksum = 0;  ///< the same in each round
};

struct Figure {
  std::string name;
  std::string unit;
  std::vector<std::pair<std::string, std::string>> extra = {};  ///< key, value as JSON
};

struct Probe {
  std::string case_name;
  std::vector<Figure> figures;
  std::function<Result<std::vector<Reading>>()> run;  ///< one reading per figure
};

class Sampler {
 public:
  void add(Probe probe) { probes_.push_back(std::move(probe)); }
  /// A probe of one figure. @param run  returns Result<Reading>
  template <typename Run>
  void add(std::string case_name, std::string name, std::string unit, Run run) {
    add(Probe{std::move(case_name),
              {Figure{std::move(name), std::move(unit)}},
              [run = std::move(run)]() -> Result<std::vector<Reading>> {
                WEFT_ASSIGN(const Reading reading, run());
                return std::vector<Reading>{reading};
              }});
  }

  /// Drops every probe none of whose figures has one of these names; an empty list keeps all.
  void keep_only(const std::vector<std::string>& names);

  /// Takes `samples` rounds and adds a line per figure. @return whether no probe failed
  bool run(std::size_t samples, Report& report);

 private:
  std::vector<Probe> probes_;
};

/// Prints "weft-bench: FAULT: ..." to stderr.
void print_fault(const std::string& what);

}  // namespace weft::bench
