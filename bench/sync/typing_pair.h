#pragma once
// TypingPair: a process that types and one that gets it, linked over loopback TCP.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bench/store/temporary_folder.h"
#include "bench/sync/peer_process.h"

namespace weft::bench {

struct PairOptions {
  std::string folder = ".";  ///< where stores are made
  StoreKind store = StoreKind::kDurable;
  std::uint32_t readers = 1;              ///< all in one process, each with a link to the typist
  std::optional<StoreKind> reader_store;  ///< nullopt: as the typist's
  std::uint64_t coalesce_ms = 0;
  bool counts_bytes = false;
};

/// What was typed and what it took.
struct Typed {
  Answer typist;
  std::vector<double> edited_us;
  std::vector<double> durable_us;
  std::vector<double> flush_us;
  std::vector<double> patched_us;  ///< where `watch` was set
  double applied_us = 0;           ///< when the last reader had all of it
};

class TypingPair {
 public:
  /// @return  the links are up, both ends know that they hold the same
  static Result<TypingPair> start(const PairOptions& options);

  const PeerProcess& typist() const { return typist_; }
  const PeerProcess& reader() const { return reader_; }

  /// @param order  of the edits; Kind::kType
  Status begin_typing(Order order) const;
  /// Until every reader has applied everything. @errors the texts differ from what was to be typed
  Result<Typed> end_typing(const Order& order) const;
  Result<Typed> type(const Order& order) const {
    WEFT_TRY(begin_typing(order));
    return end_typing(order);
  }

 private:
  TypingPair(std::vector<TemporaryFolder> folders, PeerProcess typist, PeerProcess reader)
      : folders_(std::move(folders)), typist_(std::move(typist)), reader_(std::move(reader)) {}
  std::vector<TemporaryFolder> folders_;
  PeerProcess typist_;
  PeerProcess reader_;
};

/// A process with peers whose stores, if they are on the disk, lie in a new folder.
Result<PeerProcess> start_peers(const std::string& parent, Order order,
                                std::vector<TemporaryFolder>& folders);

/// The value below which `share` of them lie. @param values  not empty
double quantile(std::vector<double> values, double share);

}  // namespace weft::bench
