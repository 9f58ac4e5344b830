// The causal graph: small ones drawn and asked by hand, a random one against sets of dots.

#include "crdt/graph/causal_graph.h"

#include <algorithm>
#include <cstdlib>
#include <set>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "tests/support/random.h"

using namespace weft;
using weft::test::Random;

namespace {

constexpr ReplicaId kA{0xa};
constexpr ReplicaId kB{0xb};
constexpr ReplicaId kC{0xc};

/// Appends a delta with the hlc that it has by the rule.
void append(CausalGraph& graph, ReplicaIndex author, Seq count,
            const std::vector<LocalDot>& parents = {}, std::uint64_t time_ms = 0,
            std::uint8_t version = kRowVersion) {
  std::vector<Dependency> dependencies;
  for (LocalDot dot : parents) dependencies.push_back({dot, 0});
  graph.append(author, count, dependencies,
               graph.next_clock(author, dependencies, time_ms, version));
}

std::vector<LocalDot> sorted(std::vector<LocalDot> dots) {
  std::ranges::sort(dots, {}, &LocalDot::packed);
  return dots;
}
std::vector<LocalDot> frontier(const CausalGraph& graph) { return sorted(graph.frontier()); }

// a: [0 .. 4] ---------> [5 6 7]        5 depends on (b, 2)
//          \            /
// b:        [0 1 2] ---+  [3]           0 depends on (a, 1)
//
// c: [0 1]                              of its own
struct Drawn {
  CausalGraph graph;
  ReplicaIndex a = graph.intern(kA);
  ReplicaIndex b = graph.intern(kB);
  ReplicaIndex c = graph.intern(kC);

  Drawn() {
    append(graph, a, 2);
    append(graph, a, 3);
    append(graph, b, 3, {{a, 1}});
    append(graph, c, 2);
    append(graph, a, 3, {{b, 2}});
    append(graph, b, 1);
  }
};

}  // namespace

TEST_CASE("only operations that were appended are known, and only replicas that were interned") {
  Drawn drawn;
  CHECK(drawn.graph.intern(kB) == drawn.b);
  CHECK_FALSE(drawn.graph.find(ReplicaId{0xd}).has_value());
  CHECK(drawn.graph.knows({drawn.a, 7}));
  CHECK_FALSE(drawn.graph.knows({drawn.a, 8}));
  CHECK(drawn.graph.local({kB, 3}) == LocalDot{drawn.b, 3});
  CHECK_FALSE(drawn.graph.local({kB, 4}).has_value());
  CHECK(drawn.graph.version() == VersionVector::parse("a:8 b:4 c:2").value());
}

TEST_CASE("an entry begins only where a delta has dependencies") {
  Drawn drawn;
  auto entries = drawn.graph.entries(drawn.a);
  REQUIRE(entries.size() == 2);
  CHECK(drawn.graph.parents(entries[0]).empty());
  CHECK(entries[1].begin == 5);
  REQUIRE(drawn.graph.parents(entries[1]).size() == 1);
  CHECK(drawn.graph.parents(entries[1])[0] == LocalDot{drawn.b, 2});
  CHECK(drawn.graph.entries(drawn.b).size() == 1);

  CausalGraph typing;
  ReplicaIndex writer = typing.intern(kA);
  for (int i = 0; i < 1000; ++i) append(typing, writer, 1);
  CHECK(typing.entries(writer).size() == 1);
  CHECK(typing.hlc_runs(writer).size() == 1);
}

