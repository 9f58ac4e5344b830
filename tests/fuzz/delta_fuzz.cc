// Fuzzer: the row form of a delta. Whatever is accepted encodes to the same bytes; memory is bounded.

#include "tests/crdt/delta/random_batch.h"
#include "tests/fuzz/codec_checks.h"
#include "tests/fuzz/real_documents.h"

namespace weft::test {
namespace {

std::vector<Seed> seeds() {
  std::vector<Seed> all;
  const auto add = [&](const char* kind, Bytes delta) {
    all.push_back({kind + std::to_string(all.size()), std::move(delta)});
  };
  for (const std::vector<Bytes>& history : real_histories())
    for (std::size_t i = 0; i < history.size(); i += 3) add("real_", history[i]);
  Random random(5);
  for (int i = 0; i < 20; ++i) {
    const Batch batch = random_batch(random, {});
    DeltaWalk walk(batch);
    for (Bytes row; walk.next(row); row.clear()) add("random_", row);
  }
  return all;
}

}  // namespace

const Fuzzer kDeltaFuzz{"delta_fuzz", [](ByteSpan input) { return check_delta(input); }, seeds};

}  // namespace weft::test
