#include "bench/sync/typing_pair.h"

#include <algorithm>
#include <utility>

#include "bench/sync/typist.h"
#include "crdt/base/checksum.h"

namespace weft::bench {

Result<PeerProcess> start_peers(const std::string& parent, Order order,
                                std::vector<TemporaryFolder>& folders) {
  if (order.store != StoreKind::kMemory) {
    WEFT_ASSIGN(TemporaryFolder folder, TemporaryFolder::make(parent));
    order.with(folder.path());
    folders.push_back(std::move(folder));
  }
  return PeerProcess::start(order);
}

Result<TypingPair> TypingPair::start(const PairOptions& options) {
  std::vector<TemporaryFolder> folders;
  Order order;
  order.store = options.store;
  order.counts_bytes = options.counts_bytes;
  order.coalesce_ms = options.coalesce_ms;
  WEFT_ASSIGN(PeerProcess typist, start_peers(options.folder, order, folders));
  order.store = options.reader_store.value_or(options.store);
  order.peers = options.readers;
  WEFT_ASSIGN(PeerProcess reader, start_peers(options.folder, order, folders));
  WEFT_ASSIGN(const std::uint16_t port, typist.listen());
  WEFT_TRY(reader.dial(port));
  WEFT_TRY(reader.await_links(1));
  WEFT_TRY(typist.await_links(options.readers));
  return TypingPair(std::move(folders), std::move(typist), std::move(reader));
}

Status TypingPair::begin_typing(Order order) const {
  order.ops = typed_ops(order);
  order.kind = Order::Kind::kAwait;
  WEFT_TRY(reader_.begin(order));
  order.kind = Order::Kind::kType;
  return typist_.begin(order);
}

Result<Typed> TypingPair::end_typing(const Order& order) const {
  Typed typed;
  WEFT_ASSIGN(typed.typist, typist_.end());
  WEFT_ASSIGN(typed.edited_us, typist_.times());
  WEFT_ASSIGN(typed.durable_us, typist_.times());
  WEFT_ASSIGN(typed.flush_us, typist_.times());
  WEFT_ASSIGN(const Answer read, reader_.end());
  typed.applied_us = read.at_us;
  if (order.watch) {
    WEFT_ASSIGN(typed.patched_us, reader_.times());
    typed.patched_us.erase(typed.patched_us.begin());  // the text itself
  }
  if (typed_end(order) != order.edits) return typed;
  const std::string text = typed_session(order.edits / order.documents).end_content;
  std::uint64_t expected = 0;
  for (std::uint32_t d = 0; d < order.documents; ++d) expected = xxh3_64(as_bytes(text), expected);
  WEFT_ASSIGN(const std::uint64_t here, typist_.content(order.documents));
  WEFT_ASSIGN(const std::uint64_t there, reader_.content(order.documents));
  if (here != expected || there != expected)
    return Error(ErrorCode::kCorrupt, "what arrived is not what was typed");
  typed.typist.digest = expected;
  return typed;
}

double quantile(std::vector<double> values, double share) {
  const auto at = static_cast<std::size_t>(share * static_cast<double>(values.size() - 1) + 0.5);
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(at), values.end());
  return values[at];
}

}  // namespace weft::bench
