#include "bench/sync/fan_out_cases.h"

#include <optional>
#include <utility>
#include <vector>

#include "bench/sync/typing_pair.h"

namespace weft::bench {
namespace {

/// The pair types and reads; `relay` stands between them, if there is one.
struct FanOut {
  TypingPair pair;
  std::optional<PeerProcess> author;
  std::vector<TemporaryFolder> folders;
};

Result<FanOut> start(const FanOutOptions& options, bool is_relayed) {
  PairOptions pair_options;
  pair_options.folder = options.folder;
  pair_options.readers = options.links;
  pair_options.reader_store = StoreKind::kMemory;
  WEFT_ASSIGN(TypingPair pair, TypingPair::start(pair_options));
  FanOut fan_out{std::move(pair), std::nullopt, {}};
  if (!is_relayed) return fan_out;
  WEFT_ASSIGN(const std::uint16_t port, fan_out.pair.typist().listen());
  WEFT_ASSIGN(PeerProcess author, start_peers(options.folder, {}, fan_out.folders));
  fan_out.author.emplace(std::move(author));
  WEFT_TRY(fan_out.author->dial(port));
  WEFT_TRY(fan_out.author->await_links(1));
  return fan_out;
}

Result<std::vector<Reading>> sample(const FanOutOptions& options, bool is_relayed) {
  WEFT_ASSIGN(const FanOut fan_out, start(options, is_relayed));
  const PeerProcess& peer = fan_out.pair.typist();
  const PeerProcess& readers = fan_out.pair.reader();
  Order order;
  order.edits = options.edits;
  order.burst = options.burst;
  WEFT_ASSIGN(const Answer peer_before, peer.look());
  WEFT_ASSIGN(const Answer readers_before, readers.look());
  Order await = order;
  await.kind = Order::Kind::kAwait;
  await.ops = typed_ops(order);
  WEFT_TRY(readers.begin(await));
  order.kind = Order::Kind::kType;
  const PeerProcess& author = is_relayed ? *fan_out.author : peer;
  WEFT_ASSIGN(const Answer typed, author.ask(order));
  for (int i = 0; i < 3; ++i) WEFT_TRY(author.times());
  WEFT_ASSIGN(const Answer read, readers.end());
  WEFT_ASSIGN(const Answer peer_after, peer.look());
  WEFT_ASSIGN(const Answer readers_after, readers.look());
  WEFT_ASSIGN(const std::uint64_t written, author.content(1));
  WEFT_ASSIGN(const std::uint64_t digest, readers.content(1));
  if (written != digest) return Error(ErrorCode::kCorrupt, "a reader has another text");

  const double deltas = static_cast<double>(options.edits) * options.links;
  const double seconds = (read.at_us - typed.at_us) / 1e6;
  const auto frames = static_cast<double>(readers_after.received.frames_of<sync::Deltas>() +
                                          readers_after.received.frames_of<sync::Part>());
  return std::vector<Reading>{
      {deltas / seconds, digest},
      {(peer_after.usage.cpu_us - peer_before.usage.cpu_us) / deltas, digest},
      {(readers_after.usage.cpu_us - readers_before.usage.cpu_us) / deltas, digest},
      {deltas / frames, digest}};
}

}  // namespace

void add_fan_out(const FanOutOptions& options, Sampler& sampler) {
  for (const bool is_relayed : {false, true}) {
    const std::string name =
        (is_relayed ? "relayed-" : "") + std::to_string(options.links) + "-links";
    sampler.add(Probe{name,
                      {{"fan_out_deltas_per_s", "count"},
                       {"fan_out_cpu_peer", "us"},
                       {"fan_out_cpu_readers", "us"},
                       {"fan_out_deltas_a_frame", "count"}},
                      [options, is_relayed] { return sample(options, is_relayed); }});
  }
}

}  // namespace weft::bench