TEST_CASE("happened before follows a log and its dependencies, in one direction") {
  Drawn drawn;
  auto& [graph, a, b, c] = drawn;
  CHECK(graph.happened_before({a, 0}, {a, 7}));
  CHECK_FALSE(graph.happened_before({a, 7}, {a, 0}));
  CHECK_FALSE(graph.happened_before({a, 3}, {a, 3}));
  // b saw a up to 1, not 2.
  CHECK(graph.happened_before({a, 1}, {b, 0}));
  CHECK(graph.happened_before({a, 1}, {b, 3}));
  CHECK_FALSE(graph.happened_before({a, 2}, {b, 0}));
  CHECK_FALSE(graph.happened_before({b, 0}, {a, 4}));
  // a saw b up to 2 from 5 on.
  CHECK(graph.happened_before({b, 2}, {a, 5}));
  CHECK(graph.happened_before({b, 0}, {a, 7}));
  CHECK_FALSE(graph.happened_before({b, 3}, {a, 7}));
  CHECK_FALSE(graph.happened_before({c, 0}, {a, 7}));
  CHECK_FALSE(graph.happened_before({a, 0}, {c, 1}));
}

TEST_CASE("the frontier is what nobody has seen yet (I3)") {
  CausalGraph graph;
  ReplicaIndex a = graph.intern(kA);
  ReplicaIndex b = graph.intern(kB);
  append(graph, a, 2);
  append(graph, b, 1);
  CHECK(frontier(graph) == std::vector<LocalDot>{{a, 1}, {b, 0}});
  append(graph, b, 1, {{a, 0}});  // a's last operation is still unseen
  CHECK(frontier(graph) == std::vector<LocalDot>{{a, 1}, {b, 1}});
  append(graph, a, 1, {{b, 1}});
  CHECK(frontier(graph) == std::vector<LocalDot>{{a, 2}});
  append(graph, b, 1);
  CHECK(frontier(graph) == std::vector<LocalDot>{{a, 2}, {b, 2}});
}

TEST_CASE("the frontier of a version is that of the document when it was at the version") {
  Drawn drawn;
  auto& [graph, a, b, c] = drawn;
  auto of = [&](const char* text) {
    return sorted(drawn.graph.frontier_of(VersionVector::parse(text).value()));
  };
  CHECK(of("").empty());
  CHECK(of("a:2") == std::vector<LocalDot>{{a, 1}});
  CHECK(of("a:2 b:1") == std::vector<LocalDot>{{b, 0}});
  CHECK(of("a:5 b:3") == std::vector<LocalDot>{{a, 4}, {b, 2}});
  CHECK(of("a:6 b:3") == std::vector<LocalDot>{{a, 5}});
  CHECK(of("a:8 b:4 c:2") == std::vector<LocalDot>{{a, 7}, {b, 3}, {c, 1}});
  CHECK(of("a:8 b:4 c:2") == frontier(graph));
}

TEST_CASE(
    "a version is closed when it holds what its operations depend on, and no more than exists") {
  Drawn drawn;
  auto closed = [&](const char* text) {
    return drawn.graph.is_closed(VersionVector::parse(text).value());
  };
  CHECK(closed(""));
  CHECK(closed("c:2"));
  CHECK(closed("a:2 b:1"));
  CHECK_FALSE(closed("a:1 b:1"));
  CHECK_FALSE(closed("b:1"));
  CHECK(closed("a:5 b:2"));
  CHECK_FALSE(closed("a:6 b:2"));
  CHECK(closed("a:6 b:3"));
  CHECK_FALSE(closed("a:9 b:3"));
  CHECK_FALSE(closed("d:1"));
}

TEST_CASE("the maximal ones of some dots are those in no other's past") {
  Drawn drawn;
  auto& [graph, a, b, c] = drawn;
  auto of = [&](const std::vector<LocalDot>& dots) { return sorted(drawn.graph.maximal(dots)); };
  CHECK(of({}).empty());
  CHECK(of({{a, 1}, {b, 0}}) == std::vector<LocalDot>{{b, 0}});
  CHECK(of({{a, 2}, {b, 0}}) == std::vector<LocalDot>{{a, 2}, {b, 0}});
  CHECK(of({{a, 0}, {a, 5}, {b, 2}, {b, 3}, {c, 0}}) ==
        std::vector<LocalDot>{{a, 5}, {b, 3}, {c, 0}});
  CHECK(of({{c, 1}, {c, 1}}) == std::vector<LocalDot>{{c, 1}});
}

