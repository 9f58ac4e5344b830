#pragma once
// What the benchmark tells a process that holds peers (peer_host.h), and what that answers. Each order has one answer.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "bench/store/child_process.h"
#include "bench/sync/bench_peer.h"

namespace weft::bench {

struct Order {
  enum class Kind : std::uint8_t {
    kOpen,        ///< makes `peers` peers; text: the folder of their store
    kListen,      ///< the first peer does; -> port
    kDial,        ///< every peer dials `port`
    kAwaitLinks,  ///< until every peer has `links` links whose ends agree
    kType,  ///< the first peer edits; -> ms, ops; then the times of edits, durable acknowledgements and flushes
    kReplay,  ///< the first peer edits as a trace says, all at once; text: the trace's file, empty: generated
    kRead,   ///< the first peer opens the first document
    kAwait,  ///< until every peer has applied `ops` operations of the documents; -> when; then the times of patches
    kCatchUp,  ///< the first peer dials `port`; until `ops` operations are durable; -> ms
    kRest,     ///< does nothing of its own for `interval_ms`
    kUsage,    ///< -> usage, traffic
    kContent,  ///< -> digest of the documents' texts at every peer, which are the same
  };
  Kind kind = Kind::kUsage;

  StoreKind store = StoreKind::kDurable;  // kOpen
  bool counts_bytes = false;
  std::uint32_t peers = 1;
  std::uint32_t links_max = 64;
  std::uint64_t coalesce_ms = 0;

  std::uint16_t port = 0;
  std::uint32_t links = 0;

  std::uint32_t documents = 1;  ///< as many, numbered from 0
  std::uint32_t edits = 0;      ///< kType: of the whole session, of one character each
  std::uint32_t from = 0;       ///< of these, [from, to) are typed now
  std::uint32_t to = 0;         ///< 0: to the end
  /// kType: between two; 0: the next burst when the last is durable
  std::uint32_t interval_ms = 0;
  std::uint32_t burst = 1;   ///< kType: edits at once, taking turns through the documents
  bool one_a_frame = false;  ///< kType: the next when the last has gone to the only link, alone
  std::uint64_t ops = 0;
  bool watch = false;  ///< kAwait: note when each patch of the first document comes

  char text[240] = "";
  Order& with(std::string_view words);  ///< sets `text`
};

struct Answer {
  Fault fault;
  std::uint16_t port = 0;
  double ms = 0;
  double at_us = 0;  ///< on the clock that all processes share
  std::uint64_t ops = 0;
  std::uint64_t digest = 0;
  Usage usage;
  Traffic sent;
  Traffic received;
};

inline Order& Order::with(std::string_view words) {
  text[words.copy(text, sizeof text - 1)] = '\0';
  return *this;
}

inline std::uint32_t typed_end(const Order& order) {
  return order.to == 0 ? order.edits : order.to;
}
/// Operations of the documents then: one for each edit, and each document's text.
inline std::uint64_t typed_ops(const Order& order) {
  return std::uint64_t{typed_end(order)} + order.documents;
}

/// The same in all processes of this machine.
double shared_clock_us();

DocumentId bench_document(std::uint32_t number);

}  // namespace weft::bench
