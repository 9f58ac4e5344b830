// Fuzzer: a store's files with flipped bits. See damaged_store_checks.h for what has to hold.

#include "tests/fuzz/damaged_store_checks.h"

namespace weft::test {
namespace {

std::vector<Seed> seeds() {
  std::vector<Seed> all{{"sound", {}}};
  Random random(11);
  for (int i = 0; i < 24; ++i) {
    Bytes changes;
    for (std::uint64_t left = 1 + random.below(3); left > 0; --left) {
      const std::size_t file = random.below(SoundStore::kFiles);
      // Behind the heads, whose damage nothing survives but salvage.
      const std::size_t size = sound_store().content(file).size();
      const std::size_t place = 8'192 + random.below(size - 8'192);
      changes.push_back(static_cast<std::byte>(file));
      for (unsigned shift : {0u, 8u, 16u})
        changes.push_back(static_cast<std::byte>(place >> shift));
      changes.push_back(static_cast<std::byte>(1u << random.below(8)));
    }
    all.push_back({"flips_" + std::to_string(i), std::move(changes)});
  }
  return all;
}

}  // namespace

const Fuzzer kDamagedStoreFuzz{"damaged_store_fuzz",
                               [](ByteSpan input) { return check_damaged_store(input); }, seeds};

}  // namespace weft::test
