#include "bench/sync/idle_link_cases.h"

#include <vector>

#include "bench/sync/typing_pair.h"

namespace weft::bench {
namespace {

constexpr std::uint32_t kSettleMs = 700;  // marks and acknowledgements

struct Readings {
  std::vector<double> idle_bytes;
  std::vector<double> after_bytes;
  std::vector<double> up_ms;
  std::vector<double> edit_ms;
  std::vector<double> idle_cpu_us;
};

Status sample(const IdleLinkOptions& options, Readings& readings) {
  std::vector<TemporaryFolder> folders;
  Order order;
  order.links_max = options.links + 8;
  WEFT_ASSIGN(const PeerProcess peer, start_peers(options.folder, order, folders));
  order.store = StoreKind::kMemory;
  order.peers = options.links;
  WEFT_ASSIGN(const PeerProcess others, PeerProcess::start(order));

  order.kind = Order::Kind::kType;
  order.edits = 1;
  WEFT_TRY(peer.ask(order));
  for (int i = 0; i < 3; ++i) WEFT_TRY(peer.times());
  WEFT_ASSIGN(const std::uint16_t port, peer.listen());
  WEFT_ASSIGN(const Answer alone, peer.look());

  const double begin_us = shared_clock_us();
  WEFT_TRY(others.dial(port));
  WEFT_TRY(others.await_links(1));
  WEFT_TRY(peer.await_links(options.links));
  readings.up_ms.push_back((shared_clock_us() - begin_us) / 1e3);
  WEFT_TRY(peer.rest(kSettleMs));
  WEFT_ASSIGN(const Answer idle, peer.look());
  WEFT_TRY(peer.rest(options.idle_ms));
  WEFT_ASSIGN(const Answer still_idle, peer.look());

  Order await = order;
  await.kind = Order::Kind::kAwait;
  await.ops = typed_ops(order) + 1;
  WEFT_TRY(others.begin(await));
  WEFT_ASSIGN(const Answer typed, peer.ask(order));  // the same again
  for (int i = 0; i < 3; ++i) WEFT_TRY(peer.times());
  WEFT_ASSIGN(const Answer arrived, others.end());
  readings.edit_ms.push_back((arrived.at_us - typed.at_us) / 1e3);
  WEFT_TRY(peer.rest(kSettleMs));
  WEFT_TRY(peer.await_links(options.links));
  WEFT_ASSIGN(const Answer after, peer.look());
  WEFT_ASSIGN(const std::uint64_t here, peer.content(1));
  WEFT_ASSIGN(const std::uint64_t there, others.content(1));
  if (here != there) return Error(ErrorCode::kCorrupt, "the other ends have another text");

  const auto per_link = [&](const Answer& later) {
    const double more = static_cast<double>(later.usage.resident_bytes) -
                        static_cast<double>(alone.usage.resident_bytes);
    return more / options.links;
  };
  readings.idle_bytes.push_back(per_link(still_idle));
  readings.after_bytes.push_back(per_link(after));
  readings.idle_cpu_us.push_back((still_idle.usage.cpu_us - idle.usage.cpu_us) / options.links /
                                 (options.idle_ms / 1e3));
  return {};
}

}  // namespace

Status add_idle_links(const IdleLinkOptions& options, Report& report) {
  Readings readings;
  for (std::uint32_t i = 0; i < options.samples; ++i) WEFT_TRY(sample(options, readings));
  const std::string name = std::to_string(options.links) + "-links";
  report.add(summarize("link_resident_bytes", name, "bytes", readings.idle_bytes));
  report.add(summarize("link_resident_after", name, "bytes", readings.after_bytes));
  report.add(summarize("links_up", name, "ms", readings.up_ms));
  report.add(summarize("edit_to_all", name, "ms", readings.edit_ms));
  report.add(summarize("idle_cpu", name, "us", readings.idle_cpu_us));
  return {};
}

}  // namespace weft::bench
