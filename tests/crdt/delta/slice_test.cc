// Cutting and joining runs: crdt/delta/slice.cc.

#include "crdt/delta/slice.h"

#include <doctest/doctest.h>

#include "tests/crdt/delta/random_batch.h"

using namespace weft;
using test::Random;

namespace {

Op erasure(Seq seq, Seq first, Seq count, bool backward) {
  Op op;
  op.kind = OpKind::kErase;
  op.seq = seq;
  op.count = count;
  op.a = {0, first};
  op.backward = backward;
  return op;
}

std::vector<Seq> targets(const std::vector<Op>& ops) {
  std::vector<Seq> result;
  for (const Op& op : ops)
    for (Seq k = 0; k < op.count; ++k) result.push_back(target_of_unit(op, k).seq);
  return result;
}

bool same(const Op& x, const Op& y) {
  return x.kind == y.kind && x.backward == y.backward && x.container == y.container &&
         x.seq == y.seq && x.count == y.count && x.a == y.a && x.b == y.b &&
         x.content_begin == y.content_begin && x.content_size == y.content_size;
}

}  // namespace

TEST_CASE("runs that are cut anywhere and appended again are the same runs") {
  const std::uint64_t first = test::seed_or(1);
  for (std::uint64_t seed = first; seed < first + 300; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    test::BatchShape shape;
    shape.only_text = seed % 2 == 0;
    Batch batch = test::random_batch(random, shape);
    std::vector<Op> log;
    for (const Op& op : batch.ops) {
      for (Seq at = op.seq; at != op.end();) {
        Seq rest = op.end() - at;
        Seq size = op.kind == OpKind::kUnknown ? rest : 1 + static_cast<Seq>(random.below(rest));
        append_run(log, slice_op(op, at, at + size, 0, batch.content), 0);
        at += size;
      }
    }
    REQUIRE(log.size() == batch.ops.size());
    for (std::size_t i = 0; i < log.size(); ++i) REQUIRE(same(log[i], batch.ops[i]));
  }
}

TEST_CASE("runs of erasures are those that going from unit to unit gives") {
  Random random(test::seed_or(9));
  for (int round = 0; round < 20'000; ++round) {
    std::vector<Op> log, by_unit, joined;
    ErasureJoiner joiner([&](const Op& op) { joined.push_back(op); });
    Seq seq = 100;
    for (int i = 0; i < 6; ++i) {
      Seq count = 1 + static_cast<Seq>(random.below(3));
      Seq start = 3 + static_cast<Seq>(random.below(4));
      bool backward = count > 1 && random.chance(1, 2);
      Op op = erasure(seq, start, count, backward);
      append_run(log, op, 0);
      joiner.push(op, 0);
      for (Seq k = 0; k < count; ++k)
        append_run(by_unit, erasure(seq + k, target_of_unit(op, k).seq, 1, false), 0);
      seq += count;
    }
    joiner.flush();
    REQUIRE(targets(log) == targets(by_unit));
    REQUIRE(log.size() == by_unit.size());
    REQUIRE(joined.size() == log.size());
    for (std::size_t i = 0; i < log.size(); ++i) {
      REQUIRE(same(log[i], by_unit[i]));
      REQUIRE(same(log[i], joined[i]));
    }
  }
}

TEST_CASE(
    "an insertion continues the one before it only with the same right neighbour and container") {
  Op one;
  one.kind = OpKind::kTextInsert;
  one.seq = 10;
  one.count = 2;
  one.a = {1, 4};
  one.b = {1, 5};
  one.content_size = 2;
  Op two = one;
  two.seq = 12;
  two.a = {0, 11};
  two.content_begin = 2;
  CHECK(can_join(one, two, 0));
  CHECK_FALSE(can_join(one, two, 1));  // another replica's dot
  for (auto change :
       {+[](Op& op) { op.b = kNoDot; }, +[](Op& op) { op.container = 1; },
        +[](Op& op) { op.a.seq = 10; }, +[](Op& op) { op.kind = OpKind::kListInsert; }}) {
    Op other = two;
    change(other);
    CHECK_FALSE(continues_run(one, other, 0));
  }
  Op elsewhere = two;
  elsewhere.content_begin = 7;
  CHECK(continues_run(one, elsewhere, 0));
  CHECK_FALSE(can_join(one, elsewhere, 0));
}

TEST_CASE("a revocation goes on forward only") {
  Op one = erasure(10, 5, 2, false);
  one.kind = OpKind::kRevoke;
  Op two = erasure(12, 7, 1, false);
  two.kind = OpKind::kRevoke;
  CHECK(can_join(one, two, 0));
  two.a.seq = 4;
  CHECK_FALSE(continues_run(one, two, 0));
}
