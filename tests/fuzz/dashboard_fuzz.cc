// Fuzzer: dashboards out of any document and any JSON. See dashboard_checks.h for what has to hold.

#include "tests/fuzz/dashboard_checks.h"
#include "tests/fuzz/dashboard_seeds.h"
#include "tests/fuzz/text_seeds.h"

namespace weft::test {
namespace {

std::vector<Seed> seeds() {
  std::vector<Seed> all;
  for (const DashboardChange& change : dashboard_changes())
    add_text(all, "change", change.base + '\x1e' + change.ours + '\x1e' + change.theirs);
  add_text(all, "raw", "{\"panels\":{\"1\":5},\"$order\":[]}\x1e{\"panels\":[]}\x1e{}");
  return all;
}

}  // namespace

const Fuzzer kDashboardFuzz{"dashboard_fuzz",
                            [](ByteSpan input) { return check_dashboards(as_text(input)); }, seeds};

}  // namespace weft::test
