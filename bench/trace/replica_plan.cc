#include "bench/trace/replica_plan.h"

#include <algorithm>

namespace weft::trace {
namespace {

/// By replica: how many of its transactions are known. Shorter vectors have zeros at their end.
using Known = std::vector<std::uint32_t>;

std::uint32_t at(const Known& known, std::size_t replica) {
  return replica < known.size() ? known[replica] : 0;
}

void raise(Known& known, const Known& other) {
  if (known.size() < other.size()) known.resize(other.size());
  for (std::size_t i = 0; i < other.size(); ++i) known[i] = std::max(known[i], other[i]);
}

class Planner {
 public:
  explicit Planner(const Trace& trace)
      : trace_(trace), replicas_of_agent_(trace.agent_count), child_count_(children(trace)) {}

  ReplicaPlan run() {
    const std::size_t count = trace_.transactions.size();
    version_of_.resize(count);
    for (std::size_t t = 0; t < count; ++t) {
      Known past = take_past(t);
      const std::uint32_t replica = choose_replica(trace_.transactions[t].agent, past);
      deliver_missing(replica, past);
      plan_.replica_of.push_back(replica);
      made_[replica].push_back(static_cast<std::uint32_t>(t));
      if (past.size() <= replica) past.resize(replica + 1);
      past[replica] = static_cast<std::uint32_t>(made_[replica].size());
      known_[replica] = past;
      if (child_count_[t] != 0) version_of_[t] = std::move(past);
    }
    Known everything;
    for (const auto& made : made_) everything.push_back(static_cast<std::uint32_t>(made.size()));
    for (std::uint32_t replica = 0; replica < made_.size(); ++replica) {
      deliver_missing(replica, everything);
    }
    plan_.deliver_begin.push_back(static_cast<std::uint32_t>(plan_.deliver.size()));
    plan_.replica_count = static_cast<std::uint32_t>(made_.size());
    return std::move(plan_);
  }

 private:
  static std::vector<std::uint32_t> children(const Trace& trace) {
    std::vector<std::uint32_t> result(trace.transactions.size());
    for (std::uint32_t parent : trace.parents) ++result[parent];
    return result;
  }

  /// What the parents of `t` know together; frees a parent's version at its last child.
  Known take_past(std::size_t t) {
    Known past;
    for (std::uint32_t parent : trace_.parents_of(trace_.transactions[t])) {
      raise(past, version_of_[parent]);
      if (--child_count_[parent] == 0) version_of_[parent] = Known();
    }
    return past;
  }

  /// One of the agent's replicas that knows nothing but what lies in `past`: all that it knows is
  /// its own last transaction and what that one knew.
  std::uint32_t choose_replica(std::uint32_t agent, const Known& past) {
    for (std::uint32_t replica : replicas_of_agent_[agent]) {
      if (at(past, replica) == made_[replica].size()) return replica;
    }
    const auto replica = static_cast<std::uint32_t>(made_.size());
    made_.emplace_back();
    known_.emplace_back();
    plan_.agent_of.push_back(agent);
    replicas_of_agent_[agent].push_back(replica);
    return replica;
  }

  void deliver_missing(std::uint32_t replica, const Known& past) {
    const std::size_t begin = plan_.deliver.size();
    plan_.deliver_begin.push_back(static_cast<std::uint32_t>(begin));
    for (std::size_t other = 0; other < past.size(); ++other) {
      const std::uint32_t from = at(known_[replica], other);
      plan_.deliver.insert(plan_.deliver.end(), made_[other].begin() + from,
                           made_[other].begin() + std::max(from, past[other]));
    }
    std::sort(plan_.deliver.begin() + static_cast<std::ptrdiff_t>(begin), plan_.deliver.end());
  }

  const Trace& trace_;
  ReplicaPlan plan_;
  std::vector<std::vector<std::uint32_t>> replicas_of_agent_;
  std::vector<std::uint32_t> child_count_;
  std::vector<std::vector<std::uint32_t>> made_;  ///< by replica: its transactions
  std::vector<Known> known_;                      ///< by replica
  std::vector<Known> version_of_;                 ///< by transaction, itself included
};

}  // namespace

ReplicaPlan plan_replicas(const Trace& trace) { return Planner(trace).run(); }

}  // namespace weft::trace
