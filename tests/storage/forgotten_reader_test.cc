// Readers that forget to go on: they hold nothing that others wait for, and keep no page from being used again.

#include <doctest/doctest.h>

#include <latch>
#include <thread>

#include "bench/store/forgotten_reader.h"
#include "storage/lmdb/environment.h"
#include "tests/support/folder.h"

using namespace weft;
using bench::Growth;
using bench::measure_growth;
using test::Folder;

namespace {

constexpr double kGrowthRatioMax = 1.2;
constexpr std::uint32_t kRounds = 30;

Growth growth(bool forgotten_readers) {
  const Folder folder(test::fast_parent());
  const Result<Growth> result = measure_growth({.folder = folder.path(),
                                                .rounds = kRounds,
                                                .text_bytes = 50'000,
                                                .forgotten_readers = forgotten_readers});
  REQUIRE_MESSAGE(result.ok(), result.error().message());
  return *result;
}

double ratio(std::uint64_t with, std::uint64_t without) {
  REQUIRE(without > 0);
  return static_cast<double>(with) / static_cast<double>(without);
}

/// How much a bare environment grows while one value is put again and again; a read transaction that began before
/// lives until the end, or does not.
std::uint64_t environment_growth(bool kept_transaction) {
  const Folder folder(test::fast_parent());
  lmdb::Environment::Options options;
  options.folder = folder.path();
  options.databases = {{"values", lmdb::Environment::Keys::kNumbers}};
  const auto environment = lmdb::Environment::open(std::move(options)).value();
  const Bytes value(50'000, std::byte{1});
  auto put = [&] {
    REQUIRE(
        environment->write([&](lmdb::Writing& writing) { return writing.put(0, 1, value); }).ok());
  };
  put();
  const std::uint64_t before = environment->file_bytes();
  std::latch inside{1};
  std::latch go_on{1};
  std::thread reader([&] {
    if (!kept_transaction) return inside.count_down();
    (void)environment->read([&](const lmdb::Reading&) -> Status {
      inside.count_down();
      go_on.wait();
      return {};
    });
  });
  inside.wait();
  for (std::uint32_t round = 0; round < kRounds; ++round) put();
  const std::uint64_t after = environment->file_bytes();
  go_on.count_down();
  reader.join();
  return after - before;
}

}  // namespace

TEST_CASE("readers that stand still in their visitors don't make a store's files grow") {
  const Growth without = growth(false);
  const Growth with = growth(true);
  INFO("grown by " << with.grown() << " bytes with readers, " << without.grown() << " without");
  CHECK(ratio(with.grown(), without.grown()) <= kGrowthRatioMax);
  CHECK(with.state_bytes == without.state_bytes);
  CHECK_MESSAGE(without.grown() < without.state_bytes / 3, "pages are hardly used again at all");
}

TEST_CASE("a read transaction that is kept does, and the ratio shows it") {
  CHECK(ratio(environment_growth(true), environment_growth(false)) > 2 * kGrowthRatioMax);
}
