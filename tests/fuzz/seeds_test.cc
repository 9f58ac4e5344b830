// Every fuzzer over its seeds and the inputs that are kept: nothing is wrong with any of them, and most of what the
// seeds hold is accepted.

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <vector>

#include "tests/fuzz/fuzzer.h"
#include "tests/histories/isolate.h"

namespace weft::test {
namespace {

constexpr std::size_t kAcceptedPercent = 90;

struct Share {
  std::size_t parts = 0;
  std::size_t accepted = 0;
  std::string fault;
};

Share share_of(const Fuzzer& fuzzer, const std::vector<Seed>& seeds) {
  Share share;
  for (const Seed& seed : seeds) {
    const Verdict verdict = fuzzer.check(seed.bytes);
    share.parts += verdict.parts;
    share.accepted += verdict.accepted;
    if (verdict.fault != nullptr && share.fault.empty())
      share.fault = seed.name + ": " + verdict.fault;
  }
  return share;
}

bool accepts_most(const Share& share) {
  return 100 * share.accepted >= kAcceptedPercent * share.parts;
}

std::vector<Seed> kept_inputs(const std::string& fuzzer) {
  std::vector<Seed> kept;
  const std::filesystem::path folder = "tests/fuzz/corpus/" + fuzzer;
  if (!std::filesystem::exists(folder)) return kept;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string text(std::istreambuf_iterator<char>(file), {});
    const ByteSpan bytes = as_bytes(text);
    kept.push_back({entry.path().filename().string(), Bytes(bytes.begin(), bytes.end())});
  }
  std::sort(kept.begin(), kept.end(), [](const Seed& a, const Seed& b) { return a.name < b.name; });
  return kept;
}

}  // namespace

TEST_CASE("each fuzzer finds nothing wrong with its seeds and accepts nine tenths of their parts") {
  for (const Fuzzer* fuzzer : all_fuzzers()) {
    CAPTURE(std::string(fuzzer->name));
    const std::vector<Seed> seeds = fuzzer->seeds();
    CHECK(seeds.size() >= 5);
    const Share share = share_of(*fuzzer, seeds);
    CHECK(share.fault == "");
    MESSAGE(std::string(fuzzer->name), ": ", share.accepted, " of ", share.parts, " in ",
            seeds.size(), " seeds accepted");
    CHECK(accepts_most(share));
  }
}

TEST_CASE("each fuzzer finds nothing wrong with the inputs that are kept") {
  std::size_t count = 0;
  for (const Fuzzer* fuzzer : all_fuzzers()) {
    CAPTURE(std::string(fuzzer->name));
    // Apart, since one that once ended the process may do so again.
    for (const Seed& kept : kept_inputs(fuzzer->name)) {
      const Outcome outcome =
          run_isolated([&](Progress&) { return words(fuzzer->check(kept.bytes)); });
      CHECK_MESSAGE(outcome.ok, kept.name << ": " << outcome.report);
      ++count;
    }
  }
  CHECK(count >= 5);
}

TEST_CASE("every folder of kept inputs belongs to a fuzzer, and names are given once") {
  std::set<std::string> names;
  for (const Fuzzer* fuzzer : all_fuzzers()) CHECK(names.insert(fuzzer->name).second);
  for (const auto& entry : std::filesystem::directory_iterator("tests/fuzz/corpus"))
    CHECK_MESSAGE(names.contains(entry.path().filename().string()), entry.path().string());
}

TEST_CASE("seeds are the same whenever they are made, and no two of a fuzzer share a name") {
  for (const Fuzzer* fuzzer : all_fuzzers()) {
    CAPTURE(std::string(fuzzer->name));
    const std::vector<Seed> once = fuzzer->seeds();
    const std::vector<Seed> again = fuzzer->seeds();
    REQUIRE(once.size() == again.size());
    std::set<std::string> names;
    for (std::size_t i = 0; i < once.size(); ++i) {
      CHECK(once[i].bytes == again[i].bytes);
      CHECK(names.insert(once[i].name).second);
    }
  }
}

TEST_CASE("what changes inputs keeps most of them well-formed") {
  for (const Fuzzer* fuzzer : all_fuzzers()) {
    if (fuzzer->mutate == nullptr) continue;
    CAPTURE(std::string(fuzzer->name));
    Random random(1);
    std::size_t changed = 0;
    std::size_t tries = 0;
    for (const Seed& seed : fuzzer->seeds())
      for (int round = 0; round < 10; ++round, ++tries)
        if (const Bytes other = fuzzer->mutate(seed.bytes, random);
            !other.empty() && other != seed.bytes)
          ++changed;
    CHECK(4 * changed > tries);
  }
}

TEST_CASE("a fuzzer whose seeds went stale is noticed") {
  // As document_fuzz once was: deltas with something behind them that row forms don't have.
  std::vector<Seed> stale = kDeltaFuzz.seeds();
  for (Seed& seed : stale) seed.bytes.resize(seed.bytes.size() + 8);
  CHECK_FALSE(accepts_most(share_of(kDeltaFuzz, stale)));
}

}  // namespace weft::test
