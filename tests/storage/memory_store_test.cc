#include "storage/memory/memory_store.h"

#include <doctest/doctest.h>

#include "tests/storage/store_contract.h"
#include "tests/support/random.h"

using namespace weft;

namespace {

test::Workshop make() {
  auto store = std::make_shared<MemoryStore>(MemoryStore::Options{{42}, 1, nullptr});
  return {[store] { return store; }, false};
}

}  // namespace

TEST_CASE("a store in memory keeps the contract of stores") { test::check_store_contract(make); }

TEST_CASE("a store in memory agrees with a model") {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) test::check_store_model(make, seed, 100);
}

TEST_CASE("many threads append to a store in memory") { test::check_store_threads(make); }

TEST_CASE("a store whose disk fails stores nothing and says why") {
  bool full = false;
  MemoryStore::Options options;
  options.before_append = [&](std::span<const NewRecord>) -> Status {
    if (full) return Error(ErrorCode::kDiskFull, "no room");
    return {};
  };
  MemoryStore store(options);
  auto append = [&](Seq seq) {
    auto record = test::sample(1, 7, seq, 1);
    NewRecord view = record.view();
    return store.append(std::span(&view, 1));
  };
  REQUIRE(append(0).ok());
  full = true;
  CHECK(append(1).error().code() == ErrorCode::kDiskFull);
  CHECK(store.info().end == 2);
  full = false;
  CHECK(append(1).ok());
}

TEST_CASE("any flipped bit of a record is found and named") {
  MemoryStore store({{42}, 1, nullptr});
  auto record = test::sample(1, 7, 0, 1, 30);
  auto other = test::sample(1, 7, 1, 1, 30);
  std::vector<NewRecord> both{record.view(), other.view()};
  REQUIRE(store.append(both).ok());
  for (std::size_t bit = 0; bit < store.bytes_at(1).size() * 8; ++bit) {
    CAPTURE(bit);
    auto flip = [&] { store.bytes_at(1)[bit / 8] ^= static_cast<std::byte>(1 << (bit % 8)); };
    flip();
    auto bad = store.verify();
    REQUIRE(bad.ok());
    REQUIRE(bad->size() == 1);
    CHECK(bad->front().position == 1);
    CHECK(bad->front().error.code() == ErrorCode::kCorrupt);
    flip();
  }
  std::swap(store.bytes_at(1), store.bytes_at(2));  // each whole, but at the other's place
  CHECK(store.verify()->size() == 2);
}
