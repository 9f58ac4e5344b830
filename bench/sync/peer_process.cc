#include "bench/sync/peer_process.h"

#include <utility>

#include "bench/sync/peer_host.h"

namespace weft::bench {

Result<PeerProcess> PeerProcess::start(Order order) {
  WEFT_ASSIGN(ChildProcess child, ChildProcess::start_again({kPeerHostCommand}));
  PeerProcess process(std::move(child));
  order.kind = Order::Kind::kOpen;
  WEFT_TRY(process.ask(order));
  return process;
}

Result<Answer> PeerProcess::end() const {
  WEFT_ASSIGN(const Answer answer, process_.link().receive<Answer>());
  WEFT_TRY(answer.fault.status());
  return answer;
}

Result<Answer> PeerProcess::ask(const Order& order) const {
  WEFT_TRY(begin(order));
  return end();
}

Result<std::uint16_t> PeerProcess::listen() const {
  Order order;
  order.kind = Order::Kind::kListen;
  WEFT_ASSIGN(const Answer answer, ask(order));
  return answer.port;
}

Status PeerProcess::dial(std::uint16_t port) const {
  Order order;
  order.kind = Order::Kind::kDial;
  order.port = port;
  WEFT_TRY(ask(order));
  return {};
}

Result<Answer> PeerProcess::await_links(std::uint32_t links) const {
  Order order;
  order.kind = Order::Kind::kAwaitLinks;
  order.links = links;
  return ask(order);
}

Result<Answer> PeerProcess::look() const {
  Order order;
  order.kind = Order::Kind::kUsage;
  return ask(order);
}

Result<std::uint64_t> PeerProcess::content(std::uint32_t documents) const {
  Order order;
  order.kind = Order::Kind::kContent;
  order.documents = documents;
  WEFT_ASSIGN(const Answer answer, ask(order));
  return answer.digest;
}

Status PeerProcess::rest(std::uint32_t ms) const {
  Order order;
  order.kind = Order::Kind::kRest;
  order.interval_ms = ms;
  WEFT_TRY(ask(order));
  return {};
}

}  // namespace weft::bench
