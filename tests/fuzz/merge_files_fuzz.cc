// Fuzzer: the merge driver's three files. See merge_files_checks.h for what has to hold.

#include "tests/fuzz/dashboard_seeds.h"
#include "tests/fuzz/merge_files_checks.h"
#include "tests/fuzz/text_seeds.h"

namespace weft::test {
namespace {

std::vector<Seed> seeds() {
  std::vector<Seed> all;
  for (const DashboardChange& change : dashboard_changes())
    add_text(all, "change", change.base + '\x1e' + change.ours + '\x1e' + change.theirs);
  return all;
}

}  // namespace

const Fuzzer kMergeFilesFuzz{
    "merge_files_fuzz", [](ByteSpan input) { return check_merge_files(as_text(input)); }, seeds};

}  // namespace weft::test
