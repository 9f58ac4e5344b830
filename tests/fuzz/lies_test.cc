// Lies and damage at random in the seeds of every fuzzer: what libFuzzer does for longer, in every build.
//
//   WEFT_SEED   which lies (default 1)
//   WEFT_SIZE   smoke, ci or full: how many; WEFT_HISTORIES says it in numbers

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "tests/fuzz/fuzzer.h"
#include "tests/histories/harness.h"
#include "tests/histories/isolate.h"
#include "tests/support/golden.h"

namespace weft::test {
namespace {

/// Bytes changed, dropped, doubled or cut off, as a disk or a stranger may do.
Bytes damaged(Bytes input, Random& random) {
  if (input.empty()) return {static_cast<std::byte>(random.below(256))};
  const std::size_t at = random.below(input.size());
  const std::size_t size = std::min<std::size_t>(1 + random.below(8), input.size() - at);
  const auto begin = input.begin() + static_cast<std::ptrdiff_t>(at);
  switch (random.below(6)) {
    case 0:
      input.erase(begin, begin + static_cast<std::ptrdiff_t>(size));
      break;
    case 1: {
      const Bytes copy(begin, begin + static_cast<std::ptrdiff_t>(size));
      input.insert(begin, copy.begin(), copy.end());
      break;
    }
    case 2:
      input.resize(at);
      break;
    case 3:
      *begin = static_cast<std::byte>(random.below(256));
      break;
    default:
      *begin ^= static_cast<std::byte>(1u << random.below(8));
  }
  return input;
}

/// The seed of this number with up to four things changed.
Bytes lie_of(const Fuzzer& fuzzer, const std::vector<Seed>& seeds, std::uint64_t number) {
  Random random(first_seed() * 1'000'000'007 + number);
  Bytes input = seeds[number % seeds.size()].bytes;
  for (std::uint64_t left = 1 + random.below(4); left > 0; --left) {
    if (fuzzer.mutate == nullptr || random.chance(1, 6)) {
      input = damaged(std::move(input), random);
    } else if (Bytes changed = fuzzer.mutate(input, random); !changed.empty()) {
      input = std::move(changed);
    }
  }
  return input;
}

TEST_CASE("lies and damage in the seeds do no harm") {
  for (const Fuzzer* fuzzer : all_fuzzers()) {
    const std::vector<Seed> seeds = fuzzer->seeds();
    const std::uint64_t count = history_count(400);
    const Outcome outcome = run_isolated([&](Progress& progress) -> std::string {
      for (std::uint64_t number = 0; number < count; ++number) {
        progress.store(number);
        if (const Verdict verdict = fuzzer->check(lie_of(*fuzzer, seeds, number)); verdict.fault)
          return verdict.fault;
      }
      return "";
    });
    CHECK_MESSAGE(outcome.ok,
                  std::string(fuzzer->name)
                      << ", lie " << outcome.progress << ": " << outcome.report
                      << "\nagain: WEFT_SEED=" << first_seed() << " WEFT_HISTORIES=" << count
                      << " weft_fuzz_tests --test-case='lies*'\nthe input:\n"
                      << (outcome.ok ? "" : to_hex(lie_of(*fuzzer, seeds, outcome.progress))));
  }
}

}  // namespace
}  // namespace weft::test
