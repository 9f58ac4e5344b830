// libFuzzer's side of a fuzzer; WEFT_FUZZER is its object. With WEFT_FUZZ_SEEDS=FOLDER it writes its seeds there and
// ends.

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "tests/fuzz/fuzzer.h"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

namespace {

const weft::test::Fuzzer& fuzzer() { return weft::test::WEFT_FUZZER; }

int write_seeds(const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  for (const weft::test::Seed& seed : fuzzer().seeds()) {
    std::ofstream file(folder / seed.name, std::ios::binary);
    file << weft::as_text(seed.bytes);
    if (!file.flush()) return 1;
  }
  return 0;
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  if (const char* folder = std::getenv("WEFT_FUZZ_SEEDS")) std::exit(write_seeds(folder));
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const weft::ByteSpan input(reinterpret_cast<const std::byte*>(data), size);
  if (const char* fault = fuzzer().check(input).fault) {
    std::fprintf(stderr, "%s: fault: %s\n", fuzzer().name, fault);
    std::abort();
  }
  return 0;
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t max_size, unsigned seed) {
  weft::test::Random random(seed);
  if (fuzzer().mutate == nullptr || random.chance(1, 3))
    return LLVMFuzzerMutate(data, size, max_size);
  const weft::Bytes changed =
      fuzzer().mutate(weft::ByteSpan(reinterpret_cast<const std::byte*>(data), size), random);
  if (changed.empty() || changed.size() > max_size) return LLVMFuzzerMutate(data, size, max_size);
  std::memcpy(data, changed.data(), changed.size());
  return changed.size();
}
