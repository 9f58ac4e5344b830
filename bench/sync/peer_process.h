#pragma once
// PeerProcess: a process with peers (peer_host.h), as the benchmark sees it. It ends with the object.

#include <cstdint>
#include <string>
#include <vector>

#include "bench/store/child_process.h"
#include "bench/sync/orders.h"

namespace weft::bench {

class PeerProcess {
 public:
  /// Opens peers as `order` says. @param order  Kind::kOpen
  static Result<PeerProcess> start(Order order);

  /// Waits for the answer. @errors what went wrong there
  Result<Answer> ask(const Order& order) const;
  /// The same in two steps, so that others can do something meanwhile.
  Status begin(const Order& order) const { return process_.link().send(order); }
  Result<Answer> end() const;
  /// What follows an answer (orders.h).
  Result<std::vector<double>> times() const { return process_.link().receive_all<double>(); }

  Result<std::uint16_t> listen() const;
  Status dial(std::uint16_t port) const;
  Result<Answer> await_links(std::uint32_t links) const;
  Result<Answer> look() const;
  Result<std::uint64_t> content(std::uint32_t documents) const;
  Status rest(std::uint32_t ms) const;

 private:
  explicit PeerProcess(ChildProcess process) : process_(std::move(process)) {}
  ChildProcess process_;
};

}  // namespace weft::bench
