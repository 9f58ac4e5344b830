// RunTree against the plain vector of run_tree_model.h.
//
// WEFT_SEED=<n> runs another seed; a failure prints the one to use.

#include "crdt/weave/run_tree.h"

#include <doctest/doctest.h>

#include <cstdlib>

#include "tests/crdt/weave/run_tree_comparison.h"
#include "tests/crdt/weave/run_tree_operations.h"
#include "tests/support/size.h"

namespace weft::test {
namespace {

std::uint64_t base_seed() {
  const char* text = std::getenv("WEFT_SEED");
  return text == nullptr ? 20'240'611 : std::strtoull(text, nullptr, 10);
}

template <class Tree>
std::string fault_of(Script script, std::size_t elements_max,
                     const std::vector<Operation>& operations) {
  Comparison<Tree> comparison(script, elements_max);
  for (std::size_t i = 0; i < operations.size(); ++i) {
    std::string fault = comparison.apply(operations[i]);
    if (fault.empty() && i % 100 == 99) fault = comparison.compare_all();
    if (!fault.empty()) return fault + ", operation " + std::to_string(i);
  }
  return comparison.compare_all();
}

/// Deletes operations as long as the rest still fails.
template <class Tree>
std::vector<Operation> shrink(Script script, std::size_t elements_max,
                              std::vector<Operation> operations) {
  for (std::size_t piece = operations.size() / 2; piece > 0; piece /= 2)
    for (std::size_t at = 0; at + piece <= operations.size();) {
      std::vector<Operation> fewer = operations;
      fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(at),
                  fewer.begin() + static_cast<std::ptrdiff_t>(at + piece));
      if (fault_of<Tree>(script, elements_max, fewer).empty())
        at += piece;
      else
        operations = std::move(fewer);
    }
  return operations;
}

template <class Tree>
void compare_with_model(Script script, std::size_t elements_max, std::size_t rounds,
                        std::size_t operations_per_round) {
  for (std::size_t round = 0; round < rounds; ++round) {
    const std::uint64_t seed = base_seed() + round;
    const auto operations = make_operations(seed, operations_per_round);
    const std::string fault = fault_of<Tree>(script, elements_max, operations);
    if (fault.empty()) continue;
    const auto fewer = shrink<Tree>(script, elements_max, operations);
    std::string listing;
    for (const Operation& operation : fewer)
      listing += "\n  kind " + std::to_string(static_cast<int>(operation.kind)) + " where " +
                 std::to_string(operation.where) + " size " + std::to_string(operation.size) +
                 " choice " + std::to_string(operation.choice);
    FAIL("WEFT_SEED=" << seed << ": " << fault << "; shrunk to "
                      << fault_of<Tree>(script, elements_max, fewer) << listing);
  }
}

using TinyTree = BasicRunTree<TreeShape<4, 16, 3>>;
using SmallTree = BasicRunTree<TreeShape<8, 64, 4>>;

TEST_CASE("a tree of tiny nodes answers as a plain vector does, for text of all character sizes") {
  compare_with_model<TinyTree>(Script::kMixed, 120, count_or_tenth(120), 300);
}
TEST_CASE("a tree of tiny nodes answers as a plain vector does, for ASCII text") {
  compare_with_model<TinyTree>(Script::kAscii, 120, count_or_tenth(80), 300);
}
TEST_CASE("a tree of tiny nodes answers as a plain vector does, for lists") {
  compare_with_model<TinyTree>(Script::kNone, 120, count_or_tenth(80), 300);
}
TEST_CASE("a tree of small nodes answers as a plain vector does") {
  compare_with_model<SmallTree>(Script::kMixed, 250, count_or_tenth(20), 500);
}
TEST_CASE("a tree of production nodes answers as a plain vector does") {
  compare_with_model<RunTree>(Script::kMixed, 900, 1, 1500);
  compare_with_model<RunTree>(Script::kNone, 600, 1, 1000);
}

TEST_CASE("typing goes on with its run until something else happens there") {
  RunTree tree(true);
  CHECK_FALSE(tree.extend_at(0, {0, 0}, 1, "a"));
  tree.insert_at(0, {0, 0}, 1, "a");
  CHECK(tree.extend_at(1, {0, 1}, 1, "b"));
  CHECK_FALSE(tree.extend_at(1, {0, 2}, 1, "c"));  // elsewhere
  CHECK_FALSE(tree.extend_at(2, {0, 3}, 1, "c"));  // another dot
  CHECK_FALSE(tree.extend_at(2, {1, 2}, 1, "c"));  // another replica
  CHECK(tree.extend_at(2, {0, 2}, 2, "cé"));
  tree.insert_after({0, 3}, {1, 0}, 1, "R");
  CHECK_FALSE(tree.extend_at(4, {0, 4}, 1, "d"));  // `ro` is another one now
  const Neighbours neighbours = tree.insert_at(4, {0, 4}, 1, "d");
  CHECK(neighbours.lo == LocalDot{0, 3});
  CHECK(neighbours.ro == LocalDot{1, 0});
  CHECK(tree.text() == "abcédR");
  CHECK(tree.run_count() == 2);
}

TEST_CASE("an insertion goes before the tombstones that follow its left neighbour") {
  RunTree tree(true);
  tree.insert_at(0, {0, 0}, 3, "abc");
  CHECK(tree.erase_one(1) == LocalDot{0, 1});
  const Neighbours neighbours = tree.insert_at(1, {0, 3}, 1, "x");
  CHECK(neighbours.lo == LocalDot{0, 0});
  CHECK(neighbours.ro == LocalDot{0, 1});
  CHECK(tree.next({0, 3}) == LocalDot{0, 1});
}

TEST_CASE("a split keeps its place where two runs beside each other could be one") {
  TinyTree tree(true);
  tree.insert_at(0, {0, 0}, 7, "abcdefg");
  tree.insert_at(7, {0, 8}, 7, "ijklmno");
  tree.insert_after({0, 6}, {0, 7}, 1, "h");  // closes the gap: 0..7 and 8..14 are now consecutive
  CHECK(tree.run_count() == 2);
  const Neighbours neighbours =
      tree.insert_at(14, {1, 0}, 2, "xy");  // too much for the leaf: cut inside 0..7
  tree.check_invariants();
  CHECK(neighbours.lo == LocalDot{0, 13});
  CHECK(tree.text() == "abcdefghijklmnxyo");
}

TEST_CASE("what is typed and taken back leaves two runs") {
  RunTree tree(true);
  tree.insert_at(0, {0, 0}, 1, "a");
  for (Seq i = 1; i < 5000; ++i) REQUIRE(tree.extend_at(i, {0, i}, 1, "b"));
  for (std::size_t i = 4999; i > 0; --i) tree.erase_one(i);
  tree.check_invariants();
  CHECK(tree.text() == "a");
  CHECK(tree.run_count() <= 3);
  CHECK(tree.element_count() == 5000);
}

TEST_CASE("leaves are used again where long text comes and goes") {
  TinyTree tree(true);
  const std::string text(500, 'x');
  Seq seq = 0;
  std::uint64_t runs = 0;
  for (int round = 0; round < 200; ++round) {
    tree.insert_at(0, {0, seq}, 500, text);
    tree.erase_at(0, 500, [](LocalDot, Seq) {});
    seq += 501;
    tree.check_invariants();
    runs = tree.run_count();
  }
  CHECK(tree.visible() == TextMetrics{});
  CHECK(runs < 1000);  // a few for each round, not one for each leaf there was
}

}  // namespace
}  // namespace weft::test
