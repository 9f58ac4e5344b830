#pragma once
// Histories: what the store's cases of real documents run on: editing traces and the revisions of dashboards.

#include <string>
#include <vector>

#include "bench/harness/report.h"
#include "bench/harness/sampler.h"
#include "bench/trace/revisions.h"
#include "bench/trace/trace.h"
#include "crdt/base/result.h"

namespace weft::bench {

struct DashboardRevisions {
  std::string name;
  std::vector<trace::Revision> revisions;
};

struct Histories {
  std::string name;  ///< of all together
  std::vector<trace::Trace>
      traces;  ///< the first is the one that is opened, and compacted by itself
  std::vector<DashboardRevisions> dashboards;  ///< the first is the one that is read back
};

/// The recorded ones. @errors kNotFound: a file is missing; kCorrupt
Result<Histories> read_histories(const std::string& data_folder);
/// Small ones for the tests.
Histories generate_histories();

/// The figures that are missing where the recorded histories are.
void report_missing_histories(const std::string& why, Report& report);

}  // namespace weft::bench
