#pragma once
// BenchPeer: one device with its links, put together as peer/daemon.cc does it, without what a daemon has for people
// (log, control socket, signals): its store, the thread that writes it, its node, its links on loopback TCP.
//
// Threads: those of EventLoop: everything on the loop's thread.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bench/sync/usage.h"
#include "peer/node.h"
#include "peer/store_thread.h"
#include "storage/codec/zstd_codec.h"
#include "storage/lmdb/lmdb_store.h"
#include "storage/memory/memory_store.h"
#include "transport/links/event_loop.h"
#include "transport/links/link_hub.h"

namespace weft::bench {

enum class StoreKind : std::uint8_t {
  kDurable,  ///< an LmdbStore and a StoreThread: what a daemon has
  kMemory,   ///< a MemoryStore, appended to on the loop's thread
};

struct PeerSetup {
  StoreKind store = StoreKind::kDurable;
  std::string folder;  ///< of the store, made if it is missing; none for kMemory
  std::uint64_t seed = 1;
  std::size_t links_max = 64;
  std::uint64_t coalesce_ms = 0;
  bool counts_bytes = false;  ///< in Traffic; costs CPU time
};

class BenchPeer final : public links::LinkHandler {
 public:
  /// @param loop  must outlive the peer, and not run any more when it goes
  static Result<std::unique_ptr<BenchPeer>> open(links::EventLoop& loop, const PeerSetup& setup);
  BenchPeer(const BenchPeer&) = delete;
  BenchPeer& operator=(const BenchPeer&) = delete;
  ~BenchPeer() override = default;

  Node& node() { return *node_; }
  Result<std::uint16_t> listen();
  Status dial(std::uint16_t port);
  void tick();

  /// Links whose ends know of each other that they hold the same.
  std::size_t agreed_links() const;
  /// Operations of a document that are applied, and those that are durable.
  std::uint64_t applied_ops(const DocumentId& id);
  std::uint64_t durable_ops(const DocumentId& id) const;

  // Called after each message that came, and before each that goes, where they are set.
  std::function<void()> on_received;
  std::function<void()> on_sent;

  const Traffic& sent() const { return sent_; }
  const Traffic& received() const { return received_; }
  /// What each append took, in the order of the appends.
  const std::vector<double>& flush_us() const { return flush_us_; }
  /// Why something went wrong that should not have; empty: nothing did.
  const std::string& fault() const { return fault_; }

  // --- LinkHandler ---
  std::uint32_t link_up(bool dialled, std::string name) override;
  void received(std::uint32_t link, sync::Envelope envelope) override;
  void garbage(std::uint32_t link, const Error& error) override;
  std::optional<sync::Envelope> poll(std::uint32_t link) override;
  std::optional<sync::Bye> ended(std::uint32_t link) override { return node_->ended(link); }
  void link_down(std::uint32_t link, std::string why) override;

 private:
  BenchPeer(links::EventLoop& loop, const PeerSetup& setup);
  Status open();
  Status open_store();

  links::EventLoop& loop_;
  const PeerSetup setup_;
  std::function<std::uint64_t()> random_;
  ZstdCompressor compressor_{ZstdCompressor::kQuickLevel};
  std::unique_ptr<Store> store_;
  std::unique_ptr<Committer> committer_;
  std::unique_ptr<Node> node_;
  std::unique_ptr<links::LinkHub> hub_;
  Traffic sent_;
  Traffic received_;
  std::vector<double> flush_us_;
  std::string fault_;
};

std::uint64_t count_ops(const VersionVector& version);

}  // namespace weft::bench
