#pragma once
// Typist: edits one character after the other in a node's documents, as a generated session says
// (trace/generate.h), paced or as fast as they become durable.

#include <cstdint>
#include <functional>
#include <vector>

#include "bench/sync/bench_peer.h"
#include "bench/sync/orders.h"
#include "bench/sync/stage.h"
#include "bench/trace/trace.h"
#include "transport/links/event_loop.h"

namespace weft::bench {

/// What every document says after `edits` edits.
trace::Trace typed_session(std::uint32_t edits);

class Typist {
 public:
  /// @param order    its edits, from, to, documents, burst, interval_ms, one_a_frame
  /// @param session  what each document's edits are: typed_session(edits / documents)
  Typist(links::EventLoop& loop, BenchPeer& peer, const Order& order, const trace::Trace& session);
  ~Typist() { peer_.on_sent = nullptr; }
  Typist(const Typist&) = delete;
  Typist& operator=(const Typist&) = delete;

  /// Runs the loop until everything is typed and durable.
  Status run();

  /// When each edit was made and when it was durable.
  const std::vector<double>& edited_us() const { return edited_us_; }
  const std::vector<double>& durable_us() const { return durable_us_; }

 private:
  void type_burst();
  Status type_one();
  void go_on();
  std::size_t count() const { return typed_end(order_) - order_.from; }
  bool is_done() const { return durable_us_.size() == count() || !status_.ok(); }

  links::EventLoop& loop_;
  Stage stage_;
  BenchPeer& peer_;
  const Order order_;
  const trace::Trace& session_;
  std::uint64_t frames_ = 0;  ///< with deltas, that went before
  bool is_next_posted_ = false;
  Status status_;
  std::vector<double> edited_us_;
  std::vector<double> durable_us_;
};

}  // namespace weft::bench
