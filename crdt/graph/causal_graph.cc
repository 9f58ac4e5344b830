#include "crdt/graph/causal_graph.h"

#include <algorithm>

#include "crdt/base/assert.h"

namespace weft {
namespace {

/// Cached pasts are dropped when so many replicas have one: n of them can take n^2 entries.
constexpr std::uint32_t kSeenMax = 512;

}  // namespace

Seq LocalVersion::end(ReplicaIndex replica) const {
  if (entries_.size() <= 8) {
    for (const Entry& entry : entries_)
      if (entry.replica == replica) return entry.end;
    return 0;
  }
  auto at = std::lower_bound(entries_.begin(), entries_.end(), replica,
                             [](const Entry& entry, ReplicaIndex r) { return entry.replica < r; });
  return at != entries_.end() && at->replica == replica ? at->end : 0;
}

Seq LocalVersion::raise(ReplicaIndex replica, Seq end) {
  if (entries_.size() <= 8)
    for (Entry& entry : entries_)
      if (entry.replica == replica) {
        Seq before = entry.end;
        entry.end = std::max(before, end);
        return before;
      }
  auto at = std::lower_bound(entries_.begin(), entries_.end(), replica,
                             [](const Entry& entry, ReplicaIndex r) { return entry.replica < r; });
  if (at == entries_.end() || at->replica != replica) {
    entries_.insert(at, Entry{replica, end});
    return 0;
  }
  Seq before = at->end;
  at->end = std::max(before, end);
  return before;
}

ReplicaIndex CausalGraph::intern(ReplicaId replica) {
  auto [at, is_new] = index_.try_emplace(replica, static_cast<ReplicaIndex>(replicas_.size()));
  if (is_new) replicas_.emplace_back().id = replica;
  return at->second;
}

std::optional<ReplicaIndex> CausalGraph::find(ReplicaId replica) const {
  auto at = index_.find(replica);
  if (at == index_.end()) return std::nullopt;
  return at->second;
}

void CausalGraph::forget_newest(ReplicaIndex replica) {
  WEFT_ASSERT(replica + 1 == replicas_.size() && replicas_.back().end == 0);
  index_.erase(replicas_.back().id);
  replicas_.pop_back();
}

std::optional<LocalDot> CausalGraph::local(const Dot& dot) const {
  auto replica = find(dot.replica);
  if (!replica || dot.seq >= replicas_[*replica].end) return std::nullopt;
  return LocalDot{*replica, dot.seq};
}

VersionVector CausalGraph::version() const {
  VersionVector version;
  boost::container::small_vector<ReplicaIndex, 8> order(replicas_.size());
  for (ReplicaIndex i = 0; i < order.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(),
            [&](ReplicaIndex a, ReplicaIndex b) { return replicas_[a].id < replicas_[b].id; });
  for (ReplicaIndex i : order) version.set(replicas_[i].id, replicas_[i].end);
  return version;
}

void CausalGraph::append_hlc(Replica& replica, Hlc first_hlc) {
  if (!replica.hlc.empty()) {
    const HlcRun& last = replica.hlc.back();
    if (last.base + (replica.end - last.begin) == first_hlc) return;
  }
  replica.hlc.push_back({replica.end, first_hlc});
}

/// The operations that `append` is about to add: at most two pieces, since a hlc only runs ahead of its w.
void CausalGraph::append_weight(Replica& replica, Seq count, const DeltaClock& clock) {
  if (clock.weight_ms == DeltaClock::kAsHlc) {
    WEFT_ASSERT(replica.legacy_end == replica.end);  // (I4)
    replica.legacy_end = replica.end + count;
    return;
  }
  const Hlc passed = (clock.weight_ms + 1) << 16;  // from here on the hlc is ahead
  if (clock.hlc < passed) begin_weight(replica, replica.end, DeltaClock::kAsHlc);
  if (clock.hlc + count > passed) {
    Seq as_hlc = clock.hlc < passed ? static_cast<Seq>(passed - clock.hlc) : 0;
    begin_weight(replica, replica.end + as_hlc, clock.weight_ms);
  }
}

void CausalGraph::begin_weight(Replica& replica, Seq begin, std::uint64_t weight_ms) {
  std::uint64_t before =
      replica.weights.empty() ? DeltaClock::kAsHlc : replica.weights.back().weight_ms;
  if (before != weight_ms) replica.weights.push_back({begin, weight_ms});
}

void CausalGraph::append(ReplicaIndex author, Seq count, std::span<const Dependency> dependencies,
                         const DeltaClock& clock) {
  Replica& replica = replicas_[author];
  if (!dependencies.empty() || replica.entries.empty()) {
    replica.entries.push_back({replica.end, static_cast<std::uint32_t>(parents_.size()),
                               static_cast<std::uint32_t>(dependencies.size())});
    for (const Dependency& dependency : dependencies) parents_.push_back(dependency.dot);
  }
  append_hlc(replica, clock.hlc);
  append_weight(replica, count, clock);
  LocalDot last{author, replica.end + count - 1};
  for (const Dependency& dependency : dependencies) {
    Replica& other = replicas_[dependency.dot.replica];
    if (other.frontier_at != kNotInFrontier && frontier_[other.frontier_at] == dependency.dot)
      leave_frontier(other);
  }
  if (replica.frontier_at == kNotInFrontier) {
    replica.frontier_at = static_cast<std::uint32_t>(frontier_.size());
    frontier_.push_back(last);
  } else {
    frontier_[replica.frontier_at] = last;
  }
  replica.end += count;
}

void CausalGraph::leave_frontier(Replica& replica) {
  LocalDot moved = frontier_.back();
  frontier_[replica.frontier_at] = moved;
  replicas_[moved.replica].frontier_at = replica.frontier_at;
  replica.frontier_at = kNotInFrontier;
  frontier_.pop_back();
}

void CausalGraph::restore_frontier(std::vector<LocalDot> frontier) {
  frontier_ = std::move(frontier);
  for (std::uint32_t i = 0; i < frontier_.size(); ++i)
    replicas_[frontier_[i].replica].frontier_at = i;
}

void CausalGraph::append_runs(ReplicaIndex author, std::span<const DeltaRun> runs) {
  Replica& replica = replicas_[author];
  WEFT_ASSERT(replica.end > 0 && replica.frontier_at != kNotInFrontier);
  HlcRun last = replica.hlc.back();
  std::uint64_t weight_ms = weight_value({author, replica.end - 1}) >> 16;
  for (const DeltaRun& run : runs) {
    // Of alike deltas each later hlc is the one before + 1, unless the time is ahead, which only the
    // first can see: time << 16 is at most the first hlc.
    Hlc next = last.base + (replica.end - last.begin);
    if (Hlc time = run.committed_at_ms << 16; time > next) {
      last = {replica.end, time};
      replica.hlc.push_back(last);
      next = time;
    }
    const Seq count = run.ops_each * run.delta_count;
    // Alike deltas weigh the same: what the second takes from the first, the first has taken.
    DeltaClock clock{next, DeltaClock::kAsHlc};
    if (run.row_version != kLegacyRowVersion) {
      WeightRule rule(run.committed_at_ms);
      rule.parent(weight_ms);
      clock.weight_ms = weight_ms = rule.weight_ms();
    } else {
      weight_ms = (next + count - 1) >> 16;
    }
    append_weight(replica, count, clock);
    replica.end += count;
  }
  frontier_[replica.frontier_at] = {author, replica.end - 1};
}

DeltaClock CausalGraph::next_clock(ReplicaIndex author, std::span<const Dependency> dependencies,
                                   std::uint64_t committed_at_ms, std::uint8_t row_version) const {
  const Replica& replica = replicas_[author];
  Hlc past = 0;
  WeightRule rule(committed_at_ms);
  auto add = [&](LocalDot parent) {
    past = std::max(past, hlc_of(parent));
    rule.parent(weight_value(parent) >> 16);
  };
  if (replica.end > 0) add({author, replica.end - 1});
  for (const Dependency& dependency : dependencies) add(dependency.dot);
  return {std::max(past + 1, committed_at_ms << 16),
          row_version == kLegacyRowVersion ? DeltaClock::kAsHlc : rule.weight_ms()};
}

DeltaClock CausalGraph::next_clock(ReplicaIndex author, std::uint64_t committed_at_ms,
                                   std::uint8_t row_version) const {
  boost::container::small_vector<Dependency, 2> dependencies;
  for (LocalDot dot : frontier_)
    if (dot.replica != author) dependencies.push_back({dot, 0});
  return next_clock(author, std::span(dependencies.data(), dependencies.size()), committed_at_ms,
                    row_version);
}

Hlc CausalGraph::weight_value(LocalDot dot) const {
  const std::vector<WeightRun>& runs = replicas_[dot.replica].weights;
  if (runs.empty() || dot.seq < runs.front().begin) [[likely]]
    return hlc_of(dot);
  auto at = runs.end();
  if (dot.seq < runs.back().begin)
    at = std::upper_bound(runs.begin(), runs.end(), dot.seq,
                          [](Seq seq, const WeightRun& run) { return seq < run.begin; });
  --at;
  return at->weight_ms == DeltaClock::kAsHlc ? hlc_of(dot) : at->weight_ms << 16;
}

Hlc CausalGraph::hlc_of(LocalDot dot) const {
  const std::vector<HlcRun>& runs = replicas_[dot.replica].hlc;
  if (runs.back().begin <= dot.seq) return runs.back().base + (dot.seq - runs.back().begin);
  auto at = std::upper_bound(runs.begin(), runs.end(), dot.seq,
                             [](Seq seq, const HlcRun& run) { return seq < run.begin; });
  --at;
  return at->base + (dot.seq - at->begin);
}

bool CausalGraph::covers_everything(ReplicaIndex author,
                                    std::span<const Dependency> dependencies) const {
  for (LocalDot dot : frontier_) {
    if (dot.replica == author) continue;
    bool named = false;
    for (const Dependency& dependency : dependencies)
      if (dependency.dot == dot) named = true;
    if (!named) return false;
  }
  return true;
}

/// Pushes the parents of the entries that begin in [from, to). Most often those are near the end.
void CausalGraph::add_parents(const Replica& replica, Seq from, Seq to, DotStack& stack) const {
  auto begins_before = [](const Entry& entry, Seq seq) { return entry.begin < seq; };
  auto first = replica.entries.begin();
  auto last = replica.entries.end();
  for (std::ptrdiff_t step = 1; last - first > step; step *= 2)
    if (begins_before(*(last - step), from)) {
      first = last - step;
      break;
    }
  auto at = std::lower_bound(first, last, from, begins_before);
  for (; at != last && at->begin < to; ++at)
    for (LocalDot parent : parents(*at)) stack.push_back(parent);
}

void CausalGraph::add_past(LocalVersion& version, LocalDot dot) const {
  DotStack stack{dot};
  while (!stack.empty()) {
    LocalDot top = stack.back();
    stack.pop_back();
    Seq before = version.end(top.replica);
    if (before > top.seq) continue;
    version.raise(top.replica, top.seq + 1);
    add_parents(replicas_[top.replica], before, top.seq + 1, stack);
  }
}

const LocalVersion& CausalGraph::past_after(ReplicaIndex author,
                                            std::span<const Dependency> dependencies) {
  Replica& replica = replicas_[author];
  bring_up(replica, author);
  if (dependencies.empty()) return replica.seen;
  scratch_ = replica.seen;
  for (const Dependency& dependency : dependencies)
    if (!scratch_.contains(dependency.dot)) add_past(scratch_, dependency.dot);
  return scratch_;
}

const LocalVersion& CausalGraph::advance_past(ReplicaIndex author,
                                              std::span<const Dependency> dependencies) {
  Replica& replica = replicas_[author];
  bring_up(replica, author);
  for (const Dependency& dependency : dependencies)
    if (!replica.seen.contains(dependency.dot)) add_past(replica.seen, dependency.dot);
  return replica.seen;
}

/// Brings a replica's cached past up to the end of its log.
void CausalGraph::bring_up(Replica& replica, ReplicaIndex author) {
  if (replica.seen_end == 0 && replica.end > 0 && ++seen_count_ > kSeenMax) {
    for (Replica& other : replicas_) {
      other.seen = LocalVersion();
      other.seen_end = 0;
    }
    seen_count_ = 1;
  }
  if (replica.seen_end < replica.end) {
    DotStack parents;
    add_parents(replica, replica.seen_end, replica.end, parents);
    replica.seen.raise(author, replica.end);
    for (LocalDot parent : parents)
      if (!replica.seen.contains(parent)) add_past(replica.seen, parent);
    replica.seen_end = replica.end;
  }
}

bool CausalGraph::happened_before(LocalDot a, LocalDot b) const {
  if (a.replica == b.replica) return a.seq < b.seq;
  // Only operations with a larger hlc than a's can have a in their past (I2).
  Hlc floor = hlc_of(a);
  LocalVersion visited;
  DotStack stack{b};
  while (!stack.empty()) {
    LocalDot top = stack.back();
    stack.pop_back();
    if (top.replica == a.replica && top.seq >= a.seq) return true;
    Seq before = visited.end(top.replica);
    if (before > top.seq || hlc_of(top) <= floor) continue;
    visited.raise(top.replica, top.seq + 1);
    add_parents(replicas_[top.replica], before, top.seq + 1, stack);
  }
  return false;
}

std::vector<LocalDot> CausalGraph::maximal(std::span<const LocalDot> dots) const {
  std::vector<LocalDot> result;
  for (LocalDot dot : dots) {
    bool dominated = false;
    for (LocalDot other : dots)
      if (!(other == dot) && happened_before(dot, other)) dominated = true;
    if (!dominated && std::find(result.begin(), result.end(), dot) == result.end())
      result.push_back(dot);
  }
  return result;
}

std::vector<LocalDot> CausalGraph::frontier_of(const VersionVector& version) const {
  // (r, end - 1) is dominated iff some operation inside the version names it as a parent: every path
  // from it to another replica starts with such an edge.
  std::vector<Seq> ends(replicas_.size());
  for (const VersionVector::Entry& entry : version.entries())
    if (auto replica = find(entry.replica)) ends[*replica] = entry.end;
  std::vector<bool> dominated(replicas_.size());
  for (ReplicaIndex r = 0; r < replicas_.size(); ++r)
    for (const Entry& entry : replicas_[r].entries) {
      if (entry.begin >= ends[r]) break;
      for (LocalDot parent : parents(entry))
        if (parent.seq + 1 == ends[parent.replica]) dominated[parent.replica] = true;
    }
  std::vector<LocalDot> result;
  for (ReplicaIndex r = 0; r < replicas_.size(); ++r)
    if (ends[r] > 0 && !dominated[r]) result.push_back({r, ends[r] - 1});
  return result;
}

bool CausalGraph::is_closed(const VersionVector& version) const {
  std::vector<Seq> ends(replicas_.size());
  for (const VersionVector::Entry& entry : version.entries()) {
    auto replica = find(entry.replica);
    if (!replica || entry.end > replicas_[*replica].end) return false;
    ends[*replica] = entry.end;
  }
  for (ReplicaIndex r = 0; r < replicas_.size(); ++r)
    for (const Entry& entry : replicas_[r].entries) {
      if (entry.begin >= ends[r]) break;
      for (LocalDot parent : parents(entry))
        if (parent.seq >= ends[parent.replica]) return false;
    }
  return true;
}

CausalGraph::ChainMark CausalGraph::chain_before(ReplicaIndex replica, Seq end) const {
  const Replica& log = replicas_[replica];
  auto after = std::upper_bound(log.marks.begin(), log.marks.end(), end,
                                [](Seq at, const ChainMark& mark) { return at < mark.end; });
  ChainMark last = after == log.marks.begin() ? ChainMark() : *std::prev(after);
  if (log.chain_end <= end && log.chain_end > last.end) last = {log.chain_end, log.chain};
  return last;
}

void CausalGraph::restore_replica(ReplicaIndex replica, Seq end, std::uint64_t chain,
                                  std::vector<HlcRun> hlc) {
  replicas_[replica].end = end;
  replicas_[replica].chain = chain;
  replicas_[replica].chain_end = end;
  replicas_[replica].marks = {{end, chain}};
  replicas_[replica].hlc = std::move(hlc);
}

void CausalGraph::restore_weights(ReplicaIndex replica, Seq legacy_end,
                                  std::vector<WeightRun> weights) {
  replicas_[replica].legacy_end = legacy_end;
  replicas_[replica].weights = std::move(weights);
}

void CausalGraph::restore_entry(ReplicaIndex replica, Seq begin,
                                std::span<const LocalDot> parents) {
  replicas_[replica].entries.push_back({begin, static_cast<std::uint32_t>(parents_.size()),
                                        static_cast<std::uint32_t>(parents.size())});
  parents_.insert(parents_.end(), parents.begin(), parents.end());
}

}  // namespace weft
