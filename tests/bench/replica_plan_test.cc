// Oracle: for each replica the set of transactions that it knows, taken along transaction by
// transaction, against the causal past as a set.
#include "bench/trace/replica_plan.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <set>
#include <string>
#include <vector>

#include "bench/trace/prng.h"

using weft::trace::plan_replicas;
using weft::trace::Prng;
using weft::trace::ReplicaPlan;
using weft::trace::Trace;

namespace {

Trace random_trace(Prng& prng) {
  Trace trace;
  trace.concurrent = true;
  trace.agent_count = 1 + prng.below(4);
  const std::uint32_t count = prng.below(40);
  for (std::uint32_t t = 0; t < count; ++t) {
    const std::uint32_t agent = prng.below(trace.agent_count);
    trace.begin_transaction(agent, 0);
    std::set<std::uint32_t> parents;
    const std::uint32_t parent_count = prng.below(4);
    for (std::uint32_t p = 0; t != 0 && p < parent_count; ++p) {
      const std::uint32_t back = 1 + prng.below(prng.percent(70) ? 4 : t);
      parents.insert(back > t ? 0 : t - back);
    }
    for (std::uint32_t parent : parents) trace.add_parent(parent);
  }
  return trace;
}

using Set = std::set<std::uint32_t>;

/// By transaction: itself and everything before it.
std::vector<Set> pasts_of(const Trace& trace) {
  std::vector<Set> pasts(trace.transactions.size());
  for (std::uint32_t t = 0; t < pasts.size(); ++t) {
    for (std::uint32_t parent : trace.parents_of(trace.transactions[t])) {
      pasts[t].insert(pasts[parent].begin(), pasts[parent].end());
    }
    pasts[t].insert(t);
  }
  return pasts;
}

void check_plan(const Trace& trace) {
  const ReplicaPlan plan = plan_replicas(trace);
  const std::vector<Set> pasts = pasts_of(trace);
  std::vector<Set> known(plan.replica_count);
  const auto deliver = [&](std::uint32_t replica, std::span<const std::uint32_t> transactions) {
    for (std::uint32_t t : transactions) {
      // In causal order: all before t are there already. Not twice.
      for (std::uint32_t before : pasts[t])
        REQUIRE((before == t || known[replica].contains(before)));
      REQUIRE(known[replica].insert(t).second);
    }
  };
  for (std::uint32_t t = 0; t < trace.transactions.size(); ++t) {
    const std::uint32_t replica = plan.replica_of[t];
    REQUIRE(plan.agent_of[replica] == trace.transactions[t].agent);
    deliver(replica, plan.deliveries_before(t));
    known[replica].insert(t);
    REQUIRE(known[replica] == pasts[t]);
  }
  for (std::uint32_t replica = 0; replica < plan.replica_count; ++replica) {
    deliver(replica, plan.last_deliveries(replica));
    REQUIRE(known[replica].size() == trace.transactions.size());
  }
}

}  // namespace

TEST_CASE("a replica knows exactly the causal past of what it makes, in 2000 random traces") {
  const char* given = std::getenv("WEFT_SEED");
  const std::uint64_t seed = given ? std::strtoull(given, nullptr, 0) : 1;
  for (std::uint64_t round = 0; round < 2000; ++round) {
    CAPTURE(seed);
    CAPTURE(round);
    Prng prng(seed * 1'000'003 + round);
    check_plan(random_trace(prng));
  }
}

TEST_CASE("an agent that is concurrent with itself gets a replica for each branch") {
  Trace trace;
  trace.concurrent = true;
  for (int i = 0; i < 3; ++i) trace.begin_transaction(0, 0);
  trace.add_parent(0);  // 0, 1 apart; 2 goes on from 0
  const ReplicaPlan plan = plan_replicas(trace);
  CHECK(plan.replica_count == 2);
  CHECK(plan.replica_of == std::vector<std::uint32_t>{0, 1, 0});
}

TEST_CASE("a trace without transactions needs no replica") {
  CHECK(plan_replicas(Trace()).replica_count == 0);
}
