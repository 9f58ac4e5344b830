// weft_conformance_digest: what the engine makes of 200 fixed histories, as checksums. Two builds are
// the same engine only if they print the same lines.
//
//   seed  xxh3_64 of the snapshot  xxh3_64 of the history file, uncompressed

#include <cinttypes>
#include <cstdio>
#include <exception>

#include "crdt/base/checksum.h"
#include "tests/histories/world.h"

int main() {
  using namespace weft;
  using namespace weft::test;
  try {
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
      World world(random_script(seed), {});
      world.run();
      Document document = Document::create(reader_options(1));
      for (const KnownDelta& delta : world.log().deltas()) document.apply(delta.bytes).value();
      std::uint64_t snapshot = xxh3_64(document.snapshot());
      std::uint64_t history = xxh3_64(document.export_history().value());
      std::printf("%" PRIu64 " %016" PRIx64 " %016" PRIx64 "\n", seed, snapshot, history);
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "weft_conformance_digest: %s\n", error.what());
    return 1;
  }
  return 0;
}