TEST_CASE(
    "the hlc is one more than the largest of the past, or the time where that is ahead (I2)") {
  CausalGraph graph;
  ReplicaIndex a = graph.intern(kA);
  ReplicaIndex b = graph.intern(kB);
  append(graph, a, 3);
  CHECK(graph.hlc_of({a, 0}) == 1);
  CHECK(graph.hlc_of({a, 2}) == 3);
  append(graph, b, 1);
  CHECK(graph.hlc_of({b, 0}) == 1);
  append(graph, b, 2, {{a, 2}});
  CHECK(graph.hlc_of({b, 1}) == 4);
  CHECK(graph.hlc_of({b, 2}) == 5);
  append(graph, a, 2, {}, 10);
  CHECK(graph.hlc_of({a, 3}) == 10u << 16);
  CHECK(graph.hlc_of({a, 4}) == (10u << 16) + 1);
  append(graph, a, 1, {}, 9);  // a clock that went back
  CHECK(graph.hlc_of({a, 5}) == (10u << 16) + 2);
  CHECK(graph.stamp_of({a, 5}) == Stamp{(10u << 16) + 2, kA});
  // A run of clocks for each jump, none for what goes on by one.
  REQUIRE(graph.hlc_runs(a).size() == 2);
  CHECK(graph.hlc_runs(a)[1].begin == 3);
  CHECK(graph.hlc_runs(a)[1].base == 10u << 16);
}

TEST_CASE(
    "the weight is the time, or that of a direct parent which is not a day ahead (weight.h)") {
  constexpr std::uint64_t kDay = kWeightReachMs;
  constexpr std::uint64_t kNow = 1'700'000'000'000;
  CausalGraph graph;
  ReplicaIndex a = graph.intern(kA);
  ReplicaIndex b = graph.intern(kB);
  ReplicaIndex c = graph.intern(kC);
  auto weight_ms = [&](LocalDot dot) { return graph.weight_of(dot).value >> 16; };
  append(graph, a, 1, {}, kNow);
  CHECK(graph.weight_of({a, 0}) == Weight{kNow << 16, kA});
  append(graph, a, 1, {}, kNow - 5);
  CHECK(weight_ms({a, 1}) == kNow);
  CHECK(graph.weight_runs(a).empty());  // where the hlc says the same, nothing is kept (I5)
  append(graph, b, 2, {}, kNow + kDay + 1);
  append(graph, a, 1, {{b, 1}}, kNow);
  CHECK(weight_ms({a, 2}) == kNow);  // out of reach
  CHECK(graph.hlc_of({a, 2}) == ((kNow + kDay + 1) << 16) + 2);
  append(graph, a, 1, {{b, 1}}, kNow + 1);
  CHECK(weight_ms({a, 3}) == kNow + kDay + 1);  // just within reach
  append(graph, c, 1, {{a, 3}, {b, 1}}, 0);
  CHECK(weight_ms({c, 0}) == kNow + kDay + 1);  // of unknown time: the largest
  append(graph, a, 1, {}, kNow + 2);
  CHECK(weight_ms({a, 4}) == kNow + kDay + 1);
  REQUIRE(graph.weight_runs(a).size() == 2);
  CHECK(graph.weight_runs(a)[0].begin == 2);
  CHECK(graph.weight_runs(a)[1].weight_ms == DeltaClock::kAsHlc);
}

