#include "storage/archive/causal_order.h"

#include <algorithm>
#include <functional>
#include <queue>
#include <utility>

#include "storage/archive/delta_info.h"

namespace weft {

Status CausalOrder::add(Bytes delta) {
  WEFT_ASSIGN(DeltaInfo info, read_delta_info(delta, scratch_));
  logs_[info.first.replica].rows.push_back({std::move(info), std::move(delta)});
  return {};
}

/// Of an operation whose delta has its place.
Hlc CausalOrder::hlc_of(const Dot& dot) const {
  const std::vector<Row>& rows = logs_.at(dot.replica).rows;
  auto behind = std::upper_bound(rows.begin(), rows.end(), dot.seq,
                                 [](Seq seq, const Row& row) { return seq < row.info.first.seq; });
  const DeltaInfo& info = (behind - 1)->info;
  return info.stamp.hlc + (dot.seq - info.first.seq);
}

CausalOrder::Log* CausalOrder::awaited(Log& log) {
  DeltaInfo& info = log.rows[log.done].info;
  if (info.first.seq != log.end) return &log;  // a gap, which nothing will fill
  Hlc past = log.end == 0 ? 0 : hlc_of({info.first.replica, log.end - 1});
  for (const Dot& dot : info.dependencies) {
    Log& other = logs_[dot.replica];
    if (dot.seq >= other.end) return &other;
    past = std::max(past, hlc_of(dot));
  }
  info.stamp = {std::max(past + 1, info.committed_at_ms << 16), info.first.replica};
  return nullptr;
}

std::vector<Bytes> CausalOrder::take() {
  std::priority_queue<Stamp, std::vector<Stamp>, std::greater<>> ready;  // next rows, one of a log
  auto offer = [&](ReplicaId replica) {
    Log& log = logs_[replica];
    if (log.done == log.rows.size()) return;
    if (Log* other = awaited(log))
      other->waiting.push_back(replica);
    else
      ready.push(log.rows[log.done].info.stamp);
  };
  std::vector<ReplicaId> authors;
  for (auto& [replica, log] : logs_) {
    std::sort(log.rows.begin(), log.rows.end(),
              [](const Row& a, const Row& b) { return a.info.first < b.info.first; });
    authors.push_back(replica);
  }
  for (ReplicaId author : authors) offer(author);

  std::vector<Bytes> result;
  while (!ready.empty()) {
    const ReplicaId replica = ready.top().replica;
    ready.pop();
    Log& log = logs_[replica];
    Row& row = log.rows[log.done++];
    log.end = row.info.first.seq + row.info.op_count;
    result.push_back(std::move(row.bytes));
    offer(replica);
    for (ReplicaId waiting : std::exchange(log.waiting, {})) offer(waiting);
  }
  for (auto& [replica, log] : logs_)
    for (; log.done < log.rows.size(); ++log.done)
      result.push_back(std::move(log.rows[log.done].bytes));
  return result;
}

}  // namespace weft