TEST_CASE("operations whose counter went beyond their millisecond weigh that millisecond still") {
  CausalGraph graph;
  ReplicaIndex a = graph.intern(kA);
  append(graph, a, 70'000, {}, 5);
  CHECK(graph.weight_of({a, 65'535}).value == (5u << 16) + 65'535);
  CHECK(graph.weight_of({a, 65'536}).value == 5u << 16);
  append(graph, a, 1, {}, 5);
  CHECK(graph.weight_of({a, 70'000}).value == 5u << 16);
  CHECK(graph.weight_runs(a).size() == 1);
}

TEST_CASE("rows of version 1 weigh their hlc, and what follows goes on from there (I4)") {
  CausalGraph graph;
  ReplicaIndex a = graph.intern(kA);
  append(graph, a, 2, {}, 1000, kLegacyRowVersion);
  append(graph, a, 1, {}, 10, kLegacyRowVersion);
  CHECK(graph.weight_of({a, 2}).value == (1000u << 16) + 2);
  CHECK(graph.legacy_end(a) == 3);
  append(graph, a, 1, {}, 10);
  CHECK(graph.weight_of({a, 3}).value == (1000u << 16) + 3);  // within reach of what it has seen
  CHECK(graph.legacy_end(a) == 3);
}

TEST_CASE("runs of alike deltas weigh what the deltas weigh one by one") {
  const char* text = std::getenv("WEFT_SEED");
  const std::uint64_t seed = text != nullptr ? std::strtoull(text, nullptr, 0) : 7;
  INFO("WEFT_SEED=" << seed << " in causal_graph_test");
  Random random(seed);
  for (int round = 0; round < 200; ++round) {
    CausalGraph single;
    CausalGraph runs;
    std::vector<DeltaRun> deltas;
    Seq end = 1;
    const auto legacy = static_cast<std::uint64_t>(random.below(4));
    for (std::uint64_t i = 0; i < 8; ++i) {
      DeltaRun run;
      run.first_seq = end;
      run.ops_each = 1 + static_cast<Seq>(random.below(random.chance(1, 8) ? 80'000 : 3));
      run.delta_count = 1 + static_cast<std::uint32_t>(random.below(3));
      run.row_version = i < legacy ? kLegacyRowVersion : kRowVersion;
      run.committed_at_ms = random.chance(1, 6) ? 0 : 1 + random.below(4) * (kWeightReachMs / 2);
      end = run.end();
      deltas.push_back(run);
    }
    for (CausalGraph* graph : {&single, &runs}) {
      ReplicaIndex a = graph->intern(kA);
      append(*graph, a, 1, {}, 3, legacy > 0 ? kLegacyRowVersion : kRowVersion);
    }
    for (const DeltaRun& run : deltas)
      for (std::uint32_t k = 0; k < run.delta_count; ++k)
        append(single, 0, run.ops_each, {}, run.committed_at_ms, run.row_version);
    runs.append_runs(0, deltas);
    REQUIRE(single.end(0) == runs.end(0));
    REQUIRE(single.legacy_end(0) == runs.legacy_end(0));
    auto same = [](const CausalGraph::WeightRun& x, const CausalGraph::WeightRun& y) {
      return x.begin == y.begin && x.weight_ms == y.weight_ms;
    };
    REQUIRE(std::ranges::equal(single.weight_runs(0), runs.weight_runs(0), same));
  }
}

namespace {

/// The naive model: every operation with the set of all that its author had seen.
using Dots = std::set<std::pair<ReplicaIndex, Seq>>;

Dots as_set(const LocalVersion& version) {
  Dots dots;
  for (const LocalVersion::Entry& entry : version.entries())
    for (Seq seq = 0; seq < entry.end; ++seq) dots.insert({entry.replica, seq});
  return dots;
}

struct Model {
  CausalGraph graph;
  std::vector<std::vector<Dots>> pasts;  ///< of each replica's operations, without themselves

  explicit Model(ReplicaIndex replicas) : pasts(replicas) {
    for (ReplicaIndex r = 0; r < replicas; ++r) graph.intern(ReplicaId{100 - r});
  }
  Dots with_past(LocalDot dot) const {
    Dots dots = pasts[dot.replica][dot.seq];
    dots.insert({dot.replica, dot.seq});
    return dots;
  }
  Dots past_after(ReplicaIndex author, const std::vector<Dependency>& dependencies) const {
    Dots past;
    if (!pasts[author].empty())
      past = with_past({author, static_cast<Seq>(pasts[author].size() - 1)});
    for (const Dependency& dependency : dependencies) past.merge(with_past(dependency.dot));
    return past;
  }
  void append(ReplicaIndex author, Seq count, const std::vector<Dependency>& dependencies) {
    Dots past = past_after(author, dependencies);
    REQUIRE(as_set(graph.past_after(author, dependencies)) == past);
    graph.append(author, count, dependencies,
                 graph.next_clock(author, dependencies, 0, kRowVersion));
    for (Seq i = 0; i < count; ++i) {
      pasts[author].push_back(past);
      past.insert({author, static_cast<Seq>(pasts[author].size() - 1)});
    }
  }
  LocalDot any(Random& random) const {
    for (;;) {
      auto replica = static_cast<ReplicaIndex>(random.below(pasts.size()));
      if (pasts[replica].empty()) continue;
      return {replica, static_cast<Seq>(random.below(pasts[replica].size()))};
    }
  }
};

/// Every pair, the frontier and past of random versions, and what one version has over another.
void compare(Model& model, Random& random) {
  const CausalGraph& graph = model.graph;
  for (int i = 0; i < 200; ++i) {
    LocalDot a = model.any(random);
    LocalDot b = model.any(random);
    bool before = model.pasts[b.replica][b.seq].contains({a.replica, a.seq});
    REQUIRE(graph.happened_before(a, b) == before);
    if (before) REQUIRE(graph.hlc_of(a) < graph.hlc_of(b));
  }
  for (int i = 0; i < 20; ++i) {
    std::vector<LocalDot> heads;
    Dots version;
    LocalVersion local;
    for (std::uint64_t n = 1 + random.below(4); n > 0; --n) {
      heads.push_back(model.any(random));
      version.merge(model.with_past(heads.back()));
      graph.add_past(local, heads.back());
    }
    REQUIRE(as_set(local) == version);
    VersionVector vector;
    for (const auto& [replica, seq] : version) vector.raise(graph.id(replica), seq + 1);
    CHECK(graph.is_closed(vector));
    std::vector<LocalDot> maximal;
    for (const auto& [replica, seq] : version)
      if (std::none_of(version.begin(), version.end(), [&, r = replica, s = seq](const auto& dot) {
            return model.pasts[dot.first][dot.second].contains({r, s});
          }))
        maximal.push_back({replica, seq});
    REQUIRE(sorted(graph.frontier_of(vector)) == maximal);
    REQUIRE(sorted(graph.maximal(heads)) == maximal);
  }
}

}  // namespace

TEST_CASE("random graphs answer as sets of dots do") {
  const char* text = std::getenv("WEFT_SEED");
  const std::uint64_t seed = text != nullptr ? std::strtoull(text, nullptr, 0) : 11;
  INFO("WEFT_SEED=" << seed << " in causal_graph_test");
  Random random(seed);
  for (int round = 0; round < 12; ++round) {
    CAPTURE(round);
    Model model(static_cast<ReplicaIndex>(2 + random.below(11)));
    for (int step = 0; step < 40; ++step) {
      auto author = static_cast<ReplicaIndex>(random.below(model.pasts.size()));
      auto count = static_cast<Seq>(1 + random.below(3));
      std::vector<Dependency> dependencies;
      for (ReplicaIndex other = 0; other < model.pasts.size(); ++other) {
        if (other == author || model.pasts[other].empty() || !random.chance(1, 4)) continue;
        dependencies.push_back(
            {{other, static_cast<Seq>(random.below(model.pasts[other].size()))}, 0});
      }
      model.append(author, count, dependencies);
    }
    compare(model, random);
  }
}
